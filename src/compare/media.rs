//! What a Content-Type says: whether two of them mean the same, and how a body of that type is compared.

/// How bodies of a media type are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Json,
    Text,
    Bytes,
    /// There is no type, or none that can be read: the bytes decide.
    Unknown,
}

/// Types that are text although their name does not begin with `text/`.
const TEXT_TYPES: &[&str] = &[
    "application/xml",
    "application/javascript",
    "application/ecmascript",
    "application/x-javascript",
    "application/x-www-form-urlencoded",
    "application/graphql",
    "application/yaml",
    "application/x-yaml",
    "application/toml",
    "application/sql",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/json-seq",
    "application/x-sh",
    "application/xhtml+xml",
];

/// How a body is compared, by its media type alone.
pub(super) fn class(media_type: Option<&str>) -> Class {
    let Some(essence) = media_type.map(essence).filter(|essence| essence.contains('/')) else {
        return Class::Unknown;
    };
    let is = |name: &str| essence.eq_ignore_ascii_case(name);
    if is("application/json") || is("text/json") || ends_with(essence, "+json") {
        Class::Json
    } else if starts_with(essence, "text/")
        || ends_with(essence, "+xml")
        || ends_with(essence, "+yaml")
        || TEXT_TYPES.iter().any(|name| is(name))
    {
        Class::Text
    } else {
        Class::Bytes
    }
}

/// Whether two Content-Type values mean the same (RFC 9110 section 8.3.1): the type, the names of parameters and the
/// value of `charset` in any case, quoted or not, parameters in any order. Values of other parameters by their case.
pub(super) fn same(stable: &[u8], other: &[u8]) -> bool {
    let (Ok(stable), Ok(other)) = (std::str::from_utf8(stable), std::str::from_utf8(other)) else {
        return false;
    };
    essence(stable).eq_ignore_ascii_case(essence(other)) && {
        let (mut left, mut right) = (parameters(stable), parameters(other));
        left.sort();
        right.sort();
        left == right
    }
}

/// The type and subtype without parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn parameters(media_type: &str) -> Vec<(String, String)> {
    split_unquoted(media_type)
        .skip(1)
        .filter(|part| !part.trim().is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = name.trim().to_ascii_lowercase();
            let value = value.trim();
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            let value = if name == "charset" { value.to_ascii_lowercase() } else { value.to_owned() };
            (name, value)
        })
        .collect()
}

/// The parts between semicolons that stand outside of quotes.
fn split_unquoted(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    })
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for json in
            ["application/json", "Application/JSON; charset=utf-8", "application/problem+json", "text/json"]
        {
            assert_eq!(class(Some(json)), Class::Json, "{json}");
        }
        for text in [
            "text/html",
            "TEXT/plain;x=y",
            "image/svg+xml",
            "application/x-www-form-urlencoded",
            "application/x-ndjson",
        ] {
            assert_eq!(class(Some(text)), Class::Text, "{text}");
        }
        for bytes in ["image/png", "application/octet-stream", "application/jsonish", "x/json"] {
            assert_eq!(class(Some(bytes)), Class::Bytes, "{bytes}");
        }
        for unknown in [None, Some(""), Some("json"), Some(";")] {
            assert_eq!(class(unknown), Class::Unknown, "{unknown:?}");
        }
    }

    #[test]
    fn equal_types() {
        let same = |a: &str, b: &str| same(a.as_bytes(), b.as_bytes());
        assert!(same("application/json;charset=UTF-8", "Application/Json; Charset=\"utf-8\""));
        assert!(same("a/b; x=1; y=2", "a/b;y=2;x=1;"));
        assert!(!same("a/b; x=1", "a/b; x=2"));
        assert!(!same("a/b; boundary=A", "a/b; boundary=a"));
        assert!(!same("text/html", "text/html; charset=utf-8"));
        assert!(same("a/b; x=\"1;2\"", "a/b;x=\"1;2\""));
        assert!(!same("a/b; x=\"1;2\"", "a/b;x=\"1;3\""));
        assert!(!same("text/html", "text/plain"));
    }
}
