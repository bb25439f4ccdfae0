//! `umbrage demo`: two built-in backends, the proxy, bounded traffic, a live summary.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use super::CliError;

/// How long, and with which traffic.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How long the demo runs
    #[arg(long = "for", value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration)]
    pub bound: Duration,
    /// The seed of the traffic: the same seed sends the same requests
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Where the admin API of the demo listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub admin: SocketAddr,
}

/// Runs the demo.
///
/// # Errors
/// [`CliError::Failed`] if it cannot start.
pub fn run(_args: &Args) -> Result<ExitCode, CliError> {
    Err(CliError::Failed("demo is not built in this tree".to_owned()))
}
