//! Chooses how two decoded bodies are compared: as JSON, by lines of text, or as bytes.
//!
//! The media type chooses, and where it is missing the bytes do. If either body is said to be JSON, both are read as JSON:
//! two documents are compared as such, whatever the other type says (it is a difference of the head); a document against
//! anything else is a difference of type; two bodies that are both no JSON are compared as text.

use super::findings::{Findings, Place, excerpt_bytes};
use super::json::parse::{Document, Fault};
use super::media::{Class, class};
use super::{binary, json, text};
use crate::model::{Incomparable, Kind, Part};

/// A decoded body and its media type.
pub(super) type Content<'a> = (&'a [u8], Option<&'a str>);

/// Compares two decoded bodies.
///
/// # Errors
/// [`Incomparable::Budget`] when a document is larger than is compared.
pub(super) fn compare(
    stable: Content<'_>,
    other: Content<'_>,
    findings: &mut Findings<'_>,
) -> Result<(), Incomparable> {
    if stable.0 == other.0 {
        return Ok(());
    }
    let classes = (sniffed(stable), sniffed(other));
    if classes.0 == Class::Json || classes.1 == Class::Json {
        return either_json(stable.0, other.0, findings);
    }
    if classes.0 == Class::Text || classes.1 == Class::Text {
        lines(stable.0, other.0, findings);
    } else {
        bytes(stable.0, other.0, findings);
    }
    Ok(())
}

/// The class of a body by its type; without one JSON is told by its first character and text by being UTF-8 without NUL.
fn sniffed((body, media_type): Content<'_>) -> Class {
    match class(media_type) {
        Class::Unknown => match without_mark(body).trim_ascii_start().first() {
            None => Class::Unknown,
            Some(b'{' | b'[' | b'"') => Class::Json,
            Some(_) if !body.contains(&0) && std::str::from_utf8(body).is_ok() => Class::Text,
            Some(_) => Class::Bytes,
        },
        known => known,
    }
}

fn either_json(stable: &[u8], other: &[u8], findings: &mut Findings<'_>) -> Result<(), Incomparable> {
    let kind = match (stable.is_empty(), other.is_empty()) {
        (true, _) => Kind::Added,
        (_, true) => Kind::Missing,
        _ => Kind::Type,
    };
    match (document(stable)?, document(other)?) {
        (Some(left), Some(right)) => json::compare(left, right, findings),
        (Some(one), None) | (None, Some(one)) => json::one_sided(&one, kind, (stable, other), findings),
        (None, None) => {
            lines(stable, other, findings);
            Ok(())
        }
    }
}

/// The body as a document; `None` when it is no JSON.
fn document(body: &[u8]) -> Result<Option<Document<'_>>, Incomparable> {
    match Document::parse(body) {
        Ok(document) => Ok(Some(document)),
        Err(Fault::Syntax) => Ok(None),
        Err(Fault::TooLarge) => Err(Incomparable::Budget),
    }
}

/// Compares by lines where both are UTF-8, else as bytes.
fn lines(stable: &[u8], other: &[u8], findings: &mut Findings<'_>) {
    let (left, right) = (without_mark(stable), without_mark(other));
    match (std::str::from_utf8(left), std::str::from_utf8(right)) {
        (Ok(left), Ok(right)) if !one_empty("text", stable, other, findings) => {
            text::compare(left, right, findings);
        }
        (Ok(_), Ok(_)) => {}
        _ => bytes(stable, other, findings),
    }
}

fn bytes(stable: &[u8], other: &[u8], findings: &mut Findings<'_>) {
    if !one_empty("bytes", stable, other, findings) {
        binary::compare(stable, other, findings);
    }
}

/// Adds the difference between a body and none; whether there was one.
fn one_empty(path: &str, stable: &[u8], other: &[u8], findings: &mut Findings<'_>) -> bool {
    let (kind, body) = match (stable.is_empty(), other.is_empty()) {
        (false, true) => (Kind::Missing, stable),
        (true, false) => (Kind::Added, other),
        _ => return false,
    };
    findings.add(Part::Body, kind, || {
        let shown = if path == "bytes" { format!("{} bytes", body.len()) } else { excerpt_bytes(body) };
        let (stable, shadow) = if kind == Kind::Missing { (Some(shown), None) } else { (None, Some(shown)) };
        Place { path: path.to_owned(), pointer: String::new(), stable, shadow }
    });
    true
}

/// A body without the byte order mark that it may begin with.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}
