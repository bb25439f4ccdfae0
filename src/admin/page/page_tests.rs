//! The page with everything, with nothing, and with hostile values everywhere.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::admin::limits::{PAGE_ENDPOINTS, PAGE_FIELDS};

const NONCE: &str = "00112233445566778899aabbccddeeff";

fn mirror() -> Value {
    json!({"paused": false, "resumes_in_seconds": null, "routes": [
        {"route": "orders", "percent": 25.0, "configured": 25.0}, {"route": "default", "percent": 5.0, "configured": 10.0}]})
}

/// A report with every key of the contract.
fn full() -> Value {
    serde_json::from_str(include_str!("full_report.json")).unwrap()
}

fn shown(report: &Value) -> String {
    render(report, &mirror(), "ready", NONCE).replace('\u{202f}', " ")
}

#[test]
fn shows_everything_of_a_full_report() {
    let page = shown(&full());
    let expected = [
        "mirroring 5 % to 25 %",
        "epoch 3, shadow 2026-11-22.3",
        "48 211",
        "GET /orders/{id}",
        "12.3 ms",
        "41 ms",
        "$.items[*].price",
        "&quot;12.90&quot;",
        "12.9",
        "not sampled",
        "connect error",
        "orders answer the same",
        "refuted",
        "href=\"/api/v1/differences?endpoint=GET%20%2Forders%2F%7Bid%7D&amp;path=%24.items%5B%2A%5D.price\"",
        "configured: 10 %",
        "other type",
        "5.2 % (4.1 % to 6.4 %)",
        "3.33 ×",
        "3.1 × to 3.6 ×",
        "30 110",
    ];
    for text in expected {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
    assert!(!page.contains("Nothing compared yet"));
}

#[test]
fn rules_are_listed_and_those_that_always_hold_have_no_counts() {
    let mut report = full();
    assert!(!shown(&report).contains("id=\"rules\""));
    report["rules"] = json!([
        {"rule": "numbers <are> compared by value", "hidden": 0, "matched": 0, "standing": true},
        {"rule": "$.idle", "hidden": 0, "matched": 0},
        {"rule": "$.id", "hidden": 1200, "matched": 1300, "standing": false},
    ]);
    let page = shown(&report);
    let row = |rule: &str, hidden: &str, matched: &str| {
        format!(
            "<tr><th scope=\"row\">{rule}</th><td class=\"num\">{hidden}</td><td class=\"num\">{matched}</td></tr>"
        )
    };
    for row in [
        row("numbers &lt;are&gt; compared by value", "–", "–"),
        row("$.idle", "0", "0"),
        row("$.id", "1 200", "1 300"),
    ] {
        assert!(page.contains(&row), "{row} is not in {page}");
    }
    report["rules"] = json!(vec![json!({"rule": "$.x"}); 1000]);
    assert!(shown(&report).contains("936 more rules"));
}

#[test]
fn ratios_name_what_they_are_to() {
    let mut report = full();
    assert!(shown(&report).contains("shadow / stable") && !shown(&report).contains("shadow / control"));
    let latency = &mut report["endpoints"][0]["latency"];
    latency["reference"] = json!("control");
    let page = shown(&report);
    assert!(page.contains("shadow / control"), "{page}");
    assert!(page.contains("2.8 ×"), "0.0588 of the shadow over 0.021 of control at p90");
}

#[test]
fn endpoints_keep_the_order_of_the_report() {
    let page = shown(&full());
    let at = |name: &str| page.find(name).unwrap();
    assert!(at("GET /orders/{id}") < at("GET /orders<"));
    assert!(at("GET /orders<") < at("GET /health<"));
}

#[test]
fn every_tag_that_opens_closes() {
    for report in [full(), json!({}), json!(null)] {
        let page = shown(&report);
        for tag in [
            "html", "head", "body", "main", "section", "table", "thead", "tbody", "tr", "td", "th", "code",
            "a", "details", "summary", "span", "p", "dl", "div", "svg", "header", "footer", "nav", "style",
            "script",
        ] {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}

/// Replaces every string, and adds a hostile key to every object of names.
fn poison(value: &mut Value, hostile: &str) {
    match value {
        Value::String(text) => hostile.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|v| poison(v, hostile)),
        Value::Object(map) => {
            map.values_mut().for_each(|v| poison(v, hostile));
            map.insert(hostile.to_owned(), json!(3));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn hostile_values_stay_text_wherever_they_stand() {
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</style><script>alert(1)</script>",
        "javascript:alert(1)",
        "--><svg/onload=alert(1)>",
        "&lt;script&gt;",
    ];
    let tags = |page: &str| page.matches('<').count();
    for text in hostile {
        let (mut report, mut routes) = (full(), mirror());
        poison(&mut report, text);
        poison(&mut routes, text);
        let page = render(&report, &routes, text, NONCE);
        let (mut plain, mut plain_routes) = (full(), mirror());
        poison(&mut plain, "plain");
        poison(&mut plain_routes, "plain");
        let harmless = render(&plain, &plain_routes, "plain", NONCE);
        assert_eq!(tags(&page), tags(&harmless), "{text} made or broke a tag");
        assert_eq!(page.matches('"').count(), harmless.matches('"').count(), "{text} left its attribute");
        assert!(!page.contains("<script>") && !page.contains("<img"), "{text}");
        assert_eq!(page.matches("<script").count(), 1);
        assert!(!page.contains("href=\"javascript"), "{text}");
    }
}

#[test]
fn terminal_and_direction_marks_are_shown_by_number() {
    let mut report = full();
    poison(&mut report, "a\u{202e}b\u{0}c\u{1b}[0m");
    let page = shown(&report);
    assert!(page.contains("a\\u{202e}b\\u{0}c\\u{1b}[0m"));
    assert!(!page.contains('\u{202e}') && !page.contains('\0') && !page.contains('\u{1b}'));
}

#[test]
fn nulls_missing_keys_and_wrong_types_are_borne() {
    fn each(value: &Value, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
            _ => Vec::new(),
        };
        for (key, child) in children {
            path.push(key.replace('~', "~0").replace('/', "~1"));
            paths.push(path.clone());
            each(child, path, paths);
            path.pop();
        }
    }
    let mut paths = Vec::new();
    each(&full(), &mut Vec::new(), &mut paths);
    assert!(paths.len() > 100, "{}", paths.len());
    for path in paths {
        for other in [
            json!(null),
            json!("x"),
            json!(-1),
            json!(1e300),
            json!([]),
            json!({}),
            json!([[1]]),
            json!(true),
        ] {
            let mut report = full();
            *report.pointer_mut(&format!("/{}", path.join("/"))).unwrap() = other;
            assert!(shown(&report).ends_with("</html>\n"), "{path:?}");
        }
    }
    for odd in
        [json!(null), json!([]), json!("x"), json!(1), json!({"coverage": null, "endpoints": [null, 1, "x"]})]
    {
        assert!(shown(&odd).contains("Nothing compared yet"), "{odd}");
        assert!(render(&odd, &odd, "starting", NONCE).contains("starting"));
    }
}

#[test]
fn says_why_nothing_was_compared() {
    let report = |requests: u64, mirrored: u64| json!({"coverage": {"requests": requests, "decisions": {"mirrored": mirrored}}});
    assert!(shown(&report(0, 0)).contains("No request has come"));
    assert!(shown(&report(10, 0)).contains("none was mirrored"));
    assert!(shown(&report(10, 5)).contains("none has a verdict"));
    let mut state = mirror();
    state["paused"] = json!(true);
    let page = render(&report(10, 0), &state, "ready", NONCE);
    assert!(page.contains("umbrage ctl resume") && page.contains("mirroring paused<"));
    state["resumes_in_seconds"] = json!(570.0);
    assert!(render(&report(10, 0), &state, "ready", NONCE).contains("resumes in 9 m 30 s"));
    let zero = json!({"paused": false, "routes": [{"route": "a", "percent": 0.0, "configured": 0.0}]});
    let page = render(&report(10, 0), &zero, "ready", NONCE);
    assert!(
        page.contains("umbrage ctl percent 5") && page.replace('\u{202f}', " ").contains("mirroring 0 %")
    );
}

#[test]
fn a_huge_report_gives_a_bounded_page() {
    let mut report = full();
    let mut endpoint = report["endpoints"][0].clone();
    let field = endpoint["fields"][0].clone();
    endpoint["fields"] = json!(vec![field; PAGE_FIELDS + 5]);
    endpoint["endpoint"] = json!("x".repeat(10_000));
    report["endpoints"] = json!(vec![endpoint; PAGE_ENDPOINTS + 7]);
    let page = shown(&report);
    assert!(page.contains("and 7 more in") && page.contains("and 5 more fields"));
    assert_eq!(page.matches("<details").count(), PAGE_ENDPOINTS);
    assert!(page.len() < 8_000_000, "{}", page.len());
}
