//! What is a rule and what is not.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Step {
    Step::Name(text.to_owned())
}

#[test]
fn rules_that_are_understood() {
    let body = |steps: Vec<Step>| Ok(Rule::Body(steps));
    assert_eq!(parse("$"), body(vec![]));
    assert_eq!(parse("$.user.email"), body(vec![name("user"), name("email")]));
    assert_eq!(parse("$.items[*].card"), body(vec![name("items"), Step::Any, name("card")]));
    assert_eq!(parse("$.*[0]"), body(vec![Step::Any, Step::Index(0)]));
    assert_eq!(parse("$..password"), body(vec![Step::Descend, name("password")]));
    assert_eq!(parse("$..['a b']"), body(vec![Step::Descend, name("a b")]));
    assert_eq!(parse(r#"$['a.b']["it's \"\\"]"#), body(vec![name("a.b"), name(r#"it's "\"#)]));
    assert_eq!(
        parse("$.größe.$ref.a-b._id"),
        body(vec![name("größe"), name("$ref"), name("a-b"), name("_id")])
    );
    assert_eq!(parse("header:X-Api-Key"), Ok(Rule::Header("x-api-key".into())));
    assert_eq!(parse("query:Email"), Ok(Rule::Query("email".into())));
}

#[test]
fn rules_that_are_not_say_why() {
    for (rule, why) in [
        ("", "begins with neither"),
        ("user.email", "begins with neither"),
        ("header:", "not the name of a field"),
        ("header:a b", "not the name of a field"),
        ("query:", "missing"),
        ("$.", "name is missing"),
        ("$..", "name is missing"),
        ("$...a", "name is missing"),
        ("$.a..", "name is missing"),
        ("$user", "expected"),
        ("$.a b", "['a b']"),
        ("$.a,b", "must be written"),
        ("$.[0]", "name is missing"),
        ("$[", "`]` is missing"),
        ("$[0", "`]` is missing"),
        ("$[-1]", "not supported"),
        ("$[+1]", "not supported"),
        ("$[1:2]", "not supported"),
        ("$[?(@.a)]", "not supported"),
        ("$[99999999999999999999]", "not supported"),
        ("$['a]", "quote is missing"),
        ("$['a'", "`]` is missing"),
        ("$['a\\n']", "after `\\`"),
        ("$['a\\", "after `\\`"),
    ] {
        let said = parse(rule).unwrap_err();
        assert!(said.contains(why), "{rule}: {said}");
    }
    assert!(parse(&format!("$.{}", "a".repeat(2000))).unwrap_err().contains("longer"));
    assert!(
        parse(&"$".chars().chain(".a".repeat(65).chars()).collect::<String>()).unwrap_err().contains("steps")
    );
}

#[test]
fn pointers_are_taken_apart() {
    let text = |s: &str| Segment::Text(s.to_owned());
    assert_eq!(Segment::of_pointer(""), []);
    assert_eq!(Segment::of_pointer("/a/0/b~1c~0d/"), [text("a"), text("0"), text("b/c~d"), text("")]);
    assert_eq!(parse_path("$.a[*]['b.c'][2]").unwrap(), [text("a"), Segment::Any, text("b.c"), text("2")]);
    assert_eq!(parse_path("status"), None);
    assert_eq!(parse_path("$ nonsense"), None);
}

proptest! {
    #[test]
    fn nothing_panics(rule in "\\PC{0,40}|[$.\\[\\]'\"*a0\\\\:]{0,40}") {
        drop(parse(&rule));
        drop(parse_path(&rule));
        drop(Segment::of_pointer(&rule));
    }

    #[test]
    fn any_name_can_be_quoted(name in "\\PC{1,20}") {
        let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
        prop_assert_eq!(parse(&format!("$['{quoted}']")), Ok(Rule::Body(vec![Step::Name(name)])));
    }
}
