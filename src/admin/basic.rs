//! Credentials of an `Authorization` field: a bearer token, or the password of Basic (RFC 7617), which browsers can ask for.

/// Longest field that is looked at, in bytes.
const MAX_FIELD: usize = 2048;

/// The token that the field carries, if it carries one.
pub(super) fn token_in(field: &[u8]) -> Option<Vec<u8>> {
    let field = std::str::from_utf8(field).ok().filter(|f| f.len() <= MAX_FIELD)?;
    let (scheme, rest) = field.split_once(' ')?;
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = decode(rest)?;
    let colon = pair.iter().position(|b| *b == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Base64 with the standard alphabet (RFC 4648, section 4); padding may be left out.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for c in text.bytes() {
        bits = (bits << 6) | u32::from(digit(c)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
            bits &= (1 << held) - 1;
        }
    }
    // One digit alone carries no byte, and leftover bits that are set were never encoded by anybody.
    (held < 6 && bits == 0).then_some(bytes)
}

fn digit(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn decodes_the_vectors_of_the_standard() {
        let vectors = [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmFy", "foobar"),
        ];
        for (text, bytes) in vectors {
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode("/+8="), Some(vec![0xff, 0xef]));
        for bad in ["Z", "Zg=g", "Zh==", "Zm9v!", "é"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn takes_bearer_and_basic_and_nothing_else() {
        assert_eq!(token_in(b"Bearer s3cret").as_deref(), Some(&b"s3cret"[..]));
        assert_eq!(token_in(b"bearer  s3cret ").as_deref(), Some(&b"s3cret"[..]));
        assert_eq!(token_in(b"Basic YWRtaW46czNjcmV0").as_deref(), Some(&b"s3cret"[..]));
        assert_eq!(token_in(b"Basic OmE6Yg==").as_deref(), Some(&b"a:b"[..]), "only the first colon parts");
        for bad in [&b"s3cret"[..], b"Digest s3cret", b"Basic !!", b"Basic YWRtaW4=", b"", b"\xff\xff x"] {
            assert_eq!(token_in(bad), None, "{bad:?}");
        }
        assert_eq!(token_in(format!("Bearer {}", "x".repeat(MAX_FIELD)).as_bytes()), None);
    }
}
