//! Which of the fields that a proxy must look at a head has: one walk over its names instead of a lookup for each.

use http::{HeaderMap, HeaderName, header};

use super::headers::{REQUEST_ID, TRACEPARENT, TRACESTATE, claim, same};

/// A field that is of one hop, that a gateway must check, or that says who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live) enum Field {
    Connection,
    KeepAlive,
    ProxyConnection,
    Te,
    Upgrade,
    TransferEncoding,
    Expect,
    Trailer,
    Mark,
    // From here on they are of the message as a whole.
    Via,
    MaxForwards,
    RequestId,
    /// `traceparent` or `tracestate`.
    Trace,
    /// One of those that claim who asked.
    Claim,
}

/// Those that [`Survey::is_of_one_hop`] asks for.
const ONE_HOP: u16 = (1 << Field::Via as u16) - 1;

pub(in crate::live) const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
pub(in crate::live) const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What is there; by name, not how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::live) struct Survey(u16);

impl Survey {
    /// Walks the names of a head; `mark` is the field that marks copies, if that matters.
    pub(in crate::live) fn of(fields: &HeaderMap, mark: Option<&HeaderName>) -> Self {
        let mut survey = Survey(0);
        for name in fields.keys() {
            // By length first: most names are none of these, and most lengths are no name's.
            let field = match name.as_str().len() {
                2 if *name == header::TE => Field::Te,
                3 if *name == header::VIA => Field::Via,
                6 if *name == header::EXPECT => Field::Expect,
                7 if *name == header::UPGRADE => Field::Upgrade,
                7 if *name == header::TRAILER => Field::Trailer,
                10 if *name == header::CONNECTION => Field::Connection,
                10 if *name == KEEP_ALIVE => Field::KeepAlive,
                10 if *name == TRACESTATE => Field::Trace,
                11 if *name == TRACEPARENT => Field::Trace,
                12 if *name == REQUEST_ID => Field::RequestId,
                12 if *name == header::MAX_FORWARDS => Field::MaxForwards,
                16 if *name == PROXY_CONNECTION => Field::ProxyConnection,
                17 if *name == header::TRANSFER_ENCODING => Field::TransferEncoding,
                _ if mark.is_some_and(|mark| same(name.as_str(), mark.as_str())) => Field::Mark,
                _ if claim(name.as_str()).is_some() => Field::Claim,
                _ => continue,
            };
            survey.0 |= field.bit();
        }
        survey
    }

    /// Notes a field that we added.
    pub(super) fn add(&mut self, field: Field) {
        self.0 |= field.bit();
    }

    pub(in crate::live) fn has(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }

    /// Something must be taken off, or looked at, before the rest.
    pub(in crate::live) fn is_of_one_hop(self) -> bool {
        self.0 & ONE_HOP != 0
    }
}

impl Field {
    fn bit(self) -> u16 {
        1 << self as u16
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn each_field_is_found_under_its_own_name_alone() {
        let mark = HeaderName::from_static("x-mark");
        let fields = [
            ("connection", Field::Connection),
            ("keep-alive", Field::KeepAlive),
            ("proxy-connection", Field::ProxyConnection),
            ("te", Field::Te),
            ("upgrade", Field::Upgrade),
            ("transfer-encoding", Field::TransferEncoding),
            ("expect", Field::Expect),
            ("trailer", Field::Trailer),
            ("x-mark", Field::Mark),
            ("x_mark", Field::Mark),
            ("x.mark", Field::Mark),
            ("via", Field::Via),
            ("max-forwards", Field::MaxForwards),
            ("x-request-id", Field::RequestId),
            ("traceparent", Field::Trace),
            ("tracestate", Field::Trace),
            ("x-forwarded-for", Field::Claim),
            ("forwarded", Field::Claim),
            ("x_forwarded_for", Field::Claim),
            ("x_request_id", Field::Claim),
        ];
        for (name, field) in fields {
            let mut head = HeaderMap::new();
            head.insert("host", HeaderValue::from_static("a"));
            head.insert("user-agent", HeaderValue::from_static("x"));
            assert_eq!(Survey::of(&head, Some(&mark)), Survey::default());
            head.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
            let survey = Survey::of(&head, Some(&mark));
            assert_eq!(survey.0, field.bit(), "{name}");
            assert!(survey.has(field));
            let kept = [Field::Via, Field::MaxForwards, Field::RequestId, Field::Trace, Field::Claim];
            assert_eq!(survey.is_of_one_hop(), !kept.contains(&field), "{name}");
            assert_eq!(Survey::of(&head, None) == Survey::default(), field == Field::Mark, "{name}");
        }
    }
}
