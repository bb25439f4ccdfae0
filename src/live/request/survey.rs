//! Which of the fields that a proxy must look at a head has: one walk over its names instead of a lookup for each.

use http::{HeaderMap, HeaderName, header};

/// A field that is of one hop, or that a gateway must check.
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
}

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
                6 if *name == header::EXPECT => Field::Expect,
                7 if *name == header::UPGRADE => Field::Upgrade,
                7 if *name == header::TRAILER => Field::Trailer,
                10 if *name == header::CONNECTION => Field::Connection,
                10 if *name == KEEP_ALIVE => Field::KeepAlive,
                16 if *name == PROXY_CONNECTION => Field::ProxyConnection,
                17 if *name == header::TRANSFER_ENCODING => Field::TransferEncoding,
                _ if mark.is_some_and(|mark| mark == name) => Field::Mark,
                _ => continue,
            };
            survey.0 |= field.bit();
        }
        survey
    }

    pub(in crate::live) fn has(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }

    /// None of them.
    pub(in crate::live) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Field {
    fn bit(self) -> u16 {
        1 << self as u8
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
        ];
        for (name, field) in fields {
            let mut head = HeaderMap::new();
            head.insert("host", HeaderValue::from_static("a"));
            assert!(Survey::of(&head, Some(&mark)).is_empty());
            head.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
            let found: Vec<_> = fields
                .iter()
                .filter(|(_, f)| Survey::of(&head, Some(&mark)).has(*f))
                .map(|(n, _)| *n)
                .collect();
            assert_eq!(found, [name]);
            assert_eq!(Survey::of(&head, None).is_empty(), field == Field::Mark, "{name}");
        }
    }
}
