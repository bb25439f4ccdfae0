//! JSON bodies: the values at configured paths replaced, wherever lists and wildcards lead.

use serde_json::Value;

use super::Hasher;
use super::rule::{Segment, Step};

/// Largest body that is parsed, in bytes.
pub(super) const MAX_BODY: usize = 256 * 1024;

/// The configured paths, as one small automaton.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    rules: Vec<Vec<Step>>,
}

/// How far one rule has got: its index and the index of its next step.
pub(super) type State = (usize, usize);

/// Where a child stands in its parent.
#[derive(Clone, Copy)]
enum Place<'p> {
    Member(&'p str),
    Item(usize),
    /// From a comparison's path or pointer, in which names and indices look alike.
    Named(&'p Segment),
}

impl Paths {
    pub(super) fn add(&mut self, steps: Vec<Step>) {
        self.rules.push(steps);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Before the first step.
    fn start(&self) -> Vec<State> {
        (0..self.rules.len()).map(|rule| (rule, 0)).collect()
    }

    /// Where the rules stand at the end of a path; a value inside a selected one counts as selected.
    pub(super) fn after(&self, path: &[Segment]) -> Vec<State> {
        let mut states = self.start();
        for segment in path {
            if self.selected(&states) {
                break;
            }
            states = self.step(&states, Place::Named(segment));
        }
        states
    }

    fn selected(&self, states: &[State]) -> bool {
        states.iter().any(|&(rule, step)| self.rules[rule].len() == step)
    }

    fn step(&self, states: &[State], place: Place<'_>) -> Vec<State> {
        let mut next: Vec<State> = Vec::new();
        let mut reach = |state: State| {
            if !next.contains(&state) {
                next.push(state);
            }
        };
        for &(rule, at) in states {
            let steps = &self.rules[rule];
            match steps.get(at) {
                Some(Step::Descend) => {
                    reach((rule, at));
                    if steps.get(at + 1).is_some_and(|step| place.fits(step)) {
                        reach((rule, at + 2));
                    }
                }
                Some(step) if place.fits(step) => reach((rule, at + 1)),
                _ => {}
            }
        }
        next
    }
}

impl Place<'_> {
    fn fits(self, step: &Step) -> bool {
        match (step, self) {
            (Step::Any, _) | (_, Place::Named(Segment::Any)) => true,
            (Step::Name(name), Place::Member(member)) => name == member,
            (Step::Name(name), Place::Named(Segment::Text(text))) => name == text,
            (Step::Index(index), Place::Item(item)) => usize::try_from(*index) == Ok(item),
            (Step::Index(index), Place::Named(Segment::Text(text))) => index.to_string() == *text,
            (Step::Name(_) | Step::Index(_) | Step::Descend, _) => false,
        }
    }
}

/// A body with the rules applied, or why it cannot be shown. The text is written anew, so that what a parser does not see
/// (a member given twice) does not pass either.
pub(super) fn body(bytes: &[u8], paths: &Paths, hasher: &Hasher) -> Result<String, String> {
    if bytes.len() > MAX_BODY {
        return Err(format!("left out: over {MAX_BODY} bytes, too much to apply the redaction rules to"));
    }
    let mut value: Value = serde_json::from_slice(bytes)
        .map_err(|_| "left out: not JSON, so the redaction rules cannot be applied".to_owned())?;
    redact(&mut value, paths, &paths.start(), hasher);
    Ok(value.to_string())
}

/// A difference's value at a place up to which the rules have got to `states`.
pub(super) fn value(text: &str, paths: &Paths, states: &[State], hasher: &Hasher) -> String {
    if states.is_empty() {
        return text.to_owned();
    }
    if paths.selected(states) {
        return plain(text, hasher);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut value @ (Value::Object(_) | Value::Array(_))) => {
            redact(&mut value, paths, states, hasher);
            value.to_string()
        }
        // Perhaps an object that was cut.
        Err(_) if text.contains(['{', '[']) || text.contains("\":") => plain(text, hasher),
        // A plain value has nothing below it that a rule could mean.
        _ => text.to_owned(),
    }
}

/// Replaces a whole value; a JSON string hashes as what it says, so that it equals itself in bodies and fields.
pub(super) fn plain(text: &str, hasher: &Hasher) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::String(inner)) => hasher.replace(&inner),
        _ => hasher.replace(text),
    }
}

/// Depth is bounded by the parser's own limit of 128.
fn redact(value: &mut Value, paths: &Paths, states: &[State], hasher: &Hasher) {
    if states.is_empty() {
        return;
    }
    if paths.selected(states) {
        let shown = match &*value {
            Value::String(inner) => hasher.replace(inner),
            other => hasher.replace(&other.to_string()),
        };
        *value = Value::String(shown);
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, child) in members {
                redact(child, paths, &paths.step(states, Place::Member(name)), hasher);
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter_mut().enumerate() {
                redact(child, paths, &paths.step(states, Place::Item(index)), hasher);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
