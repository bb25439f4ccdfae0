//! The report as Markdown, for a merge request or a wiki.

use super::{figure, phrase, plain};
use crate::evidence::report::{Endpoint, Field, Report};

/// The report as GitHub-flavoured Markdown. Everything of foreign origin is escaped.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut out = String::from("# Umbrage report\n\n");
    line(
        &mut out,
        &format!("{} ({})", escape(&phrase::sentence(&report.summary)), escaped(&phrase::epoch(report))),
    );
    if report.coverage.compared == 0 {
        line(&mut out, &["\n", phrase::NOTHING].concat());
    }
    if !report.endpoints.is_empty() {
        endpoints(&mut out, report);
    }
    if report.endpoints.iter().any(|endpoint| !endpoint.fields.is_empty()) {
        fields(&mut out, report);
    }
    out.push_str("\n## Coverage\n\n");
    let guard = phrase::guard(report.guard.as_ref());
    let (coverage, rules) =
        (phrase::coverage(&report.coverage), phrase::rules(&report.rules, report.coverage.compared));
    for (title, content) in guard.iter().chain(&coverage).chain(&rules) {
        line(&mut out, &format!("- {title}: {}", escape(content)));
    }
    out
}

fn endpoints(out: &mut String, report: &Report) {
    out.push_str("\n## Endpoints\n\n");
    row(
        out,
        &[
            "endpoint",
            "compared",
            "differ",
            "rate [95 %]",
            "excess over control",
            "median",
            "99th percentile",
        ],
    );
    row(out, &["---", "--:", "--:", "---", "---", "---", "---"]);
    for endpoint in &report.endpoints {
        let latency = &endpoint.latency;
        let excess = figure::rate(endpoint.excess_mismatch);
        let reference = latency.control.as_ref().unwrap_or(&latency.stable);
        row(
            out,
            &[
                &escaped(&endpoint.endpoint),
                &figure::count(endpoint.compared),
                &figure::count(endpoint.mismatched),
                &escape(&figure::rate(endpoint.mismatch_rate)),
                &escape(&excess),
                &legs(reference.p50, latency.shadow.p50, &figure::ratio(latency.ratio_p50)),
                &legs(reference.p99, latency.shadow.p99, &figure::ratio(latency.ratio_p99)),
            ],
        );
    }
    out.push_str("\nIntervals hold however often they are looked at. Latency: control, where it was asked, else stable → shadow.\n");
}

fn fields(out: &mut String, report: &Report) {
    out.push_str("\n## Fields\n\n");
    row(out, &["endpoint", "part", "path", "kind", "share", "verdict", "example"]);
    row(out, &["---"; 7]);
    let listed = |endpoint: &Endpoint, field: &Field, out: &mut String| {
        row(
            out,
            &[
                &escaped(&endpoint.endpoint),
                field.part.label(),
                &escaped(&field.path),
                field.kind.label(),
                &escape(&phrase::shares(field)),
                field.verdict.label(),
                &escape(&phrase::example(field)),
            ],
        );
    };
    for endpoint in &report.endpoints {
        for field in &endpoint.fields {
            listed(endpoint, field, out);
        }
    }
}

fn legs(from: Option<f64>, to: Option<f64>, ratio: &str) -> String {
    escape(&format!("{} → {} {ratio}", figure::duration(from), figure::duration(to)))
}

fn row(out: &mut String, cells: &[&str]) {
    line(out, &format!("| {} |", cells.join(" | ")));
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn escaped(text: &str) -> String {
    escape(&plain(text))
}

/// Backslashes before whatever Markdown acts upon (`CommonMark` section 2.4), entities for what HTML does.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                out.extend(['\\', c]);
            }
            c => out.push(c),
        }
    }
    out
}
