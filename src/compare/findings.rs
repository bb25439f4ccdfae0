//! Collects what a comparison finds: bounded, weighed, and charged to the rule that hides it.

use std::borrow::Cow;

use super::Rules;
use crate::model::{Comparison, Difference, Incomparable, Kind, Part, Severity, Verdict};

/// How many differences of one pair are kept; the rest is counted in [`Comparison::omitted`]. A page shows fewer, and a
/// pair that differs everywhere must not fill the store.
pub const MAX_DIFFERENCES: usize = 64;

/// How many characters of a value are shown; what is longer ends in `…`. Enough to recognise it, too little to store a
/// body by its differences.
pub const MAX_VALUE_CHARS: usize = 200;

/// Where a difference lies and what is there; built only when it is kept.
pub(super) struct Place {
    pub path: String,
    pub pointer: String,
    pub stable: Option<String>,
    pub shadow: Option<String>,
}

/// The findings of one pair while it is compared.
pub(super) struct Findings<'r> {
    rules: &'r Rules,
    differences: Vec<Difference>,
    omitted: usize,
    hidden: Vec<u32>,
    selected: Vec<u32>,
}

impl<'r> Findings<'r> {
    pub fn new(rules: &'r Rules) -> Self {
        Findings { rules, differences: Vec::new(), omitted: 0, hidden: Vec::new(), selected: Vec::new() }
    }

    pub fn rules(&self) -> &'r Rules {
        self.rules
    }

    /// Adds a difference, or counts it when there are enough.
    pub fn add(&mut self, part: Part, kind: Kind, place: impl FnOnce() -> Place) {
        if self.differences.len() >= MAX_DIFFERENCES {
            self.omitted += 1;
            return;
        }
        let Place { path, pointer, stable, shadow } = place();
        let severity = severity(part, kind);
        self.differences.push(Difference { path, pointer, part, kind, severity, stable, shadow });
    }

    /// Counts one difference that `rule` hid.
    pub fn hide(&mut self, rule: usize) {
        bump(&mut self.hidden, rule, self.rules.len());
    }

    /// Counts one place that `rule` selected.
    pub fn select(&mut self, rule: usize) {
        bump(&mut self.selected, rule, self.rules.len());
    }

    /// The comparison, a match when nothing was added.
    pub fn finish(self) -> Comparison {
        let verdict = if self.differences.is_empty() { Verdict::Match } else { Verdict::Mismatch };
        self.close(verdict, None)
    }

    /// The comparison whose body could not be compared; what was found elsewhere is kept.
    pub fn incomparable(self, reason: Incomparable) -> Comparison {
        self.close(Verdict::Incomparable, Some(reason))
    }

    fn close(self, verdict: Verdict, reason: Option<Incomparable>) -> Comparison {
        Comparison {
            verdict,
            reason,
            differences: self.differences,
            omitted: self.omitted,
            hidden: self.hidden,
            selected: self.selected,
        }
    }
}

/// How much each kind of difference matters in each part; the one table of it.
///
/// | part | missing | added | value | type | length | order |
/// |---|---|---|---|---|---|---|
/// | status | | | high | | | |
/// | header, trailer | medium | low | medium | medium | medium | low |
/// | body | high | low | medium | high | medium | low |
fn severity(part: Part, kind: Kind) -> Severity {
    match (part, kind) {
        (Part::Status, _) | (Part::Body, Kind::Missing | Kind::Type) => Severity::High,
        (_, Kind::Added | Kind::Order) => Severity::Low,
        (Part::Header | Part::Trailer | Part::Body, _) => Severity::Medium,
    }
}

fn bump(counts: &mut Vec<u32>, rule: usize, rules: usize) {
    if counts.is_empty() {
        counts.resize(rules, 0);
    }
    if let Some(count) = counts.get_mut(rule) {
        *count = count.saturating_add(1);
    }
}

/// The beginning of `text`, at most [`MAX_VALUE_CHARS`] characters.
pub(super) fn excerpt(text: &str) -> String {
    shortened(text, MAX_VALUE_CHARS)
}

/// The beginning of bytes as text, what is not UTF-8 replaced.
pub(super) fn excerpt_bytes(bytes: &[u8]) -> String {
    // A character takes at most four bytes: so much is enough to fill the excerpt and to know that more follows.
    let head = bytes.get(..(MAX_VALUE_CHARS + 1) * 4).unwrap_or(bytes);
    match String::from_utf8_lossy(head) {
        Cow::Borrowed(text) => excerpt(text),
        Cow::Owned(text) => excerpt(&text),
    }
}

/// At most `chars` characters of `text`, with `…` behind where some are left out.
pub(super) fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_end_at_a_character() {
        assert_eq!(excerpt("short"), "short");
        let long = "é".repeat(MAX_VALUE_CHARS + 1);
        assert_eq!(excerpt(&long), format!("{}…", "é".repeat(MAX_VALUE_CHARS)));
        assert_eq!(excerpt_bytes(long.as_bytes()), excerpt(&long));
        assert_eq!(excerpt_bytes(b"a\xff"), "a\u{fffd}");
        assert_eq!(excerpt_bytes(&vec![0xff; 1 << 20]).chars().count(), MAX_VALUE_CHARS + 1);
    }

    #[test]
    fn severity_follows_the_table() {
        let row = |part| {
            [Kind::Missing, Kind::Added, Kind::Value, Kind::Type, Kind::Length, Kind::Order]
                .map(|kind| severity(part, kind))
        };
        let (low, medium, high) = (Severity::Low, Severity::Medium, Severity::High);
        assert_eq!(row(Part::Header), [medium, low, medium, medium, medium, low]);
        assert_eq!(row(Part::Trailer), row(Part::Header));
        assert_eq!(row(Part::Body), [high, low, medium, high, medium, low]);
        assert_eq!(severity(Part::Status, Kind::Value), high);
    }
}
