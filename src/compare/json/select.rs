//! Marks what the rules on paths select in a document.

use super::filter;
use super::parse::{Document, Shape, Step};
use super::query::{Query, QuerySelector, QueryStep};
use super::strings;
use crate::compare::findings::Findings;
use crate::model::Incomparable;

/// For each node the rule that selects it. A node below a selected one may be unmarked: it is left out with it.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Rule index and one, 0 for none; no entries when nothing is selected.
    rules: Vec<u32>,
}

impl Marks {
    /// The rule that selects a node itself.
    pub fn rule(&self, node: u32) -> Option<usize> {
        let mark = self.rules.get(node as usize).copied().unwrap_or(0);
        (mark as usize).checked_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Marks a node for the first rule that selects it; whether it was free.
    pub fn set(&mut self, document: &Document<'_>, node: u32, rule: usize) {
        if self.rules.is_empty() {
            self.rules.resize(document.nodes.len(), 0);
        }
        if let Some(mark) = self.rules.get_mut(node as usize)
            && *mark == 0
        {
            *mark = u32::try_from(rule + 1).unwrap_or(u32::MAX);
        }
    }
}

/// Marks what every rule selects, and counts it.
///
/// # Errors
/// [`Incomparable::Budget`] when a rule with a filter would cost too much in this document.
pub(super) fn marks(document: &Document<'_>, findings: &mut Findings<'_>) -> Result<Marks, Incomparable> {
    let mut marks = Marks::default();
    for (rule, query) in findings.rules().paths() {
        let mut found = |node: u32| {
            marks.set(document, node, rule);
            findings.select(rule);
        };
        match query {
            Query::Steps(steps) => select(document, steps, &mut found),
            Query::Filter(query) => filter::select(document, query, &mut found)?,
        }
    }
    Ok(marks)
}

/// Walks the document with the set of steps that are done at each node: bit k says that k steps lead here. Below a
/// selected node it does not look. Every node is visited once at most.
pub(super) fn select(document: &Document<'_>, steps: &[QueryStep], found: &mut impl FnMut(u32)) {
    let selected = 1u64 << steps.len();
    let mut waiting = vec![(0u32, 1u64)];
    while let Some((node, done)) = waiting.pop() {
        if done & selected != 0 {
            found(node);
            continue;
        }
        let parent = document.node(node);
        if parent.children == 0 {
            continue;
        }
        let begin = waiting.len();
        for child in document.children(node) {
            let reached = reach(document, child, parent.children, done, steps);
            if reached != 0 {
                waiting.push((child, reached));
            }
        }
        waiting[begin..].reverse();
    }
}

/// The steps that are done at a child, given those at its parent.
fn reach(document: &Document<'_>, child: u32, siblings: u32, done: u64, steps: &[QueryStep]) -> u64 {
    let mut reached = 0;
    let mut rest = done;
    while rest != 0 {
        let at = rest.trailing_zeros();
        rest &= rest - 1;
        let Some(step) = steps.get(at as usize) else { continue };
        if step.descends {
            reached |= 1 << at;
        }
        if step.selectors.iter().any(|selector| matches(document, child, siblings, selector)) {
            reached |= 1 << (at + 1);
        }
    }
    reached
}

fn matches(document: &Document<'_>, child: u32, siblings: u32, selector: &QuerySelector) -> bool {
    match (selector, document.node(child).step) {
        (QuerySelector::Wildcard, _) => true,
        (QuerySelector::Name(name), Step::Member { .. }) => {
            strings::same(document.name(child), (name.as_bytes(), false))
        }
        (QuerySelector::Index(wanted), Step::Element(index)) => {
            let wanted = if *wanted < 0 { wanted + i64::from(siblings) } else { *wanted };
            wanted == i64::from(index)
        }
        (QuerySelector::Slice { start, end, step }, Step::Element(index)) => {
            in_slice(*start, *end, *step, i64::from(siblings), i64::from(index))
        }
        _ => false,
    }
}

/// Whether an index lies in a slice of an array of `length` (RFC 9535 section 2.3.4.2.2).
fn in_slice(start: Option<i64>, end: Option<i64>, step: i64, length: i64, index: i64) -> bool {
    let normal = |i: i64| if i < 0 { length + i } else { i };
    match step.signum() {
        1 => {
            let lower = normal(start.unwrap_or(0)).clamp(0, length);
            let upper = normal(end.unwrap_or(length)).clamp(0, length);
            index >= lower && index < upper && (index - lower) % step == 0
        }
        -1 => {
            let upper = normal(start.unwrap_or(length - 1)).clamp(-1, length - 1);
            let lower = end.map_or(-1, |end| normal(end).clamp(-1, length - 1));
            index <= upper && index > lower && (upper - index) % step == 0
        }
        _ => false,
    }
}

/// Whether a node is an array or an object.
pub(super) fn is_container(shape: Shape) -> bool {
    matches!(shape, Shape::Array | Shape::Object)
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
