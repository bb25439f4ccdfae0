//! Tests of the parser: against `serde_json`, and where the two differ on purpose.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn fault(body: &[u8]) -> Option<Fault> {
    Document::parse(body).err()
}

#[test]
fn shapes_spans_and_steps() {
    let document = Document::parse(br#" {"a" : [1, "x", {}], "b":null} "#).unwrap();
    let shapes: Vec<Shape> = document.nodes.iter().map(|node| node.shape).collect();
    assert_eq!(
        shapes,
        [Shape::Object, Shape::Array, Shape::Number, Shape::String, Shape::Object, Shape::Null]
    );
    assert_eq!(document.text(1), br#"[1, "x", {}]"#);
    assert_eq!(document.text(3), br#""x""#);
    assert_eq!(document.name(5), (&b"b"[..], false));
    assert_eq!(document.node(3).step, Step::Element(1));
    assert_eq!(document.children(0).collect::<Vec<_>>(), [1, 5]);
    assert_eq!(document.children(1).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(document.node(1).children, 3);
    assert_eq!((document.node(4).parent, document.node(1).parent, document.node(0).parent), (1, 0, NONE));
}

#[test]
fn what_is_no_json() {
    for body in [
        "",
        " ",
        "{",
        "[",
        "]",
        "[1,]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{1:2}",
        "[1 2]",
        "[,1]",
        "NaN",
        "nan",
        "-NaN",
        "Infinity",
        "-Infinity",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x10",
        "tru",
        "truefalse",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u123\"",
        "\"\n\"",
        "\"\u{0}\"",
        "1 2",
        "[1]]",
        "{\"a\":1}}",
        "// c\n1",
        "\u{a0}1",
        "\u{feff}\u{feff}1",
        "[1}",
        "{\"a\":1]",
        "<html>",
    ] {
        assert_eq!(fault(body.as_bytes()), Some(Fault::Syntax), "{body:?}");
    }
    assert_eq!(fault(b"\"\xff\""), Some(Fault::Syntax));
    assert_eq!(fault(b"\"\xed\xa0\x80\""), Some(Fault::Syntax), "a raw surrogate is not UTF-8");
}

#[test]
fn what_is_json() {
    for body in [
        "0",
        "-0",
        "-0.0e-0",
        "1E+2",
        "\"\"",
        "\"\u{7f}\"",
        "[]",
        "{}",
        "\u{feff}null",
        " \t\r\n1 ",
        "{\"\":{\"\":[]}}",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "{\"a\":1,\"a\":2}",
        "1e999999999999999999999999",
    ] {
        assert_eq!(fault(body.as_bytes()), None, "{body:?}");
    }
}

#[test]
fn depth_costs_nothing_but_nodes() {
    for open in ["[", "{\"a\":"] {
        let close = if open == "[" { "]" } else { "}" };
        let deep = format!("{}1{}", open.repeat(500_000), close.repeat(500_000));
        assert_eq!(Document::parse(deep.as_bytes()).unwrap().nodes.len(), 500_001);
        assert_eq!(fault(&deep.as_bytes()[..deep.len() - 1]), Some(Fault::Syntax));
    }
    assert_eq!(fault("[".repeat(2 * MAX_NODES).as_bytes()), Some(Fault::TooLarge));
}

#[test]
fn the_bound_on_values_is_exact() {
    let array = |items: usize| format!("[{}]", vec!["1"; items].join(","));
    assert_eq!(fault(array(MAX_NODES - 1).as_bytes()), None);
    assert_eq!(fault(array(MAX_NODES).as_bytes()), Some(Fault::TooLarge));
}

/// Texts made of the pieces of JSON, so that many are nearly valid and some are.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u00e9", "1", "-", "0", ".", "e", "E5", "true",
        "null", " ", "\n", "é", "[]", "{}", "{\"k\":", "[1,",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn takes_what_serde_json_takes(body in nearly_json()) {
        let reference = serde_json::from_str::<serde_json::Value>(&body).is_ok();
        prop_assert_eq!(Document::parse(body.as_bytes()).is_ok(), reference, "{:?}", body);
    }

    #[test]
    fn never_panics(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let reference = serde_json::from_slice::<serde_json::Value>(&body).is_ok();
        prop_assert_eq!(Document::parse(&body).is_ok(), reference);
    }
}
