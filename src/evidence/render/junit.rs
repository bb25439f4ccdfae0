//! The report as `JUnit` XML: one test case for each endpoint, failed where answers differ.

use super::{figure, phrase, plain};
use crate::evidence::report::{Endpoint, Report};

/// The report as `JUnit` XML. Without any comparison the one case there is counts as skipped: no data is no success.
#[must_use]
pub fn junit(report: &Report) -> String {
    let cases: Vec<String> = match report.endpoints.as_slice() {
        [] => vec![case("umbrage", "evidence", &skipped())],
        endpoints => endpoints.iter().map(|e| case(&e.route, &e.endpoint, &result(e))).collect(),
    };
    let skipped = cases.iter().filter(|case| case.contains("<skipped")).count();
    let failed = cases.iter().filter(|case| case.contains("<failure")).count();
    let counts =
        format!("tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\" errors=\"0\"", cases.len());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n<testsuite name=\"umbrage\" {counts}>\n{}</testsuite>\n</testsuites>\n",
        cases.concat()
    )
}

fn case(route: &str, endpoint: &str, result: &str) -> String {
    format!("<testcase classname=\"{}\" name=\"{}\">{result}</testcase>\n", escaped(route), escaped(endpoint))
}

fn result(endpoint: &Endpoint) -> String {
    if endpoint.compared == 0 {
        return skipped();
    }
    if endpoint.mismatched == 0 {
        return String::new();
    }
    let (differ, compared) = (figure::count(endpoint.mismatched), figure::count(endpoint.compared));
    let message = format!("{differ} of {compared} pairs differ: {}", figure::rate(endpoint.mismatch_rate));
    let mut text = String::new();
    for field in &endpoint.fields {
        let (verdict, part, kind) = (field.verdict.label(), field.part.label(), field.kind.label());
        let (path, shares, example) = (plain(&field.path), phrase::shares(field), phrase::example(field));
        text.push_str(&escape(&format!("\n{verdict}: {part} {path} {kind} {shares} {example}")));
    }
    format!("<failure message=\"{}\">{text}\n</failure>", escape(&message))
}

fn skipped() -> String {
    format!("<skipped message=\"{}\"/>", phrase::NOTHING)
}

fn escaped(text: &str) -> String {
    escape(&plain(text))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}
