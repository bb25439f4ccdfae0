//! How stable's answer says where it ends: what hyper lets through and a gateway must not.

use http::{HeaderMap, HeaderValue, header};

/// Whether the framing fields say one thing, and one that is understood (RFC 9112 sections 6.1 and 6.3).
///
/// A coding other than chunked would be passed on undone and unnamed. Lengths are checked for answers without a body too:
/// the client reads them.
pub(super) fn is_sound(fields: &HeaderMap) -> bool {
    let mut codings = fields.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        return coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    }
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return true };
    is_number(first) && lengths.all(|length| length == first)
}

fn is_number(length: &HeaderValue) -> bool {
    let digits = length.as_bytes();
    digits.iter().all(u8::is_ascii_digit) && length.to_str().is_ok_and(|text| text.parse::<i64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut fields = HeaderMap::new();
        for (name, value) in pairs {
            fields.append(*name, HeaderValue::from_static(value));
        }
        is_sound(&fields)
    }

    #[test]
    fn one_length_or_one_chunked_is_sound() {
        assert!(sound(&[]));
        assert!(sound(&[("content-length", "0")]));
        assert!(sound(&[("content-length", "5"), ("content-length", "5")]));
        assert!(sound(&[("transfer-encoding", "Chunked")]));
        assert!(sound(&[("transfer-encoding", "chunked"), ("content-length", "5")]), "it is taken off");
    }

    #[test]
    fn anything_else_is_not() {
        for length in ["", "+5", "-5", "5 5", "5,5", "5,6", "0x5", "a", "99999999999999999999"] {
            assert!(!sound(&[("content-length", length)]), "{length}");
        }
        assert!(!sound(&[("content-length", "5"), ("content-length", "6")]));
        for coding in ["", "gzip", "gzip, chunked", "identity", "chunked, chunked", "chunked;a", "xchunked"] {
            assert!(!sound(&[("transfer-encoding", coding)]), "{coding}");
        }
        assert!(!sound(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]));
    }
}
