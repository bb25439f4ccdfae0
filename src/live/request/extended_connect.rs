//! A websocket that is asked for over HTTP/2 by an extended CONNECT (RFC 8441) becomes the handshake of HTTP/1.1 that stable
//! knows: from here on it is an upgrade like any other.

use http::{HeaderMap, HeaderValue, Method, Request, header};

use super::survey::{Field, Survey};
use crate::live::error::Obstacle;
use crate::live::upgrade::{Key, Protocol};

/// Makes a request whose `:protocol` was this one into a handshake, with a key of our own: RFC 8441 section 5 has none.
///
/// # Errors
/// [`Obstacle::Protocol`] where the protocol is not spoken here: RFC 9220 section 3 wants 501 then, which holds for HTTP/2
/// as well. Passed on as something else it would be another request.
pub(super) fn handshake<B>(
    request: &mut Request<B>,
    survey: &mut Survey,
    protocol: &str,
    allowed: &[Protocol],
) -> Result<(), Obstacle> {
    // Others that are registered carry more than bytes (RFC 9298), or nobody knows what.
    let known = protocol.eq_ignore_ascii_case("websocket");
    if !known || !allowed.iter().any(|name| name.is(protocol)) {
        return Err(Obstacle::Protocol);
    }
    let fields = request.headers_mut();
    if !names_a_version(fields) {
        return Err(Obstacle::BadRequest("a websocket without one Sec-WebSocket-Version"));
    }
    // Of a tunnel it says nothing, and of a GET it would announce a body.
    fields.remove(header::CONTENT_LENGTH);
    fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(header::SEC_WEBSOCKET_KEY, Key::draw().value());
    survey.add(Field::Connection);
    survey.add(Field::Upgrade);
    *request.method_mut() = Method::GET;
    Ok(())
}

fn names_a_version(fields: &HeaderMap) -> bool {
    let mut versions = fields.get_all(header::SEC_WEBSOCKET_VERSION).iter();
    versions.next().is_some_and(|version| !version.is_empty()) && versions.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(protocol: &str, fields: &[(&'static str, &'static str)]) -> Result<Request<()>, Obstacle> {
        let mut request = Request::new(());
        *request.method_mut() = Method::CONNECT;
        for (name, value) in fields {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        let mut survey = Survey::of(request.headers(), None);
        let allowed = [Protocol::parse("websocket").expect("a protocol")];
        handshake(&mut request, &mut survey, protocol, &allowed)?;
        assert!(survey.has(Field::Upgrade) && survey.is_of_one_hop());
        Ok(request)
    }

    const VERSION: (&str, &str) = ("sec-websocket-version", "13");

    #[test]
    fn it_is_the_handshake_of_http_1_and_keeps_what_both_ends_agree_on() {
        let asked = [VERSION, ("sec-websocket-protocol", "chat"), ("content-length", "0")];
        let request = made("websocket", &asked).expect("a handshake");
        let fields = request.headers();
        assert_eq!(
            (request.method(), &fields["upgrade"]),
            (&Method::GET, &HeaderValue::from_static("websocket"))
        );
        assert_eq!(fields["sec-websocket-protocol"], "chat");
        assert!(fields.contains_key("connection") && !fields.contains_key("content-length"));
    }

    #[test]
    fn each_has_a_key_of_ours_whatever_the_client_sent() {
        let key = |request: Request<()>| {
            let mut keys = request.headers().get_all("sec-websocket-key").iter();
            let key = keys.next().expect("a key").clone();
            assert!(keys.next().is_none());
            key
        };
        let one = key(made("websocket", &[VERSION]).expect("a handshake"));
        let two = key(made("WebSocket", &[VERSION, ("sec-websocket-key", "x")]).expect("a handshake"));
        assert!(one != two && two != "x" && one.len() == 24, "{one:?} {two:?}");
    }

    #[test]
    fn what_is_not_spoken_here_is_said_to_be() {
        for protocol in ["connect-udp", "webtransport", "", "h2c"] {
            assert!(matches!(made(protocol, &[VERSION]), Err(Obstacle::Protocol)), "{protocol}");
        }
        let mut request = Request::new(());
        let mut survey = Survey::default();
        assert!(matches!(handshake(&mut request, &mut survey, "websocket", &[]), Err(Obstacle::Protocol)));
    }

    #[test]
    fn a_version_is_named_once() {
        assert!(matches!(made("websocket", &[]), Err(Obstacle::BadRequest(_))));
        assert!(matches!(made("websocket", &[VERSION, VERSION]), Err(Obstacle::BadRequest(_))));
    }
}
