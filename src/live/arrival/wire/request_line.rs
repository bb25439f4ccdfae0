//! The first line of a request: RFC 9112 section 3, to the letter.

use http::Uri;

use super::fault::Fault;
use super::fields::TOKEN;

/// A method longer than this is none that anybody registered.
const MAX_METHOD: usize = 64;

/// What the line says of the message behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestLine {
    pub(super) version: Version,
    pub(super) connect: bool,
    /// OPTIONS of an absolute target without a path: of the server as a whole (RFC 9112 section 3.2.4).
    pub(super) asterisk: bool,
}

/// The versions that are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    Http10,
    #[default]
    Http11,
}

/// Where a byte of a target may stand; what hyper's own parser refuses is refused here, so that it never has to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Anywhere,
    Path,
    Query,
}

static PLACES: [Place; 256] = places();

const fn places() -> [Place; 256] {
    let mut places = [Place::Nowhere; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        places[byte] = Place::Anywhere;
        byte += 1;
    }
    places[b'#' as usize] = Place::Nowhere;
    places[b'<' as usize] = Place::Nowhere;
    places[b'"' as usize] = Place::Path;
    places[b'>' as usize] = Place::Nowhere;
    places[b'`' as usize] = Place::Query;
    places
}

/// Reads the line, without its end.
pub(super) fn read(line: &[u8], max_target: usize) -> Result<RequestLine, Fault> {
    let method = line.iter().position(|b| !TOKEN[usize::from(*b)]).unwrap_or(line.len());
    if method == 0 || method > MAX_METHOD || line.get(method) != Some(&b' ') {
        return Err(Fault::Malformed("a bad method"));
    }
    let (method, rest) = (&line[..method], &line[method + 1..]);
    let Some(space) = memchr::memchr(b' ', rest) else {
        return Err(Fault::Malformed("a request without a version"));
    };
    let (target, protocol) = (&rest[..space], &rest[space + 1..]);
    if target.len() > max_target {
        return Err(Fault::TargetTooLong);
    }
    let connect = method == b"CONNECT";
    let version = version(protocol)?;
    if is_target(target, connect) {
        let asterisk = method == b"OPTIONS" && is_pathless(target);
        Ok(RequestLine { version, connect, asterisk })
    } else {
        Err(Fault::Malformed("a bad target"))
    }
}

/// `HTTP/` and two digits; a version that is none is malformed, one that is not ours is said to be so.
fn version(protocol: &[u8]) -> Result<Version, Fault> {
    match protocol {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Fault::Version)
        }
        _ => Err(Fault::Malformed("a bad version")),
    }
}

fn is_target(target: &[u8], connect: bool) -> bool {
    match target {
        [b'/', rest @ ..] => is_path_and_query(rest),
        b"*" => true,
        _ => {
            let plain = target.iter().all(|b| PLACES[usize::from(*b)] != Place::Nowhere);
            let uri = if plain { Uri::try_from(target).ok() } else { None };
            uri.is_some_and(|uri| uri.authority().is_some() && (connect || uri.scheme().is_some()))
        }
    }
}

/// Whether an absolute target ends with its authority; hyper shows it with a slash that was not there.
fn is_pathless(target: &[u8]) -> bool {
    let scheme = target.iter().position(|b| *b == b':').filter(|at| target[*at..].starts_with(b"://"));
    scheme.is_some_and(|at| !target[at + 3..].iter().any(|b| matches!(b, b'/' | b'?')))
}

/// Whether this may follow the slash that a target begins with.
pub(in crate::live::arrival) fn is_path_and_query(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter();
    for byte in rest.by_ref() {
        match PLACES[usize::from(*byte)] {
            _ if *byte == b'?' => break,
            Place::Anywhere | Place::Path => {}
            Place::Query | Place::Nowhere => return false,
        }
    }
    rest.all(|byte| matches!(PLACES[usize::from(*byte)], Place::Anywhere | Place::Query))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<RequestLine, Fault> {
        read(text.as_bytes(), 40)
    }

    fn is_malformed(text: &str) -> bool {
        matches!(line(text), Err(Fault::Malformed(_)))
    }

    #[test]
    fn a_plain_line_is_read() {
        let plain = RequestLine { version: Version::Http11, connect: false, asterisk: false };
        for good in
            ["GET / HTTP/1.1", "get / HTTP/1.1", "X-!#$%&'*+-.^_`|~9 /a?b=c HTTP/1.1", "OPTIONS * HTTP/1.1"]
        {
            assert_eq!(line(good), Ok(plain), "{good}");
        }
        assert_eq!(
            line("GET / HTTP/1.0"),
            Ok(RequestLine { version: Version::Http10, connect: false, asterisk: false })
        );
        assert_eq!(
            line("CONNECT a:1 HTTP/1.1"),
            Ok(RequestLine { version: Version::Http11, connect: true, asterisk: false })
        );
        assert_eq!(line("GET http://a:1/b?c HTTP/1.1"), Ok(plain));
    }

    #[test]
    fn a_line_that_is_none_is_refused() {
        for bad in [
            "",
            " ",
            "GET",
            "GET /",
            "GET  / HTTP/1.1",
            " GET / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET / HTTP/1.1 x",
            "GET\t/ HTTP/1.1",
            "GET /\tHTTP/1.1",
            "G<T / HTTP/1.1",
            "GET / http/1.1",
            "GET / HTTP/1",
            "GET / HTTP/11.1",
            "GET / HTTP/1.10",
            "GET / HTTP/01.1",
            "GET / HTTP/1,1",
            "GET / HTTP/a.b",
            "GET / ICY/1.1",
            "GET a HTTP/1.1",
            "GET ?a HTTP/1.1",
            "GET a:1 HTTP/1.1",
            "GET /a b HTTP/1.1",
            "GET http:// HTTP/1.1",
            "GET http:///a HTTP/1.1",
            "GET /a#b HTTP/1.1",
            "GET http://a/#b HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "CONNECT /a HTTP/1.1x",
        ] {
            assert!(is_malformed(bad), "{bad}");
        }
        assert!(is_malformed(&format!("{} / HTTP/1.1", "M".repeat(MAX_METHOD + 1))));
    }

    #[test]
    fn other_versions_are_told_apart_from_garbage() {
        for other in
            ["GET / HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/3.7", "GET / HTTP/0.9", "PRI * HTTP/2.0"]
        {
            assert_eq!(line(other), Err(Fault::Version), "{other}");
        }
    }

    #[test]
    fn options_of_a_whole_server_are_known() {
        let asterisk = |text: &str| line(text).expect("a request line").asterisk;
        assert!(asterisk("OPTIONS http://a:1 HTTP/1.1"));
        for other in [
            "OPTIONS http://a/ HTTP/1.1",
            "OPTIONS http://a?b HTTP/1.1",
            "GET http://a HTTP/1.1",
            "OPTIONS / HTTP/1.1",
        ] {
            assert!(!asterisk(other), "{other}");
        }
    }

    #[test]
    fn a_target_has_a_bound() {
        assert!(line(&format!("GET /{} HTTP/1.1", "a".repeat(39))).is_ok());
        assert_eq!(line(&format!("GET /{} HTTP/1.1", "a".repeat(40))), Err(Fault::TargetTooLong));
    }

    #[test]
    fn hyper_reads_every_target_that_is_passed_to_it() {
        for byte in 0..=255_u8 {
            for at in 0..3 {
                let mut target = b"/a?b".to_vec();
                target.insert([1, 2, 4][at], byte);
                if is_target(&target, false) {
                    let uri = Uri::from_maybe_shared(bytes::Bytes::from(target.clone()));
                    let uri = uri.unwrap_or_else(|error| panic!("{}: {error}", target.escape_ascii()));
                    assert_eq!(uri.to_string().as_bytes(), target, "and passes it on as it came");
                } else {
                    assert!(
                        byte <= b' ' || byte >= 0x7f || b"#<>\"`".contains(&byte),
                        "{}",
                        char::from(byte)
                    );
                }
            }
        }
    }
}
