//! The report for a terminal.

use super::{figure, phrase, plain};
use crate::evidence::report::{Endpoint, Field, FieldVerdict, Latency, Report};

/// Fields shown of one endpoint.
const MAX_FIELDS: usize = 10;
const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const YELLOW: &str = "33";

/// The report as text; with ANSI colours where they are wanted. Ends with a newline.
#[must_use]
pub fn text(report: &Report, color: bool) -> String {
    let paint = Paint(color);
    let mut out = String::new();
    line(
        &mut out,
        &format!("{} ({})", paint.with(BOLD, &phrase::sentence(&report.summary)), phrase::epoch(report)),
    );
    line(&mut out, "");
    if report.coverage.compared == 0 {
        line(&mut out, phrase::NOTHING);
    }
    if !report.endpoints.is_empty() {
        table(&mut out, report, paint);
    }
    line(&mut out, "");
    let guard = phrase::guard(report.guard.as_ref());
    let (coverage, rules) =
        (phrase::coverage(&report.coverage), phrase::rules(&report.rules, report.coverage.compared));
    for (title, content) in guard.iter().chain(&coverage).chain(&rules) {
        line(&mut out, &format!("{title:<13} {content}"));
    }
    out
}

#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn table(out: &mut String, report: &Report, paint: Paint) {
    let head = ["ENDPOINT", "COMPARED", "DIFFER", "RATE", "MEDIAN", "99TH PERCENTILE"].map(str::to_owned);
    let rows: Vec<[String; 6]> = report.endpoints.iter().map(cells).collect();
    let mut widths = [0; 6];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(out, &paint.with(BOLD, &aligned(&head, &widths)));
    for (endpoint, row) in report.endpoints.iter().zip(&rows) {
        line(out, &aligned(row, &widths));
        fields(out, endpoint, paint);
    }
    line(out, "");
    for note in notes(report) {
        line(out, &paint.with(DIM, &note));
    }
}

fn cells(endpoint: &Endpoint) -> [String; 6] {
    let Latency { stable, shadow, control, ratio_p50, ratio_p99, .. } = &endpoint.latency;
    let reference = control.as_ref().unwrap_or(stable);
    let mark = if control.is_some() { "*" } else { "" };
    let legs = |from: Option<f64>, to: Option<f64>, ratio| {
        format!("{} → {} {}{mark}", figure::duration(from), figure::duration(to), figure::ratio(ratio))
    };
    [
        plain(&endpoint.endpoint),
        figure::count(endpoint.compared),
        figure::count(endpoint.mismatched),
        figure::rate(endpoint.mismatch_rate),
        legs(reference.p50, shadow.p50, *ratio_p50),
        legs(reference.p99, shadow.p99, *ratio_p99),
    ]
}

/// Counts to the right, the rest to the left, nothing behind the last.
fn aligned(row: &[String; 6], widths: &[usize; 6]) -> String {
    let mut text = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        let space = " ".repeat(width.saturating_sub(cell.chars().count()));
        let (before, after) =
            if index == 1 || index == 2 { (space.as_str(), "") } else { ("", space.as_str()) };
        text.push_str(&[before, cell, after, "  "].concat());
    }
    text.trim_end().to_owned()
}

fn fields(out: &mut String, endpoint: &Endpoint, paint: Paint) {
    for field in endpoint.fields.iter().take(MAX_FIELDS) {
        line(out, &format!("    {}", paint.with(color(field), &described(field))));
    }
    let more = endpoint.fields.len().saturating_sub(MAX_FIELDS) as u64 + endpoint.fields_omitted;
    if more > 0 {
        line(out, &format!("    and {} fields more", figure::count(more)));
    }
    if endpoint.fields_left_out > 0 {
        let lost = figure::count(endpoint.fields_left_out);
        line(out, &format!("    and {lost} of the fewest seen were not stored, for want of room"));
    }
    if let Some(excess) = endpoint.excess_mismatch {
        let noise = figure::rate(endpoint.noise_rate);
        line(
            out,
            &format!("    control differs in {noise}; excess of the shadow {}", figure::rate(Some(excess))),
        );
    }
}

fn described(field: &Field) -> String {
    let (verdict, part, path) = (field.verdict.label(), field.part.label(), plain(&field.path));
    let (kind, shares, example) = (field.kind.label(), phrase::shares(field), phrase::example(field));
    // A status or a header says in its path what it is.
    let place = if path.starts_with(part) { path } else { format!("{part} {path}") };
    format!("{verdict:<10}  {place}  {kind}  {shares}  {example}").trim_end().to_owned()
}

fn color(field: &Field) -> &'static str {
    match field.verdict {
        FieldVerdict::Difference => RED,
        FieldVerdict::Undecided => YELLOW,
        FieldVerdict::Noise => DIM,
    }
}

fn notes(report: &Report) -> Vec<String> {
    let (with, without): (Vec<&Endpoint>, Vec<&Endpoint>) =
        report.endpoints.iter().partition(|endpoint| endpoint.latency.control.is_some());
    let mut notes =
        vec!["Intervals: 95 %, valid however often they are looked at; ? is an end that so few pairs leave open. Rates in percent.".to_owned()];
    if !with.is_empty() {
        notes.push("Latency: reference → shadow; * the reference is control.".to_owned());
    }
    if !without.is_empty() {
        notes.push(
            "Latency: stable → shadow where control was not asked: not measured alike, as stable serves clients from other pools."
                .to_owned(),
        );
    }
    notes
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}
