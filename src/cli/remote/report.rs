//! `umbrage report`: the report of a running umbrage, put in words by whoever is handed in; `--fail-on` for pipelines.

use std::io::{ErrorKind, Write};

use serde_json::Value;

use super::client::Target;
use super::{FAILED, FAILED_ON, FINE, USAGE};

/// Which verdicts make the exit code 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Any refuted hypothesis.
    Refuted,
    /// Any that is not supported.
    Undecided,
}

/// Fetches the report, prints it through `render`, and gives the exit code.
pub fn run(
    admin: &str,
    token: Option<&str>,
    render: impl Fn(&Value) -> String,
    fail_on: Option<FailOn>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let target = match Target::parse(admin, token) {
        Ok(target) => target,
        Err(error) => return refused(err, USAGE, &format!("--admin: {error}")),
    };
    match fetch(&target) {
        Ok(report) => print(&report, render, fail_on, out, err),
        Err(line) => refused(err, FAILED, &line),
    }
}

/// The report of a running umbrage.
///
/// # Errors
/// One line that says why there is none and what to try.
pub fn fetch(target: &Target) -> Result<Value, String> {
    target.get("/api/v1/report").map_err(|e| e.to_string())?.success()
}

/// Prints a report from wherever it came, and gives the exit code.
pub fn print(
    report: &Value,
    render: impl Fn(&Value) -> String,
    fail_on: Option<FailOn>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let text = render(report);
    let written = out.write_all(text.trim_end().as_bytes()).and_then(|()| out.write_all(b"\n"));
    if let Err(error) = written.and_then(|()| out.flush()) {
        if error.kind() == ErrorKind::BrokenPipe {
            // A reader that went away, as `| head` does, has what it wanted.
            return verdict(report, fail_on, err);
        }
        return refused(err, FAILED, &format!("could not write the report: {error}"));
    }
    verdict(report, fail_on, err)
}

/// The exit code that the hypotheses make.
fn verdict(report: &Value, fail_on: Option<FailOn>, err: &mut dyn Write) -> u8 {
    let Some(fail_on) = fail_on else { return FINE };
    let hypotheses = report["hypotheses"].as_array().map_or(&[][..], Vec::as_slice);
    if hypotheses.is_empty() {
        let _ = writeln!(
            err,
            "umbrage report: no [[hypothesis]] is configured, so --fail-on has nothing to judge"
        );
    }
    if hypotheses.iter().any(|h| fail_on.names(h["verdict"].as_str())) { FAILED_ON } else { FINE }
}

/// `--format json`: the report as it is, indented.
#[must_use]
pub fn pretty(report: &Value) -> String {
    format!("{report:#}")
}

fn refused(err: &mut dyn Write, code: u8, line: &str) -> u8 {
    let _ = writeln!(err, "umbrage report: {line}");
    code
}

impl FailOn {
    /// Whether that verdict fails; a word that is not known is no support.
    fn names(self, verdict: Option<&str>) -> bool {
        match self {
            FailOn::Refuted => verdict == Some("refuted"),
            FailOn::Undecided => verdict != Some("supported"),
        }
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
