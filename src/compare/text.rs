//! Compares texts by line.

use std::collections::HashMap;
use std::ops::Range;

use similar::algorithms::{Capture, diff_slices};
use similar::{Algorithm, DiffOp};

use super::findings::{Findings, Place, excerpt};
use crate::model::{Kind, Part};

/// Most lines of either text between their common beginning and end that are matched with each other (Myers, whose time
/// grows with the product of lines and differences: at most some 4 million steps). Beyond it only the first line that
/// differs is told, and the number of lines.
pub(super) const MAX_MATCHED_LINES: usize = 1000;

/// Finds lines that are gone, new or changed. Lines end in `\n`, and all of the rest counts, `\r` too.
pub(super) fn compare(stable: &str, other: &str, findings: &mut Findings<'_>) {
    let left: Vec<&str> = stable.split('\n').collect();
    let right: Vec<&str> = other.split('\n').collect();
    let begin = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let (a, b) = (&left[begin..], &right[begin..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    if a.is_empty() || b.is_empty() || (a.len() == 1 && b.len() == 1) {
        hunk(a, b, (begin, begin), findings);
    } else if a.len() <= MAX_MATCHED_LINES && b.len() <= MAX_MATCHED_LINES {
        for op in matched(a, b) {
            let (stable, other) = (op.old_range(), op.new_range());
            let at = (begin + stable.start, begin + other.start);
            if !matches!(op, DiffOp::Equal { .. }) {
                hunk(part(a, stable), part(b, other), at, findings);
            }
        }
    } else {
        hunk(&a[..1], &b[..1], (begin, begin), findings);
        if left.len() != right.len() {
            line_count(left.len(), right.len(), findings);
        }
    }
}

/// Matches lines by number, so that a comparison of two lines costs the same however long they are.
fn matched(stable: &[&str], other: &[&str]) -> Vec<DiffOp> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut number = Vec::with_capacity(stable.len() + other.len());
    for line in stable.iter().chain(other) {
        let next = numbers.len();
        number.push(*numbers.entry(line).or_insert(next));
    }
    let (a, b) = number.split_at(stable.len());
    let mut capture = Capture::new();
    match diff_slices(Algorithm::Myers, &mut capture, a, b) {
        Ok(()) => capture.into_ops(),
        Err(never) => match never {},
    }
}

fn part<'l, 't>(lines: &'l [&'t str], range: Range<usize>) -> &'l [&'t str] {
    lines.get(range).unwrap_or_default()
}

/// Adds the lines of one changed stretch, the first ones of both sides as changed lines, the rest as gone or new.
fn hunk(stable: &[&str], other: &[&str], (s, o): (usize, usize), findings: &mut Findings<'_>) {
    for at in 0..stable.len().max(other.len()) {
        let (left, right) = (stable.get(at), other.get(at));
        let (kind, line) = match (left, right) {
            (Some(_), Some(_)) => (Kind::Value, s + at),
            (Some(_), None) => (Kind::Missing, s + at),
            _ => (Kind::Added, o + at),
        };
        findings.add(Part::Body, kind, || Place {
            path: "text".to_owned(),
            pointer: format!("line {}", line + 1),
            stable: left.map(|line| excerpt(line)),
            shadow: right.map(|line| excerpt(line)),
        });
    }
}

fn line_count(stable: usize, other: usize, findings: &mut Findings<'_>) {
    findings.add(Part::Body, Kind::Length, || Place {
        path: "text".to_owned(),
        pointer: String::new(),
        stable: Some(format!("{stable} lines")),
        shadow: Some(format!("{other} lines")),
    });
}
