//! Compares JSON bodies value by value.
//!
//! What is equal: objects in any order of members; numbers by value, or as written where the rules say so ([`number`]); strings by meaning ([`strings`]);
//! whitespace never counts. `null` is a value, not an absence; `false`, `0` and `""` are of different types. Arrays are
//! compared by index, as far as both reach, and their lengths; the same items in another order are one difference.
//! Members of equal names, which RFC 8259 leaves undefined, are compared each with its like where both documents have
//! as many, and otherwise differ in length.

mod filter;
mod hash;
mod location;
mod number;
pub(super) mod parse;
pub(super) mod query;
mod select;
mod strings;
mod walk;

use super::findings::{Findings, Place, excerpt_bytes};
use crate::model::{Incomparable, Kind, Part};
use parse::Document;
use walk::{Tree, Walk};

/// Compares two documents.
///
/// # Errors
/// [`Incomparable::Budget`] when a rule cannot be applied within its bounds.
pub(super) fn compare(
    stable: Document<'_>,
    other: Document<'_>,
    findings: &mut Findings<'_>,
) -> Result<(), Incomparable> {
    let marks = (select::marks(&stable, findings)?, select::marks(&other, findings)?);
    let (mut stable, mut other) = (Tree::new(stable, marks.0), Tree::new(other, marks.1));
    Walk::new(&mut stable, &mut other, findings).run();
    Ok(())
}

/// A document against a body that is none, or is empty: one difference at the root, which a rule on the root hides.
///
/// # Errors
/// [`Incomparable::Budget`] when a rule cannot be applied within its bounds.
pub(super) fn one_sided(
    document: &Document<'_>,
    kind: Kind,
    (stable, other): (&[u8], &[u8]),
    findings: &mut Findings<'_>,
) -> Result<(), Incomparable> {
    let marks = select::marks(document, findings)?;
    if let Some(rule) = marks.rule(0) {
        findings.hide(rule);
        return Ok(());
    }
    findings.add(Part::Body, kind, || Place {
        path: "$".to_owned(),
        pointer: String::new(),
        stable: (kind != Kind::Added).then(|| excerpt_bytes(stable)),
        shadow: (kind != Kind::Missing).then(|| excerpt_bytes(other)),
    });
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
