//! Fields on their way: what belongs to one hop is taken off, who asked is written on.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

use super::survey::{Field, KEEP_ALIVE, PROXY_CONNECTION, Survey};
use super::trailers;
use crate::live::peer::Peer;

/// The mark of a copy; from a client it never reaches stable.
pub const MARK: HeaderName = HeaderName::from_static("umbrage-shadow");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What the fields of a request said before they were changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::live) struct Said {
    /// It carried the mark: a peer instance mirrors it already.
    pub(in crate::live) marked: bool,
    /// It asked for an upgrade.
    pub(in crate::live) upgrade: bool,
}

/// Makes a client's fields into those that are forwarded. Our own are added after the stripping, so that no client can
/// have them removed by naming them in `Connection`.
pub(in crate::live) fn prepare_request(
    fields: &mut HeaderMap,
    peer: &Peer,
    trusted: &[IpNet],
    mark: &HeaderName,
    survey: Survey,
) -> Said {
    let said = Said { marked: survey.has(Field::Mark), upgrade: survey.has(Field::Upgrade) };
    if !survey.is_empty() {
        strip_hop_by_hop(fields, survey);
        if said.marked {
            fields.remove(mark);
        }
        if survey.has(Field::Expect) {
            fields.remove(header::EXPECT);
        }
        if survey.has(Field::TransferEncoding) {
            fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    forwarded(fields, peer, peer.is_trusted(trusted));
    said
}

/// Makes stable's fields into those that the client gets; the framing is derived anew.
pub(in crate::live) fn prepare_response(fields: &mut HeaderMap) {
    let survey = Survey::of(fields, None);
    if survey.has(Field::TransferEncoding) {
        // RFC 9112 section 6.3: chunks override a length; passed on, it would cut the body where a liar wants it cut.
        fields.remove(header::CONTENT_LENGTH);
    }
    strip_hop_by_hop(fields, survey);
}

/// RFC 9110 section 7.6.1: what `Connection` names, and what is of one hop without being named. Fields that are of the
/// message as a whole cannot be removed by naming them.
fn strip_hop_by_hop(fields: &mut HeaderMap, survey: Survey) {
    if survey.has(Field::Trailer) {
        trailers::announce(fields);
    }
    if survey.has(Field::Connection) {
        strip_named(fields);
        fields.remove(header::CONNECTION);
    }
    if survey.has(Field::Te) {
        if wants_trailers(fields) {
            fields.insert(header::TE, HeaderValue::from_static("trailers"));
        } else {
            fields.remove(header::TE);
        }
    }
    let rest = [
        (Field::KeepAlive, KEEP_ALIVE),
        (Field::ProxyConnection, PROXY_CONNECTION),
        (Field::Upgrade, header::UPGRADE),
        (Field::TransferEncoding, header::TRANSFER_ENCODING),
    ];
    for (_, name) in rest.into_iter().filter(|(field, _)| survey.has(*field)) {
        fields.remove(name);
    }
}

fn wants_trailers(fields: &HeaderMap) -> bool {
    let mut codings =
        fields.get_all(header::TE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
    codings.any(|c| c.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("trailers")))
}

fn strip_named(fields: &mut HeaderMap) {
    let named: Vec<HeaderName> =
        listed(fields, &header::CONNECTION).filter(|name| !is_end_to_end(name)).collect();
    for name in named {
        fields.remove(name);
    }
}

/// The field names that a field lists.
pub(super) fn listed(fields: &HeaderMap, field: &HeaderName) -> impl Iterator<Item = HeaderName> {
    let lines = fields.get_all(field).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|v| v.split(',')).filter_map(|name| HeaderName::try_from(name.trim()).ok())
}

fn is_end_to_end(name: &HeaderName) -> bool {
    let kept = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::AUTHORIZATION,
        header::COOKIE,
        header::SET_COOKIE,
        header::TE,
        header::UPGRADE,
    ];
    kept.contains(name) || name.as_str().starts_with("x-forwarded-") || *name == header::FORWARDED
}

fn forwarded(fields: &mut HeaderMap, peer: &Peer, trusted: bool) {
    let hops = if trusted { appended(fields, peer.written()) } else { peer.written().clone() };
    fields.insert(FORWARDED_FOR, hops);
    if !(trusted && fields.contains_key(&FORWARDED_PROTO)) {
        fields.insert(FORWARDED_PROTO, HeaderValue::from_static(peer.scheme()));
    }
    if !(trusted && fields.contains_key(&FORWARDED_HOST)) {
        match fields.get(header::HOST).cloned() {
            Some(host) => fields.insert(FORWARDED_HOST, host),
            None => fields.remove(&FORWARDED_HOST),
        };
    }
}

fn appended(fields: &HeaderMap, last: &HeaderValue) -> HeaderValue {
    let mut hops: Vec<&[u8]> = fields.get_all(&FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    hops.push(last.as_bytes());
    HeaderValue::from_bytes(&hops.join(&b", "[..])).unwrap_or_else(|_| last.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn append(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (n, v) in pairs {
            map.append(HeaderName::from_static(n), HeaderValue::from_static(v));
        }
        map
    }

    fn peer() -> Peer {
        Peer::new(([10, 1, 2, 3], 5000).into())
    }

    fn prepared(map: &mut HeaderMap, trusted: &[IpNet]) -> Said {
        let survey = Survey::of(map, Some(&MARK));
        prepare_request(map, &peer(), trusted, &MARK, survey)
    }

    #[test]
    fn what_is_of_one_hop_is_taken_off() {
        let mut map = fields(&[
            ("connection", "keep-alive, x-private, close"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("x-private", "1"),
            ("te", "gzip, trailers;q=0.5"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("x-kept", "1"),
        ]);
        let said = prepared(&mut map, &[]);
        assert_eq!(said, Said { marked: false, upgrade: true });
        let mut left: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["te", "x-forwarded-for", "x-forwarded-proto", "x-kept"]);
        assert_eq!(map["te"], "trailers");
    }

    #[test]
    fn a_client_cannot_have_end_to_end_fields_removed() {
        let mut map = fields(&[
            ("connection", "host, authorization, x-forwarded-for, content-length, cookie"),
            ("host", "a"),
            ("authorization", "b"),
            ("content-length", "3"),
            ("cookie", "c"),
        ]);
        prepared(&mut map, &[]);
        for kept in ["host", "authorization", "content-length", "cookie", "x-forwarded-for"] {
            assert!(map.contains_key(kept), "{kept}");
        }
    }

    #[test]
    fn chunked_stays_chunked_by_our_own_word() {
        let mut map = fields(&[("transfer-encoding", "Chunked"), ("connection", "transfer-encoding")]);
        prepared(&mut map, &[]);
        assert_eq!(map["transfer-encoding"], "chunked");
    }

    #[test]
    fn forwarded_fields_of_strangers_are_replaced_and_of_trusted_peers_extended() {
        let said = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "front"),
            ("host", "back"),
        ];
        let mut stranger = append(&said);
        prepared(&mut stranger, &[]);
        assert_eq!(stranger["x-forwarded-for"], "10.1.2.3");
        assert_eq!(stranger.get_all("x-forwarded-for").iter().count(), 1);
        assert_eq!(
            (&stranger["x-forwarded-proto"], &stranger["x-forwarded-host"]),
            (&HeaderValue::from_static("http"), &HeaderValue::from_static("back"))
        );
        let mut trusted = append(&said);
        prepared(&mut trusted, &["10.0.0.0/8".parse().expect("a net")]);
        assert_eq!(trusted["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 10.1.2.3");
        assert_eq!(
            (&trusted["x-forwarded-proto"], &trusted["x-forwarded-host"]),
            (&HeaderValue::from_static("https"), &HeaderValue::from_static("front"))
        );
    }

    #[test]
    fn the_mark_of_a_client_does_not_get_through() {
        let mut map = fields(&[("umbrage-shadow", "1")]);
        assert!(prepared(&mut map, &[]).marked);
        assert!(!map.contains_key(MARK));
    }
}

#[cfg(test)]
#[path = "header_properties.rs"]
mod properties;
