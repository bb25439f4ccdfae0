//! Whatever fields a client sends, what is forwarded is end to end, says who asked once in each field, and has lost nothing
//! of value.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::fixture::{all, map, prepared, settings, snapshot};
use super::*;
use crate::live::settings::{Forwarded, IdentitySettings, RequestId, Trace, Via};

const ONE_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "upgrade", "expect", "umbrage-shadow"];

/// Names that matter to a gateway, and some that do not.
const NAMES: [&str; 36] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "upgrade",
    "transfer-encoding",
    "trailer",
    "expect",
    "host",
    "authorization",
    "cookie",
    "content-length",
    "content-type",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x_forwarded_for",
    "x-forwarded.proto",
    "x-real-ip",
    "x_real_ip",
    "client-ip",
    "forwarded",
    "via",
    "max-forwards",
    "x-request-id",
    "x_request_id",
    "x.request.id",
    "traceparent",
    "tracestate",
    "umbrage-shadow",
    "x-private",
    "x-kept",
    "accept",
    "range",
];

/// Claims of who asked that no stranger may make.
const CLAIMS: [&str; 7] = [
    "x-forwarded-prefix",
    "x-real-ip",
    "client-ip",
    "x_forwarded_for",
    "x-forwarded.proto",
    "x_real_ip",
    "x_request_id",
];
/// Spellings that nobody may use.
const ALIASES: [&str; 5] =
    ["x_forwarded_for", "x-forwarded.proto", "x_real_ip", "x_request_id", "x.request.id"];
/// What no `Connection` may take away, and nothing of ours changes.
const OF_THE_MESSAGE: [&str; 6] =
    ["host", "authorization", "cookie", "content-length", "content-type", "max-forwards"];

fn value() -> impl Strategy<Value = String> {
    let named = prop::collection::vec(prop::sample::select(NAMES.to_vec()), 0..4)
        .prop_map(|names| names.join(", "))
        .boxed();
    prop_oneof![
        4 => named,
        1 => "[ -~]{0,20}",
        1 => Just("trailers".to_owned()),
        1 => Just("chunked".to_owned()),
        1 => Just("close, TE,,  X-Private ;".to_owned()),
        1 => Just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        1 => Just("1.1 umbrage-b2, 1.0 fred".to_owned()),
        1 => "[a-z0-9-]{1,12}",
    ]
}

fn sent() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..20)
}

fn policies() -> impl Strategy<Value = IdentitySettings> {
    let forwarded = prop::sample::select(vec![Forwarded::XForwarded, Forwarded::Rfc7239, Forwarded::Both]);
    let via = prop::sample::select(vec![Via::Requests, Via::Both, Via::Off]);
    let id = prop::sample::select(vec![RequestId::Trusted, RequestId::Keep, RequestId::Make, RequestId::Off]);
    let trace = prop::sample::select(vec![Trace::Propagate, Trace::Pass, Trace::Off]);
    (forwarded, via, id, trace).prop_map(|(forwarded, via, request_id, trace)| IdentitySettings {
        forwarded,
        via,
        request_id,
        trace,
        ..settings()
    })
}

fn fields(pairs: &[(&'static str, String)]) -> HeaderMap {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    map(&pairs)
}

/// Each field that is ours to write is there exactly once, and ends in our word.
fn assert_identity(before: &HeaderMap, after: &HeaderMap, policy: &IdentitySettings, trusted: bool) {
    let once = |name: &str, ends: &str| {
        let lines = all(after, name);
        assert!(lines.len() == 1 && lines[0].ends_with(ends), "{name}: {lines:?}");
    };
    if policy.forwarded != Forwarded::Rfc7239 {
        once("x-forwarded-for", "10.1.2.3");
        once("x-forwarded-proto", if trusted { "" } else { "http" });
        once("x-forwarded-port", if trusted { "" } else { "8080" });
        let hosts = all(after, "x-forwarded-host");
        let known = before.contains_key("host") || (trusted && before.contains_key("x-forwarded-host"));
        assert_eq!(hosts.len(), usize::from(known), "{hosts:?}");
    }
    if policy.forwarded != Forwarded::XForwarded {
        once("forwarded", "proto=http");
    }
    if policy.via == Via::Off {
        assert_eq!(all(after, "via"), all(before, "via"));
    } else {
        once("via", "1.1 umbrage-a1");
    }
    if policy.request_id == RequestId::Off {
        assert_eq!(all(after, "x-request-id"), all(before, "x-request-id"));
    } else {
        once("x-request-id", "");
    }
    let parents = all(after, "traceparent");
    match policy.trace {
        Trace::Pass => assert_eq!(parents, all(before, "traceparent")),
        Trace::Off => assert!(parents.is_empty()),
        Trace::Propagate => {
            assert!(
                parents.len() <= 1 && parents.iter().all(|p| TraceContext::parse(p.as_bytes()).is_some())
            );
            assert!(!parents.is_empty() || !after.contains_key("tracestate"), "a state without its trace");
        }
    }
}

/// Of a stranger's claims nothing is left; of an alias's nothing in any case.
fn assert_unbelieved(after: &HeaderMap, policy: &IdentitySettings, trusted: bool) {
    for alias in ALIASES {
        assert!(!after.contains_key(alias), "{alias} got through");
    }
    if trusted {
        return;
    }
    for claim in CLAIMS {
        assert!(!after.contains_key(claim), "{claim} got through");
    }
    let absent: &[&str] = match policy.forwarded {
        Forwarded::XForwarded => &["forwarded"],
        Forwarded::Rfc7239 => {
            &["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"]
        }
        Forwarded::Both => &[],
    };
    for name in absent {
        assert!(!after.contains_key(*name), "{name} got through");
    }
    if policy.forwarded != Forwarded::Rfc7239 {
        assert_eq!(all(after, "x-forwarded-for"), ["10.1.2.3"]);
        assert_eq!(all(after, "x-forwarded-host").first(), all(after, "host").first());
    }
}

proptest! {
    #[test]
    fn a_request_is_end_to_end_whole_and_says_who_asked(pairs in sent(), trusted in any::<bool>(), policy in policies()) {
        let before = fields(&pairs);
        let mut after = before.clone();
        let snapshot = snapshot(&policy, if trusted { &["10.0.0.0/8"] } else { &[] });
        let said = prepared(&mut after, &snapshot);
        prop_assert_eq!(said.marked, before.contains_key(MARK));
        prop_assert_eq!(said.upgrade, before.contains_key("upgrade"));
        for name in ONE_HOP {
            prop_assert!(!after.contains_key(name), "{} got through", name);
        }
        // Allowed to stay, in one form each.
        prop_assert!(all(&after, "te").iter().all(|v| *v == "trailers"));
        let chunked = all(&after, "transfer-encoding");
        prop_assert_eq!(chunked.len(), usize::from(before.contains_key("transfer-encoding")));
        prop_assert!(chunked.iter().all(|v| *v == "chunked"));
        for name in OF_THE_MESSAGE {
            prop_assert_eq!(all(&after, name), all(&before, name), "{}", name);
        }
        assert_identity(&before, &after, &policy, trusted);
        assert_unbelieved(&after, &policy, trusted);
    }

    #[test]
    fn a_second_hop_adds_its_own_and_changes_no_other(pairs in sent()) {
        let mut once = fields(&pairs);
        prepared(&mut once, &snapshot(&settings(), &[]));
        let mut twice = once.clone();
        let next = IdentitySettings { instance: Some("b2".into()), ..settings() };
        prepared(&mut twice, &snapshot(&next, &["10.0.0.0/8"]));
        let via = format!("{}, 1.1 umbrage-b2", all(&once, "via")[0]);
        prop_assert_eq!(all(&twice, "via"), [via]);
        prop_assert_eq!(all(&twice, "x-forwarded-for"), ["10.1.2.3, 10.1.2.3"]);
        let changing = ["via", "x-forwarded-for", "traceparent"];
        for name in NAMES.into_iter().filter(|name| !changing.contains(name)) {
            prop_assert_eq!(all(&twice, name), all(&once, name), "{}", name);
        }
    }

    #[test]
    fn a_field_that_nobody_names_survives_in_its_order(pairs in sent(), kept in prop::collection::vec("[a-z]{1,9}", 1..5)) {
        let mut map = fields(&pairs);
        for value in &kept {
            map.append("x-nobody-names-it", HeaderValue::from_str(value).unwrap());
        }
        prepared(&mut map, &snapshot(&settings(), &[]));
        prop_assert_eq!(all(&map, "x-nobody-names-it"), kept);
    }

    #[test]
    fn a_response_is_end_to_end_and_whole(pairs in sent()) {
        let before = fields(&pairs);
        let mut after = before.clone();
        prepare_response(&mut after);
        for name in ["connection", "keep-alive", "proxy-connection", "upgrade", "transfer-encoding"] {
            prop_assert!(!after.contains_key(name), "{} got through", name);
        }
        // Chunks override a length.
        let chunked = before.contains_key("transfer-encoding");
        let length = if chunked { Vec::new() } else { all(&before, "content-length") };
        prop_assert_eq!(all(&after, "content-length"), length);
        prop_assert_eq!(all(&after, "content-type"), all(&before, "content-type"));
    }
}
