//! The endpoints, worst first, and the hypotheses.

use serde_json::Value;

use super::endpoint;
use super::html::Html;
use super::number::{Interval, count, factor, percent, scalar};
use crate::admin::limits::{PAGE_ENDPOINTS, PAGE_ROWS};

/// One row for each endpoint, then one fold for each with its latency and fields.
pub(super) fn section(page: &mut Html, report: &Value) {
    let Some(all) = report["endpoints"].as_array().filter(|e| !e.is_empty()) else { return };
    // The report has them worst first already; in its order, page and text agree.
    let endpoints = &all[..all.len().min(PAGE_ENDPOINTS)];
    let more = all.len() - endpoints.len();
    page.raw("<section id=\"endpoints\"><h2>Endpoints, worst first</h2><div class=\"wide\"><table class=\"endpoints\">");
    page.raw("<thead><tr><th scope=\"col\">endpoint</th><th scope=\"col\" class=\"num\">compared</th>");
    page.raw("<th scope=\"col\" class=\"num\">differing</th><th scope=\"col\">rate, with interval</th>");
    page.raw("<th scope=\"col\" class=\"num\">p50 ratio</th><th scope=\"col\" class=\"num\">p99 ratio</th>");
    page.raw("</tr></thead><tbody>");
    for (index, endpoint) in endpoints.iter().enumerate() {
        row(page, index, endpoint);
    }
    page.raw("</tbody></table></div>");
    if more > 0 {
        page.raw("<p class=\"dim\">and ").text(&count(more as u64));
        page.raw(" more in <a href=\"/api/v1/report\">the report</a></p>");
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        endpoint::details(page, index, endpoint);
    }
    page.raw("</section>");
}

fn row(page: &mut Html, index: usize, endpoint: &Value) {
    let number = |key: &str| endpoint[key].as_u64().map_or_else(|| "–".to_owned(), count);
    page.raw("<tr><th scope=\"row\"><a").attribute("href", &format!("#e{index}")).raw("><code>");
    page.text(endpoint["endpoint"].as_str().unwrap_or("?")).raw("</code></a>");
    if let Some(route) = endpoint["route"].as_str() {
        page.raw(" <span class=\"dim\">").text(route).raw("</span>");
    }
    page.raw("</th><td class=\"num\">");
    page.text(&number("compared"))
        .raw("</td><td class=\"num\">")
        .text(&number("mismatched"))
        .raw("</td><td>");
    match Interval::read(&endpoint["mismatch_rate"]) {
        Some(rate) => {
            endpoint::interval_bar(page, &rate);
            page.text(&rate.show(|n| percent(n * 100.0)));
        }
        None => drop(page.raw("–")),
    }
    page.raw("</td>");
    for (quantile, ratio) in [("p50", "ratio_p50"), ("p99", "ratio_p99")] {
        let latency = &endpoint["latency"];
        let shown =
            Interval::read(&latency[ratio]).map(|r| r.estimate).or_else(|| plain_ratio(latency, quantile));
        page.raw("<td class=\"num\">").text(&shown.map_or_else(|| "–".to_owned(), factor)).raw("</td>");
    }
    page.raw("</tr>");
}

/// What the shadow's latency is held against: control where the report says so, else stable.
pub(super) fn reference(latency: &Value) -> &'static str {
    if latency["reference"] == "control" { "control" } else { "stable" }
}

/// Shadow over its reference, of one quantile.
pub(super) fn plain_ratio(latency: &Value, quantile: &str) -> Option<f64> {
    let (other, shadow) =
        (latency[reference(latency)][quantile].as_f64()?, latency["shadow"][quantile].as_f64()?);
    Some(shadow / other).filter(|r| r.is_finite())
}

/// The verdicts, where any hypothesis is configured.
pub(super) fn hypotheses(page: &mut Html, report: &Value) {
    let Some(all) = report["hypotheses"].as_array().filter(|h| !h.is_empty()) else { return };
    page.raw("<section id=\"hypotheses\"><h2>Hypotheses</h2><div class=\"wide\"><table><thead><tr>");
    page.raw("<th scope=\"col\">name</th><th scope=\"col\">verdict</th><th scope=\"col\" class=\"num\">estimate</th>");
    page.raw("<th scope=\"col\" class=\"num\">at most</th><th scope=\"col\" class=\"num\">compared</th>");
    page.raw("<th scope=\"col\">reason</th></tr></thead><tbody>");
    for hypothesis in all.iter().take(PAGE_ROWS) {
        let verdict = hypothesis["verdict"].as_str().unwrap_or("?");
        let class = match verdict {
            "supported" => "good",
            "refuted" => "bad",
            _ => "plain",
        };
        let number = |key: &str| scalar(&hypothesis[key]).unwrap_or_else(|| "–".to_owned());
        let compared = hypothesis["compared"].as_u64().map_or_else(|| "–".to_owned(), count);
        let estimate = Interval::read(hypothesis).map_or_else(|| "–".to_owned(), |i| i.show(short));
        page.raw("<tr><th scope=\"row\">").text(hypothesis["name"].as_str().unwrap_or("?")).raw("</th><td>");
        super::pill(page, class, verdict);
        page.raw("</td><td class=\"num\">")
            .text(&estimate)
            .raw("</td><td class=\"num\">")
            .text(&number("at_most"));
        page.raw("</td><td class=\"num\">").text(&compared).raw("</td><td>");
        page.text(hypothesis["reason"].as_str().unwrap_or_default()).raw("</td></tr>");
    }
    page.raw("</tbody></table></div></section>");
}

fn short(value: f64) -> String {
    format!("{value:.4}")
}
