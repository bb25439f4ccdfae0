//! Evaluates queries with filters by `jsonpath-rust`, within bounds that are checked before.

use std::collections::HashSet;

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

use super::parse::{Document, NONE, Shape, Step};
use super::strings;
use crate::model::Incomparable;

/// Deepest document that a query with a filter is evaluated on: `serde_json` and the evaluator recurse. The limit of
/// `serde_json` itself.
pub(in crate::compare) const MAX_FILTER_DEPTH: u32 = 127;

/// Most bytes of normalised paths in one document: the evaluator writes one for every node that it passes.
pub(in crate::compare) const MAX_FILTER_WORK: usize = 16 << 20;

/// Calls `found` with what the query selects.
///
/// # Errors
/// [`Incomparable::Budget`] for a document that is too deep or too large for it, or that `serde_json` cannot hold (a
/// lone surrogate).
pub(super) fn select(
    document: &Document<'_>,
    query: &JpQuery,
    found: &mut impl FnMut(u32),
) -> Result<(), Incomparable> {
    if !affordable(document) {
        return Err(Incomparable::Budget);
    }
    let root: Value = serde_json::from_slice(document.source).map_err(|_| Incomparable::Budget)?;
    let selected = js_path_process(query, &root).map_err(|_| Incomparable::Budget)?;
    // A value is told by its address: the paths that come with it would have to be parsed again.
    let addresses: HashSet<*const Value> =
        selected.iter().map(|found| std::ptr::from_ref(found.val)).collect();
    if addresses.is_empty() {
        return Ok(());
    }
    let mut waiting = vec![(0u32, &root)];
    while let Some((node, value)) = waiting.pop() {
        if addresses.contains(&std::ptr::from_ref(value)) {
            found(node);
            continue;
        }
        let begin = waiting.len();
        for child in document.children(node) {
            waiting.extend(descend(document, child, value).map(|value| (child, value)));
        }
        waiting[begin..].reverse();
    }
    Ok(())
}

/// The value of a child. Of members with equal names every one is taken for the last, which is what `Value` keeps.
fn descend<'v>(document: &Document<'_>, child: u32, parent: &'v Value) -> Option<&'v Value> {
    match document.node(child).step {
        Step::Root => None,
        Step::Element(index) => parent.get(index as usize),
        Step::Member { .. } => {
            let name = strings::decoded(document.name(child));
            let value = parent.get(std::str::from_utf8(&name).ok()?)?;
            let array = document.node(child).shape == Shape::Array;
            let object = document.node(child).shape == Shape::Object;
            (value.is_array() == array && value.is_object() == object).then_some(value)
        }
    }
}

/// Whether depth and the length of all normalised paths stay within bounds.
fn affordable(document: &Document<'_>) -> bool {
    /// `['` and `']` around a name, or an index in brackets.
    const STEP_BYTES: usize = 12;
    let mut so_far: Vec<(u32, usize)> = Vec::with_capacity(document.nodes.len());
    let mut work = 0usize;
    for (index, node) in (0u32..).zip(&document.nodes) {
        let (depth, length) = if node.parent == NONE { (0, 1) } else { so_far[node.parent as usize] };
        let here = (depth + 1, length + document.name(index).0.len() + STEP_BYTES);
        work = work.saturating_add(here.1);
        if here.0 > MAX_FILTER_DEPTH || work > MAX_FILTER_WORK {
            return false;
        }
        so_far.push(here);
    }
    true
}
