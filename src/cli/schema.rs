//! `umbrage schema`: the JSON Schema of the config, for editors and checkers.

use std::process::ExitCode;

use super::{CliError, print};
use crate::config;

/// It takes none.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {}

/// Prints the schema.
///
/// # Errors
/// [`CliError::Output`] if it cannot be written.
pub fn run(_args: &Args) -> Result<ExitCode, CliError> {
    print(format!("{:#}\n", config::schema()).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
