//! Says where a value lies: without indices for grouping, and exactly as an RFC 6901 pointer.

use std::fmt::Write;

use super::parse::{Document, NONE, Step};
use super::strings;

/// Longest path or pointer that is written, in bytes; a deeper place ends in `…`. A path is a key that many differences
/// group by, and a body must not choose its size.
pub(in crate::compare) const MAX_LOCATION_BYTES: usize = 1024;

/// The path in the notation of RFC 9535: each index as `[*]`, a name that needs no quotes after a dot, any other as in
/// a normalised path (section 2.7).
pub(super) fn path(document: &Document<'_>, node: u32) -> String {
    written(document, node, "$", |step, name, path| {
        if matches!(step, Step::Element(_)) {
            path.push_str("[*]");
        } else if plain(name) {
            path.push('.');
            path.push_str(&String::from_utf8_lossy(name));
        } else {
            path.push_str("['");
            quoted(name, path);
            path.push_str("']");
        }
    })
}

/// The RFC 6901 pointer: `~` and `/` in a name as `~0` and `~1`. A lone surrogate, which no text can hold, as U+FFFD.
pub(super) fn pointer(document: &Document<'_>, node: u32) -> String {
    written(document, node, "", |step, name, pointer| {
        pointer.push('/');
        if let Step::Element(index) = step {
            // Writing to a String cannot fail.
            let _ = write!(pointer, "{index}");
        } else {
            pointer.push_str(&String::from_utf8_lossy(name).replace('~', "~0").replace('/', "~1"));
        }
    })
}

/// Writes the steps from the root down, until the text is long enough.
fn written(
    document: &Document<'_>,
    node: u32,
    root: &str,
    mut write: impl FnMut(Step, &[u8], &mut String),
) -> String {
    let ancestors = std::iter::successors(Some(node), |&at| {
        let parent = document.node(at).parent;
        (parent != NONE).then_some(parent)
    });
    let mut way: Vec<u32> = ancestors.collect();
    way.pop();
    let mut text = root.to_owned();
    for &at in way.iter().rev() {
        let step = document.node(at).step;
        write(step, &strings::decoded(document.name(at)), &mut text);
        if text.len() > MAX_LOCATION_BYTES {
            text.truncate(text.floor_char_boundary(MAX_LOCATION_BYTES));
            text.push('…');
            break;
        }
    }
    text
}

/// Whether a name may follow a dot (RFC 9535 section 2.5.1.1, `member-name-shorthand`).
fn plain(name: &[u8]) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    std::str::from_utf8(name)
        .is_ok_and(|name| name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit()))
}

/// Writes a name as it stands in the quotes of a normalised path; a lone surrogate as its escape.
fn quoted(name: &[u8], path: &mut String) {
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' => path.push_str("\\'"),
                '\\' => path.push_str("\\\\"),
                '\u{8}' => path.push_str("\\b"),
                '\u{c}' => path.push_str("\\f"),
                '\n' => path.push_str("\\n"),
                '\r' => path.push_str("\\r"),
                '\t' => path.push_str("\\t"),
                control if control < ' ' => {
                    let _ = write!(path, "\\u{:04x}", u32::from(control));
                }
                other => path.push(other),
            }
        }
        // Every invalid byte belongs to a surrogate: the parser takes no other.
        if !chunk.invalid().is_empty() {
            path.push('\u{fffd}');
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn places(body: &str) -> Vec<(String, String)> {
        let document = Document::parse(body.as_bytes()).unwrap();
        (0..u32::try_from(document.nodes.len()).unwrap())
            .map(|node| (path(&document, node), pointer(&document, node)))
            .collect()
    }

    #[test]
    fn paths_and_pointers() {
        let expected = [
            ("$", ""),
            ("$.items", "/items"),
            ("$.items[*]", "/items/0"),
            ("$.items[*].price", "/items/0/price"),
            ("$.items[*]", "/items/1"),
            ("$['weird key']", "/weird key"),
            ("$['it\\'s']", "/it's"),
            ("$['a/b~c']", "/a~1b~0c"),
            ("$['']", "/"),
            ("$['\\n\\u0001\\\\']", "/\n\u{1}\\"),
            ("$['0a']", "/0a"),
            ("$.é", "/é"),
            ("$.A", "/A"),
        ];
        let body = r#"{"items":[{"price":1},2],"weird key":0,"it's":0,"a/b~c":0,"":0,"\n\u0001\\":0,"0a":0,"é":0,"\u0041":0}"#;
        let expected: Vec<_> = expected.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
        assert_eq!(places(body), expected);
    }

    #[test]
    fn surrogates_and_long_places() {
        assert_eq!(places(r#"{"\ud800":1}"#)[1].1.chars().next(), Some('/'));
        assert!(places(r#"{"\ud800":1}"#)[1].0.starts_with("$['"));
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        let (path, pointer) = places(&deep).pop().unwrap();
        assert!(path.ends_with('…') && path.len() <= MAX_LOCATION_BYTES + 3);
        assert!(pointer.ends_with('…') && pointer.starts_with("/0/0/"));
    }
}
