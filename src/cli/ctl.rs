//! `umbrage ctl`: steers a running proxy through its admin API.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use super::remote::steering;
use super::{CliError, ConfigFile};
use crate::model::Ppm;

/// What to do, and to which proxy.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The config that names the proxy's admin address and token.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The admin address of the proxy [default: the config's]
    #[arg(long, global = true, value_name = "URL")]
    pub admin: Option<String>,
    /// The admin token
    #[arg(long, global = true, env = "UMBRAGE_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Action {
    /// Stop mirroring; requests are served on.
    Pause {
        /// Resume by itself after that time
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        bound: Option<Duration>,
    },
    /// Take mirroring up again.
    Resume,
    /// Set the mirrored share, until the config file gives another one than now.
    Percent {
        /// From 0 to 100, down to 0.0001
        #[arg(value_parser = percent)]
        percent: Ppm,
        /// Only of this route
        #[arg(long, value_name = "NAME")]
        route: Option<String>,
    },
    /// Read the config anew.
    Reload,
}

fn percent(text: &str) -> Result<Ppm, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .and_then(Ppm::from_percent)
        .ok_or_else(|| "a percentage is from 0 to 100, down to 0.0001".to_owned())
}

/// Asks the proxy.
///
/// # Errors
/// [`CliError::Failed`] if it cannot be reached, or refuses.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let action = match args.action.clone() {
        Action::Pause { bound } => steering::Action::Pause { length: bound },
        Action::Resume => steering::Action::Resume,
        Action::Percent { percent, route } => steering::Action::Percent { percent, route },
        Action::Reload => steering::Action::Reload,
    };
    let (admin, token) = args.file.admin(args.admin.as_deref(), args.token.as_deref())?;
    let code = steering::run(&admin, token.as_deref(), &action, &mut io::stdout(), &mut io::stderr());
    Ok(ExitCode::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_exact_or_refused() {
        for (text, parts) in
            [("0", 0), ("0.0001", 1), ("12.5", 125_000), ("100", 1_000_000), ("1e1", 100_000)]
        {
            assert_eq!(percent(text).map(Ppm::parts), Ok(parts), "{text}");
        }
        for text in ["", "-1", "100.1", "0.00001", "NaN", "inf", "5%", "five"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
