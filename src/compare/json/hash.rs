//! Hashes every value of a document, so that the items of two arrays can be matched in any order.
//!
//! Equal values have equal hashes: numbers by their value or as written, strings by their meaning, objects in any order of members;
//! what a rule selects is left out. A collision, which a hostile body could seek, makes a difference called by another kind
//! and never a match: arrays whose items do not stand in equal positions are told apart by it only as `order` or `value`.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::parse::{Document, Shape, Step};
use super::select::Marks;
use super::{number, strings};
use crate::compare::Numbers;

/// The hash of each node by its index. Children stand behind their parent, so one pass from the end sees them first.
pub(super) fn hashes(document: &Document<'_>, marks: &Marks, numbers: Numbers) -> Vec<u64> {
    let mut hashes = vec![0u64; document.nodes.len()];
    for node in (0..document.nodes.len()).rev() {
        if let Ok(index) = u32::try_from(node) {
            hashes[node] = hash(document, (marks, numbers), &hashes, index);
        }
    }
    hashes
}

fn hash(document: &Document<'_>, (marks, numbers): (&Marks, Numbers), hashes: &[u64], index: u32) -> u64 {
    let node = document.node(index);
    let mut state = SipHasher13::new();
    state.write_u8(node.shape as u8);
    let children = || document.children(index).filter(|&child| marks.rule(child).is_none());
    match node.shape {
        Shape::Null | Shape::False | Shape::True => {}
        Shape::Number => number::hash(document.text(index), numbers, &mut state),
        Shape::String => {
            let text = document.text(index);
            state.write(&strings::decoded((&text[1..text.len() - 1], node.escaped)));
        }
        Shape::Array => children().for_each(|child| state.write_u64(hashes[child as usize])),
        Shape::Object => {
            let sum = children().fold(0u64, |sum, child| sum.wrapping_add(member(document, hashes, child)));
            state.write_u64(sum);
        }
    }
    state.finish()
}

fn member(document: &Document<'_>, hashes: &[u64], child: u32) -> u64 {
    debug_assert!(matches!(document.node(child).step, Step::Member { .. }));
    let mut state = SipHasher13::new();
    state.write(&strings::decoded(document.name(child)));
    state.write_u64(hashes[child as usize]);
    state.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn root(body: &str) -> u64 {
        hashes(&Document::parse(body.as_bytes()).unwrap(), &Marks::default(), Numbers::Value)[0]
    }

    #[test]
    fn equal_values_have_equal_hashes() {
        for (a, b) in [
            ("[1, 100, -0]", "[1.0,1e2,0]"),
            (r#"{"a":1,"b":[2]}"#, r#"{ "b": [2.0], "\u0061": 1 }"#),
            (r#""\u00e9""#, r#""é""#),
        ] {
            assert_eq!(root(a), root(b));
        }
    }

    #[test]
    fn others_have_others() {
        let all = [
            "1",
            "\"1\"",
            "true",
            "false",
            "null",
            "[]",
            "{}",
            "[[]]",
            "[1,2]",
            "[2,1]",
            r#"{"1":2}"#,
            r#"{"2":1}"#,
        ];
        let mut hashes: Vec<u64> = all.iter().map(|body| root(body)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all.len());
    }
}
