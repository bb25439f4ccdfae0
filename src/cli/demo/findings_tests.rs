//! News are told once.

use super::super::evidence::{difference, fold, tally};
use super::super::orders::PLANTED;
use super::*;
use crate::model::Kind;

#[test]
fn a_difference_is_told_once_with_its_values() {
    let (mut tally, mut findings) = (tally(), Findings::default());
    assert_eq!(findings.news(&Report::of(&tally)), []);
    let total = [difference("$.total", Kind::Type, Some("49.9"), Some("\"49.90\""))];
    fold(&mut tally, "GET /orders/{id}", 2, &total, &[]);
    let news = findings.news(&Report::of(&tally));
    let expected = Finding {
        endpoint: "GET /orders/{id}".to_owned(),
        path: "$.total".to_owned(),
        kind: "type",
        stable: "49.9".to_owned(),
        shadow: "\"49.90\"".to_owned(),
    };
    assert_eq!(news, [expected]);
    fold(&mut tally, "GET /orders/{id}", 2, &total, &[]);
    assert_eq!(findings.news(&Report::of(&tally)), []);
    assert_eq!(findings.count(), 1);
}

#[test]
fn the_same_path_is_told_again_for_another_kind_and_another_endpoint() {
    let (mut tally, mut findings) = (tally(), Findings::default());
    fold(&mut tally, "GET /a", 2, &[difference("$.x", Kind::Type, Some("1"), Some("\"1\""))], &[]);
    fold(&mut tally, "GET /a", 2, &[difference("$.x", Kind::Missing, Some("1"), None)], &[]);
    fold(&mut tally, "GET /b", 2, &[difference("$.x", Kind::Added, None, Some("1"))], &[]);
    let mut news: Vec<(String, &str, String, String)> = findings
        .news(&Report::of(&tally))
        .into_iter()
        .map(|told| (told.endpoint, told.kind, told.stable, told.shadow))
        .collect();
    news.sort();
    let expected = [
        ("GET /a", "missing", "1", "nothing"),
        ("GET /a", "type", "1", "\"1\""),
        ("GET /b", "added", "nothing", "1"),
    ];
    assert_eq!(news, expected.map(|(e, k, a, b)| (e.to_owned(), k, a.to_owned(), b.to_owned())));
}

#[test]
fn what_stable_does_too_is_told_to_be_noise_and_not_counted() {
    let (mut tally, mut findings) = (tally(), Findings::default());
    let eta = [difference("$.eta_minutes", Kind::Value, Some("27"), Some("30"))];
    fold(&mut tally, "GET /orders/{id}", 2, &eta, &[]);
    assert_eq!(findings.news(&Report::of(&tally))[0].kind, "value");
    assert_eq!(findings.count(), 1);
    fold(&mut tally, "GET /orders/{id}", 2, &[], &eta);
    assert_eq!(findings.news(&Report::of(&tally))[0].kind, NOISE);
    assert_eq!(findings.news(&Report::of(&tally)), []);
    assert_eq!(findings.count(), 0);
}

#[test]
fn what_only_control_shows_is_no_news() {
    let (mut tally, mut findings) = (tally(), Findings::default());
    fold(&mut tally, "GET /a", 2, &[], &[difference("$.x", Kind::Value, Some("1"), Some("2"))]);
    assert_eq!(findings.news(&Report::of(&tally)), []);
}

#[test]
fn an_endpoint_that_is_surely_slower_is_told_once() {
    let (mut tally, mut findings) = (tally(), Findings::default());
    for _ in 0..5 {
        fold(&mut tally, "GET /orders/{id}/history", 25, &[], &[]);
        fold(&mut tally, "GET /orders/{id}", 2, &[], &[]);
    }
    assert_eq!(findings.news(&Report::of(&tally)), [], "five pairs prove nothing");
    for _ in 0..500 {
        fold(&mut tally, "GET /orders/{id}/history", 25, &[], &[]);
        fold(&mut tally, "GET /orders/{id}", 2, &[], &[]);
    }
    let news = findings.news(&Report::of(&tally));
    assert_eq!(news.len(), 1, "{news:?}");
    assert_eq!((news[0].endpoint.as_str(), news[0].kind), ("GET /orders/{id}/history", SLOWER));
    assert_eq!(findings.news(&Report::of(&tally)), []);
    let slow = PLANTED.iter().find(|planted| planted.endpoint == news[0].endpoint).unwrap();
    assert!(slow.is_found(&Report::of(&tally)));
}

#[test]
fn hostile_values_reach_no_terminal() {
    let (mut tally, mut findings) = (tally(), Findings::default());
    let hostile = difference("$.\u{1b}[2J", Kind::Value, Some("\u{1b}[31m"), Some("a\r\nb\u{202e}"));
    fold(&mut tally, "GET /\u{7}", 2, &[hostile], &[]);
    let told = format!("{:?}", findings.news(&Report::of(&tally)));
    assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']), "{told}");
}
