//! Compares Set-Cookie fields by the names of their cookies: values are random by nature, and secrets.

use std::collections::BTreeSet;

use http::HeaderValue;

use super::findings::{Findings, Place, shortened};
use crate::model::{Kind, Part};

/// How many characters of a cookie's name stand in a path, so that random names cannot swell it.
const MAX_NAME_CHARS: usize = 64;

/// Whether two fields set the cookie of the same name.
pub(super) fn same_name(stable: &[u8], other: &[u8]) -> bool {
    name(stable) == name(other)
}

/// Finds the cookies that only one of the answers sets, in the order of their names. How often and in which order the
/// same names are set does not count.
pub(super) fn compare(
    stable: &[&HeaderValue],
    other: &[&HeaderValue],
    part: Part,
    findings: &mut Findings<'_>,
) {
    let left = names(stable);
    let right = names(other);
    for name in left.symmetric_difference(&right) {
        let missing = left.contains(name);
        findings.add(part, if missing { Kind::Missing } else { Kind::Added }, || {
            let shown = shortened(&String::from_utf8_lossy(name), MAX_NAME_CHARS);
            let path = format!("{}:set-cookie[{shown}]", part.label());
            let (stable, shadow) = if missing { (Some(shown), None) } else { (None, Some(shown)) };
            Place { path, pointer: String::new(), stable, shadow }
        });
    }
}

fn names<'v>(fields: &[&'v HeaderValue]) -> BTreeSet<&'v [u8]> {
    fields.iter().map(|field| name(field.as_bytes())).collect()
}

/// What stands before the first `=` of the first part; the whole part where there is none (RFC 6265 section 5.2 would
/// drop such a field, browsers do not).
fn name(field: &[u8]) -> &[u8] {
    let pair = field.split(|&byte| byte == b';').next().unwrap_or_default();
    pair.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_counts() {
        assert!(same_name(b"sid=1; Path=/", b" sid =2"));
        assert!(same_name(b"flag", b"flag; Secure"));
        assert!(!same_name(b"sid=1", b"SID=1"));
        assert!(!same_name(b"sid=1", b"other; sid=1"));
        assert_eq!(name(b""), b"");
    }
}
