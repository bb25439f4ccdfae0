//! Who asked, for the backend: X-Forwarded-* and `Forwarded` (RFC 7239), in place of what strangers say.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::claims::{Claim, claim};
use crate::live::peer::Peer;
use crate::live::request::survey::{Field, Survey};
use crate::live::settings::Forwarded;

pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Most bytes of a list of hops: some sixty addresses. The hops nearest to us stay, which alone can be trusted.
pub(super) const MAX_HOPS_BYTES: usize = 2048;

/// Takes off claims that are not believed, and writes who asked.
pub(super) fn write(fields: &mut HeaderMap, peer: &Peer, trusted: bool, survey: Survey, form: Forwarded) {
    if survey.has(Field::Claim) {
        take_off(fields, trusted);
    }
    let believed = trusted && survey.has(Field::Claim);
    if form.writes_x_forwarded() {
        x_forwarded(fields, peer, believed);
    }
    if form.writes_rfc7239() {
        rfc7239(fields, peer, believed);
    }
}

/// An alias is nobody's; under their own names a trusted peer is believed.
fn take_off(fields: &mut HeaderMap, trusted: bool) {
    let refused = |name: &&HeaderName| match claim(name.as_str()) {
        Some(Claim::Plain) => !trusted,
        Some(Claim::Alias) => true,
        None => false,
    };
    let names: Vec<HeaderName> = fields.keys().filter(refused).cloned().collect();
    for name in names {
        fields.remove(name);
    }
}

fn x_forwarded(fields: &mut HeaderMap, peer: &Peer, believed: bool) {
    let said = |fields: &HeaderMap, name: &HeaderName| believed && fields.contains_key(name);
    let hops =
        if believed { appended(fields, &FORWARDED_FOR, peer.written()) } else { peer.written().clone() };
    fields.insert(FORWARDED_FOR, hops);
    if said(fields, &FORWARDED_PROTO) {
        keep_one(fields, &FORWARDED_PROTO);
    } else {
        fields.insert(FORWARDED_PROTO, HeaderValue::from_static(peer.scheme()));
    }
    if said(fields, &FORWARDED_HOST) {
        keep_one(fields, &FORWARDED_HOST);
    } else if let Some(host) = fields.get(header::HOST).cloned() {
        fields.insert(FORWARDED_HOST, host);
    }
    if said(fields, &FORWARDED_PORT) {
        keep_one(fields, &FORWARDED_PORT);
    } else {
        fields.insert(FORWARDED_PORT, peer.port().clone());
    }
}

/// Of several lines the last one, which the proxy before us wrote: a backend that takes the first must not get another.
fn keep_one(fields: &mut HeaderMap, name: &HeaderName) {
    let mut lines = fields.get_all(name).iter();
    if lines.next().is_some()
        && let Some(last) = lines.next_back().cloned()
    {
        fields.insert(name.clone(), last);
    }
}

fn rfc7239(fields: &mut HeaderMap, peer: &Peer, believed: bool) {
    let own = element(peer, fields.get(header::HOST));
    let value = if believed { appended(fields, &header::FORWARDED, &own) } else { own };
    fields.insert(header::FORWARDED, value);
}

/// RFC 7239 section 4: `for=…;host="…";proto=…`. A host that was validated has nothing that a quoted string must escape.
fn element(peer: &Peer, host: Option<&HeaderValue>) -> HeaderValue {
    let mut text = Vec::with_capacity(96);
    text.extend_from_slice(b"for=");
    if peer.address.is_ipv6() {
        // Section 6: brackets, and as those are not of a token, quotes.
        text.extend([b"\"[", peer.written().as_bytes(), b"]\""].concat());
    } else {
        text.extend_from_slice(peer.written().as_bytes());
    }
    if let Some(host) = host.filter(|host| !host.is_empty()) {
        text.extend([b";host=\"", host.as_bytes(), b"\""].concat());
    }
    text.extend([b";proto=", peer.scheme().as_bytes()].concat());
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
        .unwrap_or_else(|_| HeaderValue::from_static("for=unknown"))
}

/// The lines of a list as one, ours behind; the oldest hops go where it is too long.
fn appended(fields: &HeaderMap, name: &HeaderName, last: &HeaderValue) -> HeaderValue {
    let mut hops: Vec<&[u8]> = fields.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    hops.push(last.as_bytes());
    let whole = hops.join(&b", "[..]);
    HeaderValue::from_bytes(nearest(&whole)).unwrap_or_else(|_| last.clone())
}

/// As many of the last hops as fit.
fn nearest(list: &[u8]) -> &[u8] {
    let Some(cut) = list.len().checked_sub(MAX_HOPS_BYTES).filter(|cut| *cut > 0) else { return list };
    let tail = &list[cut..];
    let comma = tail.iter().position(|b| *b == b',');
    comma.map_or(tail, |at| tail[at + 1..].trim_ascii_start())
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
