//! Properties that hold for every input.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::answer;
use super::*;
use crate::model::{Difference, Verdict};

fn rules(paths: &[&str]) -> Rules {
    let ignored_paths = paths.iter().map(|&path| path.to_owned()).collect();
    Rules::compile(Settings { ignored_paths, ..Settings::default() }).unwrap()
}

fn json_bodies(stable: &str, other: &str, rules: &Rules) -> Comparison {
    compare_bodies(stable.as_bytes(), other.as_bytes(), Some("application/json"), rules)
}

/// Few names and values, so that two documents have much in common.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop::sample::select(vec![
        json!(0),
        json!(1),
        json!(1.5),
        json!("1"),
        json!(""),
        json!(null),
        json!(true),
        json!(false),
    ]);
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[abc]|x y", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The document with the members of every object in reverse, and with spaces.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .rev()
                .map(|(name, value)| format!("{} : {}", json!(name), reversed(value)))
                .collect();
            format!("{{ {} }}", members.join(" , "))
        }
        Value::Array(items) => format!("[ {} ]", items.iter().map(reversed).collect::<Vec<_>>().join(" , ")),
        other => other.to_string(),
    }
}

/// The same difference as seen from the other side.
fn swapped(difference: &Difference) -> (String, Kind, Option<String>, Option<String>) {
    let kind = match difference.kind {
        Kind::Missing => Kind::Added,
        Kind::Added => Kind::Missing,
        kind => kind,
    };
    (difference.path.clone(), kind, difference.shadow.clone(), difference.stable.clone())
}

fn seen(difference: &Difference) -> (String, Kind, Option<String>, Option<String>) {
    (difference.path.clone(), difference.kind, difference.stable.clone(), difference.shadow.clone())
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// The document without the members of one name, wherever they are.
fn without(value: &Value, name: &str) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, _)| *key != name);
            Value::Object(kept.map(|(key, value)| (key.clone(), without(value, name))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| without(item, name)).collect()),
        other => other.clone(),
    }
}

fn media_type() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![
        None,
        Some("application/json"),
        Some("text/plain"),
        Some("image/png"),
        Some("text/html"),
        Some("nonsense"),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_document_equals_itself(value in document()) {
        let comparison = json_bodies(&value.to_string(), &reversed(&value), &rules(&[]));
        prop_assert_eq!(comparison.verdict, Verdict::Match, "{:?}", comparison.differences);
        let ruled = json_bodies(&value.to_string(), &reversed(&value), &rules(&["$..a", "$[0]", "$.b[?@.c == 1]"]));
        prop_assert_eq!(ruled.verdict, Verdict::Match);
        prop_assert!(ruled.hidden.iter().all(|&hidden| hidden == 0));
    }

    #[test]
    fn the_verdict_is_equality(a in document(), b in document()) {
        let comparison = json_bodies(&a.to_string(), &b.to_string(), &rules(&[]));
        prop_assert_eq!(comparison.verdict == Verdict::Match, a == b, "{:?}", comparison.differences);
    }

    #[test]
    fn the_order_of_names_never_matters(a in document(), b in document()) {
        let all = |c: Comparison| sorted(c.differences.iter().map(|d| (d.pointer.clone(), d.kind)).collect());
        let plain = json_bodies(&a.to_string(), &b.to_string(), &rules(&[]));
        let other = json_bodies(&reversed(&a), &b.to_string(), &rules(&[]));
        prop_assert_eq!(all(plain), all(other));
    }

    #[test]
    fn swapping_the_roles_swaps_the_kinds(a in document(), b in document()) {
        let there = json_bodies(&a.to_string(), &b.to_string(), &rules(&[]));
        let back = json_bodies(&b.to_string(), &a.to_string(), &rules(&[]));
        prop_assert_eq!(
            sorted(there.differences.iter().map(seen).collect()),
            sorted(back.differences.iter().map(swapped).collect())
        );
    }

    #[test]
    fn ignoring_a_name_is_as_if_it_were_never_there(a in document(), b in document()) {
        let ignored = json_bodies(&a.to_string(), &b.to_string(), &rules(&["$..a"]));
        let removed = json_bodies(&without(&a, "a").to_string(), &without(&b, "a").to_string(), &rules(&[]));
        let all = |c: &Comparison| sorted(c.differences.iter().map(|d| (d.path.clone(), d.pointer.clone(), d.kind)).collect());
        prop_assert_eq!(all(&ignored), all(&removed));
    }

    #[test]
    fn ignoring_a_member_removes_exactly_what_lies_under_it(a in document(), b in document()) {
        let (a, b) = (json!({"a": a, "k": 1}), json!({"a": b, "k": 2}));
        let plain = json_bodies(&a.to_string(), &b.to_string(), &rules(&[]));
        let ignored = json_bodies(&a.to_string(), &b.to_string(), &rules(&["$.a"]));
        let kept: Vec<_> = plain.differences.iter().filter(|d| d.pointer != "/a" && !d.pointer.starts_with("/a/")).cloned().collect();
        prop_assert_eq!(&ignored.differences, &kept);
        let hidden = plain.differences.len() + plain.omitted - kept.len();
        prop_assert_eq!(ignored.hidden.iter().sum::<u32>() as usize, hidden);
    }

    #[test]
    fn a_pointer_finds_the_values_shown(a in document(), b in document()) {
        for difference in json_bodies(&a.to_string(), &b.to_string(), &rules(&[])).differences {
            let (left, right) = (a.pointer(&difference.pointer), b.pointer(&difference.pointer));
            prop_assert_eq!(left.is_some(), difference.stable.is_some());
            prop_assert_eq!(right.is_some(), difference.shadow.is_some());
            if difference.kind == Kind::Value {
                let text = left.map(ToString::to_string);
                prop_assert_eq!(difference.stable, text);
            }
        }
    }

    #[test]
    fn the_same_input_gives_the_same_output(a in document(), b in document()) {
        let (a, b) = (a.to_string(), b.to_string());
        prop_assert_eq!(json_bodies(&a, &b, &rules(&["$..b"])), json_bodies(&a, &b, &rules(&["$..b"])));
    }

    #[test]
    fn any_bytes_equal_themselves_and_never_panic(
        a in prop::collection::vec(any::<u8>(), 0..100),
        b in prop::collection::vec(any::<u8>(), 0..100),
        media_type in media_type(),
        encoding in prop::sample::select(vec!["identity", "gzip", "deflate", "br", "zstd", "gzip, br", "odd"]),
    ) {
        let rules = rules(&["$..a"]);
        prop_assert_eq!(compare_bodies(&a, &a, media_type, &rules).verdict, Verdict::Match);
        let comparison = compare_bodies(&a, &b, media_type, &rules);
        prop_assert!(a == b || comparison.verdict != Verdict::Incomparable);
        let mut head = vec![("content-encoding", encoding)];
        head.extend(media_type.map(|media_type| ("content-type", media_type)));
        let _ = compare(&answer(&head, a), &answer(&head, b), &rules);
    }

    #[test]
    fn any_texts_are_told_apart(a in "[ab\n]{0,12}", b in "[ab\n]{0,12}") {
        let comparison = compare_bodies(a.as_bytes(), b.as_bytes(), Some("text/plain"), &rules(&[]));
        prop_assert_eq!(comparison.verdict == Verdict::Match, a == b);
        let back = compare_bodies(b.as_bytes(), a.as_bytes(), Some("text/plain"), &rules(&[]));
        prop_assert_eq!(comparison.differences.is_empty(), back.differences.is_empty());
    }

    #[test]
    fn fields_equal_themselves_in_any_order(pairs in prop::collection::vec(("x-[abc]", "[01]{0,2}"), 0..6), turn in 0usize..6) {
        let forward: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut by_name = forward.clone();
        by_name.sort_by_key(|pair| pair.0);
        let at = turn.min(by_name.len());
        // Names may come in any order, the values of one name only in theirs: the sort is stable, the cut between names.
        let at = (at..by_name.len()).find(|&at| at == 0 || by_name[at].0 != by_name[at - 1].0).unwrap_or(0);
        by_name.rotate_left(at);
        prop_assert_eq!(compare(&answer(&forward, ""), &answer(&by_name, ""), &rules(&[])).verdict, Verdict::Match);
    }
}
