//! Which requests may ask for an upgrade, and which answers consent to one.

use http::Request;

use super::*;

const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
const HANDSHAKE: [(&str, &str); 4] =
    [("connection", "Upgrade"), ("upgrade", "websocket"), KEY, ("sec-websocket-version", "13")];

fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_static(value));
    }
    map
}

fn parts(pairs: &[(&'static str, &'static str)]) -> Parts {
    let mut parts = Request::new(()).into_parts().0;
    parts.headers = fields(pairs);
    parts
}

fn websocket() -> Vec<Protocol> {
    vec![Protocol::parse("websocket").expect("a protocol")]
}

/// The handshake without the fields of that name, and with these.
fn but(without: &str, with: &[(&'static str, &'static str)]) -> Parts {
    let kept = HANDSHAKE.into_iter().filter(|(name, _)| *name != without);
    parts(&kept.chain(with.iter().copied()).collect::<Vec<_>>())
}

fn asks(parts: &Parts) -> bool {
    Ask::of(parts, true, &websocket()).is_some()
}

#[test]
fn a_handshake_is_passed_on_by_our_own_word() {
    let ask = Ask::of(&parts(&HANDSHAKE), true, &websocket()).expect("asks");
    let mut sent = HeaderMap::new();
    ask.write(&mut sent);
    assert_eq!((&sent["connection"], &sent["upgrade"]), (&UPGRADE, &HeaderValue::from_static("websocket")));
}

#[test]
fn what_is_no_handshake_asks_for_nothing() {
    assert!(asks(&parts(&HANDSHAKE)));
    let mut old = parts(&HANDSHAKE);
    old.version = Version::HTTP_10;
    assert!(!asks(&old), "Upgrade in HTTP/1.0 is ignored");
    let mut post = parts(&HANDSHAKE);
    post.method = Method::POST;
    assert!(!asks(&post));
    assert!(Ask::of(&parts(&HANDSHAKE), false, &websocket()).is_none(), "a body follows");
    assert!(Ask::of(&parts(&HANDSHAKE), true, &[]).is_none(), "nothing is allowed");
    for absent in ["connection", "upgrade", "sec-websocket-key", "sec-websocket-version"] {
        assert!(!asks(&but(absent, &[])), "without {absent}");
    }
    assert!(!asks(&but("", &[KEY])), "two keys");
    assert!(!asks(&but("upgrade", &[("upgrade", "h2c")])));
    assert!(!asks(&but("connection", &[("connection", "upgraded, close")])));
}

#[test]
fn of_what_a_client_lists_only_what_is_allowed_is_passed_on() {
    let mixed = but("upgrade", &[("upgrade", "h2c, WebSocket"), ("upgrade", "irc/6.9")]);
    let ask = Ask::of(&mixed, true, &websocket()).expect("asks");
    let mut sent = HeaderMap::new();
    ask.write(&mut sent);
    assert_eq!(sent["upgrade"], "WebSocket", "as the client wrote it");
    let irc = [Protocol::parse("irc/6.9").expect("a protocol")];
    let other = parts(&[("connection", "keep-alive, upgrade"), ("upgrade", "irc/6.9")]);
    assert!(Ask::of(&other, true, &irc).is_some(), "only a websocket has a handshake");
}

#[test]
fn only_a_whole_consent_opens_a_tunnel() {
    let ask = Ask::of(&parts(&HANDSHAKE), true, &websocket()).expect("asks");
    let accept = ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let (upgrade, connection) = (("upgrade", "WebSocket"), ("connection", "x, Upgrade"));
    let switch = StatusCode::SWITCHING_PROTOCOLS;
    let consent = |status, pairs: &[(&'static str, &'static str)]| ask.consent(status, &fields(pairs));
    assert_eq!(consent(switch, &[upgrade, connection, accept]).expect("consents"), "WebSocket");
    assert!(consent(StatusCode::OK, &[upgrade, connection, accept]).is_none());
    assert!(consent(switch, &[]).is_none(), "a bare 101");
    assert!(consent(switch, &[connection, accept]).is_none());
    assert!(consent(switch, &[upgrade, accept]).is_none());
    assert!(
        consent(switch, &[upgrade, connection]).is_none(),
        "nobody who speaks it leaves the key unanswered"
    );
    assert!(consent(switch, &[("upgrade", "h2c"), connection, accept]).is_none(), "not asked for");
    assert!(consent(switch, &[upgrade, ("upgrade", "h2c"), connection, accept]).is_none(), "two at once");
}

#[test]
fn a_switch_has_no_framing() {
    let mut answer = fields(&[("content-length", "3"), ("transfer-encoding", "chunked"), ("x-kept", "1")]);
    Ask::write_switch(&mut answer, HeaderValue::from_static("websocket"));
    let mut names: Vec<_> = answer.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["connection", "upgrade", "x-kept"]);
}

#[test]
fn to_a_handshake_of_our_own_only_its_own_accept_is_a_consent() {
    let mut parts = parts(&HANDSHAKE);
    parts.version = Version::HTTP_2;
    let ask = Ask::of(&parts, true, &websocket()).expect("asks");
    let ask = ask.by_stream(&parts, hyper::upgrade::on(Request::new(())));
    let consents = |accepts: &[&'static str]| {
        let mut answer = fields(&[("upgrade", "websocket"), ("connection", "upgrade")]);
        for accept in accepts {
            answer.append("sec-websocket-accept", HeaderValue::from_static(accept));
        }
        ask.consent(StatusCode::SWITCHING_PROTOCOLS, &answer).is_some()
    };
    assert!(consents(&["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]));
    assert!(!consents(&[]) && !consents(&["s3pPLMBiTxaQ9kYGzzhZRbK+xOO="]));
    assert!(!consents(&["s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]));
    // A 2xx would be taken for the tunnel's beginning.
    assert!(!ask.can_be_answered(StatusCode::OK) && !ask.can_be_answered(StatusCode::NO_CONTENT));
    assert!(ask.can_be_answered(StatusCode::FORBIDDEN) && ask.can_be_answered(StatusCode::FOUND));
    let leg = |protocol| upstream::Settings { protocol, ..upstream::fixture::leg(1) };
    assert!(!ask.can_be_asked(&leg(HttpVersion::Http2)) && ask.can_be_asked(&leg(HttpVersion::Negotiated)));
    assert!(ask.into_stream().is_some());
}

#[test]
fn whoever_asked_over_http_1_checks_the_accept_and_gets_whatever_stable_says() {
    let ask = Ask::of(&parts(&HANDSHAKE), true, &websocket()).expect("asks");
    let answer =
        fields(&[("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-accept", "x")]);
    assert!(ask.consent(StatusCode::SWITCHING_PROTOCOLS, &answer).is_some());
    let leg = upstream::Settings { protocol: HttpVersion::Http2, ..upstream::fixture::leg(1) };
    assert!(ask.can_be_answered(StatusCode::OK) && ask.can_be_asked(&leg));
    assert!(ask.into_stream().is_none());
}

#[test]
fn an_answer_on_a_stream_has_nothing_of_the_handshake() {
    let mut answer = fields(&[
        ("content-length", "0"),
        ("transfer-encoding", "chunked"),
        ("sec-websocket-accept", "x"),
        ("sec-websocket-protocol", "chat"),
    ]);
    Ask::write_stream(&mut answer);
    let names: Vec<_> = answer.keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["sec-websocket-protocol"]);
}
