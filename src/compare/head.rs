//! Compares the fields of two heads, or of two trailer sections.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};

use super::findings::{Findings, Place, excerpt_bytes, shortened};
use super::{Rules, cookies, media};
use crate::model::{Kind, Part};

/// How many characters of a field's name stand in a path, so that an answer cannot choose the size of a key.
const MAX_NAME_CHARS: usize = 128;

/// Compares field by field; repeated fields are lists whose order counts.
///
/// `bare` says that Content-Length is the bodies' only trace, so that the default rule on it does not hold.
pub(super) fn compare(
    stable: &HeaderMap,
    other: &HeaderMap,
    part: Part,
    bare: bool,
    findings: &mut Findings<'_>,
) {
    let ignored = Ignored { rules: findings.rules(), bare };
    match aligned(stable, other, &ignored) {
        Some(Hidden::Nothing) => return,
        Some(Hidden::Something) => hide_aligned(stable, other, &ignored, findings),
        None => {
            for name in stable.keys() {
                field(name, stable, other, part, &ignored, findings);
            }
            for name in other.keys().filter(|name| !stable.contains_key(*name)) {
                field(name, stable, other, part, &ignored, findings);
            }
        }
    }
    for (name, rule) in findings.rules().written_headers() {
        if stable.contains_key(name) || other.contains_key(name) {
            findings.select(*rule);
        }
    }
}

/// Whether any rule hides something in heads that are otherwise equal.
enum Hidden {
    Nothing,
    Something,
}

struct Ignored<'r> {
    rules: &'r Rules,
    bare: bool,
}

impl Ignored<'_> {
    /// The rule that leaves a field out.
    fn rule(&self, name: &HeaderName) -> Option<usize> {
        let rule = self.rules.ignored_header(name)?;
        let compared = self.bare && *name == CONTENT_LENGTH && self.rules.is_default(rule);
        (!compared).then_some(rule)
    }
}

/// The cheap way, without an allocation or a look-up: the same names in the same order, and equal values or ignored ones.
/// `None` when it takes the other way to tell.
fn aligned(stable: &HeaderMap, other: &HeaderMap, ignored: &Ignored<'_>) -> Option<Hidden> {
    if stable.len() != other.len() {
        return None;
    }
    let mut hidden = Hidden::Nothing;
    for ((name, value), (other_name, other_value)) in stable.iter().zip(other) {
        if name != other_name {
            return None;
        }
        if value != other_value && !same(name, value, other_value) {
            ignored.rule(name)?;
            hidden = Hidden::Something;
        }
    }
    Some(hidden)
}

fn hide_aligned(stable: &HeaderMap, other: &HeaderMap, ignored: &Ignored<'_>, findings: &mut Findings<'_>) {
    for ((name, value), (_, other_value)) in stable.iter().zip(other) {
        if value != other_value
            && !same(name, value, other_value)
            && let Some(rule) = ignored.rule(name)
        {
            hide(rule, findings);
        }
    }
}

fn hide(rule: usize, findings: &mut Findings<'_>) {
    findings.hide(rule);
    // The rules that somebody wrote are counted by the presence of their field, whether it differs or not.
    if findings.rules().is_default(rule) {
        findings.select(rule);
    }
}

/// Whether two values of one field mean the same.
fn same(name: &HeaderName, stable: &HeaderValue, other: &HeaderValue) -> bool {
    if *name == CONTENT_TYPE {
        media::same(stable.as_bytes(), other.as_bytes())
    } else {
        *name == SET_COOKIE && cookies::same_name(stable.as_bytes(), other.as_bytes())
    }
}

/// Compares one field by all of its values.
fn field(
    name: &HeaderName,
    stable: &HeaderMap,
    other: &HeaderMap,
    part: Part,
    ignored: &Ignored<'_>,
    findings: &mut Findings<'_>,
) {
    let left: Vec<&HeaderValue> = stable.get_all(name).iter().collect();
    let right: Vec<&HeaderValue> = other.get_all(name).iter().collect();
    let Some(kind) = difference(name, &left, &right) else { return };
    if let Some(rule) = ignored.rule(name) {
        hide(rule, findings);
    } else if *name == SET_COOKIE {
        cookies::compare(&left, &right, part, findings);
    } else {
        findings.add(part, kind, || Place {
            path: format!("{}:{}", part.label(), shortened(name.as_str(), MAX_NAME_CHARS)),
            pointer: String::new(),
            stable: shown(&left),
            shadow: shown(&right),
        });
    }
}

/// In which way two lists of values differ, if they do.
fn difference(name: &HeaderName, stable: &[&HeaderValue], other: &[&HeaderValue]) -> Option<Kind> {
    let equal = |(a, b): (&&HeaderValue, &&HeaderValue)| a == b || same(name, a, b);
    if stable.len() == other.len() && stable.iter().zip(other).all(equal) {
        return None;
    }
    Some(match (stable.len(), other.len()) {
        (_, 0) => Kind::Missing,
        (0, _) => Kind::Added,
        (a, b) if a != b => Kind::Length,
        _ if sorted(stable) == sorted(other) => Kind::Order,
        _ => Kind::Value,
    })
}

fn sorted<'v>(values: &[&'v HeaderValue]) -> Vec<&'v [u8]> {
    let mut sorted: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    sorted.sort_unstable();
    sorted
}

/// The values as one line.
fn shown(values: &[&HeaderValue]) -> Option<String> {
    let bytes: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    (!bytes.is_empty()).then(|| excerpt_bytes(&bytes.join(&b", "[..])))
}
