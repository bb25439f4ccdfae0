//! Whatever fields a client sends, what is forwarded is end to end, says who asked, and has lost nothing of value.
#![allow(clippy::unwrap_used)]

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn prepared(fields: &mut HeaderMap, peer: &Peer, trusted: &[IpNet], mark: &HeaderName) -> Said {
    let survey = Survey::of(fields, Some(mark));
    prepare_request(fields, peer, trusted, mark, survey)
}

fn peer(client: &str) -> Peer {
    Peer::new(client.parse().unwrap())
}

const ONE_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "upgrade", "expect", "umbrage-shadow"];

/// Names that matter to a gateway, and some that do not.
const NAMES: [&str; 21] = [
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
    "forwarded",
    "umbrage-shadow",
    "x-private",
    "x-kept",
    "accept",
];

fn value() -> impl Strategy<Value = String> {
    let named = prop::collection::vec(prop::sample::select(NAMES.to_vec()), 0..4)
        .prop_map(|names| names.join(", "))
        .boxed();
    prop_oneof![
        3 => named,
        1 => "[ -~]{0,20}",
        1 => Just("trailers".to_owned()),
        1 => Just("chunked".to_owned()),
        1 => Just("close, TE,,  X-Private ;".to_owned()),
    ]
}

fn sent() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..16)
}

fn map(pairs: &[(&'static str, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn all(map: &HeaderMap, name: &str) -> Vec<HeaderValue> {
    map.get_all(name).iter().cloned().collect()
}

proptest! {
    #[test]
    fn a_request_is_end_to_end_and_whole(pairs in sent(), trusted in any::<bool>()) {
        let before = map(&pairs);
        let mut after = before.clone();
        let peer = peer("10.1.2.3:5000");
        let trusted: Vec<IpNet> = if trusted { vec!["10.0.0.0/8".parse().unwrap()] } else { Vec::new() };
        let said = prepared(&mut after, &peer, &trusted, &MARK);
        prop_assert_eq!(said.marked, before.contains_key(MARK));
        prop_assert_eq!(said.upgrade, before.contains_key("upgrade"));
        for name in ONE_HOP {
            prop_assert!(!after.contains_key(name), "{} got through", name);
        }
        // Allowed to stay, in one form each.
        prop_assert!(all(&after, "te").iter().all(|v| v == "trailers"));
        let chunked = all(&after, "transfer-encoding");
        prop_assert_eq!(chunked.len(), usize::from(before.contains_key("transfer-encoding")));
        prop_assert!(chunked.iter().all(|v| v == "chunked"));
        // What no `Connection` may take away.
        for name in ["host", "authorization", "cookie", "content-length", "content-type"] {
            prop_assert_eq!(all(&after, name), all(&before, name), "{}", name);
        }
        // Who asked.
        prop_assert_eq!(after.get_all("x-forwarded-for").iter().count(), 1);
        prop_assert!(after["x-forwarded-for"].as_bytes().ends_with(b"10.1.2.3"));
        prop_assert!(after.contains_key("x-forwarded-proto"));
        if trusted.is_empty() {
            prop_assert_eq!(&after["x-forwarded-for"], "10.1.2.3");
            prop_assert_eq!(all(&after, "x-forwarded-proto"), vec![HeaderValue::from_static("http")]);
            let host = before.get("host").cloned().into_iter().collect::<Vec<_>>();
            prop_assert_eq!(all(&after, "x-forwarded-host"), host);
        }
        // A second time changes nothing but the hops of a trusted peer.
        let mut again = after.clone();
        prepared(&mut again, &peer, &[], &MARK);
        for name in NAMES.into_iter().filter(|name| !name.starts_with("x-forwarded")) {
            prop_assert_eq!(all(&again, name), all(&after, name), "{}", name);
        }
    }

    #[test]
    fn a_field_that_nobody_names_survives_in_its_order(pairs in sent(), kept in prop::collection::vec("[a-z]{1,9}", 1..5)) {
        let mut fields = map(&pairs);
        for value in &kept {
            fields.append("x-nobody-names-it", HeaderValue::from_str(value).unwrap());
        }
        let expected = all(&fields, "x-nobody-names-it");
        prepared(&mut fields, &peer("[::1]:5000"), &[], &MARK);
        prop_assert_eq!(all(&fields, "x-nobody-names-it"), expected);
    }

    #[test]
    fn a_response_is_end_to_end_and_whole(pairs in sent()) {
        let before = map(&pairs);
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

#[test]
fn what_a_response_names_in_connection_goes_and_its_cookies_stay() {
    let mut fields = map(&[
        ("connection", "x-private, set-cookie".to_owned()),
        ("x-private", "1".to_owned()),
        ("x-kept", "1".to_owned()),
    ]);
    fields.append("set-cookie", HeaderValue::from_static("a=1"));
    fields.append("set-cookie", HeaderValue::from_static("b=2"));
    prepare_response(&mut fields);
    assert!(!fields.contains_key("x-private"));
    assert!(fields.contains_key("x-kept"));
    assert_eq!(all(&fields, "set-cookie"), ["a=1", "b=2"]);
}

#[test]
fn an_address_of_version_four_in_six_is_known_by_its_own_net() {
    let peer = peer("[::ffff:10.1.2.3]:5000");
    let mut fields = map(&[("x-forwarded-for", "1.1.1.1".to_owned())]);
    prepared(&mut fields, &peer, &["10.0.0.0/8".parse().unwrap()], &MARK);
    assert_eq!(fields["x-forwarded-for"], "1.1.1.1, 10.1.2.3");
}
