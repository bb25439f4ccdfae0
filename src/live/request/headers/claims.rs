//! Fields by which somebody claims who asked: those that backends believe, and the spellings that reach a backend as one
//! of them.

/// How a field claims who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live) enum Claim {
    /// Under its own name: a proxy before us may have written it.
    Plain,
    /// In a spelling that becomes such a name where a backend reads `_` and `.` as `-` (CGI, WSGI, PHP): no proxy writes
    /// it, and who sends it wants to get past one.
    Alias,
}

/// Names beside `forwarded…` and `x-forwarded…`: an address or a scheme that common frameworks and CDNs are believed on.
const NAMES: [&str; 12] = [
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "front-end-https",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-original-forwarded-for",
    "x-real-ip",
    "x-scheme",
    "x-url-scheme",
];

/// Ours alone by its name, so a claim only when it is spelt otherwise.
const REQUEST_ID: &str = "x-request-id";

/// Whether a field of this name (lower case) claims who asked.
pub(in crate::live) fn claim(name: &str) -> Option<Claim> {
    // Most names begin with none of these letters.
    if !matches!(name.as_bytes().first(), Some(b'c' | b'f' | b't' | b'x')) {
        return None;
    }
    let known =
        begins(name, "x-forwarded") || begins(name, "forwarded") || NAMES.iter().any(|n| same(name, n));
    let alias = || name.bytes().any(|b| matches!(b, b'_' | b'.'));
    match known {
        true if alias() => Some(Claim::Alias),
        true => Some(Claim::Plain),
        false => (same(name, REQUEST_ID) && alias()).then_some(Claim::Alias),
    }
}

/// Whether a name (lower case) is this one where a backend reads `_` and `.` as `-`.
pub(in crate::live) fn same(name: &str, known: &str) -> bool {
    name.len() == known.len() && begins(name, known)
}

fn begins(name: &str, known: &str) -> bool {
    let plain = |b: u8| if matches!(b, b'_' | b'.') { b'-' } else { b };
    name.len() >= known.len() && name.bytes().zip(known.bytes()).all(|(b, k)| plain(b) == plain(k))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_known_in_every_spelling() {
        for (name, expected) in [
            ("x-forwarded-for", Some(Claim::Plain)),
            ("x-forwarded-prefix", Some(Claim::Plain)),
            ("x-forwarded", Some(Claim::Plain)),
            ("forwarded", Some(Claim::Plain)),
            ("forwarded-for", Some(Claim::Plain)),
            ("x-real-ip", Some(Claim::Plain)),
            ("client-ip", Some(Claim::Plain)),
            ("x_forwarded_for", Some(Claim::Alias)),
            ("x-forwarded_for", Some(Claim::Alias)),
            ("x-forwarded.for", Some(Claim::Alias)),
            ("x.forwarded.proto", Some(Claim::Alias)),
            ("forwarded_for", Some(Claim::Alias)),
            ("x_real_ip", Some(Claim::Alias)),
            ("client_ip", Some(Claim::Alias)),
            ("x_request_id", Some(Claim::Alias)),
            ("x-request-id", None),
            ("x-request-ids", None),
            ("x-forward", None),
            ("x-real-ips", None),
            ("content-length", None),
            ("cookie", None),
            ("from", None),
            ("te", None),
            ("via", None),
        ] {
            assert_eq!(claim(name), expected, "{name}");
        }
    }
}
