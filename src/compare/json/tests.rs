//! Tests of the comparison of JSON, by a table.

use crate::compare::{MAX_DIFFERENCES, Numbers, Rules, Settings, compare_bodies};
use crate::model::{Comparison, Kind, Part, Severity, Verdict};

fn ruled(stable: &str, other: &str, paths: &[&str]) -> Comparison {
    by(Numbers::Value, stable, other, paths)
}

fn by(numbers: Numbers, stable: &str, other: &str, paths: &[&str]) -> Comparison {
    let ignored_paths = paths.iter().map(|&path| path.to_owned()).collect();
    let settings = Settings { ignored_headers: Vec::new(), ignored_paths, numbers, ..Settings::default() };
    let rules = Rules::compile(settings).unwrap();
    compare_bodies(stable.as_bytes(), other.as_bytes(), Some("application/json"), &rules)
}

/// Path, pointer and kind of each difference.
fn found(comparison: &Comparison) -> Vec<(&str, &str, Kind)> {
    comparison.differences.iter().map(|d| (d.path.as_str(), d.pointer.as_str(), d.kind)).collect()
}

#[test]
fn equal_documents() {
    for (a, b) in [
        (r#"{"a":1,"b":2}"#, r#"{ "b" : 2 , "a" : 1 }"#),
        ("[1, 2.50, 1e2, -0]", "[1.0,2.5,100,0]"),
        (r#""\u00e9\/""#, "\"é/\""),
        (r#"{"\u0061":1}"#, r#"{"a":1}"#),
        ("\u{feff}{}", "{}"),
        (r#"{"a":1,"a":2}"#, r#"{"a":1, "a":2}"#),
        (r#"{"a":1,"b":0,"a":2}"#, r#"{"b":0,"a":1,"a":2}"#),
        ("null", " null"),
        ("[[],{}]", "[ [ ] , { } ]"),
    ] {
        let comparison = ruled(a, b, &[]);
        assert_eq!((comparison.verdict, found(&comparison)), (Verdict::Match, vec![]), "{a} {b}");
    }
}

#[test]
fn numbers_as_they_are_written() {
    let written = |a: &str, b: &str, paths: &[&str]| {
        let comparison = by(Numbers::Written, a, b, paths);
        found(&comparison)
            .into_iter()
            .map(|(_, pointer, kind)| (pointer.to_owned(), kind))
            .collect::<Vec<_>>()
    };
    let at = |pointer: &str, kind| vec![(pointer.to_owned(), kind)];
    assert_eq!(written(r#"{"a":1}"#, r#"{"a":1.0}"#, &[]), at("/a", Kind::Value));
    assert_eq!(written(r#"{"a":1}"#, r#"{"a":1e0}"#, &[]), at("/a", Kind::Value));
    assert_eq!(written(r#"{"a":-0}"#, r#"{"a":0}"#, &[]), at("/a", Kind::Value));
    assert_eq!(written(r#"{"a":1}"#, r#"{"a":"1"}"#, &[]), at("/a", Kind::Type), "a type stays a type");
    assert_eq!(written(r#"{"a":1}"#, r#"{ "a" : 1 }"#, &[]), []);
    assert_eq!(written(r#"{"a":1}"#, r#"{"a":1.0}"#, &["$.a"]), [], "a rule hides it as any other");
    // The same items in another order are that only where they are the same.
    assert_eq!(written("[1,2,3]", "[3,2,1]", &[]), at("", Kind::Order));
    let twice = [("/0".to_owned(), Kind::Value), ("/2".to_owned(), Kind::Value)];
    assert_eq!(written("[1,2,3]", "[3.0,2,1]", &[]), twice);
    assert_eq!(found(&ruled("[1,2,3]", "[3.0,2,1]", &[])), [("$", "", Kind::Order)]);
}

#[test]
fn one_difference() {
    use Kind::{Added, Length, Missing, Order, Type, Value};
    for (a, b, path, pointer, kind) in [
        (r#"{"a":1}"#, "{}", "$.a", "/a", Missing),
        ("{}", r#"{"a":{"b":1}}"#, "$.a", "/a", Added),
        (r#"{"a":null}"#, "{}", "$.a", "/a", Missing),
        (r#"{"a":1}"#, r#"{"a":2}"#, "$.a", "/a", Value),
        (r#"{"a":1}"#, r#"{"a":"1"}"#, "$.a", "/a", Type),
        (r#"{"a":false}"#, r#"{"a":0}"#, "$.a", "/a", Type),
        (r#"{"a":false}"#, r#"{"a":true}"#, "$.a", "/a", Value),
        (r#"{"a":[]}"#, r#"{"a":{}}"#, "$.a", "/a", Type),
        (r#"{"a":null}"#, r#"{"a":""}"#, "$.a", "/a", Type),
        (r#"{"i":[{"p":1},{"p":2}]}"#, r#"{"i":[{"p":1},{"p":3}]}"#, "$.i[*].p", "/i/1/p", Value),
        ("[1,2]", "[1,2,3]", "$", "", Length),
        (r#"{"a":[1,2,3]}"#, r#"{"a":[3,1,2]}"#, "$.a", "/a", Order),
        (r#"[{"x":1,"y":2},{"x":2}]"#, r#"[{"x":2.0},{"y":2,"x":1}]"#, "$", "", Order),
        ("[1,1,2]", "[1,2,2]", "$[*]", "/1", Value),
        ("9007199254740992", "9007199254740993", "$", "", Value),
        (r#""\ud800""#, r#""\ud801""#, "$", "", Value),
        (r#""\ud800""#, "\"\u{fffd}\"", "$", "", Value),
        ("\"é\"", "\"e\u{301}\"", "$", "", Value),
        (r#"{"a":1,"a":1}"#, r#"{"a":1}"#, "$.a", "/a", Length),
        (r#"{"a":1,"a":2,"b":0}"#, r#"{"b":0}"#, "$.a", "/a", Missing),
        (r#"{"a":1,"a":2}"#, r#"{"a":3,"a":2}"#, "$.a", "/a", Value),
        (r#"{"weird key":1}"#, r#"{"weird key":2}"#, "$['weird key']", "/weird key", Value),
        (r#"{"a/b":{"c~d":1}}"#, r#"{"a/b":{"c~d":2}}"#, "$['a/b']['c~d']", "/a~1b/c~0d", Value),
    ] {
        let comparison = ruled(a, b, &[]);
        assert_eq!(
            (comparison.verdict, found(&comparison)),
            (Verdict::Mismatch, vec![(path, pointer, kind)]),
            "{a} {b}"
        );
        assert_eq!(comparison.differences[0].part, Part::Body);
    }
}

#[test]
fn several_differences_in_the_order_of_the_document() {
    let stable = r#"{"a":1,"list":[{"id":1,"n":"x"},{"id":2,"n":"y"}],"z":true}"#;
    let other = r#"{"a":2,"list":[{"id":"1","n":"x"},{"id":2},7],"y":0,"z":false}"#;
    assert_eq!(
        found(&ruled(stable, other, &[])),
        [
            ("$.a", "/a", Kind::Value),
            ("$.list", "/list", Kind::Length),
            ("$.list[*].id", "/list/0/id", Kind::Type),
            ("$.list[*].n", "/list/1/n", Kind::Missing),
            ("$.y", "/y", Kind::Added),
            ("$.z", "/z", Kind::Value),
        ]
    );
}

#[test]
fn values_are_shown_as_they_stand_and_bounded() {
    let comparison = ruled(r#"{"price":19.90,"l":[1]}"#, r#"{"price":"19.90","l":[1,2]}"#, &[]);
    let shown: Vec<_> = comparison
        .differences
        .iter()
        .map(|d| (d.stable.as_deref(), d.shadow.as_deref(), d.severity))
        .collect();
    assert_eq!(shown[0], (Some("19.90"), Some("\"19.90\""), Severity::High));
    assert_eq!(shown[1], (Some("1 item"), Some("2 items"), Severity::Medium));
    let long = format!("\"{}\"", "x".repeat(100_000));
    let comparison = ruled(&long, "1", &[]);
    assert_eq!(comparison.differences[0].stable.as_ref().unwrap().chars().count(), 201);
}

#[test]
fn only_so_many_are_kept_and_the_rest_is_counted() {
    let array =
        |n: usize| format!("[{}]", (0..1000).map(|i| (i * n).to_string()).collect::<Vec<_>>().join(","));
    let comparison = ruled(&array(1), &array(2), &[]);
    assert_eq!((comparison.differences.len(), comparison.omitted), (MAX_DIFFERENCES, 999 - MAX_DIFFERENCES));
}

#[test]
fn ignored_paths_hide_and_are_counted() {
    let stable = r#"{"meta":{"id":"a","t":1},"items":[{"id":1,"identity":1},{"id":2,"identity":2}]}"#;
    let other = r#"{"meta":{"id":"b","u":1},"items":[{"id":8,"identity":1},{"id":9,"identity":3}]}"#;
    let comparison = ruled(stable, other, &["$.items[*].id", "$.meta", "$.nothing"]);
    assert_eq!(found(&comparison), [("$.items[*].identity", "/items/1/identity", Kind::Value)]);
    assert_eq!(comparison.hidden, [2, 3, 0]);
    assert_eq!(comparison.selected, [4, 2, 0], "in both documents");
    let all = ruled(stable, other, &["$"]);
    assert_eq!((all.verdict, all.hidden), (Verdict::Match, vec![6]));
}

#[test]
fn a_rule_selects_in_either_document() {
    assert_eq!(ruled(r#"{"a":1}"#, r#"{"a":1,"b":2}"#, &["$.b"]).verdict, Verdict::Match);
    assert_eq!(ruled(r#"{"a":1,"b":2}"#, r#"{"a":1}"#, &["$.b"]).verdict, Verdict::Match);
    let by_value = ruled(r#"{"x":{"k":"t","v":1}}"#, r#"{"x":{"k":"u","v":2}}"#, &["$[?@.k == 't'].v"]);
    assert_eq!(found(&by_value), [("$.x.k", "/x/k", Kind::Value)]);
    assert_eq!(by_value.hidden, [1]);
}

#[test]
fn ignored_items_are_taken_out_of_their_arrays() {
    let ads = ruled(r#"[{"ad":1},{"n":1},{"n":2}]"#, r#"[{"n":1},{"ad":2},{"n":2},{"ad":3}]"#, &["$[?@.ad]"]);
    assert_eq!((ads.verdict, ads.hidden, ads.selected), (Verdict::Match, vec![2], vec![3]));
    assert_eq!(ruled("[1,2]", "[9,2]", &["$[0]"]).verdict, Verdict::Match);
    assert_eq!(found(&ruled("[1,2]", "[9,3]", &["$[0]"])), [("$[*]", "/1", Kind::Value)]);
    assert_eq!(ruled("[1,2]", "[3]", &["$[*]"]).verdict, Verdict::Match);
}

#[test]
fn order_is_told_without_what_is_ignored() {
    let stable = r#"[{"id":"a","n":1},{"id":"b","n":2}]"#;
    let other = r#"[{"id":"x","n":2},{"id":"y","n":1}]"#;
    assert_eq!(found(&ruled(stable, other, &["$[*].id"])), [("$", "", Kind::Order)]);
    assert_eq!(found(&ruled(stable, other, &[])).len(), 4);
    let swapped = r#"[{"id":"b","n":1},{"id":"a","n":2}]"#;
    assert_eq!(ruled(stable, swapped, &["$[*].id"]).verdict, Verdict::Match);
}

#[test]
fn repeated_names_are_hidden_as_a_whole() {
    let comparison = ruled(r#"{"a":1,"a":2}"#, r#"{"a":3}"#, &["$.a"]);
    assert_eq!((comparison.verdict, comparison.hidden), (Verdict::Match, vec![2]));
}
