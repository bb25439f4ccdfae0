//! Where the answers of an endpoint differ: one entry for each signature (part, path, kind).

use std::collections::HashMap;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::sequential::excess::Paired;
use crate::model::{Difference, Kind, Part};

/// Longest path kept, in bytes.
const MAX_PATH: usize = 256;
/// Longest value of an example, in bytes.
const MAX_VALUE: usize = 256;
/// What stored fields take beside their list, in bytes: five counts, and one, with their names.
const ENVELOPE: usize = 256;

/// The signatures of one endpoint; bounded, with one count for the rest.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    by_path: HashMap<Box<str>, Vec<Field>>,
    kept: usize,
    /// Pairs in which the shadow differed at a signature beyond the bound.
    pub other: Occurrences,
    /// Signatures, those seen fewest, that did not fit what is stored of one endpoint.
    pub left_out: u64,
}

/// One place where answers differ, in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Index-free path.
    pub path: String,
    /// Part of the answer.
    pub part: Part,
    /// In which way they differ.
    pub kind: Kind,
    /// How often.
    pub seen: Occurrences,
    /// The latest difference of the shadow here; `None` where only control differed.
    pub example: Option<Example>,
}

/// In how many pairs a signature occurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrences {
    /// Pairs of the shadow with stable.
    pub shadow: u64,
    /// Pairs of control with stable.
    pub control: u64,
    /// Of the requests at which both could be compared: where the shadow's pair had it.
    pub joint_shadow: u64,
    /// Where control's pair had it.
    pub joint_control: u64,
    /// Where both had it.
    pub joint_both: u64,
    #[serde(skip)]
    marks: Marks,
}

/// Two values, as the comparison trimmed them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Where exactly.
    pub pointer: String,
    /// Stable's value; `None` where it has none.
    pub stable: Option<String>,
    /// The shadow's value; `None` where it has none.
    pub shadow: Option<String>,
}

/// Which request was counted last, so that one counts once however often a signature occurs in it.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    shadow: u64,
    control: u64,
}

/// Marks are about the running fold and no part of the evidence.
impl PartialEq for Marks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Marks {}

impl Fields {
    /// Counts the differences of one request: the shadow's, then control's. `request` is a number above 0 of its own;
    /// `joint` says that both legs could be compared; `limit` bounds the signatures kept.
    pub fn fold(
        &mut self,
        request: u64,
        joint: bool,
        shadow: &[Difference],
        control: &[Difference],
        limit: usize,
    ) {
        for difference in shadow {
            let (seen, example) = self.entry(difference, limit);
            seen.add_shadow(request, joint);
            if let Some(example) = example {
                example.get_or_insert_default().set(difference);
            }
        }
        for difference in control {
            self.entry(difference, limit).0.add_control(request, joint);
        }
    }

    /// Signatures in the order of part, path and kind.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Field> {
        let mut fields: Vec<&Field> = self.by_path.values().flatten().collect();
        fields.sort_by(|a, b| (a.part, &a.path, a.kind).cmp(&(b.part, &b.path, b.kind)));
        fields
    }

    /// Adds what another one counted; its examples serve where there are none.
    pub fn merge(&mut self, other: &Fields, limit: usize) {
        for field in other.sorted() {
            self.put(field.clone(), limit);
        }
        self.other.merge(&other.other);
        self.left_out = self.left_out.saturating_add(other.left_out);
    }

    /// Leaves out the signatures seen fewest until the rest takes at most `most` bytes as JSON.
    pub fn keep_within(&mut self, most: usize) {
        let mut fields: Vec<Field> = std::mem::take(&mut self.by_path).into_values().flatten().collect();
        let often = |field: &Field| field.seen.shadow.saturating_add(field.seen.control);
        fields.sort_by(|a, b| {
            often(b).cmp(&often(a)).then_with(|| (a.part, &a.path, a.kind).cmp(&(b.part, &b.path, b.kind)))
        });
        (self.kept, self.left_out) = (0, self.left_out.saturating_add(fields.len() as u64));
        let mut left = most.saturating_sub(ENVELOPE);
        for field in fields {
            // Once one did not fit, those seen still fewer are not preferred for being short.
            let taken = serde_json::to_string(&field).map_or(usize::MAX, |json| json.len() + 1);
            left = left.saturating_sub(taken);
            if left == 0 {
                self.other.at_least(&field.seen);
            } else {
                self.left_out -= 1;
                self.put(field, usize::MAX);
            }
        }
    }

    /// Adds a stored field.
    fn put(&mut self, field: Field, limit: usize) {
        let path = clip(&field.path, MAX_PATH);
        let (seen, example) = self.find(path, field.part, field.kind, limit);
        seen.merge(&field.seen);
        if let Some(example) = example {
            *example = example.take().or(field.example);
        }
    }

    fn entry(
        &mut self,
        difference: &Difference,
        limit: usize,
    ) -> (&mut Occurrences, Option<&mut Option<Example>>) {
        self.find(clip(&difference.path, MAX_PATH), difference.part, difference.kind, limit)
    }

    /// The entry of a signature, made where there is room; the rest share one without example.
    fn find(
        &mut self,
        path: &str,
        part: Part,
        kind: Kind,
        limit: usize,
    ) -> (&mut Occurrences, Option<&mut Option<Example>>) {
        let alike = |field: &Field| field.part == part && field.kind == kind;
        let known = self.by_path.get(path).and_then(|fields| fields.iter().position(alike));
        if known.is_none() && self.kept >= limit {
            return (&mut self.other, None);
        }
        if !self.by_path.contains_key(path) {
            self.by_path.insert(path.into(), Vec::new());
        }
        let Some(fields) = self.by_path.get_mut(path) else { return (&mut self.other, None) };
        let index = known.unwrap_or(fields.len());
        if index == fields.len() {
            let (path, seen) = (path.to_owned(), Occurrences::default());
            fields.push(Field { path, part, kind, seen, example: None });
            self.kept += 1;
        }
        match fields.get_mut(index) {
            Some(field) => (&mut field.seen, Some(&mut field.example)),
            None => (&mut self.other, None),
        }
    }
}

impl Occurrences {
    /// The paired counts of the signature among `joint` requests at which both legs could be compared.
    #[must_use]
    pub fn paired(&self, joint: u64) -> Paired {
        let shadow_only = self.joint_shadow.saturating_sub(self.joint_both);
        let control_only = self.joint_control.saturating_sub(self.joint_both);
        Paired { shadow_only, control_only, alike: joint.saturating_sub(shadow_only + control_only) }
    }

    /// Whether stored counts can be true of so many compared pairs.
    #[must_use]
    pub fn plausible(&self, shadow: u64, control: u64, joint: u64) -> bool {
        let both = self.joint_both <= self.joint_shadow.min(self.joint_control);
        self.shadow <= shadow
            && self.control <= control
            && self.joint_shadow <= self.shadow
            && self.joint_control <= self.control
            && both
            && self.joint_shadow.saturating_add(self.joint_control - self.joint_both.min(self.joint_control))
                <= joint
    }

    fn add_shadow(&mut self, request: u64, joint: bool) {
        if self.marks.shadow != request {
            self.marks.shadow = request;
            self.shadow += 1;
            self.joint_shadow += u64::from(joint);
        }
    }

    fn add_control(&mut self, request: u64, joint: bool) {
        if self.marks.control != request {
            self.marks.control = request;
            self.control += 1;
            self.joint_control += u64::from(joint);
            self.joint_both += u64::from(joint && self.marks.shadow == request);
        }
    }

    /// Pairs with any of several signatures are at least as many as those with one of them.
    fn at_least(&mut self, other: &Occurrences) {
        self.shadow = self.shadow.max(other.shadow);
        self.control = self.control.max(other.control);
    }

    /// Saturates, because stored counts are added before they are checked.
    fn merge(&mut self, other: &Occurrences) {
        self.shadow = self.shadow.saturating_add(other.shadow);
        self.control = self.control.saturating_add(other.control);
        self.joint_shadow = self.joint_shadow.saturating_add(other.joint_shadow);
        self.joint_control = self.joint_control.saturating_add(other.joint_control);
        self.joint_both = self.joint_both.saturating_add(other.joint_both);
    }
}

impl Example {
    /// Takes over a difference's values, in the memory of those before.
    fn set(&mut self, difference: &Difference) {
        copy(&mut self.pointer, &difference.pointer);
        copy_some(&mut self.stable, difference.stable.as_deref());
        copy_some(&mut self.shadow, difference.shadow.as_deref());
    }
}

fn copy_some(to: &mut Option<String>, from: Option<&str>) {
    match from {
        Some(from) => copy(to.get_or_insert_default(), from),
        None => *to = None,
    }
}

fn copy(to: &mut String, from: &str) {
    to.clear();
    to.push_str(clip(from, MAX_VALUE));
}

/// The longest start of a text that has at most `most` bytes.
fn clip(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// What of [`Fields`] is stored.
#[derive(Deserialize)]
struct Stored {
    list: Vec<Field>,
    other: Occurrences,
    #[serde(default)]
    left_out: u64,
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut stored = serializer.serialize_struct("Fields", 3)?;
        stored.serialize_field("list", &self.sorted())?;
        stored.serialize_field("other", &self.other)?;
        stored.serialize_field("left_out", &self.left_out)?;
        stored.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let mut fields = Fields { other: stored.other, left_out: stored.left_out, ..Fields::default() };
        // The bound in force is applied when the row is taken over.
        stored.list.into_iter().for_each(|field| fields.put(field, usize::MAX));
        Ok(fields)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::Severity;

    fn difference(path: &str, kind: Kind, shadow: &str) -> Difference {
        Difference {
            path: path.to_owned(),
            pointer: "/a".to_owned(),
            part: Part::Body,
            kind,
            severity: Severity::Medium,
            stable: None,
            shadow: Some(shadow.to_owned()),
        }
    }

    #[test]
    fn a_signature_counts_once_for_each_request() {
        let mut fields = Fields::default();
        let twice = [difference("$.a", Kind::Value, "1"), difference("$.a", Kind::Value, "2")];
        fields.fold(1, false, &twice, &[], 9);
        fields.fold(2, true, &twice, &twice, 9);
        fields.fold(3, true, &[], &twice, 9);
        let found = fields.sorted();
        assert_eq!(found.len(), 1);
        let seen = found[0].seen;
        assert_eq!((seen.shadow, seen.control), (2, 2));
        assert_eq!((seen.joint_shadow, seen.joint_control, seen.joint_both), (1, 2, 1));
        assert_eq!(seen.paired(5), Paired { shadow_only: 0, control_only: 1, alike: 4 });
        assert_eq!(found[0].example.as_ref().unwrap().shadow.as_deref(), Some("2"));
    }

    #[test]
    fn kinds_at_one_path_are_apart_and_sorted() {
        let mut fields = Fields::default();
        let found = [
            difference("$.b", Kind::Type, ""),
            difference("$.b", Kind::Missing, ""),
            difference("$.a", Kind::Value, ""),
        ];
        fields.fold(1, false, &found, &[], 9);
        let order: Vec<(&str, Kind)> = fields.sorted().iter().map(|f| (f.path.as_str(), f.kind)).collect();
        assert_eq!(order, [("$.a", Kind::Value), ("$.b", Kind::Missing), ("$.b", Kind::Type)]);
    }

    #[test]
    fn what_is_beyond_the_bound_is_one_count() {
        let mut fields = Fields::default();
        let many: Vec<Difference> =
            (0..50).map(|n| difference(&format!("$.{n}"), Kind::Added, "x")).collect();
        fields.fold(1, false, &many, &[], 10);
        fields.fold(2, false, &many, &[], 10);
        assert_eq!(fields.sorted().len(), 10);
        assert_eq!(fields.other.shadow, 2);
        assert_eq!(fields.sorted()[0].seen.shadow, 2);
        assert!(fields.by_path.len() <= 10);
    }

    #[test]
    fn long_paths_and_values_are_cut() {
        let mut fields = Fields::default();
        fields.fold(1, false, &[difference(&"é".repeat(1000), Kind::Value, &"ß".repeat(1000))], &[], 9);
        let field = fields.sorted()[0];
        assert!(field.path.len() <= MAX_PATH);
        assert_eq!(field.example.as_ref().unwrap().shadow.as_ref().unwrap().len(), MAX_VALUE);
    }

    #[test]
    fn stored_fields_come_back_and_merge() {
        let mut fields = Fields::default();
        fields.fold(
            1,
            true,
            &[difference("$.a", Kind::Value, "1")],
            &[difference("$.b", Kind::Value, "1")],
            9,
        );
        let json = serde_json::to_string(&fields).unwrap();
        let mut back: Fields = serde_json::from_str(&json).unwrap();
        assert_eq!(back.sorted(), fields.sorted());
        back.merge(&fields, 9);
        assert_eq!(back.sorted()[0].seen.shadow, 2);
        assert_eq!(back.sorted()[1].seen.joint_control, 2);
    }

    #[test]
    fn a_signature_stored_twice_with_impossible_counts_is_survived() {
        let mut fields = Fields::default();
        fields.fold(1, true, &[difference("$.a", Kind::Value, "1")], &[], 9);
        let json = serde_json::to_string(&fields).unwrap().replace(":1,", ":18446744073709551615,");
        let list = json.split_once('[').unwrap().1.split_once(']').unwrap().0;
        let twice = json.replace(list, &format!("{list},{list}"));
        let back: Fields = serde_json::from_str(&twice).unwrap();
        assert!(!back.sorted()[0].seen.plausible(9, 9, 9));
        assert_eq!(back.sorted().len(), 1);
    }

    #[test]
    fn impossible_counts_are_seen() {
        let seen = Occurrences {
            shadow: 3,
            control: 2,
            joint_shadow: 2,
            joint_control: 2,
            joint_both: 1,
            marks: Marks::default(),
        };
        assert!(seen.plausible(3, 2, 3));
        assert!(!seen.plausible(2, 2, 3));
        assert!(!seen.plausible(3, 1, 3));
        assert!(!seen.plausible(3, 2, 2));
        assert!(!Occurrences { joint_both: u64::MAX, ..seen }.plausible(3, 2, 3));
        assert!(!Occurrences { joint_shadow: u64::MAX, ..seen }.plausible(3, 2, 3));
    }
}
