//! Walks two documents side by side and finds where they differ.
//!
//! The documents are compared as if each were without what the rules select in it: a member is left out when it is
//! selected in either document, the items of an array are counted without the selected ones and compared in order. What
//! a rule hid is counted by walking it all the same.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::hash;
use super::parse::{Document, Shape};
use super::select::{Marks, is_container};
use super::{location, number, strings};
use crate::compare::Numbers;
use crate::compare::findings::{Findings, Place, excerpt_bytes};
use crate::model::{Kind, Part};

/// How often the bytes of both documents may be passed over to find equal parts quickly, before values are compared one
/// by one. Without a bound nested equal beginnings would cost the square of a body's size.
const PASSES: usize = 4;

/// One document with what is left out of it.
pub(super) struct Tree<'a> {
    pub document: Document<'a>,
    pub marks: Marks,
    /// Filled when first needed.
    hashes: Vec<u64>,
}

impl<'a> Tree<'a> {
    pub fn new(document: Document<'a>, marks: Marks) -> Self {
        Tree { document, marks, hashes: Vec::new() }
    }

    fn hashes_of(&mut self, nodes: &[u32], numbers: Numbers) -> Vec<u64> {
        if self.hashes.is_empty() {
            self.hashes = hash::hashes(&self.document, &self.marks, numbers);
        }
        nodes.iter().map(|&node| self.hashes[node as usize]).collect()
    }

    /// The text of a string without its quotes, and whether escapes stand in it.
    fn string(&self, node: u32) -> (&'a [u8], bool) {
        let text = self.document.text(node);
        (&text[1..text.len() - 1], self.document.node(node).escaped)
    }
}

/// What is still to be compared, and the rule that hides whatever it shows.
type Task = (Pair, Option<usize>);

#[derive(Clone, Copy)]
enum Pair {
    Both(u32, u32),
    Stable(u32),
    Other(u32),
}

pub(super) struct Walk<'w, 'a, 'r> {
    stable: &'w mut Tree<'a>,
    other: &'w mut Tree<'a>,
    findings: &'w mut Findings<'r>,
    waiting: Vec<Task>,
    /// Bytes that may still be compared as bytes.
    fuel: usize,
}

impl<'w, 'a, 'r> Walk<'w, 'a, 'r> {
    pub fn new(stable: &'w mut Tree<'a>, other: &'w mut Tree<'a>, findings: &'w mut Findings<'r>) -> Self {
        let fuel = PASSES * (stable.document.source.len() + other.document.source.len());
        Walk { stable, other, findings, waiting: Vec::new(), fuel }
    }

    /// Compares everything from the roots down, in the order of the documents.
    pub fn run(mut self) {
        self.push(Pair::Both(0, 0), None);
        while let Some((pair, rule)) = self.waiting.pop() {
            match pair {
                Pair::Both(s, o) => self.both(s, o, rule),
                Pair::Stable(_) => self.found(Kind::Missing, pair, rule),
                Pair::Other(_) => self.found(Kind::Added, pair, rule),
            }
        }
    }

    fn both(&mut self, s: u32, o: u32, rule: Option<usize>) {
        let pair = Pair::Both(s, o);
        let (a, b) = (self.stable.document.node(s).shape, self.other.document.node(o).shape);
        let begin = self.waiting.len();
        let kind = match (a, b) {
            (Shape::Array, Shape::Array) if !self.same_bytes(s, o) => self.arrays(s, o, rule),
            (Shape::Object, Shape::Object) if !self.same_bytes(s, o) => {
                self.objects(s, o, rule);
                None
            }
            (Shape::Number, Shape::Number) => {
                let (a, b) = (self.stable.document.text(s), self.other.document.text(o));
                let same = number::same(a, b, self.numbers());
                (!same).then_some(Kind::Value)
            }
            (Shape::String, Shape::String) => {
                (!strings::same(self.stable.string(s), self.other.string(o))).then_some(Kind::Value)
            }
            (Shape::True, Shape::False) | (Shape::False, Shape::True) => Some(Kind::Value),
            _ => (a != b).then_some(Kind::Type),
        };
        self.waiting[begin..].reverse();
        if let Some(kind) = kind {
            self.found(kind, pair, rule);
        }
    }

    /// Puts the items of two arrays side by side, and says how the arrays differ as a whole: their length, or nothing but
    /// their order, in which case the items are not compared.
    fn arrays(&mut self, s: u32, o: u32, rule: Option<usize>) -> Option<Kind> {
        let (left, left_out) = items(self.stable, s);
        let (right, right_out) = items(self.other, o);
        self.left_out(&left_out, &right_out);
        if left.len() == right.len() && self.reordered(&left, &right) {
            return Some(Kind::Order);
        }
        for (&s, &o) in left.iter().zip(&right) {
            self.push(Pair::Both(s, o), rule);
        }
        (left.len() != right.len()).then_some(Kind::Length)
    }

    /// Puts the items that rules select side by side.
    fn left_out(&mut self, left: &[u32], right: &[u32]) {
        for at in 0..left.len().max(right.len()) {
            let pair = match (left.get(at), right.get(at)) {
                (Some(&s), Some(&o)) => Pair::Both(s, o),
                (Some(&s), None) => Pair::Stable(s),
                (None, Some(&o)) => Pair::Other(o),
                (None, None) => continue,
            };
            self.push(pair, None);
        }
    }

    /// Whether two lists of the same length hold the same values in another order.
    fn reordered(&mut self, left: &[u32], right: &[u32]) -> bool {
        // One value alone cannot have moved: so the commonest case costs no hash.
        let moved = left.iter().zip(right).filter(|&(&s, &o)| !self.same_bytes(s, o)).take(2).count();
        if moved < 2 {
            return false;
        }
        let by = self.numbers();
        let (mut a, mut b) = (self.stable.hashes_of(left, by), self.other.hashes_of(right, by));
        if a == b {
            return false;
        }
        a.sort_unstable();
        b.sort_unstable();
        a == b
    }

    /// Puts the members of two objects side by side by their names.
    fn objects(&mut self, s: u32, o: u32, rule: Option<usize>) {
        let begin = self.waiting.len();
        if self.in_step(s, o, rule) {
            return;
        }
        self.waiting.truncate(begin);
        let left = members(&self.stable.document, s);
        let right = members(&self.other.document, o);
        let (mut left, mut right) = (&left[..], &right[..]);
        while !left.is_empty() || !right.is_empty() {
            let order = match (left.first(), right.first()) {
                (Some(one), Some(two)) => one.0.cmp(&two.0),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            let (ours, theirs) = (alike(left), alike(right));
            match order {
                Ordering::Less => self.alone(ours, Pair::Stable, rule),
                Ordering::Greater => self.alone(theirs, Pair::Other, rule),
                Ordering::Equal => self.named(ours, theirs, rule),
            }
            if order != Ordering::Greater {
                left = &left[ours.len()..];
            }
            if order != Ordering::Less {
                right = &right[theirs.len()..];
            }
        }
    }

    /// The common case, names in the same order on both sides; false as soon as it is not.
    fn in_step(&mut self, s: u32, o: u32, rule: Option<usize>) -> bool {
        if self.stable.document.node(s).children != self.other.document.node(o).children {
            return false;
        }
        let (mut a, mut b) = (s + 1, o + 1);
        let end = self.stable.document.node(s).after;
        while a < end {
            if !strings::same(self.stable.document.name(a), self.other.document.name(b)) {
                return false;
            }
            self.push(Pair::Both(a, b), rule);
            a = self.stable.document.node(a).after;
            b = self.other.document.node(b).after;
        }
        true
    }

    /// Members of one name that only one document has; however often it stands there, one difference.
    fn alone(&mut self, members: &[Member<'_>], pair: fn(u32) -> Pair, rule: Option<usize>) {
        if let Some((_, last)) = members.last() {
            self.push(pair(*last), rule);
        }
    }

    /// Members of one name that both documents have. Where it is repeated equally often, each is compared with its like;
    /// otherwise the last ones, which most parsers keep, and the number is a difference of length.
    fn named(&mut self, left: &[Member<'_>], right: &[Member<'_>], rule: Option<usize>) {
        if left.len() == right.len() {
            for (a, b) in left.iter().zip(right) {
                self.push(Pair::Both(a.1, b.1), rule);
            }
        } else if let (Some((_, a)), Some((_, b))) = (left.last(), right.last()) {
            let rule = rule.or_else(|| self.stable.marks.rule(*a)).or_else(|| self.other.marks.rule(*b));
            let count =
                |n: usize| if n == 1 { "1 member".to_owned() } else { format!("{n} members of this name") };
            let place = self.place(Pair::Both(*a, *b));
            let (stable, shadow) = (count(left.len()), count(right.len()));
            match rule {
                Some(rule) => self.findings.hide(rule),
                None => self.findings.add(Part::Body, Kind::Length, || Place {
                    stable: Some(stable),
                    shadow: Some(shadow),
                    ..place
                }),
            }
            self.push(Pair::Both(*a, *b), rule);
        }
    }

    /// Plans a comparison; what a rule selects in either document, or above, is charged to that rule.
    fn push(&mut self, pair: Pair, rule: Option<usize>) {
        let marked = || match pair {
            Pair::Both(s, o) => self.stable.marks.rule(s).or_else(|| self.other.marks.rule(o)),
            Pair::Stable(s) => self.stable.marks.rule(s),
            Pair::Other(o) => self.other.marks.rule(o),
        };
        let rule = rule.or_else(marked);
        self.waiting.push((pair, rule));
    }

    fn found(&mut self, kind: Kind, pair: Pair, rule: Option<usize>) {
        if let Some(rule) = rule {
            self.findings.hide(rule);
            return;
        }
        let (stable, other) = (&*self.stable, &*self.other);
        self.findings.add(Part::Body, kind, || place(stable, other, kind, pair));
    }

    fn place(&self, pair: Pair) -> Place {
        place(self.stable, self.other, Kind::Value, pair)
    }

    fn numbers(&self) -> Numbers {
        self.findings.rules().settings().numbers
    }

    /// Whether two values are equal byte for byte; false also when it would cost too much to tell.
    fn same_bytes(&mut self, s: u32, o: u32) -> bool {
        let (a, b) = (self.stable.document.text(s), self.other.document.text(o));
        if a.len() != b.len() || a.len() > self.fuel {
            return false;
        }
        self.fuel -= a.len();
        a == b
    }
}

/// The items of an array that are compared, and those that rules select.
fn items(tree: &Tree<'_>, array: u32) -> (Vec<u32>, Vec<u32>) {
    if tree.marks.is_empty() {
        return (tree.document.children(array).collect(), Vec::new());
    }
    tree.document.children(array).partition(|&item| tree.marks.rule(item).is_none())
}

/// A member's name and node.
type Member<'a> = (Cow<'a, [u8]>, u32);

/// The members of an object by name; equal names in their order.
fn members<'a>(document: &Document<'a>, object: u32) -> Vec<Member<'a>> {
    let mut members: Vec<Member<'a>> =
        document.children(object).map(|node| (strings::decoded(document.name(node)), node)).collect();
    members.sort_unstable();
    members
}

/// The members at the beginning that have one name.
fn alike<'m, 'a>(members: &'m [Member<'a>]) -> &'m [Member<'a>] {
    let end = members.iter().position(|member| member.0 != members[0].0).unwrap_or(members.len());
    &members[..end]
}

fn place(stable: &Tree<'_>, other: &Tree<'_>, kind: Kind, pair: Pair) -> Place {
    let (tree, node) = match pair {
        Pair::Both(s, _) | Pair::Stable(s) => (stable, s),
        Pair::Other(o) => (other, o),
    };
    let (s, o) = match pair {
        Pair::Both(s, o) => (Some(s), Some(o)),
        Pair::Stable(s) => (Some(s), None),
        Pair::Other(o) => (None, Some(o)),
    };
    Place {
        path: location::path(&tree.document, node),
        pointer: location::pointer(&tree.document, node),
        stable: s.map(|node| shown(stable, node, kind)),
        shadow: o.map(|node| shown(other, node, kind)),
    }
}

/// A value as it stands in the body, trimmed; of an array whose length differs, the length.
fn shown(tree: &Tree<'_>, node: u32, kind: Kind) -> String {
    let value = tree.document.node(node);
    debug_assert!(kind != Kind::Order || is_container(value.shape));
    if kind == Kind::Length {
        let count = items(tree, node).0.len();
        return format!("{count} item{}", if count == 1 { "" } else { "s" });
    }
    excerpt_bytes(tree.document.text(node))
}
