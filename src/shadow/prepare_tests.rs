//! What a leg is sent: the same request, but for what is ours to change.
#![allow(clippy::unwrap_used)]

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderMap, HeaderName};
use http_body::Body;
use proptest::prelude::*;

use super::*;
use crate::gate::fixture::{copied, experiment, headers, leg};
use crate::upstream::HostPolicy;

fn sent(copy: &MirroredRequest) -> HeaderMap {
    prepare(copy, &experiment(), (Leg::Shadow, &leg(9))).into_parts().0.headers
}

fn pairs(map: &HeaderMap) -> Vec<(&str, &str)> {
    map.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

#[test]
fn method_target_fields_and_body_are_the_clients() {
    let fields =
        [("host", "shop"), ("accept", "a"), ("x-b", "2"), ("x-a", "1"), ("x-b", "1"), ("accept", "b")];
    let request = prepare(
        &copied(Method::DELETE, "/a%20b?q=%zz&q=2", &fields, ""),
        &experiment(),
        (Leg::Shadow, &leg(9)),
    );
    assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::DELETE, "/a%20b?q=%zz&q=2"));
    let grouped =
        [("host", "shop"), ("accept", "a"), ("accept", "b"), ("x-b", "2"), ("x-b", "1"), ("x-a", "1")];
    assert_eq!(pairs(request.headers()), grouped, "names in their order, repeats in theirs");
}

#[test]
fn the_length_is_said_where_the_client_said_one_or_the_method_means_one() {
    let chunked = [("transfer-encoding", "chunked"), ("trailer", "x-sum")];
    for (method, fields, body, length) in [
        (Method::GET, &[][..], "", None),
        (Method::HEAD, &[], "", None),
        (Method::DELETE, &[], "", None),
        (Method::POST, &[], "", Some("0")),
        (Method::PUT, &[], "", Some("0")),
        (Method::PATCH, &[], "", Some("0")),
        (Method::GET, &[("content-length", "0")], "", Some("0")),
        (Method::GET, &chunked, "", Some("0")),
        (Method::GET, &chunked, "abc", Some("3")),
        (Method::POST, &chunked, "abc", Some("3")),
        (Method::POST, &[("content-length", "99")], "abc", Some("3")),
        (Method::OPTIONS, &[], "abc", Some("3")),
    ] {
        let fields = sent(&copied(method.clone(), "/", fields, body));
        let said: Vec<&str> =
            pairs(&fields).into_iter().filter(|(n, _)| *n == "content-length").map(|p| p.1).collect();
        assert_eq!(said.first().copied(), length, "{method} {body:?}");
        assert!(said.len() <= 1, "{method}: {said:?}");
        assert!(!fields.contains_key("transfer-encoding") && !fields.contains_key("trailer"), "{method}");
    }
}

#[test]
fn each_leg_gets_the_host_that_its_policy_says() {
    let literal = HostPolicy::Literal("fixed.example:8080".parse().unwrap());
    for (policy, client, host) in [
        (HostPolicy::Preserve, Some("shop.example"), "shop.example"),
        (HostPolicy::Preserve, None, "127.0.0.1:9"),
        (HostPolicy::Upstream, Some("shop.example"), "127.0.0.1:9"),
        (literal, Some("shop.example"), "fixed.example:8080"),
    ] {
        let fields: Vec<(&str, &str)> = client.map(|host| ("host", host)).into_iter().collect();
        let leg = upstream::Settings { host: policy.clone(), ..leg(9) };
        let request = prepare(&copied(Method::GET, "/", &fields, ""), &experiment(), (Leg::Shadow, &leg));
        assert_eq!(request.headers()["host"], host, "{policy:?}");
        assert_eq!(request.headers().get_all("host").iter().count(), 1, "{policy:?}");
    }
}

#[test]
fn edits_are_made_and_the_mark_has_the_last_word() {
    let mark = HeaderName::from_static("umbrage-shadow");
    let experiment = Experiment {
        remove_headers: vec![HeaderName::from_static("x-gone"), HeaderName::from_static("x-absent")],
        set_headers: vec![
            (HeaderName::from_static("x-set"), HeaderValue::from_static("ours")),
            (HeaderName::from_static("x-new"), HeaderValue::from_static("new")),
            (mark.clone(), HeaderValue::from_static("0")),
        ],
        mark: Some(mark),
        ..experiment()
    };
    let fields = [("x-gone", "1"), ("x-gone", "2"), ("x-set", "theirs"), ("x-set", "too"), ("x-kept", "1")];
    let request = prepare(&copied(Method::GET, "/", &fields, ""), &experiment, (Leg::Shadow, &leg(9)));
    let mut found = pairs(request.headers());
    found.sort_unstable();
    let expected = [
        ("host", "127.0.0.1:9"),
        ("umbrage-shadow", "1"),
        ("x-kept", "1"),
        ("x-new", "new"),
        ("x-set", "ours"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn without_a_mark_nothing_tells_the_copy_from_the_request() {
    let fields = [("host", "shop"), ("cookie", "a=1"), ("authorization", "Bearer t")];
    assert_eq!(pairs(&sent(&copied(Method::GET, "/", &fields, ""))), fields);
}

#[test]
fn each_leg_is_told_a_parent_of_its_own_and_edits_come_after() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut copy = copied(Method::GET, "/", &[("traceparent", PARENT)], "");
    assert_eq!(sent(&copy)["traceparent"], PARENT, "hands off where nothing else was decided");
    copy.trace = crate::model::TraceContext::parse(PARENT.as_bytes());
    let (one, two) = (sent(&copy), sent(&copy));
    for fields in [&one, &two] {
        let parent = fields["traceparent"].to_str().unwrap();
        assert!(parent.starts_with(&PARENT[..36]) && parent.ends_with("-01") && parent != PARENT, "{parent}");
        assert_eq!(fields.get_all("traceparent").iter().count(), 1);
    }
    assert_ne!(one["traceparent"], two["traceparent"]);
    let without = Experiment { remove_headers: vec![HeaderName::from_static("traceparent")], ..experiment() };
    assert!(!prepare(&copy, &without, (Leg::Shadow, &leg(9))).headers().contains_key("traceparent"));
}

#[test]
fn what_the_protocol_layer_keeps_goes_along() {
    #[derive(Clone, Debug, PartialEq)]
    struct Case(&'static str);
    let mut copy = copied(Method::GET, "/", &[], "");
    copy.extensions.insert(Case("X-OdD"));
    let request = prepare(&copy, &experiment(), (Leg::Shadow, &leg(9)));
    assert_eq!(request.extensions().get::<Case>(), Some(&Case("X-OdD")));
}

fn bytes_of(mut body: Whole) -> Vec<u8> {
    let mut out = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) {
        out.extend(frame.into_data().unwrap());
    }
    out
}

proptest! {
    #[test]
    fn the_framing_is_that_of_the_bytes_whatever_was_said(
        method in prop::sample::select(vec![Method::GET, Method::POST, Method::PUT, Method::DELETE]),
        said in prop::collection::vec(
            prop::sample::select(vec![
                ("content-length", "7"), ("transfer-encoding", "chunked"), ("trailer", "a"), ("te", "trailers"),
            ]),
            0..4,
        ),
        body in "[a-z]{0,20}",
    ) {
        let mut copy = copied(method, "/", &[], &body);
        copy.headers = headers(&said);
        let request = prepare(&copy, &experiment(), (Leg::Shadow, &leg(9)));
        let length = request.headers().get("content-length").map(|v| v.to_str().unwrap().parse::<usize>().unwrap());
        prop_assert!(length.is_none_or(|n| n == body.len()));
        prop_assert!(length.is_some() || body.is_empty());
        prop_assert!(!request.headers().contains_key("transfer-encoding"));
        prop_assert_eq!(request.body().size_hint().exact(), Some(body.len() as u64));
        prop_assert_eq!(bytes_of(request.into_body()), body.into_bytes());
    }
}

#[test]
fn credentials_stay_unless_they_are_to_be_removed_and_the_edits_come_after() {
    let mut fields: Vec<_> = CREDENTIALS.iter().map(|name| (*name, "secret")).collect();
    fields.extend([("cookie", "b=2"), ("accept", "a"), ("x-author", "me"), ("host", "shop")]);
    let copy = copied(Method::GET, "/", &fields, "");
    assert_eq!(pairs(&sent(&copy)), pairs(&headers(&fields)));
    let own = (HeaderName::from_static("authorization"), HeaderValue::from_static("Bearer shadow's"));
    let experiment = Experiment { credentials: Credentials::Remove, set_headers: vec![own], ..experiment() };
    let request = prepare(&copy, &experiment, (Leg::Control, &leg(9)));
    let mut left = pairs(request.headers());
    left.sort_unstable();
    let expected =
        [("accept", "a"), ("authorization", "Bearer shadow's"), ("host", "shop"), ("x-author", "me")];
    assert_eq!(left, expected);
}

#[test]
fn each_leg_has_idempotency_keys_of_its_own() {
    let key = |leg_of: Leg, suffix: Option<&str>, key: &str| {
        let copy = copied(Method::POST, "/", &[("idempotency-key", key)], "");
        let experiment = Experiment { idempotency_suffix: suffix.map(str::to_owned), ..experiment() };
        let request = prepare(&copy, &experiment, (leg_of, &leg(9)));
        request.headers()["idempotency-key"].to_str().unwrap().to_owned()
    };
    for (written, shadow, control) in [
        ("7", "7-mirror-shadow", "7-mirror-control"),
        ("\"a b\"", "\"a b-mirror-shadow\"", "\"a b-mirror-control\""),
        ("\"", "\"-mirror-shadow", "\"-mirror-control"),
        ("a\"", "a\"-mirror-shadow", "a\"-mirror-control"),
        ("", "-mirror-shadow", "-mirror-control"),
    ] {
        assert_eq!(key(Leg::Shadow, Some("-mirror"), written), shadow);
        assert_eq!(key(Leg::Control, Some("-mirror"), written), control);
        assert_eq!(key(Leg::Shadow, None, written), written);
    }
    let suffixed = Experiment { idempotency_suffix: Some("-m".to_owned()), ..experiment() };
    let none = prepare(&copied(Method::POST, "/", &[], ""), &suffixed, (Leg::Shadow, &leg(9)));
    assert!(!none.headers().contains_key("idempotency-key"));
}
