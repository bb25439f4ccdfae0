//! Is this a field section that a request may have? RFC 9113 sections 8.1 to 8.3, as far as h2 lets through what they
//! forbid, or ends the connection where the stream would do.

use super::streams::Place;
use crate::live::arrival::wire::{TOKEN, is_path_and_query, text_length};

/// What a field does to its section; the worse comes later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// Nothing speaks against it here.
    #[default]
    Sound,
    /// The target would not be one in HTTP/1.1: h2 cuts it off or passes it on.
    Target,
    /// The message is malformed (section 8.1.1).
    Malformed,
}

/// Judges one field of a section.
pub(super) fn judge(name: &[u8], value: &[u8], place: Place) -> Worth {
    if !is_readable(name, value) || (place == Place::Trailers && name.starts_with(b":")) {
        return Worth::Malformed;
    }
    match value {
        [b'/', rest @ ..] if name == b":path" && !is_path_and_query(rest) => Worth::Target,
        _ => Worth::Sound,
    }
}

/// Whether h2 reads the field; where it does not it ends the whole connection.
pub(super) fn is_readable(name: &[u8], value: &[u8]) -> bool {
    match name {
        b":method" => is_token(value),
        b":scheme" | b":authority" | b":path" | b":protocol" => std::str::from_utf8(value).is_ok(),
        // None of a request (section 8.3.1); of others it is read as the number that it should be.
        b":status" => false,
        _ => is_name(name) && text_length(value) == value.len(),
    }
}

/// Section 8.2.1: a token without upper case.
pub(super) fn is_name(name: &[u8]) -> bool {
    is_token(name) && !name.iter().any(u8::is_ascii_uppercase)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| TOKEN[usize::from(*byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_a_request(name: &str, value: &str) -> Worth {
        judge(name.as_bytes(), value.as_bytes(), Place::Request)
    }

    #[test]
    fn names_and_values_that_nobody_may_send() {
        for name in ["", "X-Upper", "x y", "x:y", "x\0", "x\x7f", "x\u{e9}", ":", ":unknown", ":status", " x"]
        {
            assert_eq!(of_a_request(name, "1"), Worth::Malformed, "{name:?}");
        }
        for value in ["\0", "a\rb", "a\nb", "\u{1}", "\u{7f}"] {
            assert_eq!(of_a_request("x", value), Worth::Malformed, "{value:?}");
        }
        for value in ["", "a b\tc", "\u{e9}"] {
            assert_eq!(of_a_request("x", value), Worth::Sound, "{value:?}");
        }
        assert_eq!(judge(b"x", b"\xe9", Place::Request), Worth::Sound, "any octet above");
        for method in ["", "G T", "GET\r\n", "G:T"] {
            assert_eq!(of_a_request(":method", method), Worth::Malformed, "{method:?}");
        }
        assert_eq!(of_a_request(":method", "M-SEARCH"), Worth::Sound);
        assert_eq!(judge(b":authority", b"\xff", Place::Request), Worth::Malformed);
    }

    #[test]
    fn targets_are_those_of_http1() {
        for bad in ["/a#b", "/#", "/a b", "/a\u{1}", "/\u{e9}", "/a\"?\"", "/<"] {
            assert_eq!(of_a_request(":path", bad), Worth::Target, "{bad:?}");
        }
        // What begins otherwise is for h2 and the way of a request to refuse, or OPTIONS'.
        for good in ["/", "/a?b=%20", "*", "", "a#b", "/%23//..//"] {
            assert_eq!(of_a_request(":path", good), Worth::Sound, "{good:?}");
        }
    }

    #[test]
    fn trailers_have_no_pseudo_fields() {
        assert_eq!(judge(b":path", b"/", Place::Trailers), Worth::Malformed);
        assert_eq!(judge(b"x-sum", b"1", Place::Trailers), Worth::Sound);
        assert_eq!(judge(b"x-sum", b"\n", Place::Trailers), Worth::Malformed);
    }

    #[test]
    fn what_is_readable_h2_reads() {
        use http::{HeaderName, HeaderValue, Method};
        for first in 0..=255_u8 {
            for second in [b'a', first] {
                let text = [first, second];
                // It reads one more: a quotation mark is in no token.
                let read = HeaderName::from_lowercase(&text).is_ok() && first != b'"';
                assert_eq!(is_readable(&text, b""), read, "{text:?}");
                assert_eq!(is_readable(b"x", &text), HeaderValue::from_bytes(&text).is_ok(), "{text:?}");
                assert_eq!(is_readable(b":method", &text), Method::from_bytes(&text).is_ok(), "{text:?}");
            }
        }
    }
}
