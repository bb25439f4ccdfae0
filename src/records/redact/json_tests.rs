//! Paths select what they say, in bodies and in differences.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::records::redact::rule::{self, Rule};

const HASHER: Hasher = Hasher([3; 32]);

fn paths(rules: &[&str]) -> Paths {
    let mut paths = Paths::default();
    for rule in rules {
        match rule::parse(rule).unwrap() {
            Rule::Body(steps) => paths.add(steps),
            other => panic!("{other:?} is no path"),
        }
    }
    paths
}

fn redacted(rules: &[&str], document: &Value) -> Value {
    let text = body(document.to_string().as_bytes(), &paths(rules), &HASHER).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn h(value: &str) -> Value {
    Value::String(HASHER.replace(value))
}

#[test]
fn paths_select_whole_segments() {
    let document = json!({"user": {"email": "a@b", "emails": ["a@b"], "name": "n"}, "email": "a@b"});
    let want = json!({"user": {"email": h("a@b"), "emails": ["a@b"], "name": "n"}, "email": "a@b"});
    assert_eq!(redacted(&["$.user.email"], &document), want);
    assert_eq!(redacted(&["$.nothing", "$.user.email.more", "$.user[0]"], &document), document);
    assert_eq!(redacted(&["$"], &document), h(&document.to_string()));
    let user = document["user"].to_string();
    assert_eq!(redacted(&["$.user"], &document), json!({"user": h(&user), "email": "a@b"}));
}

#[test]
fn lists_wildcards_and_descent() {
    let document =
        json!({"items": [{"card": 1, "n": 1}, {"card": "1", "sub": {"card": null}}], "card": true});
    let items = json!([{"card": h("1"), "n": 1}, {"card": h("1"), "sub": {"card": null}}]);
    assert_eq!(redacted(&["$.items[*].card"], &document), json!({"items": items, "card": true}));
    assert_eq!(redacted(&["$.*[*].card"], &document)["items"], items);
    let got = redacted(&["$..card"], &document);
    assert_eq!(got["items"][1]["sub"]["card"], h("null"));
    assert_eq!(got["card"], h("true"));
    let first = redacted(&["$.items[0].card"], &document);
    assert_eq!((&first["items"][0]["card"], &first["items"][1]["card"]), (&h("1"), &json!("1")));
    assert_eq!(redacted(&["$..sub..card"], &document)["items"][1]["sub"]["card"], h("null"));
    assert_eq!(redacted(&["$..*"], &json!({"a": {"b": 1}})), json!({"a": h("{\"b\":1}")}));
}

#[test]
fn a_member_given_twice_does_not_pass() {
    let text = body(br#"{"email":"first@x","email":"second@x"}"#, &paths(&["$.email"]), &HASHER).unwrap();
    assert!(!text.contains("first") && !text.contains("second"), "{text}");
}

#[test]
fn what_cannot_be_parsed_is_left_out_with_the_reason() {
    let rules = paths(&["$.a"]);
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    for text in ["", "{", "<html>", "{\"a\":1}{\"a\":2}", "\u{feff}{}", "NaN", &deep] {
        let reason = body(text.as_bytes(), &rules, &HASHER).unwrap_err();
        assert!(reason.contains("not JSON"), "{reason}");
    }
    let big = format!("\"{}\"", "x".repeat(MAX_BODY));
    assert!(body(big.as_bytes(), &rules, &HASHER).unwrap_err().contains("over 262144 bytes"));
    assert!(body(b"\xff", &rules, &HASHER).is_err());
}

#[test]
fn numbers_stay_as_they_were_written() {
    let text = r#"{"a":1,"big":123456789012345678901234567890.10}"#;
    let got = body(text.as_bytes(), &paths(&["$.a"]), &HASHER).unwrap();
    assert!(got.contains("123456789012345678901234567890.10"), "{got}");
}

#[test]
fn a_difference_is_redacted_at_inside_and_above_a_rule() {
    let rules = paths(&["$.user.email", "$.list[*].x"]);
    let at =
        |path: &str, text: &str| value(text, &rules, &rules.after(&rule::parse_path(path).unwrap()), &HASHER);
    assert_eq!(at("$.user.email", "\"a@b\""), HASHER.replace("a@b"), "as in a body");
    assert_eq!(at("$.user.email", "a@b"), HASHER.replace("a@b"));
    assert_eq!(at("$.user.email.deeper", "secret"), HASHER.replace("secret"));
    assert_eq!(at("$.user", r#"{"email":"a@b"}"#), format!(r#"{{"email":"{}"}}"#, HASHER.replace("a@b")));
    assert_eq!(
        at("$", r#"{"user":{"email":"a@b"#),
        HASHER.replace(r#"{"user":{"email":"a@b"#),
        "cut: nothing is shown"
    );
    assert_eq!(at("$", r#"…"email":"a@b""#), HASHER.replace(r#"…"email":"a@b""#));
    assert_eq!(at("$.user", "\"a name\""), "\"a name\"", "a plain value has nothing below it");
    assert_eq!(at("$.user", "a name"), "a name");
    assert_eq!(at("$.other", "\"v\""), "\"v\"");
    assert_eq!(at("$.list[*].x", "5"), HASHER.replace("5"));
    assert_eq!(at("$.list[7].x", "5"), HASHER.replace("5"));
    assert_eq!(at("$.list[*].y", "5"), "5");
    let one = paths(&["$.list[0].x"]);
    assert_eq!(
        value("5", &one, &one.after(&rule::parse_path("$.list[*].x").unwrap()), &HASHER),
        HASHER.replace("5")
    );
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i32>().prop_map(|n| json!(n)),
        "[a-z]{0,5}".prop_map(|s| json!(s))
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Puts the secret under every member `a` of every object.
fn plant(value: &mut Value, secret: &str) {
    match value {
        Value::Object(members) => {
            for (name, child) in members.iter_mut() {
                if name == "a" {
                    *child = json!({"in": [secret]});
                } else {
                    plant(child, secret);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, secret)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn descent_finds_every_secret(mut document in documents(), secret in "[A-Z]{8}") {
        plant(&mut document, &secret);
        prop_assert!(!redacted(&["$..a"], &document).to_string().contains(&secret));
    }

    #[test]
    fn without_a_rule_that_fits_nothing_changes(document in documents()) {
        prop_assert_eq!(redacted(&["$.zz", "$..zz", "$[999]"], &document), document);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(body(&bytes, &paths(&["$..a"]), &HASHER));
    }
}
