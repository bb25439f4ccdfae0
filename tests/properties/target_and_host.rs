//! Request targets and hosts: what is forwarded is what RFC 9110 and RFC 9112 allow, read by a naive reader, and what is
//! plainly sound is not refused.

use std::net::Ipv6Addr;

use http::{HeaderValue, Method, Request, Uri, Version, header};
use umbrage::fuzzing::{Plane, host_name, passed, validate};

use super::strict::is_token;

thread_local! {
    static PLANE: Plane = Plane::of(super::BARE).unwrap_or_else(|problems| panic!("{problems}"));
}

/// Lines: a method and a target, and then values of `Host`.
pub fn check(data: &[u8]) {
    let mut lines = data.split(|b| *b == b'\n');
    let line = lines.next().unwrap_or_default();
    let space = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    let (method, target) = (&line[..space], line.get(space + 1..).unwrap_or_default());
    let hosts: Vec<&[u8]> = lines.take(3).collect();
    let mut head = [method, b" ", target, b" HTTP/1.1\r\n"].concat();
    for host in &hosts {
        head.extend([b"Host: ", *host, b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    let read = PLANE.with(|plane| passed(&head, &plane.settings)) == head;
    let told = || {
        format!(
            "{} with hosts {:?}",
            line.escape_ascii(),
            hosts.iter().map(|h| h.escape_ascii().to_string()).collect::<Vec<_>>()
        )
    };
    assert!(!read || (is_method(method) && is_target(target)), "passed on: {}", told());
    assert!(
        !read || !hosts.iter().any(|host| host.iter().any(|b| b.is_ascii_control() && *b != b'\t')),
        "passed on: {}",
        told()
    );
    let plain = is_plain(method, target, &hosts);
    assert!(read || !plain, "refused by the wire: {}", told());
    if !read {
        return;
    }
    let mut request = Request::new(());
    *request.method_mut() =
        Method::from_bytes(method).unwrap_or_else(|_| panic!("hyper refuses the method: {}", told()));
    *request.version_mut() = Version::HTTP_11;
    *request.uri_mut() = Uri::from_maybe_shared(bytes::Bytes::copy_from_slice(target))
        .unwrap_or_else(|_| panic!("hyper refuses the target: {}", told()));
    for host in &hosts {
        let value = HeaderValue::from_bytes(trimmed(host))
            .unwrap_or_else(|_| panic!("hyper refuses the host: {}", told()));
        request.headers_mut().append(header::HOST, value);
    }
    if !validate(&mut request) {
        return assert!(!plain, "refused: {}", told());
    }
    forwarded(&request, target, &hosts)
        .unwrap_or_else(|what| panic!("{what}: {} became {request:?}", told()));
}

/// What is forwarded has one valid host, and the target that was asked for without its authority.
fn forwarded(request: &Request<()>, target: &[u8], hosts: &[&[u8]]) -> Result<(), String> {
    let is = |ok: bool, what: &str| if ok { Ok(()) } else { Err(what.to_owned()) };
    let all: Vec<&[u8]> = request.headers().get_all(header::HOST).iter().map(HeaderValue::as_bytes).collect();
    is(hosts.len() == 1 && all.len() == 1, "not one host")?;
    is(is_host(trimmed(hosts[0])) && is_host(all[0]), "no valid host")?;
    let text = std::str::from_utf8(target).map_err(|_| "a target that is no text")?;
    let absolute = text.split_once("://").filter(|_| !text.starts_with('/'));
    let (host, path) = match absolute {
        None => (trimmed(hosts[0]), text.to_owned()),
        Some((scheme, rest)) => {
            is(["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s)), "another scheme")?;
            let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            (authority.as_bytes(), if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
        }
    };
    is(all[0] == host, "another host")?;
    is(request.uri().to_string() == path, "another target")?;
    is(request.uri().authority().is_none(), "an authority is left")?;
    is(path.starts_with('/') || (path == "*" && request.method() == Method::OPTIONS), "no path")?;
    let name = String::from_utf8_lossy(host).to_ascii_lowercase();
    let without_port = if name.ends_with(']') {
        &name
    } else {
        name.rsplit_once(':').map_or(name.as_str(), |(name, _)| name)
    };
    is(host_name(request.headers()) == without_port, "routed by another name")
}

fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().position(|b| !blank(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !blank(b)).map_or(start, |last| last + 1);
    &value[start..end]
}

fn is_method(method: &[u8]) -> bool {
    is_token(method) && method.len() <= 64 && method != b"CONNECT"
}

/// RFC 9112 section 3.2, of whose forms authority-form is CONNECT's alone. Which schemes there are, and that there is one, is
/// looked at later.
fn is_target(target: &[u8]) -> bool {
    let visible = target.iter().all(|b| (0x21..0x7f).contains(b) && *b != b'#');
    let absolute = || {
        let at = target.windows(3).position(|three| three == b"://");
        at.is_some_and(|at| target.get(at + 3).is_some_and(|b| !b"/?".contains(b)))
    };
    visible && (target.starts_with(b"/") || target == b"*" || absolute())
}

/// RFC 3986 section 3.2.2 with RFC 9110 section 4.2.3: a name or an address and maybe a port, nobody's name before it.
fn is_host(host: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(host) else { return false };
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (text, ""),
    };
    let port_is_sound = port.is_empty()
        || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u32>().is_ok_and(|p| p < 65_536));
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name_is_sound = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&b)),
    };
    (text.is_empty() || !name.is_empty()) && port_is_sound && name_is_sound
}

/// Sound beyond any doubt.
fn is_plain(method: &[u8], target: &[u8], hosts: &[&[u8]]) -> bool {
    let word = |b: &u8| b.is_ascii_alphanumeric() || b"-._~/".contains(b);
    let [host] = hosts else { return false };
    let host = host.strip_suffix(b":8080").unwrap_or(host);
    [&b"GET"[..], b"POST", b"HEAD", b"PUT", b"DELETE", b"PATCH"].contains(&method)
        && target.starts_with(b"/")
        && target.len() < 1000
        && target.iter().all(|b| word(b) || b"?=&;:@!$'()*+,".contains(b))
        && (1..200).contains(&host.len())
        && host.iter().all(|b| b.is_ascii_lowercase() || b"-.".contains(b))
}
