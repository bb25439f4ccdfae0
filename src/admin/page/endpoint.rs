//! One endpoint unfolded: latencies of its legs, and the fields that differ, with values and samples.

use serde_json::Value;

use super::endpoints::{plain_ratio, reference};
use super::html::Html;
use super::number::{Interval, coordinate, count, factor, latency, percent};
use crate::admin::limits::{MAX_PARAMETER, PAGE_FIELDS, PAGE_TEXT};

const QUANTILES: [&str; 3] = ["p50", "p90", "p99"];

/// The fold; those that differ stand open for the first three.
pub(super) fn details(page: &mut Html, index: usize, endpoint: &Value) {
    let name = endpoint["endpoint"].as_str().unwrap_or("?");
    let open = index < 3 && endpoint["mismatched"].as_u64().unwrap_or(0) > 0;
    let route = endpoint["route"].as_str().unwrap_or_default();
    // By this a fold stays as it was when the page is asked again.
    let key: String = route.chars().chain(" ".chars()).chain(name.chars()).take(PAGE_TEXT).collect();
    page.raw("<details").attribute("id", &format!("e{index}")).attribute("data-key", &key);
    page.raw(if open { " open><summary><h3><code>" } else { "><summary><h3><code>" });
    page.text(name).raw("</code></h3>");
    let (compared, mismatched) =
        (endpoint["compared"].as_u64().unwrap_or(0), endpoint["mismatched"].as_u64().unwrap_or(0));
    page.raw("<span class=\"dim\">")
        .text(&count(mismatched))
        .raw(" of ")
        .text(&count(compared))
        .raw(" differ</span></summary>");
    rates(page, endpoint);
    latencies(page, &endpoint["latency"]);
    fields(page, endpoint);
    page.raw("</details>");
}

fn rates(page: &mut Html, endpoint: &Value) {
    for (key, words) in
        [("noise_rate", "stable differs from itself in "), ("excess_mismatch", "beyond that noise: ")]
    {
        if let Some(rate) = Interval::read(&endpoint[key]) {
            page.raw("<p>").raw(words).text(&rate.show(|n| percent(n * 100.0))).raw("</p>");
        }
    }
}

fn latencies(page: &mut Html, values: &Value) {
    let legs = [("stable", "stable"), ("shadow", "shadow"), ("control", "control")];
    let known = legs.into_iter().filter(|(leg, _)| values[*leg].is_object());
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return;
    }
    page.raw("<div class=\"wide\"><table class=\"latency\"><caption>Latency, whole exchange</caption><thead><tr><td></td>");
    for quantile in QUANTILES {
        page.raw("<th scope=\"col\" class=\"num\">").raw(quantile).raw("</th>");
    }
    page.raw("</tr></thead><tbody>");
    for (leg, word) in known {
        page.raw("<tr><th scope=\"row\">").raw(word).raw("</th>");
        for quantile in QUANTILES {
            let shown = values[leg][quantile].as_f64().map_or_else(|| "–".to_owned(), latency);
            page.raw("<td class=\"num\">").text(&shown).raw("</td>");
        }
        page.raw("</tr>");
    }
    page.raw("<tr class=\"sum\"><th scope=\"row\">shadow / ").raw(reference(values)).raw("</th>");
    for quantile in QUANTILES {
        let interval = Interval::read(&values[format!("ratio_{quantile}")]);
        let plain = plain_ratio(values, quantile);
        let shown = interval.as_ref().map(|i| i.estimate).or(plain).map_or_else(|| "–".to_owned(), factor);
        page.raw("<td class=\"num\">").text(&shown);
        if let Some(bounds) = interval.and_then(|i| i.bounds(factor)) {
            page.raw("<br><span class=\"dim\">").text(&bounds).raw("</span>");
        }
        page.raw("</td>");
    }
    page.raw("</tr></tbody></table></div>");
}

fn fields(page: &mut Html, endpoint: &Value) {
    let Some(fields) = endpoint["fields"].as_array().filter(|f| !f.is_empty()) else { return };
    page.raw(
        "<div class=\"wide\"><table class=\"fields\"><caption>Where answers differ</caption><thead><tr>",
    );
    page.raw(
        "<th scope=\"col\">path</th><th scope=\"col\">what</th><th scope=\"col\" class=\"num\">share</th>",
    );
    page.raw("<th scope=\"col\">stable says</th><th scope=\"col\">shadow says</th><th scope=\"col\">more</th></tr></thead><tbody>");
    for field in fields.iter().take(PAGE_FIELDS) {
        one_field(page, endpoint["endpoint"].as_str().unwrap_or_default(), field);
    }
    page.raw("</tbody></table></div>");
    if fields.len() > PAGE_FIELDS {
        page.raw("<p class=\"dim\">and ")
            .text(&count((fields.len() - PAGE_FIELDS) as u64))
            .raw(" more fields</p>");
    }
}

fn one_field(page: &mut Html, endpoint: &str, field: &Value) {
    let word = |key: &str| field[key].as_str().unwrap_or_default();
    page.raw("<tr><th scope=\"row\"><code>")
        .text(field["path"].as_str().unwrap_or("?"))
        .raw("</code></th><td>");
    page.text(kind(word("kind"))).raw(" <span class=\"dim\">").text(word("part")).raw("</span>");
    match word("verdict") {
        "" => {}
        "noise" => drop(page.raw("<br><span class=\"dim\">noise</span>")),
        verdict => drop(page.raw("<br>").text(verdict)),
    }
    page.raw("</td><td class=\"num\">").text(&share(&field["share"]));
    if field["noise_share"].as_f64().is_some_and(|n| n > 0.0) || field["noise_share"].is_object() {
        page.raw("<br><span class=\"dim\">noise ").text(&share(&field["noise_share"])).raw("</span>");
    }
    page.raw("</td>");
    let example = &field["example"];
    for leg in ["stable", "shadow"] {
        page.raw("<td class=\"value\">");
        value(page, if example.is_object() { &example[leg] } else { &Value::Null });
        page.raw("</td>");
    }
    page.raw("<td>");
    samples(page, endpoint, field);
    page.raw("</td></tr>");
}

/// How a difference is called on the page.
fn kind(kind: &str) -> &str {
    match kind {
        "value" => "other value",
        "type" => "other type",
        "length" => "other length",
        "order" => "other order",
        other => other,
    }
}

fn share(value: &Value) -> String {
    let share = value.as_f64().map(|n| percent(n * 100.0));
    share
        .or_else(|| Interval::read(value).map(|i| i.show(|n| percent(n * 100.0))))
        .unwrap_or_else(|| "–".to_owned())
}

fn value(page: &mut Html, value: &Value) {
    match value {
        Value::Null => drop(page.raw("<span class=\"dim\">nothing</span>")),
        Value::String(text) => drop(page.raw("<code>").text(text).raw("</code>")),
        other => drop(page.raw("<code>").text(&other.to_string()).raw("</code>")),
    }
}

/// Links to what was kept of requests that differ there.
fn samples(page: &mut Html, endpoint: &str, field: &Value) {
    let path = field["path"].as_str().unwrap_or_default();
    if endpoint.len() > MAX_PARAMETER || path.len() > MAX_PARAMETER {
        return;
    }
    let link = format!("/api/v1/differences?endpoint={}&path={}", encoded(endpoint), encoded(path));
    page.raw("<a").attribute("href", &link).raw(">samples</a>");
}

fn encoded(text: &str) -> String {
    text.bytes().map(encode).collect()
}

/// A byte of a query: unreserved characters (RFC 3986) as they are.
fn encode(byte: u8) -> String {
    let c = char::from(byte);
    if c.is_ascii_alphanumeric() || "-._~".contains(c) { c.to_string() } else { format!("%{byte:02X}") }
}

/// The interval on an axis of 0 to 100 %, with a mark at the estimate.
pub(super) fn interval_bar(page: &mut Html, rate: &Interval) {
    let (lower, upper) = (rate.lower.unwrap_or(rate.estimate), rate.upper.unwrap_or(rate.estimate));
    page.raw("<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    page.raw("<rect class=\"track\" width=\"100\" height=\"8\" rx=\"2\"/><rect class=\"span\" height=\"8\"");
    page.attribute("x", &coordinate(lower))
        .attribute("width", &coordinate((upper - lower).max(0.005)))
        .raw("/>");
    page.raw("<rect class=\"mark\" width=\"1.5\" height=\"8\"")
        .attribute("x", &coordinate(rate.estimate.min(0.985)));
    page.raw("/></svg>");
}
