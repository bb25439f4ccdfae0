//! Compares bytes as bytes: their length and the first one that differs.

use std::fmt::Write;

use super::findings::{Findings, Place};
use crate::model::{Kind, Part};

/// How many bytes are shown from the first one that differs.
const SHOWN_BYTES: usize = 16;

/// Finds at most one difference.
pub(super) fn compare(stable: &[u8], other: &[u8], findings: &mut Findings<'_>) {
    let first = first_difference(stable, other);
    if stable.len() != other.len() {
        other_length(stable.len() as u64, other.len() as u64, Some(first), findings);
    } else if stable != other {
        findings
            .add(Part::Body, Kind::Value, || place(Some(first), hex(&stable[first..]), hex(&other[first..])));
    }
}

/// Two bodies of other lengths in bytes, and where they begin to differ if that is known.
pub(super) fn other_length(stable: u64, other: u64, first: Option<usize>, findings: &mut Findings<'_>) {
    findings
        .add(Part::Body, Kind::Length, || place(first, format!("{stable} bytes"), format!("{other} bytes")));
}

/// Two bodies of the same length in bytes whose hashes differ.
pub(super) fn other_hash(len: u64, findings: &mut Findings<'_>) {
    findings
        .add(Part::Body, Kind::Value, || place(None, format!("{len} bytes"), format!("{len} bytes, others")));
}

fn place(first: Option<usize>, stable: String, shadow: String) -> Place {
    let pointer = first.map(|at| format!("byte {at}")).unwrap_or_default();
    Place { path: "bytes".to_owned(), pointer, stable: Some(stable), shadow: Some(shadow) }
}

/// The offset of the first byte that differs; the shorter length where one begins with the other.
fn first_difference(stable: &[u8], other: &[u8]) -> usize {
    /// Compared at once, as one call of memcmp.
    const BLOCK: usize = 4096;
    let common = stable.len().min(other.len());
    let mut at = 0;
    while at + BLOCK <= common && stable[at..at + BLOCK] == other[at..at + BLOCK] {
        at += BLOCK;
    }
    let tail = stable[at..common].iter().zip(&other[at..common]).position(|(a, b)| a != b);
    tail.map_or(common, |offset| at + offset)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(SHOWN_BYTES * 3);
    for (index, byte) in bytes.iter().take(SHOWN_BYTES).enumerate() {
        let space = if index == 0 { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{space}{byte:02x}");
    }
    if bytes.len() > SHOWN_BYTES {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_difference() {
        for at in [0, 1, 4095, 4096, 4097, 9999] {
            let stable = vec![7; 10_000];
            let mut other = stable.clone();
            other[at] = 8;
            assert_eq!(first_difference(&stable, &other), at);
            assert_eq!(first_difference(&stable, &stable[..at]), at);
        }
        assert_eq!(first_difference(b"", b"x"), 0);
    }

    #[test]
    fn shows_hex() {
        assert_eq!(hex(&[0, 255]), "00 ff");
        assert!(hex(&[1; 17]).ends_with("01…"));
    }
}
