//! `umbrage report`: what was found so far, from a running proxy or from its store.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::{CliError, ConfigFile};

/// From where, as what, and what counts as a failure.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The config that names the proxy's admin address and token.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The admin address of a running proxy [default: the config's]
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub admin: Option<String>,
    /// The folder of a store; no proxy needs to run
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The admin token
    #[arg(long, env = "UMBRAGE_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// End with exit code 3 if a hypothesis is refuted, or also if one is undecided
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub fail_on: Option<FailOn>,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// The report of the API.
    Json,
    /// For tickets and merge requests.
    Markdown,
    /// For CI: a test case for each hypothesis.
    Junit,
}

/// Which verdict fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A refuted hypothesis.
    Refuted,
    /// A refuted or undecided one.
    Undecided,
}

/// Prints the report.
///
/// # Errors
/// [`CliError::Failed`] if there is none to be had.
pub fn run(_args: &Args) -> Result<ExitCode, CliError> {
    Err(CliError::Failed("report is not built in this tree".to_owned()))
}
