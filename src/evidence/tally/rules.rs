//! What each rule hid, so that a rule that matched nothing is seen and one that hides much is too.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::counts::MAX_COUNT;
use crate::model::Comparison;

/// Most rules counted.
const MAX_RULES: usize = 1000;
/// Bytes of the names of all of them: they are stored as one record.
const MAX_BYTES: usize = 192 * 1024;
/// Longest name of a rule, in bytes.
const MAX_NAME: usize = 1024;
/// Longest standing rule, in bytes: one lists fields.
const MAX_STANDING: usize = 8 * 1024;

/// What one rule did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleUse {
    /// Differences hidden.
    pub hidden: u64,
    /// Places selected, among what had to be looked at: answers equal byte for byte are not.
    pub matched: u64,
}

/// The rules of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleNames {
    /// Those that somebody wrote, by name: what they hid is counted, and that they hid nothing is news.
    pub written: Vec<String>,
    /// Those that hold for every pair, in words; nothing is counted for them.
    pub standing: Vec<String>,
}

/// The rules in force, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleUses {
    uses: HashMap<String, RuleUse>,
}

impl RuleUses {
    /// Makes rules known, so that one that never matches is reported.
    pub fn expect(&mut self, names: &[String]) {
        for name in names.iter().filter(|name| name.len() <= MAX_NAME) {
            if self.uses.contains_key(name) {
                continue;
            }
            let bytes: usize = self.uses.keys().map(String::len).sum();
            if self.uses.len() < MAX_RULES && bytes + name.len() <= MAX_BYTES {
                self.uses.insert(name.clone(), RuleUse::default());
            }
        }
    }

    /// Counts one comparison; its lists are by index into `names`.
    pub fn fold(&mut self, names: &[String], comparison: &Comparison) {
        let at = |list: &[u32], index: usize| u64::from(list.get(index).copied().unwrap_or(0));
        let listed = comparison.hidden.len().max(comparison.selected.len());
        for (index, name) in names.iter().enumerate().take(listed) {
            let (hidden, matched) = (at(&comparison.hidden, index), at(&comparison.selected, index));
            if hidden == 0 && matched == 0 {
                continue;
            }
            self.expect(std::slice::from_ref(name));
            if let Some(rule) = self.uses.get_mut(name) {
                rule.hidden += hidden;
                rule.matched += matched;
            }
        }
    }

    /// Every rule in the order of its name.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&str, RuleUse)> {
        let mut rules: Vec<(&str, RuleUse)> =
            self.uses.iter().map(|(name, used)| (name.as_str(), *used)).collect();
        rules.sort_by(|a, b| a.0.cmp(b.0));
        rules
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &RuleUses) {
        for (name, used) in other.sorted() {
            self.expect(&[name.to_owned()]);
            if let Some(rule) = self.uses.get_mut(name) {
                rule.hidden += used.hidden;
                rule.matched += used.matched;
            }
        }
    }

    /// Whether stored counts can be true.
    #[must_use]
    pub fn plausible(&self) -> bool {
        let possible = |used: &RuleUse| used.matched.max(used.hidden) <= MAX_COUNT;
        self.uses.len() <= MAX_RULES
            && self.uses.iter().all(|(name, used)| name.len() <= MAX_NAME && possible(used))
    }
}

/// Whether stored standing rules are of a length that a configuration gives.
pub(super) fn plausible_standing(rules: &[String]) -> bool {
    rules.len() <= MAX_RULES && rules.iter().all(|rule| rule.len() <= MAX_STANDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Incomparable;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    fn comparison(hidden: &[u32], selected: &[u32]) -> Comparison {
        let (hidden, selected) = (hidden.to_vec(), selected.to_vec());
        Comparison { hidden, selected, ..Comparison::incomparable(Incomparable::Memory) }
    }

    #[test]
    fn a_rule_that_matched_nothing_is_listed() {
        let rules = names(&["$.b", "$.a", "$.c"]);
        let mut uses = RuleUses::default();
        uses.expect(&rules);
        uses.fold(&rules, &comparison(&[], &[]));
        uses.fold(&rules, &comparison(&[0, 3, 0], &[0, 4, 2]));
        uses.fold(&rules, &comparison(&[], &[0, 1, 0]));
        let expected = [
            ("$.a", RuleUse { hidden: 3, matched: 5 }),
            ("$.b", RuleUse::default()),
            ("$.c", RuleUse { hidden: 0, matched: 2 }),
        ];
        assert_eq!(uses.sorted(), expected);
    }

    #[test]
    fn rules_not_announced_count_too_and_all_are_bounded() {
        let mut uses = RuleUses::default();
        uses.fold(&names(&["x"]), &comparison(&[2, 9], &[1]));
        assert_eq!(uses.sorted(), [("x", RuleUse { hidden: 2, matched: 1 })]);
        uses.expect(&(0..2 * MAX_RULES).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(uses.sorted().len(), MAX_RULES);
        assert!(uses.plausible());
    }

    #[test]
    fn merging_adds() {
        let mut uses = RuleUses::default();
        uses.fold(&names(&["x"]), &comparison(&[2], &[3]));
        uses.merge(&uses.clone());
        assert_eq!(uses.sorted(), [("x", RuleUse { hidden: 4, matched: 6 })]);
        uses.uses.insert("y".to_owned(), RuleUse { hidden: 1, matched: u64::MAX });
        assert!(!uses.plausible());
    }
}
