//! Hostile and enormous input: always a verdict or a reason, never a panic, in bounded time.
//!
//! Each of these would take minutes, or the stack, if one loop were quadratic or recursive.
#![allow(clippy::unwrap_used)]

use super::json::parse::MAX_NODES;
use super::*;
use crate::model::{Incomparable, Verdict};

const JSON: Option<&str> = Some("application/json");

fn rules(paths: &[&str]) -> Rules {
    let ignored_paths = paths.iter().map(|&path| path.to_owned()).collect();
    Rules::compile(Settings { ignored_paths, ..Settings::default() }).unwrap()
}

fn compared(stable: &str, other: &str) -> Comparison {
    compare_bodies(stable.as_bytes(), other.as_bytes(), JSON, &rules(&[]))
}

/// `leaf` in `depth` containers.
fn nested(open: &str, close: &str, depth: usize, leaf: &str) -> String {
    format!("{}{leaf}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn ten_thousand_levels() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[0,", ",1]"), ("[{\"x\":[],\"y\":", "}]")] {
        for depth in [10_000, if open == "[" { 200_000 } else { 20_000 }] {
            let body = |leaf| nested(open, close, depth, leaf);
            assert_eq!(compared(&body("1"), &body(" 1.0 ")).verdict, Verdict::Match);
            let one = compared(&body("1"), &body("2"));
            assert_eq!((one.differences.len(), one.differences[0].kind), (1, Kind::Value));
            assert!(one.differences[0].path.len() < 1100 && one.differences[0].pointer.len() < 1100);
            assert_eq!(compared(&body("1"), "1").differences[0].kind, Kind::Type);
        }
    }
}

#[test]
fn deep_arrays_that_all_differ_in_two_places() {
    // Every level has to be asked whether it was reordered.
    let body = |a: &str, b: &str| nested("[", &format!(",{b},{a}]"), 50_000, a);
    let comparison = compared(&body("1", "2"), &body("3", "4"));
    assert_eq!(comparison.differences.len() + comparison.omitted, 100_001);
}

#[test]
fn deep_documents_under_rules() {
    let body = |leaf| nested("{\"a\":", "}", 100_000, leaf);
    let ruled =
        |path: &str| compare_bodies(body("1").as_bytes(), body("2").as_bytes(), JSON, &rules(&[path]));
    assert_eq!(ruled("$..a..b").verdict, Verdict::Mismatch);
    assert_eq!(ruled("$..a..a").verdict, Verdict::Match);
    assert_eq!(ruled("$..[?@.a]").reason, Some(Incomparable::Budget));
}

#[test]
fn fifty_megabytes() {
    let big = |leaf: &str| {
        format!("[{}\"{}\"]", "\"0123456789012345678901234567890123456789012345\",".repeat(1_000_000), leaf)
    };
    let comparison = compared(&big("a"), "[]");
    assert_eq!(comparison.differences.iter().map(|d| d.kind).collect::<Vec<_>>(), [Kind::Length]);
    let many = |leaf: &str| format!("[{}{leaf}]", "0,".repeat(MAX_NODES));
    assert_eq!(compared(&many("1"), &many("2")).reason, Some(Incomparable::Budget));
    let spaces = " ".repeat(5 << 20);
    assert_eq!(compared(&format!("{spaces}1"), "1").verdict, Verdict::Match);
    let text = "a".repeat(50 << 20);
    let other =
        compare_bodies(text.as_bytes(), format!("{text}b").as_bytes(), Some("text/plain"), &rules(&[]));
    assert_eq!(other.differences[0].stable.as_ref().unwrap().chars().count(), MAX_VALUE_CHARS + 1);
}

#[test]
fn objects_of_many_names() {
    let object = |backwards: bool, odd: usize| {
        let mut members: Vec<String> =
            (0..50_000).map(|i| format!("\"k{i}\":{}", if i == odd { -1 } else { 1 })).collect();
        if backwards {
            members.reverse();
        }
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(compared(&object(false, usize::MAX), &object(true, usize::MAX)).verdict, Verdict::Match);
    assert_eq!(compared(&object(false, 7), &object(true, usize::MAX)).differences[0].pointer, "/k7");
    let same = format!("{{{}}}", vec!["\"a\":1"; 50_000].join(","));
    let fewer = format!("{{{}}}", vec!["\"a\":1"; 49_999].join(","));
    let comparison = compared(&same, &fewer);
    assert_eq!(comparison.differences.iter().map(|d| d.kind).collect::<Vec<_>>(), [Kind::Length]);
}

#[test]
fn shuffled_arrays() {
    let array = |step: usize| {
        let items: Vec<String> = (0..50_000).map(|i| format!("{{\"id\":{}}}", i * step % 50_000)).collect();
        format!("[{}]", items.join(","))
    };
    let kinds = |c: Comparison| c.differences.iter().map(|d| d.kind).collect::<Vec<_>>();
    assert_eq!(kinds(compared(&array(1), &array(7_777))), [Kind::Order]);
}

#[test]
fn numbers_of_any_size() {
    for (a, b, equal) in [
        ("1e999999999", "1e999999999", true),
        ("1e999999999", "10e999999998", true),
        ("1e999999999", "1e999999998", false),
        ("1e9999999999999999999999", "2e9999999999999999999999", false),
        ("123456789012345678901234567890", "123456789012345678901234567891", false),
        ("0.1000000000000000055511151231257827", "0.1", false),
        ("-0.0", "0", true),
    ] {
        let ways = [format!("[{a}]"), format!("[ {b} ]")];
        assert_eq!(compared(&ways[0], &ways[1]).verdict == Verdict::Match, equal, "{a} {b}");
    }
    let digits = "9".repeat(1 << 20);
    assert_eq!(compared(&digits, &format!("{digits}.0")).verdict, Verdict::Match);
}

#[test]
fn what_only_looks_like_json() {
    for (a, b) in [
        ("NaN", "[NaN]"),
        ("{\"a\":NaN}", "{\"a\":1}"),
        ("[1,", "[1"),
        ("\"\\ud800", "\"\\ud800\""),
        ("[", "]"),
        ("{", ""),
    ] {
        assert_eq!(compared(a, b).verdict, Verdict::Mismatch, "{a} {b}");
        assert_eq!(compared(b, a).verdict, Verdict::Mismatch, "{b} {a}");
    }
    assert_eq!(compared("", "null").differences[0].kind, Kind::Added);
    assert_eq!(compared("{}", "\u{feff}{}").verdict, Verdict::Match);
    assert_eq!(compared("\"\\ud800\"", "\"\\uD800\"").verdict, Verdict::Match);
    assert_eq!(compared("\"\\u0000\"", "\"\"").verdict, Verdict::Mismatch);
}

#[test]
fn long_texts() {
    let text = |of: &dyn Fn(usize) -> String| (0..100_000).map(of).collect::<Vec<_>>().join("\n");
    let compared =
        |a: &str, b: &str| compare_bodies(a.as_bytes(), b.as_bytes(), Some("text/plain"), &rules(&[]));
    let plain = text(&|i| format!("line {i}"));
    let one = compared(&plain, &text(&|i| format!("line {}", if i == 77_777 { 0 } else { i })));
    assert_eq!((one.differences.len(), one.differences[0].pointer.as_str()), (1, "line 77778"));
    let all = compared(&plain, &text(&|i| format!("other {i}")));
    assert_eq!(
        (all.differences.len(), all.differences[0].pointer.as_str()),
        (1, "line 1"),
        "too many to match"
    );
    let longer = compared(&plain, &format!("first\n{}\nlast", text(&|i| format!("{i}"))));
    assert_eq!(longer.differences.iter().map(|d| d.kind).collect::<Vec<_>>(), [Kind::Value, Kind::Length]);
    let inserted = compared(&plain, &format!("first\n{plain}"));
    assert_eq!((inserted.differences.len(), inserted.differences[0].kind), (1, Kind::Added));
}

#[test]
fn texts_that_are_hard_to_match() {
    let lines = |step: usize, len: usize| {
        (0..text::MAX_MATCHED_LINES)
            .map(|i| format!("{}{}", "x".repeat(len), i * step % 997))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let compared = compare_bodies(
        lines(1, 10_000).as_bytes(),
        lines(613, 10_000).as_bytes(),
        Some("text/plain"),
        &rules(&[]),
    );
    assert_eq!(compared.verdict, Verdict::Mismatch);
}

#[test]
fn heads_of_many_fields() {
    let names: Vec<String> = (0..3000).map(|i| format!("x-{i}")).collect();
    let head: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let cookies = vec![("set-cookie", "a=1"); 3000];
    let stable = super::tests::answer(&head, "");
    let comparison = compare(&stable, &super::tests::answer(&cookies, ""), &rules(&[]));
    assert_eq!(comparison.differences.len() + comparison.omitted, 3001);
    assert_eq!(comparison.differences.len(), MAX_DIFFERENCES);
}
