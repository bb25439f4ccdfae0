//! Command line: one file for each command; what they share is how a config is found and how a failure becomes an exit code.

pub mod check;
pub mod completions;
pub mod ctl;
pub mod demo;
pub mod diff;
pub mod man;
pub mod remote;
pub mod report;
pub mod run;
pub mod schema;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Problems};

/// 3: differences were found, or a verdict that `--fail-on` names.
pub const DIFFERENCES: u8 = 3;
/// 78, `EX_CONFIG` of sysexits.h: the config cannot be used.
pub const BAD_CONFIG: u8 = 78;
const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
/// Where a config is looked for when nobody says.
const DEFAULT_CONFIG: &str = "umbrage.toml";

/// A traffic-shadowing reverse proxy: stable answers, the shadow is asked beside it, and you learn where they differ.
#[derive(Debug, Parser)]
#[command(name = "umbrage", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 fine; 1 failed; 2 wrong usage; 3 differences, or a verdict that --fail-on names; 78 bad config.
Environment: UMBRAGE_CONFIG names the config; UMBRAGE_TOKEN is the admin token; NO_COLOR switches colours off.";

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the proxy.
    Run(run::Args),
    /// Show what Umbrage does: two built-in backends, the proxy, bounded traffic, a live summary.
    Demo(demo::Args),
    /// Check a config: every problem with its line, and with --probe every leg.
    Check(check::Args),
    /// Print what was found so far.
    Report(report::Args),
    /// Compare two body files with the engine that compares answers.
    Diff(diff::Args),
    /// Steer a running proxy.
    Ctl(ctl::Args),
    /// Print the JSON Schema of the config.
    Schema(schema::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Print the manual page.
    Man(man::Args),
}

/// Which config file.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigFile {
    /// The config [default: `UMBRAGE_CONFIG`, else `umbrage.toml`]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Why a command ends without success.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Arguments that do not go together: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// A bad config: exit code 78.
    #[error("{0}")]
    Config(Problems),
    /// Anything else: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The result could not be written. A reader that went away is no failure.
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Runs the command that the arguments name, and says on stderr what went wrong.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(told) => {
            // Help that cannot be written has no reader.
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(WRONG_USAGE));
        }
    };
    match dispatch(&cli.command) {
        Ok(code) => code,
        Err(error) => {
            say(&error.told(colours()));
            error.exit_code()
        }
    }
}

fn dispatch(command: &Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Run(args) => run::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Check(args) => check::run(args),
        Command::Report(args) => report::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Ctl(args) => ctl::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

impl ConfigFile {
    /// The file that `-c`, else `UMBRAGE_CONFIG`, names; else `umbrage.toml` in the working directory.
    pub fn path(&self) -> PathBuf {
        self.path_given(std::env::var_os("UMBRAGE_CONFIG"))
    }

    /// Reads it; warnings are said on stderr.
    ///
    /// # Errors
    /// [`CliError::Config`] with every problem.
    pub fn load(&self) -> Result<Config, CliError> {
        accepted(Config::from_file(&self.path()))
    }

    /// The admin address and token of the proxy that is meant: as given, else as the config says, else the default.
    /// With `-c` and an address that is given, the token is still the config's.
    ///
    /// # Errors
    /// [`CliError::Config`] if a config that was named cannot be used.
    pub fn admin(
        &self,
        admin: Option<&str>,
        token: Option<&str>,
    ) -> Result<(String, Option<String>), CliError> {
        let token = token.map(str::to_owned);
        let named =
            self.config.is_some() || std::env::var_os("UMBRAGE_CONFIG").is_some_and(|v| !v.is_empty());
        match admin {
            // A config that nobody named for this command says nothing of another proxy, and its token is not for it.
            Some(admin) if token.is_some() || self.config.is_none() => return Ok((admin.to_owned(), token)),
            None if !named && !self.path().exists() => {
                return Ok((remote::DEFAULT_ADMIN.to_owned(), token));
            }
            _ => {}
        }
        // Its warnings are the business of who runs it.
        let (config, _) = Config::from_file(&self.path()).map_err(CliError::Config)?;
        let mut address = config.admin.address;
        if address.ip().is_unspecified() {
            let loopback = if address.is_ipv4() {
                IpAddr::from(Ipv4Addr::LOCALHOST)
            } else {
                Ipv6Addr::LOCALHOST.into()
            };
            address.set_ip(loopback);
        }
        let admin = admin.map_or_else(|| format!("http://{address}"), str::to_owned);
        Ok((admin, token.or(config.admin.token)))
    }

    fn path_given(&self, variable: Option<OsString>) -> PathBuf {
        let variable = variable.filter(|v| !v.is_empty()).map(PathBuf::from);
        self.config.clone().or(variable).unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG))
    }
}

impl CliError {
    /// What the process ends with.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            CliError::Usage(_) => WRONG_USAGE,
            CliError::Config(_) => BAD_CONFIG,
            CliError::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => 0,
            CliError::Failed(_) | CliError::Output(_) => FAILED,
        }
    }

    fn told(&self, color: bool) -> String {
        match self {
            CliError::Config(problems) => problems.render(color),
            CliError::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => String::new(),
            other => format!("error: {other}\n"),
        }
    }
}

/// The config, once its warnings are said.
///
/// # Errors
/// [`CliError::Config`] with every problem.
pub fn accepted(read: Result<(Config, Problems), Problems>) -> Result<Config, CliError> {
    let (config, warnings) = read.map_err(CliError::Config)?;
    if !warnings.is_empty() {
        say(&warnings.render(colours()));
    }
    Ok(config)
}

/// Writes a result to stdout.
///
/// # Errors
/// What the system says; [`main`] makes a silent success of a reader that went away.
pub fn print(result: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(result)?;
    out.flush()?;
    Ok(())
}

/// Writes to stderr; that nobody reads it stops nothing.
pub fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether stderr shows colours: a terminal, and `NO_COLOR` not set (<https://no-color.org>).
pub fn colours() -> bool {
    colours_on(&io::stderr())
}

/// The same for another stream.
pub fn colours_on(stream: &impl IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    !refused && stream.is_terminal()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
