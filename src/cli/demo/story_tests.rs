//! The words around the demo.

use std::time::Duration;

use super::super::evidence::{difference, fold, tally};
use super::super::screen::Screen;
use super::*;
use crate::model::Kind;

fn plain_ink() -> Ink {
    Screen::new(std::io::sink(), false, false).ink()
}

fn finding(kind: &'static str, stable: &str) -> Finding {
    let (endpoint, path, shadow) = ("GET /orders/{id}".to_owned(), "$.total".to_owned(), "\"1\"".to_owned());
    Finding { endpoint, path, kind, stable: stable.to_owned(), shadow }
}

#[test]
fn the_introduction_names_what_runs_and_where() {
    let args =
        Args { bound: Duration::from_mins(2), seed: 9, rate: 50, admin: "127.0.0.1:0".parse().unwrap() };
    let stage = Stage::set(&args).unwrap();
    let text = introduction(&args, &stage, plain_ink());
    for words in [
        format!("http://{}/", stage.admin()),
        format!("http://{}/metrics", stage.admin()),
        format!("curl -i http://{}/orders/7", stage.proxy()),
        "50 requests/s, GET and POST, seed 9".to_owned(),
        "The POSTs too".to_owned(),
        "after 2m".to_owned(),
    ] {
        assert!(text.contains(&words), "{words} is not in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    stage.end();
}

#[test]
fn news_are_one_line_with_both_values() {
    let line = news(&finding("type", "1"), Duration::from_millis(400), plain_ink());
    assert_eq!(line, "  0.4 s  GET /orders/{id}          $.total               type     1 → \"1\"");
    let long = news(&finding("value", &"é".repeat(60)), Duration::ZERO, plain_ink());
    assert!(long.contains(&format!("{}… → ", "é".repeat(MAX_VALUE))), "{long}");
}

#[test]
fn noise_is_explained() {
    let line = news(&finding(NOISE, "1"), Duration::ZERO, plain_ink());
    assert!(line.ends_with("1 → \"1\": stable differs from itself here too"), "{line}");
}

#[test]
fn the_ending_says_what_was_found_and_what_was_not() {
    let mut tally = tally();
    let total = [difference("$.total", Kind::Type, Some("1"), Some("\"1\""))];
    fold(&mut tally, "GET /orders/{id}", 2, &total, &[]);
    let text = ending(&Report::of(&tally), (1234, 0), plain_ink());
    let found: Vec<&str> = text.lines().filter(|line| line.starts_with("  found")).collect();
    assert_eq!(found.len(), 1, "{text}");
    assert!(found[0].contains("a number became a string"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("  not yet")).count(), 5, "{text}");
    for words in [
        "1 field explains all differences",
        "1,234 requests and saw no error",
        "umbrage run --listen 127.0.0.1:8080 --stable",
        "--percent 5",
        "umbrage report",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let text = ending(&Report::of(&tally), (1000, 1), plain_ink());
    assert!(text.contains("1,001 requests, of which 1 failed"), "{text}");
}
