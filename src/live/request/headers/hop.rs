//! What belongs to one hop is taken off, whatever `Connection` names or does not name.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::claims::claim;
use super::trailers;
use super::{REQUEST_ID, TRACEPARENT, TRACESTATE};
use crate::live::request::survey::{Field, KEEP_ALIVE, PROXY_CONNECTION, Survey};

/// RFC 9110 section 7.6.1: what `Connection` names, and what is of one hop without being named. Fields that are of the
/// message as a whole cannot be removed by naming them.
pub(super) fn strip_hop_by_hop(fields: &mut HeaderMap, survey: Survey) {
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

/// Fields of the message as a whole, and those that say who asked: a client that named one could have taken off what a
/// proxy before us has written on.
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
        header::VIA,
        header::MAX_FORWARDS,
        REQUEST_ID,
        TRACEPARENT,
        TRACESTATE,
    ];
    kept.contains(name) || claim(name.as_str()).is_some()
}
