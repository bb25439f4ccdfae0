//! Tests of selection: our walk and `jsonpath-rust` select the same places.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jsonpath_rust::JsonPath;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::compare::json::{location, parse::Document};

fn ours(body: &str, query: &str) -> BTreeSet<String> {
    let document = Document::parse(body.as_bytes()).unwrap();
    let mut found = BTreeSet::new();
    let mut note = |node| {
        assert!(found.insert(location::pointer(&document, node)), "selected twice");
    };
    match Query::compile(query).unwrap() {
        Query::Steps(steps) => select(&document, &steps, &mut note),
        Query::Filter(query) => filter::select(&document, &query, &mut note).unwrap(),
    }
    found
}

/// What the other implementation selects, without what lies under something else that it selects.
fn theirs(value: &Value, query: &str) -> BTreeSet<String> {
    fn all<'v>(value: &'v Value, at: &str, out: &mut Vec<(String, &'v Value)>) {
        out.push((at.to_owned(), value));
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| all(item, &format!("{at}/{i}"), out));
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| all(member, &format!("{at}/{name}"), out));
            }
            _ => {}
        }
    }
    let mut places = Vec::new();
    all(value, "", &mut places);
    let selected: Vec<*const Value> =
        value.query(query).unwrap().into_iter().map(std::ptr::from_ref).collect();
    let pointers: Vec<&str> = places
        .iter()
        .filter(|(_, value)| selected.contains(&std::ptr::from_ref(*value)))
        .map(|(at, _)| at.as_str())
        .collect();
    let under = |at: &str| pointers.iter().any(|p| *p != at && at.starts_with(&format!("{p}/")));
    pointers.iter().filter(|at| !under(at)).map(|&at| at.to_owned()).collect()
}

fn set(pointers: &[&str]) -> BTreeSet<String> {
    pointers.iter().map(|&pointer| pointer.to_owned()).collect()
}

#[test]
fn whole_segments_only() {
    let body = r#"{"items":[{"id":1,"identity":2,"idempotency_key":3},{"id":4}],"item":{"s":{"id":5}}}"#;
    assert_eq!(ours(body, "$.items[*].id"), set(&["/items/0/id", "/items/1/id"]));
    assert_eq!(ours(body, "$.items[0].id"), set(&["/items/0/id"]));
    assert_eq!(ours(body, "$..id"), set(&["/items/0/id", "/items/1/id", "/item/s/id"]));
    assert_eq!(ours(body, "$.items[-1]"), set(&["/items/1"]));
    assert_eq!(ours(body, "$.items.id"), set(&[]));
    assert_eq!(ours(body, "$['item']['s']"), set(&["/item/s"]));
    assert_eq!(ours(body, "$"), set(&[""]));
    assert_eq!(ours(r#"{"\u0061":{"b":1}}"#, "$.a.b"), set(&["/a/b"]));
}

#[test]
fn slices_follow_the_standard() {
    let body = "[0,1,2,3,4,5,6]";
    for (query, expected) in [
        ("$[1:3]", vec!["/1", "/2"]),
        ("$[5:]", vec!["/5", "/6"]),
        ("$[1:5:2]", vec!["/1", "/3"]),
        ("$[5:1:-2]", vec!["/3", "/5"]),
        ("$[::-3]", vec!["/0", "/3", "/6"]),
        ("$[-2:]", vec!["/5", "/6"]),
        ("$[:-5]", vec!["/0", "/1"]),
        ("$[3:3]", vec![]),
        ("$[::0]", vec![]),
        ("$[10:0:-4]", vec!["/2", "/6"]),
    ] {
        assert_eq!(ours(body, query), set(&expected), "{query}");
    }
}

#[test]
fn filters_select_by_value() {
    let body = r#"{"items":[{"kind":"ad","n":1},{"kind":"news","n":2},{"n":3}],"limit":2}"#;
    assert_eq!(ours(body, "$.items[?@.kind == 'ad']"), set(&["/items/0"]));
    assert_eq!(ours(body, "$.items[?@.kind].n"), set(&["/items/0/n", "/items/1/n"]));
    assert_eq!(ours(body, "$.items[?@.n > $.limit]"), set(&["/items/2"]));
    assert_eq!(ours(body, "$..[?@.kind == 'news']"), set(&["/items/1"]));
}

#[test]
fn filters_are_bounded() {
    let Query::Filter(query) = Query::compile("$..[?@.a]").unwrap() else { unreachable!() };
    let budget = |body: &str| {
        let document = Document::parse(body.as_bytes()).unwrap();
        filter::select(&document, &query, &mut |_| {})
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(budget(&nested(filter::MAX_FILTER_DEPTH as usize)), Ok(()));
    assert_eq!(budget(&nested(filter::MAX_FILTER_DEPTH as usize + 1)), Err(Incomparable::Budget));
    assert_eq!(budget(r#"{"\ud800":1}"#), Err(Incomparable::Budget));
    let long = format!(r#"{{"{}":[{}]}}"#, "k".repeat(1 << 16), vec!["1"; 1000].join(","));
    assert_eq!(budget(&long), Err(Incomparable::Budget), "every path repeats the long name");
}

#[test]
fn steps_walk_deep_documents() {
    let deep = format!("{}{}{}", "{\"a\":".repeat(100_000), "1", "}".repeat(100_000));
    let document = Document::parse(deep.as_bytes()).unwrap();
    let Query::Steps(steps) = Query::compile("$..a..b").unwrap() else { unreachable!() };
    select(&document, &steps, &mut |_| unreachable!());
}

fn query() -> impl Strategy<Value = String> {
    let selector = prop::sample::select(vec![
        "'a'", "'b'", "*", "0", "1", "-1", "-2", "0:1", "1:", ":-1", "::-1", "::2", "'a','b'", "0,1", "*,'a'",
    ]);
    let segment = (any::<bool>(), selector)
        .prop_map(|(down, selector)| format!("{}[{selector}]", if down { ".." } else { "" }));
    prop::collection::vec(segment, 0..4)
        .prop_filter("descents are bounded", |s| s.iter().filter(|s| s.starts_with("..")).count() <= 2)
        .prop_map(|segments| format!("${}", segments.concat()))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop::sample::select(vec![json!(1), json!("x"), json!(null)]);
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn agrees_with_jsonpath_rust(value in value(), query in query()) {
        prop_assert_eq!(ours(&value.to_string(), &query), theirs(&value, &query), "{} {}", value, query);
    }
}
