//! `umbrage run`: the proxy, from a file or from a few flags.

use std::process::ExitCode;

use super::{CliError, ConfigFile, accepted};
use crate::config::{Config, Flags};

/// A file, or the flags that stand for one.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Without a file: the address that clients connect to, such as 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config", requires = "stable")]
    pub listen: Option<String>,
    /// Without a file: the backend whose answer the client gets, such as `http://127.0.0.1:9001`
    #[arg(long, value_name = "URL", conflicts_with = "config", requires = "listen")]
    pub stable: Option<String>,
    /// Without a file: the backend under trial
    #[arg(long, value_name = "URL", conflicts_with = "config", requires_all = ["listen", "percent"])]
    pub shadow: Option<String>,
    /// Without a file: which share of the requests is mirrored, from 0 to 100
    #[arg(long, value_name = "PERCENT", conflicts_with = "config", requires_all = ["listen", "shadow"])]
    pub percent: Option<String>,
}

impl Args {
    /// The config that the arguments mean; flags win over `UMBRAGE_CONFIG`.
    ///
    /// # Errors
    /// [`CliError::Config`] with every problem.
    pub fn config(&self) -> Result<Config, CliError> {
        match (&self.listen, &self.stable) {
            (Some(listen), Some(stable)) => {
                let flags = Flags {
                    listen: listen.clone(),
                    stable: stable.clone(),
                    shadow: self.shadow.clone(),
                    percent: self.percent.clone(),
                };
                accepted(Config::from_flags(&flags))
            }
            _ => self.file.load(),
        }
    }
}

/// Runs the proxy until it is told to stop.
///
/// # Errors
/// [`CliError::Config`] for a bad config; [`CliError::Failed`] if the proxy cannot start.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    args.config()?;
    Err(CliError::Failed("run is not built in this tree".to_owned()))
}
