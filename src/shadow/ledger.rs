//! The evidence in force, shared with whoever reports it: folded here, restored at start, begun anew with each epoch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::evidence::{Epoch, Limits, Observation, Report, Tally};
use crate::gate::Gate;
use crate::model::Comparison;
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
    /// Decisions of this process before this epoch.
    before: BTreeMap<String, u64>,
}

impl Ledger {
    /// A ledger that goes on with `tally`, its epoch kept in the store.
    #[must_use]
    pub fn new(tally: Tally, limits: Limits, gate: Arc<Gate>, sink: Sink) -> Self {
        sink.offer(epoch_record(tally.epoch()));
        let (carried, before) = (tally.decisions().clone(), gate.decisions.snapshot());
        Ledger { gate, sink, limits, book: Mutex::new(Book { tally, carried, before }) }
    }

    /// Folds one pair in and answers the number of its epoch; `None` if it belongs to another than the one in force.
    pub(super) fn fold(&self, epoch: &str, observation: &Observation<'_>, rules: &[String]) -> Option<u64> {
        let mut book = self.book();
        if book.tally.epoch().key != epoch {
            return None;
        }
        book.tally.fold(observation);
        fold_rules(&mut book.tally, rules, observation.comparison);
        Some(book.tally.epoch().number)
    }

    /// Begins a new epoch if the key is another one; answers whether it is.
    pub fn begin(&self, key: &str, version: Option<&str>, started_unix_ms: u64, rules: &[String]) -> bool {
        let mut book = self.book();
        let same = book.tally.epoch().key == key;
        if !same {
            // What the old epoch came to is kept as it is.
            self.keep(&mut book);
            let number = book.tally.epoch().number + 1;
            let version = version.map(str::to_owned);
            let epoch = Epoch { number, key: key.to_owned(), started_unix_ms, version };
            self.sink.offer(epoch_record(&epoch));
            book.tally = Tally::new(epoch, self.limits);
            book.carried = BTreeMap::new();
            book.before = self.gate.decisions.snapshot();
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
        self.keep(&mut self.book());
    }

    fn keep(&self, book: &mut Book) {
        self.settle(book);
        let epoch = book.tally.epoch().number;
        for row in book.tally.dirty() {
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
        let mut decisions = book.carried.clone();
        for (label, now) in self.gate.decisions.snapshot() {
            let before = book.before.get(&label).copied().unwrap_or(0);
            let here = now.saturating_sub(before);
            if here > 0 {
                *decisions.entry(label).or_default() += here;
            }
        }
        book.tally.set_decisions(decisions);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic while folding leaves counts that are at worst one pair short.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fold_rules(tally: &mut Tally, rules: &[String], comparison: &Comparison) {
    if !comparison.hidden.is_empty() {
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
