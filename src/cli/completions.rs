//! `umbrage completions SHELL`: a completion script.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, CliError, print};

/// Which shell.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The shell that will read the script.
    pub shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// [`CliError::Output`] if it cannot be written.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "umbrage", &mut script);
    print(&script)?;
    Ok(ExitCode::SUCCESS)
}
