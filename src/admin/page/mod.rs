//! The dashboard: one self-contained page made of the report's JSON, whatever of it is there.
//!
//! Values come from backends that may be hostile. Text enters the page only through [`html::Html::text`] and
//! [`html::Html::attribute`], which escape; markup only as literals.

mod coverage;
mod endpoint;
mod endpoints;
mod html;
mod number;
mod start;

use serde_json::Value;

use self::html::Html;
use self::number::{count, percent};
use super::limits::PAGE_REFRESH;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("refresh.js");

/// The page. `mirror` is what [`super::mirror::state`] says, `state` the readiness in a word, `nonce` the one that
/// the Content-Security-Policy allows.
pub(super) fn render(report: &Value, mirror: &Value, state: &str, nonce: &str) -> String {
    let mut page = Html::default();
    head(&mut page, nonce);
    page.raw("<body>");
    banner(&mut page, report, mirror, state);
    page.raw("<main id=\"main\">");
    if let Some(summary) = report["summary"].as_str().filter(|s| !s.is_empty()) {
        page.raw("<p class=\"summary\">").text(summary).raw("</p>");
    }
    coverage::summary(&mut page, report);
    let compared = report["coverage"]["compared"].as_u64().unwrap_or(0);
    if compared == 0 {
        start::nothing_compared(&mut page, report, mirror);
    }
    endpoints::section(&mut page, report);
    endpoints::hypotheses(&mut page, report);
    coverage::section(&mut page, report, mirror);
    coverage::rules(&mut page, report);
    page.raw("</main>");
    foot(&mut page, nonce);
    page.finish()
}

fn head(page: &mut Html, nonce: &str) {
    page.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\"><title>Umbrage</title>");
    page.raw("<noscript><meta http-equiv=\"refresh\" content=\"").text(&PAGE_REFRESH.as_secs().to_string());
    page.raw("\"></noscript>");
    page.raw("<style").attribute("nonce", nonce).raw(">").raw(STYLE).raw("</style></head>");
}

fn banner(page: &mut Html, report: &Value, mirror: &Value, state: &str) {
    page.raw(
        "<header><a class=\"skip\" href=\"#main\">Skip to the report</a><h1>Umbrage</h1><p class=\"states\">",
    );
    let (class, mirroring) = mirroring(mirror);
    pill(page, class, &mirroring);
    pill(page, if state == "ready" { "good" } else { "warn" }, state);
    if let Some(epoch) = number::scalar(&report["epoch"]["number"]) {
        let version = report["epoch"]["version"].as_str().map(|v| format!(", shadow {v}"));
        pill(page, "plain", &format!("epoch {epoch}{}", version.unwrap_or_default()));
    }
    page.raw(
        "</p><label class=\"refresh\" hidden><input type=\"checkbox\" id=\"refresh\" checked> refresh every ",
    );
    page.text(&PAGE_REFRESH.as_secs().to_string()).raw(" s</label></header>");
}

/// What is mirrored now, in a word, and how it is coloured.
fn mirroring(mirror: &Value) -> (&'static str, String) {
    if mirror["paused"] == true {
        let end = mirror["resumes_in_seconds"].as_f64().map(|s| format!(", resumes in {}", number::span(s)));
        return ("warn", format!("mirroring paused{}", end.unwrap_or_default()));
    }
    let shares = || mirror["routes"].as_array().into_iter().flatten().filter_map(|r| r["percent"].as_f64());
    let (least, most) = (shares().fold(f64::INFINITY, f64::min), shares().fold(0.0, f64::max));
    match shares().count() {
        0 => ("warn", "no route is mirrored".to_owned()),
        _ if most == 0.0 => ("warn", "mirroring 0 %".to_owned()),
        _ if least < most => ("good", format!("mirroring {} to {}", percent(least), percent(most))),
        _ => ("good", format!("mirroring {}", percent(most))),
    }
}

fn pill(page: &mut Html, class: &'static str, text: &str) {
    page.raw("<span class=\"pill ").raw(class).raw("\">").text(text).raw("</span> ");
}

fn foot(page: &mut Html, nonce: &str) {
    page.raw("<footer><nav aria-label=\"Raw data\"><a href=\"/api/v1/report\">report as JSON</a> ");
    page.raw("<a href=\"/api/v1/differences\">differences</a> <a href=\"/metrics\">metrics</a> ");
    page.raw("<a href=\"/config\">config</a></nav></footer>");
    page.raw("<script").attribute("nonce", nonce).raw(">").raw(SCRIPT).raw("</script></body></html>\n");
}

/// A list of `{name: count}`, the largest first, with bars; at most the bound of rows.
fn counts(page: &mut Html, caption: &str, counts: &Value) {
    let Some(counts) = counts.as_object() else { return };
    let mut rows: Vec<(&str, u64)> = counts
        .iter()
        .filter_map(|(name, n)| Some((name.as_str(), n.as_u64()?)))
        .filter(|(_, n)| *n > 0)
        .collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let all = rows.iter().fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
    page.raw("<table class=\"counts\"><caption>").text(caption).raw("</caption><tbody>");
    for (name, n) in rows.iter().take(super::limits::PAGE_ROWS) {
        let share = number::ratio(*n, all);
        page.raw("<tr><th scope=\"row\">").text(&name.replace('_', " ")).raw("</th><td class=\"num\">");
        page.text(&count(*n))
            .raw("</td><td class=\"num dim\">")
            .text(&percent(share * 100.0))
            .raw("</td><td>");
        bar(page, share);
        page.raw("</td></tr>");
    }
    page.raw("</tbody></table>");
}

/// A share from 0 to 1 as a bar. SVG, because inline styles are what the Content-Security-Policy forbids.
fn bar(page: &mut Html, share: f64) {
    page.raw("<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    page.raw("<rect class=\"track\" width=\"100\" height=\"8\" rx=\"2\"/><rect class=\"part\" height=\"8\" rx=\"2\"");
    page.attribute("width", &number::coordinate(share.max(0.005))).raw("/></svg>");
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
