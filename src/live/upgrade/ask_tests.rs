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
    let mut new = parts(&HANDSHAKE);
    new.version = Version::HTTP_2;
    assert!(!asks(&new), "HTTP/2 has no Upgrade");
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
