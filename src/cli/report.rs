//! `umbrage report`: what was found so far, from a running proxy or from its store.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::Value;

use super::{CliError, ConfigFile, remote};
use crate::app::stored;
use crate::evidence::{Report, render};

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
    /// For CI: a test case for each endpoint.
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
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let render = |report: &Value| render(report, args.format);
    let fail_on = args.fail_on.map(FailOn::meant);
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let code = if let Some(dir) = &args.data {
        remote::report::print(&stored(dir)?, render, fail_on, &mut out, &mut err)
    } else {
        let (admin, token) = args.file.admin(args.admin.as_deref(), args.token.as_deref())?;
        remote::report::run(&admin, token.as_deref(), render, fail_on, &mut out, &mut err)
    };
    Ok(ExitCode::from(code))
}

/// The report of a store.
fn stored(dir: &Path) -> Result<Value, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
    let report = stored::report(dir).map_err(|e| failed(&e))?;
    let report =
        report.ok_or_else(|| CliError::Failed(format!("{}: nothing was recorded yet", dir.display())))?;
    serde_json::to_value(report).map_err(|e| failed(&e))
}

fn render(report: &Value, format: Format) -> String {
    if format == Format::Json {
        return remote::report::pretty(report);
    }
    // Of a proxy of another version; its JSON still says everything.
    let Ok(read) = serde_json::from_value::<Report>(report.clone()) else {
        return remote::report::pretty(report);
    };
    match format {
        Format::Text | Format::Json => render::text(&read, super::colours_on(&io::stdout())),
        Format::Markdown => render::markdown(&read),
        Format::Junit => render::junit(&read),
    }
}

impl FailOn {
    fn meant(self) -> remote::report::FailOn {
        match self {
            FailOn::Refuted => remote::report::FailOn::Refuted,
            FailOn::Undecided => remote::report::FailOn::Undecided,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::evidence::{Epoch, Limits, Tally};

    fn report() -> Value {
        let tally = Tally::new(Epoch { number: 7, ..Epoch::default() }, Limits::default());
        serde_json::to_value(Report::of(&tally)).unwrap()
    }

    #[test]
    fn each_format_is_its_own() {
        let report = report();
        let shown = |format| render(&report, format);
        assert_eq!(serde_json::from_str::<Value>(&shown(Format::Json)).unwrap(), report);
        assert!(shown(Format::Junit).starts_with("<?xml"), "{}", shown(Format::Junit));
        assert!(shown(Format::Markdown).contains('#'), "{}", shown(Format::Markdown));
        let text = shown(Format::Text);
        assert!(!text.contains("<?xml") && !text.starts_with('{'), "{text}");
    }

    #[test]
    fn the_report_of_another_version_is_shown_as_it_is() {
        let strange = serde_json::json!({ "schema": 99, "endpoints": "not a list" });
        for format in [Format::Text, Format::Markdown, Format::Junit, Format::Json] {
            let shown = render(&strange, format);
            assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), strange, "{format:?}");
        }
    }

    #[test]
    fn a_folder_without_a_store_is_a_failure_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = stored(&folder.path().join("nothing-here")).unwrap_err();
        assert!(matches!(&error, CliError::Failed(why) if why.contains("nothing-here")), "{error}");
    }
}
