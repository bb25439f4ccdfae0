//! Strings as they are meant: escapes undone, compared without copying where there are none.

use std::borrow::Cow;

/// Whether two strings, as written between their quotes, mean the same.
pub(super) fn same((stable, a): (&[u8], bool), (other, b): (&[u8], bool)) -> bool {
    if a || b { stable == other || decoded((stable, a)) == decoded((other, b)) } else { stable == other }
}

/// What a string, as written between its quotes, means: UTF-8, a lone surrogate in the three bytes that it would take in
/// generalised UTF-8 (WTF-8), so that different strings stay different.
pub(super) fn decoded((written, escaped): (&[u8], bool)) -> Cow<'_, [u8]> {
    if !escaped {
        return Cow::Borrowed(written);
    }
    let mut text = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        text.extend_from_slice(&rest[..at]);
        rest = unescape(&rest[at + 1..], &mut text);
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

/// Undoes one escape, of which the backslash is read; what follows it.
fn unescape<'a>(rest: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some((&kind, rest)) = rest.split_first() else { return rest };
    let byte = match kind {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode(rest, text),
        other => other,
    };
    text.push(byte);
    rest
}

/// Undoes `\uXXXX`, joined with the low surrogate after it where it is a high one.
fn unicode<'a>(rest: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some((high, after)) = unit(rest) else { return rest };
    if (0xd800..0xdc00).contains(&high)
        && let Some((low @ 0xdc00..0xe000, after)) = after.strip_prefix(b"\\u").and_then(unit)
    {
        push(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), text);
        return after;
    }
    push(high, text);
    after
}

/// Four hexadecimal digits, and what follows them.
fn unit(rest: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, after) = rest.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u32::from_str_radix(digits, 16).ok()?, after))
}

fn push(code: u32, text: &mut Vec<u8>) {
    if let Some(character) = char::from_u32(code) {
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        // A surrogate: 1110xxxx 10xxxxxx 10xxxxxx.
        let continuation = |shift: u32| 0x80 | u8::try_from((code >> shift) & 0x3f).unwrap_or(0);
        text.extend_from_slice(&[0xed, continuation(6), continuation(0)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(written: &str) -> Vec<u8> {
        decoded((written.as_bytes(), written.contains('\\'))).into_owned()
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(text(r#"a\"\\\/\b\f\n\r\tz"#), b"a\"\\/\x08\x0c\n\r\tz");
        assert_eq!(text(r"\u0041\u00e9\u20ac\ud83d\ude00"), "Aé€😀".as_bytes());
        assert_eq!(text("plain é"), "plain é".as_bytes());
    }

    #[test]
    fn lone_surrogates_stay_apart() {
        let all = [
            r"\ud800",
            r"\ud801",
            r"\udc00",
            r"\udc00\ud800",
            r"\ud800\ud800",
            r"\ufffd",
            r"\ud800\udc00",
            r"\ud800x",
        ];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(text(a) == text(b), i == j, "{a} {b}");
            }
        }
        assert_eq!(text(r"\ud800"), [0xed, 0xa0, 0x80]);
        assert_eq!(text(r"\uDFFF"), [0xed, 0xbf, 0xbf]);
    }

    #[test]
    fn equal_strings_in_other_clothes() {
        assert!(same((br"\u0041b", true), (b"Ab", false)));
        assert!(same((br"\u00E9", true), (br"\u00e9", true)));
        assert!(!same((b"Ab", false), (b"AB", false)));
        assert!(!same((br"\n", true), (br"\\n", true)));
    }
}
