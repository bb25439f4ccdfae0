//! What HTTP/2 says becomes HTTP/1.1, or 400.

use bytes::Bytes;
use http_body_util::{Empty, Full};

use super::*;

const BOUNDS: Multiplexed = Multiplexed { body: std::time::Duration::MAX, fields: 128, target: 1024 };

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn request(uri: &str, fields: Pairs) -> Request<Empty<Bytes>> {
    let mut builder = Request::builder().uri(uri).version(http::Version::HTTP_2);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(Empty::new()).expect("a request")
}

fn translated<B: Body>(mut request: Request<B>) -> Result<Request<B>, Obstacle> {
    let mut survey = Survey::of(request.headers(), None);
    let websocket = Protocol::parse("websocket").expect("a protocol");
    translate(&mut request, &mut survey, &[websocket], BOUNDS)?;
    Ok(request)
}

fn refused(uri: &str, fields: Pairs) -> bool {
    matches!(translated(request(uri, fields)), Err(Obstacle::BadRequest(_)))
}

#[test]
fn the_authority_becomes_the_host() {
    let read = translated(request("https://Shop.example:8443/a?b=c", &[])).expect("lawful");
    assert_eq!(
        (read.uri().to_string().as_str(), &read.headers()["host"]),
        ("/a?b=c", &HeaderValue::from_static("Shop.example:8443"))
    );
    let read = translated(request("http://a/", &[("host", "A")])).expect("the same");
    assert_eq!(read.headers()["host"], "a");
    let read = translated(request("/x", &[("host", "only.example")])).expect("a host alone");
    assert_eq!(read.headers()["host"], "only.example");
}

#[test]
fn two_answers_to_whose_it_is_are_refused() {
    assert!(refused("http://a/", &[("host", "b")]));
    assert!(refused("http://a/", &[("host", "a:80")]));
    assert!(refused("http://a/", &[("host", "a"), ("host", "a")]));
    assert!(refused("/", &[]));
    assert!(refused("/", &[("host", "")]));
    assert!(refused("http://user@a/", &[]));
    assert!(refused("/", &[("host", "a,b")]));
    assert!(refused("/", &[("host", "a:99999")]));
}

#[test]
fn only_http_is_forwarded() {
    assert!(refused("ftp://a/", &[]));
    assert!(!refused("https://a/", &[]));
}

#[test]
fn fields_of_a_connection_do_not_pass() {
    for (name, value) in [
        ("connection", "close"),
        ("keep-alive", "timeout=1"),
        ("proxy-connection", "close"),
        ("upgrade", "websocket"),
        ("transfer-encoding", "chunked"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
        ("x-padded", " a"),
        ("x-padded", "a\t"),
    ] {
        assert!(refused("http://a/", &[(name, value)]), "{name}: {value}");
    }
    assert!(!refused("http://a/", &[("te", "Trailers"), ("x-inner", "a b"), ("x-empty", "")]));
}

#[test]
fn connect_expectations_and_too_many_fields_have_their_own_answers() {
    let mut connect = request("http://a/", &[]);
    *connect.method_mut() = Method::CONNECT;
    assert!(matches!(translated(connect), Err(Obstacle::Connect)));
    assert!(matches!(translated(request("http://a/", &[("expect", "a-pony")])), Err(Obstacle::Expectation)));
    let names: Vec<String> = (0..=BOUNDS.fields).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert!(matches!(translated(request("http://a/", &many)), Err(Obstacle::TooManyFields)));
    assert!(translated(request("http://a/", &many[..BOUNDS.fields])).is_ok());
}

#[test]
fn the_asterisk_is_for_options() {
    let asterisk = |method: Method| {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some("a".parse().expect("an authority"));
        parts.path_and_query = Some("*".parse().expect("a path"));
        let mut request = request("/", &[]);
        *request.uri_mut() = Uri::from_parts(parts).expect("a target");
        *request.method_mut() = method;
        translated(request).map(|read| read.uri().to_string())
    };
    assert_eq!(asterisk(Method::OPTIONS).expect("lawful"), "*");
    assert!(asterisk(Method::GET).is_err());
}

#[test]
fn crumbs_become_one_cookie() {
    let read = translated(request(
        "http://a/",
        &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")],
    ));
    let read = read.expect("lawful");
    assert_eq!(read.headers().get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    let read = translated(request("http://a/", &[("cookie", "a=1; b=2")])).expect("lawful");
    assert_eq!(read.headers()["cookie"], "a=1; b=2");
}

#[test]
fn a_body_is_announced_and_nothing_else() {
    let with_body = |fields: Pairs| {
        let (parts, _) = request("http://a/", fields).into_parts();
        let read =
            translated(Request::from_parts(parts, Full::new(Bytes::from_static(b"abc")))).expect("lawful");
        read.headers().get("transfer-encoding").cloned()
    };
    assert_eq!(with_body(&[]), Some(HeaderValue::from_static("chunked")));
    assert_eq!(with_body(&[("content-length", "3")]), None);
    let read = translated(request("http://a/", &[])).expect("lawful");
    assert!(!read.headers().contains_key("transfer-encoding"));
}

#[test]
fn a_connect_is_refused_unless_it_asks_for_a_websocket_and_is_lawful_otherwise() {
    let connect = |protocol: Option<&'static str>, fields| {
        let mut request = request("https://a.example/chat", fields);
        *request.method_mut() = Method::CONNECT;
        if let Some(protocol) = protocol {
            request.extensions_mut().insert(ext::Protocol::from_static(protocol));
        }
        translated(request)
    };
    let version: Pairs = &[("sec-websocket-version", "13")];
    assert!(matches!(connect(None, version), Err(Obstacle::Connect)));
    assert!(matches!(connect(Some("connect-udp"), version), Err(Obstacle::Protocol)));
    let made = connect(Some("websocket"), version).expect("a handshake");
    assert_eq!((made.method(), made.uri().to_string().as_str()), (&Method::GET, "/chat"));
    assert_eq!(made.headers()["host"], "a.example");
    assert!(made.extensions().get::<ext::Protocol>().is_none(), "it is an ordinary request from here on");
    let upgrade: Pairs = &[("sec-websocket-version", "13"), ("upgrade", "websocket")];
    assert!(matches!(connect(Some("websocket"), upgrade), Err(Obstacle::BadRequest(_))));
    let mut get = request("https://a.example/chat", version);
    get.extensions_mut().insert(ext::Protocol::from_static("websocket"));
    assert!(!translated(get).expect("lawful").headers().contains_key("upgrade"), "h2 refuses it before");
}
