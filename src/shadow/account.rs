//! Sees to it that every mirrored request is counted to its end: whatever becomes of its task, each outcome and each
//! verdict that is owed is counted exactly once.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::dispatch::Progress;
use super::ledger::{Ledger, Lost};
use super::meters::Meters;
use crate::evidence::Observation;
use crate::model::{Comparison, Incomparable, Leg, Outcome};
use crate::telemetry::Metrics;

/// What is owed for one mirrored request.
pub(super) struct Account {
    meters: Rc<Meters>,
    books: Books,
    shadow: Debt,
    /// `None` where control is not asked.
    control: Option<Debt>,
    /// Whether the verdicts are still owed, to the counters and to the ledger.
    verdict: Cell<bool>,
    /// Whether mirroring was stopped before its end.
    stopped: Cell<bool>,
}

/// Where it is all counted beside the route's own meters.
#[derive(Clone)]
pub(super) struct Books {
    pub(super) metrics: Metrics,
    pub(super) ledger: Arc<Ledger>,
    /// Whether the plane is at its end.
    pub(super) draining: Rc<Cell<bool>>,
}

/// What is owed for one leg.
#[derive(Default)]
struct Debt {
    progress: Rc<Progress>,
    outcome: Cell<Option<Outcome>>,
}

/// A comparison, and the time that it took where it was made.
pub(super) type Timed<'a> = (&'a Comparison, Option<Duration>);

impl Account {
    /// Opens the account; control owes only if it is asked.
    pub(super) fn open(meters: Rc<Meters>, books: Books, control: bool) -> Self {
        Account {
            meters,
            books,
            shadow: Debt::default(),
            control: control.then(Debt::default),
            verdict: Cell::new(true),
            stopped: Cell::new(false),
        }
    }

    /// How far a leg's exchange has come.
    pub(super) fn progress(&self, leg: Leg) -> Rc<Progress> {
        self.debt(leg).map(|debt| debt.progress.clone()).unwrap_or_default()
    }

    /// Whether a byte of it was written to a leg.
    pub(super) fn written(&self) -> bool {
        self.shadow.progress.written() || self.control.as_ref().is_some_and(|debt| debt.progress.written())
    }

    /// Mirroring was stopped: what has not ended by now never will.
    pub(super) fn stop(self) {
        self.stopped.set(true);
    }

    /// A leg's exchange ended.
    pub(super) fn ended(&self, leg: Leg, outcome: Outcome) {
        let Some(debt) = self.debt(leg) else { return };
        if debt.outcome.get().is_none() {
            debt.outcome.set(Some(outcome));
            self.meters.ended(leg, outcome);
        }
    }

    /// The answers were compared with stable's, or cannot be: tells the ledger and the counters alike, and answers the
    /// number of the epoch that it is evidence of.
    ///
    /// Outcomes are those that [`Account::ended`] was told.
    pub(super) fn conclude(
        &self,
        epoch: &str,
        observation: &Observation<'_>,
        rules: &[String],
        took: [Option<Duration>; 2],
    ) -> Option<u64> {
        if !self.verdict.replace(false) {
            return None;
        }
        let number = self.books.ledger.fold(epoch, observation, rules);
        let control = observation.control.map(|(_, comparison)| comparison);
        if number.is_some() {
            self.count((observation.comparison, took[0]), control.map(|c| (c, took[1])));
        } else {
            let ended = Comparison::incomparable(Incomparable::EpochEnded);
            self.count((&ended, None), control.map(|_| (&ended, None)));
        }
        number
    }

    fn count(&self, shadow: Timed<'_>, control: Option<Timed<'_>>) {
        self.meters.compared(Leg::Shadow, shadow.0, shadow.1);
        if let Some((comparison, took)) = control {
            self.meters.compared(Leg::Control, comparison, took);
        }
    }

    fn debt(&self, leg: Leg) -> Option<&Debt> {
        if leg == Leg::Control { self.control.as_ref() } else { Some(&self.shadow) }
    }

    /// How a leg ended; said now where nobody did before.
    fn outcome(&self, leg: Leg) -> Option<Outcome> {
        let debt = self.debt(leg)?;
        let meant = self.books.draining.get() || self.stopped.get();
        let outcome = match (meant, debt.progress.written()) {
            (true, true) => Outcome::Abandoned,
            (true, false) => Outcome::Cancelled,
            (false, _) => Outcome::Panicked,
        };
        self.ended(leg, outcome);
        debt.outcome.get()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.verdict.replace(false) {
            return;
        }
        // Only three things end a task early: the end of the plane, a stop, and a bug.
        let reason = if self.books.draining.get() {
            Incomparable::Shutdown
        } else if self.stopped.get() {
            Incomparable::Stopped
        } else {
            self.books.metrics.shadow_plane_panics.with([]).increment(1);
            Incomparable::Panicked
        };
        let comparison = Comparison::incomparable(reason);
        let control = self.outcome(Leg::Control);
        if let Some(shadow) = self.outcome(Leg::Shadow) {
            self.books.ledger.lose(Lost { shadow, control, reason });
        }
        self.count((&comparison, None), control.map(|_| (&comparison, None)));
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
