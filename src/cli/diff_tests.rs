//! Two files, as people compare them by hand.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use serde_json::Value;

use super::*;
use crate::model::{Kind, Part, Severity};

fn rules_of_nobody() -> Rules {
    Rules::compile(compare::Settings::default()).unwrap()
}

fn found(stable: &str, shadow: &str) -> Comparison {
    compare::compare_bodies(
        stable.as_bytes(),
        shadow.as_bytes(),
        Some("application/json"),
        &rules_of_nobody(),
    )
}

fn args(stable: &Path, shadow: &Path) -> Args {
    Args {
        stable: stable.to_owned(),
        shadow: shadow.to_owned(),
        file: ConfigFile::default(),
        route: None,
        media: None,
        format: Format::Json,
    }
}

#[test]
fn the_json_is_the_documented_one() {
    let shown: Value =
        serde_json::from_str(&json(&found("{\"a\":1,\"b\":2}", "{\"a\":\"1\"}")).unwrap()).unwrap();
    assert_eq!(shown["equal"], false);
    assert_eq!(shown["omitted"], 0);
    let differences = shown["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 2);
    let a = differences.iter().find(|d| d["path"] == "$.a").unwrap();
    assert_eq!((&a["pointer"], &a["part"], &a["kind"]), (&"/a".into(), &"body".into(), &"type".into()));
    assert_eq!((&a["stable"], &a["shadow"]), (&"1".into(), &"\"1\"".into()));
    let b = differences.iter().find(|d| d["path"] == "$.b").unwrap();
    assert_eq!((&b["kind"], &b["shadow"]), (&"missing".into(), &Value::Null));
    let equal: Value = serde_json::from_str(&json(&found("[1]", "[ 1 ]")).unwrap()).unwrap();
    assert_eq!((&equal["equal"], equal["differences"].as_array().unwrap().len()), (&true.into(), 0));
}

#[test]
fn the_text_counts_and_shows_both_sides() {
    assert_eq!(text(&found("1", "1"), true), "equal\n");
    let one = text(&found("{\"a\":1}", "{}"), false);
    assert_eq!(one, "$.a  missing  at /a\n  - stable: 1\n  + shadow: (nothing)\n1 difference\n");
    let coloured = text(&found("{\"a\":1}", "{}"), true);
    assert!(coloured.contains("\x1b[31m- stable") && coloured.contains("\x1b[0m"));
}

#[test]
fn what_was_not_kept_is_said_and_no_value_can_steer_a_terminal() {
    let difference = Difference {
        path: "$.a".into(),
        pointer: String::new(),
        part: Part::Body,
        kind: Kind::Value,
        severity: Severity::Medium,
        stable: Some("\x1b]0;owned\x07".into()),
        shadow: Some("line\nbreak".into()),
    };
    let mut found = found("1", "2");
    (found.differences, found.omitted) = (vec![difference], 41);
    let shown = text(&found, false);
    assert!(!shown.contains('\x1b') && !shown.contains('\x07'), "{shown:?}");
    assert_eq!(shown.lines().count(), 4, "{shown:?}");
    assert!(shown.ends_with("42 differences, 41 of them not shown\n"), "{shown}");
}

#[test]
fn the_extension_says_the_type_in_any_case() {
    for (name, media) in [
        ("a.json", Some("application/json")),
        ("A.JSON", Some("application/json")),
        ("a.csv", Some("text/plain")),
        ("a.htm", Some("text/html")),
        ("a.xml", Some("application/xml")),
        ("a.tar.gz", None),
        ("json", None),
        (".json", None),
    ] {
        assert_eq!(by_extension(Path::new(name)), media, "{name}");
    }
}

#[test]
fn files_that_cannot_be_read_are_failures_that_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let (here, gone) = (folder.path().join("a.json"), folder.path().join("gone.json"));
    fs::write(&here, "{}").unwrap();
    let error = run(&args(&here, &gone)).unwrap_err();
    assert!(matches!(&error, CliError::Failed(why) if why.contains("gone.json")), "{error}");
    assert!(matches!(run(&args(folder.path(), &here)), Err(CliError::Failed(_))), "a folder is no body");
}

#[test]
fn the_rules_are_those_of_the_route_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u.toml");
    let text = "[listen]\naddress = \"127.0.0.1:8080\"\n[stable]\nurl = \"http://127.0.0.1:9001\"\n\
                [shadow]\nurl = \"http://127.0.0.1:9002\"\n[mirror]\npercent = 5\n\
                [[route]]\nname = \"first\"\nmatch = { path = \"/a\" }\n\
                [[route]]\nname = \"second\"\ncompare = { ignore = [\"$.id\"] }\n";
    fs::write(&path, text).unwrap();
    let of = |route: Option<&str>| {
        let file = ConfigFile { config: Some(path.clone()) };
        rules(&Args { file, route: route.map(str::to_owned), ..args(&path, &path) })
    };
    assert_eq!(of(Some("second")).unwrap().settings().ignored_paths, ["$.id"]);
    assert!(of(Some("first")).unwrap().settings().ignored_paths.is_empty());
    assert!(of(None).unwrap().settings().ignored_paths.is_empty(), "without a name the first");
    assert!(matches!(of(Some("third")), Err(CliError::Usage(why)) if why.contains("'third'")));
    let written = text.replace("ignore = [\"$.id\"]", "numbers = \"written\"");
    fs::write(&path, written).unwrap();
    let kinds = |route: &str| {
        let rules = of(Some(route)).unwrap();
        let found = compare::compare_bodies(b"[1,2,\"3\"]", b"[1.0,2,3]", Some("application/json"), &rules);
        found.differences.iter().map(|d| (d.pointer.clone(), d.kind)).collect::<Vec<_>>()
    };
    let of_type = ("/2".to_owned(), Kind::Type);
    assert_eq!(kinds("first"), std::slice::from_ref(&of_type));
    assert_eq!(kinds("second"), [("/0".to_owned(), Kind::Value), of_type]);
    fs::write(&path, text.split("[shadow]").next().unwrap()).unwrap();
    assert!(matches!(of(None), Err(CliError::Failed(_) | CliError::Usage(_))), "no shadow, no rules");
}
