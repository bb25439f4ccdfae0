//! The evidence in force, shared with whoever reports it: folded here, restored at start, begun anew with each epoch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::evidence::tally::MIRRORED;
use crate::evidence::{Epoch, Limits, Observation, Report, RuleNames, Tally};
use crate::gate::Gate;
use crate::model::{Comparison, Incomparable, Outcome};
use crate::records::{EpochRow, Record, Sink, TallyRow};

/// The tally with what live decided meanwhile. Live itself never touches it.
pub struct Ledger {
    gate: Arc<Gate>,
    sink: Sink,
    limits: Limits,
    book: Mutex<Book>,
}

struct Book {
    tally: Tally,
    /// Decisions of this epoch before this process.
    carried: BTreeMap<String, u64>,
    /// Decisions of this process before this epoch, but for those mirrored that had not ended when it began: they end in
    /// this one.
    before: BTreeMap<String, u64>,
}

/// How a mirrored request ended without evidence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    pub(super) shadow: Outcome,
    /// `None` where control was not asked.
    pub(super) control: Option<Outcome>,
    pub(super) reason: Incomparable,
}

impl Ledger {
    /// A ledger that goes on with `tally`, its epoch kept in the store. What was mirrored there and never came to an end
    /// was lost with its process.
    #[must_use]
    pub fn new(mut tally: Tally, limits: Limits, gate: Arc<Gate>, sink: Sink) -> Self {
        sink.offer(epoch_record(tally.epoch()));
        tally.lose_rest();
        let (carried, before) = (tally.decisions().clone(), gate.decisions.snapshot());
        Ledger { gate, sink, limits, book: Mutex::new(Book { tally, carried, before }) }
    }

    /// Folds one pair in and answers the number of its epoch; `None` if it belongs to another than the one in force, where
    /// it is counted as no evidence.
    pub(super) fn fold(&self, epoch: &str, observation: &Observation<'_>, rules: &[String]) -> Option<u64> {
        let mut book = self.book();
        if book.tally.epoch().key != epoch {
            let control = observation.control.as_ref().map(|(seen, _)| seen.outcome);
            book.tally.lose(observation.shadow.outcome, control, Incomparable::EpochEnded);
            return None;
        }
        book.tally.fold(observation);
        fold_rules(&mut book.tally, rules, observation.comparison);
        Some(book.tally.epoch().number)
    }

    /// Counts a mirrored request that came to no pair, of whichever epoch: it ends in the one in force.
    pub(super) fn lose(&self, lost: Lost) {
        self.book().tally.lose(lost.shadow, lost.control, lost.reason);
    }

    /// Begins a new epoch if the key is another one; answers whether it is.
    ///
    /// What is still under way ends in the new one, as no evidence, and so it is there that it counts as mirrored: in
    /// either epoch each mirrored request has its end.
    pub fn begin(&self, key: &str, version: Option<&str>, started_unix_ms: u64, rules: &RuleNames) -> bool {
        let mut book = self.book();
        let same = book.tally.epoch().key == key;
        if !same {
            let decided = self.gate.decisions.snapshot();
            let before = close(&mut book, decided);
            // What the old epoch came to is kept as it is.
            self.keep(&mut book);
            let number = book.tally.epoch().number + 1;
            let version = version.map(str::to_owned);
            let epoch = Epoch { number, key: key.to_owned(), started_unix_ms, version };
            self.sink.offer(epoch_record(&epoch));
            *book = Book { tally: Tally::new(epoch, self.limits), carried: BTreeMap::new(), before };
        }
        book.tally.expect_rules(rules);
        !same
    }

    /// The report as of now.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::of(&self.tally())
    }

    /// The counts as of now.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut book = self.book();
        self.settle(&mut book);
        book.tally.clone()
    }

    /// Hands what changed since the last call to the store.
    pub fn flush(&self) {
        let mut book = self.book();
        self.settle(&mut book);
        self.keep(&mut book);
    }

    /// Offers what changed to the store; live's decisions are settled before.
    fn keep(&self, book: &mut Book) {
        let epoch = book.tally.epoch().number;
        for row in book.tally.dirty(TallyRow::MAX_DATA) {
            let taken = self.sink.offer(Record::Tally(TallyRow {
                epoch,
                route: row.route,
                endpoint: row.endpoint,
                compared: row.compared,
                mismatched: row.mismatched,
                data: row.data,
            }));
            if !taken {
                // Everything is offered again with the next flush; a row that does not change any more would be lost.
                book.tally.touch_all();
                return;
            }
        }
        self.sink.offer(Record::Coverage { epoch, json: book.tally.coverage_json() });
    }

    /// Brings live's decisions into the tally.
    fn settle(&self, book: &mut Book) {
        let decisions = since(book, self.gate.decisions.snapshot());
        book.tally.set_decisions(decisions);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic while folding leaves counts that are at worst one pair short.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The decisions of a book's epoch, `decided` being those of this process.
fn since(book: &Book, decided: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut decisions = book.carried.clone();
    for (label, now) in decided {
        *decisions.entry(label.clone()).or_default() +=
            now.saturating_sub(book.before.get(&label).copied().unwrap_or(0));
    }
    decisions.retain(|_, count| *count > 0);
    decisions
}

/// Settles a book's epoch for good, and gives what the next one counts from: `decided`, but for the mirrored requests
/// that have not ended. (An end may also be counted just before its decision; then the decision is the old epoch's.)
fn close(book: &mut Book, mut decided: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut decisions = since(book, decided.clone());
    let (mirrored, ended) = (decisions.get(MIRRORED).copied().unwrap_or(0), book.tally.ended());
    let under_way = mirrored.saturating_sub(ended);
    let early = ended.saturating_sub(mirrored);
    let counted = decided.entry(MIRRORED.to_owned()).or_default();
    *counted = (*counted + early).saturating_sub(under_way);
    decisions.insert(MIRRORED.to_owned(), ended);
    decisions.retain(|_, count| *count > 0);
    book.tally.set_decisions(decisions);
    decided
}

fn fold_rules(tally: &mut Tally, rules: &[String], comparison: &Comparison) {
    if !comparison.hidden.is_empty() || !comparison.selected.is_empty() {
        tally.fold_rules(rules, comparison);
    }
}

fn epoch_record(epoch: &Epoch) -> Record {
    Record::Epoch(EpochRow {
        number: epoch.number,
        key: epoch.key.clone(),
        started_unix_ms: epoch.started_unix_ms,
        version: epoch.version.clone(),
    })
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
