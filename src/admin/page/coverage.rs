//! What was mirrored and what was not: four numbers on top, the breakdown below.

use serde_json::Value;

use super::html::Html;
use super::number::{count, percent, ratio};
use super::{bar, counts};
use crate::admin::limits::PAGE_ROWS;

/// Requests, mirrored, compared, differing.
pub(super) fn summary(page: &mut Html, report: &Value) {
    let coverage = &report["coverage"];
    let requests = coverage["requests"].as_u64().unwrap_or(0);
    let mirrored = coverage["decisions"]["mirrored"].as_u64().unwrap_or(0);
    let compared = coverage["compared"].as_u64().unwrap_or(0);
    let endpoints = report["endpoints"].as_array().map_or(&[][..], Vec::as_slice);
    let differing = endpoints.iter().filter_map(|e| e["mismatched"].as_u64()).fold(0, u64::saturating_add);
    page.raw("<section class=\"figures\" aria-label=\"Summary\"><dl>");
    figure(page, "client requests", requests, None);
    figure(page, "mirrored", mirrored, Some((mirrored, requests, "of the requests")));
    figure(page, "compared", compared, Some((compared, mirrored, "of the mirrored")));
    figure(page, "differing", differing, Some((differing, compared, "of the compared")));
    page.raw("</dl></section>");
}

fn figure(page: &mut Html, name: &'static str, n: u64, part: Option<(u64, u64, &'static str)>) {
    page.raw("<div><dt>").raw(name).raw("</dt><dd>").text(&count(n)).raw("</dd>");
    if let Some((part, whole, of)) = part.filter(|(_, whole, _)| *whole > 0) {
        page.raw("<dd class=\"dim\">")
            .text(&percent(ratio(part, whole) * 100.0))
            .raw(" ")
            .raw(of)
            .raw("</dd>");
    }
    page.raw("</div>");
}

/// Shares by route, decisions, outcomes, reasons.
pub(super) fn section(page: &mut Html, report: &Value, mirror: &Value) {
    let coverage = &report["coverage"];
    page.raw("<section id=\"coverage\"><h2>Coverage</h2><div class=\"columns\">");
    routes(page, mirror);
    counts(page, "Requests by decision", &coverage["decisions"]);
    counts(page, "Mirrored requests by outcome", &coverage["outcomes"]);
    counts(page, "Control requests by outcome", &coverage["control_outcomes"]);
    counts(page, "Incomparable pairs by reason", &coverage["incomparable"]);
    page.raw("</div></section>");
}

/// The rules in force: those that always hold, and what the others did.
pub(super) fn rules(page: &mut Html, report: &Value) {
    let Some(rules) = report["rules"].as_array().filter(|r| !r.is_empty()) else { return };
    page.raw("<section id=\"rules\"><h2>Rules</h2><table><thead><tr><th scope=\"col\">rule</th>");
    page.raw("<th scope=\"col\" class=\"num\">differences hidden</th><th scope=\"col\" class=\"num\">places selected</th>");
    page.raw("</tr></thead><tbody>");
    for rule in rules.iter().take(PAGE_ROWS) {
        page.raw("<tr><th scope=\"row\">").text(rule["rule"].as_str().unwrap_or("?")).raw("</th>");
        for key in ["hidden", "matched"] {
            let n = rule[key].as_u64().filter(|_| rule["standing"] != true);
            let shown = n.map_or_else(|| "–".to_owned(), count);
            page.raw("<td class=\"num\">").text(&shown).raw("</td>");
        }
        page.raw("</tr>");
    }
    page.raw("</tbody></table>");
    more(page, rules.len(), "rules");
    page.raw("</section>");
}

fn routes(page: &mut Html, mirror: &Value) {
    let Some(routes) = mirror["routes"].as_array().filter(|r| !r.is_empty()) else { return };
    page.raw("<table class=\"counts\"><caption>Share mirrored by route</caption><tbody>");
    for route in routes.iter().take(PAGE_ROWS) {
        let share = route["percent"].as_f64().unwrap_or(0.0);
        let configured = route["configured"].as_f64().unwrap_or(share);
        page.raw("<tr><th scope=\"row\">")
            .text(route["route"].as_str().unwrap_or("?"))
            .raw("</th><td class=\"num\">");
        page.text(&percent(share)).raw("</td><td class=\"num dim\">");
        if (configured - share).abs() > f64::EPSILON {
            page.raw("configured: ").text(&percent(configured));
        }
        page.raw("</td><td>");
        bar(page, share / 100.0);
        page.raw("</td></tr>");
    }
    page.raw("</tbody></table>");
    more(page, routes.len(), "routes");
}

fn more(page: &mut Html, all: usize, what: &'static str) {
    if all > PAGE_ROWS {
        page.raw("<p class=\"dim\">and ")
            .text(&count((all - PAGE_ROWS) as u64))
            .raw(" more ")
            .raw(what)
            .raw("</p>");
    }
}
