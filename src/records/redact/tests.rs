//! The redactor as a whole: fields, differences, equality, errors.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::records::fixtures::difference;

fn redactor(rules: &[&str]) -> Redactor {
    let rules: Vec<String> = rules.iter().map(|&r| r.to_owned()).collect();
    Redactor::new([9; 32], &rules).unwrap()
}

#[test]
fn what_is_shown_has_one_form() {
    let shown = Hasher([9; 32]).replace("value");
    let digits = shown.strip_prefix("redacted:").unwrap();
    assert!(digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{shown}");
    assert_eq!(Hasher([9; 32]).replace(&shown), shown, "once is enough");
    assert_ne!(Hasher([9; 32]).replace("redacted:secret"), "redacted:secret");
    assert_ne!(shown, Hasher([8; 32]).replace("value"), "another key, another hash");
    assert_eq!(format!("{:?}", Hasher([9; 32])), "Hasher(***)");
    assert!(!format!("{:?}", redactor(&[])).contains('9'), "the key is never printed");
}

#[test]
fn fields_are_redacted_by_name() {
    let r = redactor(&["header:X-Tenant"]);
    let h = |value: &str| r.hasher.replace(value);
    for name in [
        "Authorization",
        "proxy-authorization",
        "x-api-key",
        "X-TENANT",
        "x-csrf-token",
        "X-Hub-Signature-256",
    ] {
        assert_eq!(r.field(name, "Bearer abc"), h("Bearer abc"), "{name}");
    }
    assert_eq!(r.field("Cookie", "a=1; b=2"), format!("a={}; b={}", h("1"), h("2")));
    assert_eq!(r.field("Set-Cookie", "a=1; Path=/"), format!("a={}; Path=/", h("1")));
    assert_eq!(r.field("location", "/x?token=a\"b"), format!("/x?token={}", h("a\"b")));
    assert_eq!(r.field("link", "</x?token=ab>; rel=next"), format!("</x?token={}>; rel=next", h("ab")));
    for name in ["accept", "content-type", "etag", "x-request-id"] {
        assert_eq!(r.field(name, "text/html; q=0.5"), "text/html; q=0.5");
    }
    assert_eq!(r.target("/x?sig=1"), format!("/x?sig={}", h("1")));
}

#[test]
fn differences_are_redacted_by_the_same_rules() {
    let r = redactor(&["$.user.email", "header:x-tenant"]);
    let h = |value: &str| r.hasher.replace(value);
    let shown = |path: &str, pointer: &str, part, value: &str| {
        let got = r
            .difference(&Difference { pointer: pointer.into(), ..difference(path, part, value, "shadow's") });
        assert_eq!((got.path.as_str(), got.pointer.as_str()), (path, pointer));
        got.stable.unwrap()
    };
    assert_eq!(shown("status", "", Part::Status, "200"), "200");
    for path in [
        "header:authorization",
        "header:X-Tenant",
        "header:set-cookie[session]",
        "header:cookie",
        "trailer:x-tenant",
    ] {
        let part = if path.starts_with("trailer") { Part::Trailer } else { Part::Header };
        assert_eq!(shown(path, "", part, "v"), h("v"), "{path}");
    }
    assert_eq!(shown("header:location", "", Part::Header, "/?token=v"), format!("/?token={}", h("v")));
    assert_eq!(shown("header:etag", "", Part::Header, "v"), "v");
    assert_eq!(shown("$.user.email", "/user/email", Part::Body, "\"v\""), h("v"));
    assert_eq!(shown("$.user.name", "/user/name", Part::Body, "\"v\""), "\"v\"");
    assert_eq!(
        shown("$.user", "/user", Part::Body, "{\"email\":\"v\"}"),
        format!("{{\"email\":\"{}\"}}", h("v"))
    );
    // The path alone could be read as the member `user.email`, the pointer cannot.
    assert_eq!(shown("$.odd", "/user/email", Part::Body, "v"), h("v"));
    for (path, pointer) in [("body", "line 3"), ("$", "line 3"), ("$", "byte 17"), ("line", "")] {
        assert_eq!(
            shown(path, pointer, Part::Body, "a@b"),
            h("a@b"),
            "no JSON, so the rules cannot be applied"
        );
    }
    let none = r.difference(&Difference {
        stable: None,
        shadow: None,
        ..difference("$.user.email", Part::Body, "", "")
    });
    assert_eq!((none.stable, none.shadow), (None, None));
}

#[test]
fn without_paths_only_urls_are_looked_at_in_bodies() {
    let r = redactor(&[]);
    let got = r.difference(&difference("body", Part::Body, "a line", "see /x?token=v"));
    assert_eq!(got.stable.unwrap(), "a line");
    assert_eq!(got.shadow.unwrap(), format!("see /x?token={}", r.hasher.replace("v")));
}

#[test]
fn every_bad_rule_is_reported() {
    let rules = ["$.ok".to_owned(), "bad".to_owned(), "header:".to_owned()];
    let errors = Redactor::new([0; 32], &rules).unwrap_err();
    assert_eq!(errors.iter().map(|e| e.rule.as_str()).collect::<Vec<_>>(), ["bad", "header:"]);
    assert!(errors[0].to_string().starts_with("\"bad\": "), "{}", errors[0]);
    assert!(Redactor::check("$.ok").is_ok());
    assert!(Redactor::check("bad").unwrap_err().contains("begins with"));
}

proptest! {
    #[test]
    fn equal_values_stay_equal_and_others_do_not(a in "\\PC{1,40}", b in "\\PC{1,40}") {
        let r = redactor(&[]);
        prop_assert_eq!(a == b, r.field("authorization", &a) == r.field("authorization", &b));
    }

    #[test]
    fn no_secret_in_a_field_passes(
        secret in "[A-Za-z0-9+/=._-]{8,40}",
        name in prop::sample::select(vec!["authorization", "proxy-authorization", "x-api-key", "cookie", "set-cookie"]),
    ) {
        let r = redactor(&[]);
        let value = if name.ends_with("cookie") { format!("a={secret}; Path=/") } else { format!("Bearer {secret}") };
        prop_assert!(!r.field(name, &value).contains(&secret));
        let path = format!("header:{name}[a]");
        let got = r.difference(&difference(&path, Part::Header, &value, &secret));
        let shown = format!("{got:?}");
        prop_assert!(!shown.contains(&secret));
    }

    #[test]
    fn any_field_is_survived(name in "\\PC{0,20}", value in "\\PC{0,60}", path in "\\PC{0,30}", pointer in "\\PC{0,30}") {
        let r = redactor(&["$..a", "header:x"]);
        drop(r.field(&name, &value));
        for part in [Part::Status, Part::Header, Part::Body, Part::Trailer] {
            drop(r.difference(&Difference { pointer: pointer.clone(), ..difference(&path, part, &value, &name) }));
        }
    }
}
