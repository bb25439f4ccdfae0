//! Who asked is written once, in the form that is configured, and nobody else's word for it passes.
#![allow(clippy::unwrap_used)]

use ipnet::IpNet;

use super::super::fixture::{all, map, peer};
use super::*;

fn written(pairs: &[(&'static str, &str)], client: &str, trusted: bool, form: Forwarded) -> HeaderMap {
    let mut map = map(pairs);
    let survey = Survey::of(&map, None);
    write(&mut map, &peer(client), trusted, survey, form);
    map
}

#[test]
fn the_form_says_which_fields_are_written() {
    let host = [("host", "shop.example:8080")];
    for (form, x, rfc) in [
        (Forwarded::XForwarded, true, false),
        (Forwarded::Rfc7239, false, true),
        (Forwarded::Both, true, true),
    ] {
        let map = written(&host, "10.1.2.3:5000", false, form);
        let expected = |on: bool, value: &'static str| if on { vec![value] } else { Vec::new() };
        assert_eq!(all(&map, "x-forwarded-for"), expected(x, "10.1.2.3"));
        assert_eq!(all(&map, "x-forwarded-proto"), expected(x, "http"));
        assert_eq!(all(&map, "x-forwarded-host"), expected(x, "shop.example:8080"));
        assert_eq!(all(&map, "x-forwarded-port"), expected(x, "8080"));
        assert_eq!(
            all(&map, "forwarded"),
            expected(rfc, "for=10.1.2.3;host=\"shop.example:8080\";proto=http")
        );
    }
}

#[test]
fn an_address_of_version_six_is_quoted_in_brackets() {
    let map = written(&[("host", "a")], "[2001:db8::7]:5000", false, Forwarded::Both);
    assert_eq!(all(&map, "forwarded"), ["for=\"[2001:db8::7]\";host=\"a\";proto=http"]);
    assert_eq!(all(&map, "x-forwarded-for"), ["2001:db8::7"]);
    let map = written(&[], "[::ffff:10.1.2.3]:5000", false, Forwarded::Both);
    assert_eq!(all(&map, "forwarded"), ["for=10.1.2.3;proto=http"], "without Host there is none to say");
    assert!(all(&map, "x-forwarded-host").is_empty());
}

/// Everything that a stranger may claim.
const CLAIMS: [(&str, &str); 14] = [
    ("x-forwarded-for", "6.6.6.6"),
    ("x-forwarded-for", "7.7.7.7"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "front.example"),
    ("x-forwarded-port", "443"),
    ("x-forwarded-prefix", "/evil"),
    ("forwarded", "for=6.6.6.6"),
    ("forwarded", "for=7.7.7.7"),
    ("x-real-ip", "6.6.6.6"),
    ("true-client-ip", "6.6.6.6"),
    ("x_forwarded_for", "8.8.8.8"),
    ("x-forwarded.proto", "gopher"),
    ("x_real_ip", "8.8.8.8"),
    ("x_request_id", "8"),
];

#[test]
fn of_a_stranger_nothing_is_left() {
    for form in [Forwarded::XForwarded, Forwarded::Rfc7239, Forwarded::Both] {
        let map = written(&CLAIMS, "10.1.2.3:5000", false, form);
        for (name, claimed) in CLAIMS {
            assert!(!all(&map, name).iter().any(|v| v.contains(claimed)), "{name}: {claimed} under {form:?}");
        }
        for gone in ["x-forwarded-prefix", "x-real-ip", "true-client-ip", "x_forwarded_for", "x_real_ip"] {
            assert!(!map.contains_key(gone), "{gone}");
        }
    }
}

#[test]
fn of_a_trusted_peer_lists_are_extended_the_rest_kept_and_aliases_taken_off() {
    let map = written(&CLAIMS, "10.1.2.3:5000", true, Forwarded::Both);
    assert_eq!(all(&map, "x-forwarded-for"), ["6.6.6.6, 7.7.7.7, 10.1.2.3"]);
    assert_eq!(all(&map, "forwarded"), ["for=6.6.6.6, for=7.7.7.7, for=10.1.2.3;proto=http"]);
    for (kept, value) in [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "front.example"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-prefix", "/evil"),
        ("x-real-ip", "6.6.6.6"),
        ("true-client-ip", "6.6.6.6"),
    ] {
        assert_eq!(all(&map, kept), [value]);
    }
    for gone in ["x_forwarded_for", "x-forwarded.proto", "x_real_ip", "x_request_id"] {
        assert!(!map.contains_key(gone), "{gone}");
    }
}

#[test]
fn of_several_lines_the_nearest_proxys_stays() {
    let lines = [("x-forwarded-proto", "http"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "a")];
    let map = written(&lines, "10.1.2.3:5000", true, Forwarded::XForwarded);
    assert_eq!(all(&map, "x-forwarded-proto"), ["https"]);
    assert_eq!(all(&map, "x-forwarded-host"), ["a"]);
}

#[test]
fn a_list_of_hops_has_a_bound_and_keeps_the_nearest() {
    let hops = vec!["2001:db8::1"; 400].join(", ");
    let map = written(&[("x-forwarded-for", &hops)], "10.1.2.3:5000", true, Forwarded::XForwarded);
    let list = all(&map, "x-forwarded-for")[0];
    assert!(list.len() <= MAX_HOPS_BYTES && list.len() > MAX_HOPS_BYTES - 20, "{}", list.len());
    assert!(list.starts_with("2001:db8::1, ") && list.ends_with(", 10.1.2.3"), "whole addresses: {list}");
    let blob = "x".repeat(3 * MAX_HOPS_BYTES);
    let map = written(&[("x-forwarded-for", &blob)], "10.1.2.3:5000", true, Forwarded::XForwarded);
    assert_eq!(all(&map, "x-forwarded-for"), ["10.1.2.3"], "what is no list goes whole");
}

#[test]
fn trust_is_by_the_address_of_the_peer() {
    let nets: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
    for (client, trusted) in
        [("10.9.9.9:1", true), ("[::ffff:10.9.9.9]:1", true), ("11.0.0.1:1", false), ("[::1]:1", false)]
    {
        assert_eq!(peer(client).is_trusted(&nets), trusted, "{client}");
    }
}
