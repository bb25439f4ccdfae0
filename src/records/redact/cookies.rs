//! Cookie and Set-Cookie: names and attributes stay, values go.

use super::Hasher;

/// Attributes of Set-Cookie that say nothing secret (RFC 6265bis section 4.1.2, and two in use).
const ATTRIBUTES: [&str; 9] =
    ["path", "domain", "expires", "max-age", "secure", "httponly", "samesite", "partitioned", "priority"];

/// `a=1; b=2` with each value replaced; what has no name is a value.
pub(super) fn cookie(value: &str, hasher: &Hasher) -> String {
    value.split(';').map(|pair| one(pair, hasher)).collect::<Vec<_>>().join(";")
}

/// `a=1; Path=/; HttpOnly` with the cookie's value replaced, and everything that is no known attribute.
pub(super) fn set_cookie(value: &str, hasher: &Hasher) -> String {
    let mut parts = value.split(';');
    let first = one(parts.next().unwrap_or_default(), hasher);
    let rest = parts.map(|part| {
        let name = part.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
        if ATTRIBUTES.contains(&name.as_str()) { part.to_owned() } else { one(part, hasher) }
    });
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join(";")
}

fn one(pair: &str, hasher: &Hasher) -> String {
    let trimmed = pair.trim();
    let indent = &pair[..pair.len() - pair.trim_start().len()];
    match trimmed.split_once('=') {
        None if trimmed.is_empty() => pair.to_owned(),
        None => format!("{indent}{}", hasher.replace(trimmed)),
        Some((name, value)) => format!("{indent}{name}={}", hasher.replace(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHER: Hasher = Hasher([7; 32]);

    fn hash(value: &str) -> String {
        HASHER.replace(value)
    }

    #[test]
    fn names_stay_and_values_go() {
        let (one, two) = (hash("1"), hash("2=3"));
        assert_eq!(cookie("a=1; b=2=3;c=1", &HASHER), format!("a={one}; b={two};c={one}"));
        assert_eq!(cookie("bare", &HASHER), hash("bare"));
        assert_eq!(cookie("", &HASHER), "");
        assert_eq!(cookie(" ; ", &HASHER), " ; ");
        assert_eq!(cookie("=v", &HASHER), format!("={}", hash("v")));
    }

    #[test]
    fn attributes_stay_and_unknown_ones_are_values() {
        let got =
            set_cookie("id=s3cret; Path=/a; HttpOnly; Max-Age=60; SameSite=Lax; odd=x; s3cret2", &HASHER);
        let (value, x, bare) = (hash("s3cret"), hash("x"), hash("s3cret2"));
        assert_eq!(got, format!("id={value}; Path=/a; HttpOnly; Max-Age=60; SameSite=Lax; odd={x}; {bare}"));
        assert_eq!(
            set_cookie("path", &HASHER),
            hash("path"),
            "the first part is the cookie, whatever its name"
        );
    }
}
