//! What is of one hop goes, what is of the message stays, and who asked is written on.

use super::fixture::{all, map, peer, prepared, settings, snapshot};
use super::*;
use crate::live::settings::{RequestId, Via};

#[test]
fn what_is_of_one_hop_is_taken_off() {
    let mut fields = map(&[
        ("connection", "keep-alive, x-private, close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("x-private", "1"),
        ("te", "gzip, trailers;q=0.5"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
        ("x-kept", "1"),
    ]);
    let said = prepared(&mut fields, &snapshot(&settings(), &[]));
    assert!(!said.marked && said.upgrade && said.trace.is_none());
    let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    let ours =
        ["te", "via", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-kept", "x-request-id"];
    assert_eq!(left, ours);
    assert_eq!(fields["te"], "trailers");
    assert_eq!(Some(&fields["x-request-id"]), said.id.as_ref());
}

#[test]
fn a_client_cannot_have_fields_of_the_message_removed() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let sent = [
        ("host", "a"),
        ("authorization", "b"),
        ("content-length", "3"),
        ("cookie", "c"),
        ("via", "1.0 front"),
        ("max-forwards", "3"),
        ("x-request-id", "id-1"),
        ("traceparent", TRACE),
        ("tracestate", "a=1"),
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-prefix", "/p"),
        ("forwarded", "for=1.1.1.1"),
        ("x-real-ip", "1.1.1.1"),
    ];
    let named: Vec<&str> = sent.iter().map(|(name, _)| *name).collect();
    let mut fields = map(&sent);
    fields.insert("connection", HeaderValue::from_str(&named.join(", ")).unwrap());
    prepared(&mut fields, &snapshot(&settings(), &["10.0.0.0/8"]));
    for (name, value) in sent {
        let begins = if name == "traceparent" { &value[..36] } else { value };
        assert!(all(&fields, name).len() == 1 && all(&fields, name)[0].starts_with(begins), "{name}");
    }
    assert_eq!(fields["via"], "1.0 front, 1.1 umbrage-a1");
}

#[test]
fn chunked_stays_chunked_by_our_own_word() {
    let mut fields = map(&[("transfer-encoding", "Chunked"), ("connection", "transfer-encoding")]);
    prepared(&mut fields, &snapshot(&settings(), &[]));
    assert_eq!(fields["transfer-encoding"], "chunked");
}

#[test]
fn the_mark_of_a_client_does_not_get_through() {
    let mut fields = map(&[("umbrage-shadow", "1")]);
    assert!(prepared(&mut fields, &snapshot(&settings(), &[])).marked);
    assert!(!fields.contains_key(MARK));
}

#[test]
fn what_is_turned_off_is_not_touched() {
    let sent = [("host", "a"), ("via", "1.0 front"), ("x-request-id", "not an id")];
    let settings =
        crate::live::settings::IdentitySettings { via: Via::Off, request_id: RequestId::Off, ..settings() };
    let mut fields = map(&sent);
    assert_eq!(prepared(&mut fields, &snapshot(&settings, &[])).id, None);
    for (name, value) in sent {
        assert_eq!(all(&fields, name), [value]);
    }
}

#[test]
fn an_instance_without_a_name_has_the_one_that_was_drawn() {
    let settings = crate::live::settings::IdentitySettings { instance: None, ..settings() };
    let mut fields = HeaderMap::new();
    prepared(&mut fields, &snapshot(&settings, &[]));
    assert_eq!(all(&fields, "via"), ["1.1 umbrage-drawn"]);
    let drawn = crate::live::Identity::draw_instance();
    assert!(drawn.len() == 8 && drawn.bytes().all(|b| b.is_ascii_hexdigit()), "{drawn}");
}

#[test]
fn an_address_of_version_four_in_six_is_known_by_its_own_net() {
    let mut fields = map(&[("x-forwarded-for", "1.1.1.1")]);
    let snapshot = snapshot(&settings(), &["10.0.0.0/8"]);
    let survey = Survey::of(&fields, Some(&MARK));
    let peer = peer("[::ffff:10.1.2.3]:5000");
    prepare_request(&mut fields, Version::HTTP_10, &peer, &snapshot, survey);
    assert_eq!(fields["x-forwarded-for"], "1.1.1.1, 10.1.2.3");
    assert_eq!(fields["via"], "1.0 umbrage-a1");
}

#[test]
fn what_a_response_names_in_connection_goes_and_its_cookies_stay() {
    let mut fields = map(&[
        ("connection", "x-private, set-cookie"),
        ("x-private", "1"),
        ("x-kept", "1"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]);
    prepare_response(&mut fields);
    assert!(!fields.contains_key("x-private"));
    assert!(fields.contains_key("x-kept"));
    assert_eq!(all(&fields, "set-cookie"), ["a=1", "b=2"]);
}
