//! Text that nobody would write by hand: bounds, deep nesting, floods, and anything at all.

use proptest::prelude::*;

use super::tests::{BASE, SHADOW, config, titles};
use super::{Config, Level, limits};

#[test]
fn routes_lists_and_names_have_bounds() {
    let routes = |n: usize| {
        (0..n)
            .map(|n| format!("[[route]]\nname = \"r{n}\"\nmatch = {{ path = \"/{n}\" }}\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    assert_eq!(config(&routes(64)).routes.routes.len(), 64);
    assert_eq!(titles(&format!("{BASE}{SHADOW}{}", routes(65)))[0], "too many routes");
    assert_eq!(titles(&format!("{BASE}{SHADOW}{}", routes(300))), ["`route` has too many items"]);
    let long = format!("{BASE}{SHADOW}[[route]]\nname = \"{}\"", "n".repeat(65));
    assert_eq!(titles(&long), ["`route[0].name` is not a usable text"]);
    let many = format!("{BASE}{SHADOW}[compare]\nignore = [{}]", "\"$.a\",".repeat(257));
    assert_eq!(titles(&many), ["`compare.ignore` has too many items"]);
}

#[test]
fn hostile_rules_are_refused_before_a_recursive_parser_sees_them() {
    for rule in [
        format!("$[?({}1{})]", "(".repeat(200), ")".repeat(200)),
        format!("${}", "[?@".repeat(100)),
        format!("$[?{}@.a]", "!".repeat(300)),
        format!("$.{}", "a".repeat(600)),
        format!("/{}", "a/".repeat(600)),
    ] {
        let text = format!(
            "{BASE}{SHADOW}[compare]\nignore = [{rule:?}]\nredact = [{rule:?}]\nendpoints = [{rule:?}]"
        );
        assert_eq!(titles(&text).len(), 3, "{rule}");
    }
}

#[test]
fn a_file_of_nothing_but_unknown_keys_is_answered_in_bounded_time() {
    let text = (0..5_000).map(|n| format!("key_{n} = 1")).collect::<Vec<_>>().join("\n");
    let problems = Config::from_text("t", &text).unwrap_err();
    assert!(problems.len() <= limits::PROBLEMS_KEPT + 10);
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("a = {}{}", "[".repeat(20_000), "]".repeat(20_000));
    assert!(titles(&text).contains(&"this is not TOML".to_owned()));
    let text = format!("[{}]\n", vec!["a"; 20_000].join("."));
    assert!(!titles(&text).is_empty());
}

/// Names and values that this config knows, and some that break it.
#[rustfmt::skip]
const NAMES: [&str; 29] = [
    "listen", "stable", "shadow", "control", "mirror", "compare", "route", "records", "admin", "address", "url",
    "percent", "headers", "match", "path", "methods", "hosts", "token", "ignore", "seed", "memory", "name", "set",
    "timeout", "sample_by", "mark", "tls", "redact", "endpoints",
];
#[rustfmt::skip]
const VALUES: [&str; 21] = [
    "5", "-1", "0.5", "nan", "true", "\"127.0.0.1:8080\"", "\"http://127.0.0.1:9001\"", "\"10s\"", "\"64KiB\"",
    "[\"GET\"]", "[]", "{}", "{ a = 1 }", "\"$..a[?@.b]\"", "\"/a/{b}\"", "\"header:x\"", "[[1]]", "1979-05-27",
    "99999999999999999999999", "\"99999999999999EiB\"", "\"\"",
];

/// Text that is TOML more often than chance would have it.
fn toml_like() -> impl Strategy<Value = String> {
    let known = |all: &'static [&str]| prop::sample::select(all).prop_map(str::to_owned);
    let name = prop_oneof![known(&NAMES), "[a-z_\"]{0,8}"];
    let value = prop_oneof![known(&VALUES), "\"[ -~äß€]{0,12}\"", "[0-9.eE+_-]{1,8}", ".{0,8}"];
    let line = prop_oneof![
        (name.clone(), value).prop_map(|(name, value)| format!("{name} = {value}")),
        name.clone().prop_map(|name| format!("[{name}]")),
        name.clone().prop_map(|name| format!("[[{name}]]")),
        (name.clone(), name).prop_map(|(a, b)| format!("[{a}.{b}]")),
        ".{0,12}",
    ];
    prop::collection::vec(line, 0..24).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_it_panic(text in toml_like()) {
        match Config::from_text("t", &text) {
            Ok((config, warnings)) => {
                prop_assert!(!config.routes.routes.is_empty());
                prop_assert!(!warnings.render(true).is_empty());
            }
            Err(problems) => {
                prop_assert!(problems.iter().any(|p| p.level == Level::Error));
                prop_assert!(!problems.render(true).is_empty());
            }
        }
    }

    #[test]
    fn a_whole_config_with_any_more_text_does_not_panic(text in toml_like()) {
        let read = Config::from_text("t", &format!("{BASE}{SHADOW}{text}"));
        if let Err(problems) = read {
            prop_assert!(!problems.render(false).is_empty());
        }
    }

    #[test]
    fn a_token_is_in_no_output(tail in ".{0,20}", token in "[a-z]{24}") {
        let text = format!("{BASE}[admin]\ntoken = \"{token}\"\n{tail}");
        let shown = match Config::from_text("t", &text) {
            Ok((config, warnings)) => format!("{}{warnings}{config:?}", config.masked()),
            Err(problems) => problems.to_string(),
        };
        prop_assert!(!shown.contains(&token), "{}", shown);
    }
}
