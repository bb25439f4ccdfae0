//! Fields on their way: what belongs to one hop is taken off, who asked is written on.

mod certified;
mod claims;
mod forwarded;
mod hop;
mod request_id;
mod trace;
mod trailers;
mod via;

use http::{HeaderMap, HeaderName, HeaderValue, Version, header};

use super::survey::{Field, Survey};
use crate::live::peer::Peer;
use crate::live::snapshot::Snapshot;
use crate::model::TraceContext;

pub(in crate::live) use claims::{claim, same};
pub(in crate::live) use request_id::Id;
pub(in crate::live) use via::Pseudonym;

/// The mark of a copy; from a client it never reaches stable.
pub const MARK: HeaderName = HeaderName::from_static("umbrage-shadow");

/// The request's id.
pub(in crate::live) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(in crate::live) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(in crate::live) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Fields of ours that a request may not have had: X-Forwarded-* (4), `Forwarded`, `Via`, the id.
const ADDED: usize = 7;

/// What the fields of a request said before they were changed, and which request it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::live) struct Said {
    /// It carried the mark: a peer instance mirrors it already.
    pub(in crate::live) marked: bool,
    /// It asked for an upgrade.
    pub(in crate::live) upgrade: bool,
    /// The trace that it is part of.
    pub(in crate::live) trace: Option<TraceContext>,
    /// Its id; `None` where ids are not ours to touch.
    pub(in crate::live) id: Option<Id>,
}

/// Makes a client's fields into those that are forwarded; `received` is the protocol that they came by. Our own are added
/// after the stripping, so that no client can have them removed by naming them in `Connection`.
pub(in crate::live) fn prepare_request(
    fields: &mut HeaderMap,
    received: Version,
    peer: &Peer,
    snapshot: &Snapshot,
    survey: Survey,
) -> Said {
    let marked = survey.has(Field::Mark);
    if survey.is_of_one_hop() {
        hop::strip_hop_by_hop(fields, survey);
        if marked {
            strip_mark(fields, &snapshot.mark);
        }
        if survey.has(Field::Expect) {
            fields.remove(header::EXPECT);
        }
        if survey.has(Field::TransferEncoding) {
            fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    let (identity, trusted) = (&snapshot.identity, peer.is_trusted(&snapshot.trusted_proxies));
    // Once, instead of growing with each.
    fields.reserve(ADDED);
    forwarded::write(fields, peer, trusted, survey, identity.forwarded);
    if let Some(certified) = &peer.certified {
        certified::write(fields, certified);
    }
    identity.pseudonym.write(fields, received, survey.has(Field::Via));
    let trace = trace::write(fields, survey, identity.trace);
    let id = request_id::write(fields, trusted, survey, identity.request_id);
    Said { marked, upgrade: survey.has(Field::Upgrade), trace, id }
}

/// Takes the mark off in every spelling: to a backend that reads `_` as `-` it would be one.
fn strip_mark(fields: &mut HeaderMap, mark: &HeaderName) {
    let spelt: Vec<HeaderName> =
        fields.keys().filter(|name| same(name.as_str(), mark.as_str())).cloned().collect();
    for name in &spelt {
        fields.remove(name);
    }
}

/// Makes stable's fields into those that the client gets; the framing is derived anew.
pub(in crate::live) fn prepare_response(fields: &mut HeaderMap) {
    let survey = Survey::of(fields, None);
    if survey.has(Field::TransferEncoding) {
        // RFC 9112 section 6.3: chunks override a length; passed on, it would cut the body where a liar wants it cut.
        fields.remove(header::CONTENT_LENGTH);
    }
    hop::strip_hop_by_hop(fields, survey);
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
