//! Sees to it that every mirrored request is counted to its end: whatever becomes of its task, each outcome and each
//! verdict that is owed is counted exactly once.

use std::cell::Cell;
use std::rc::Rc;

use super::dispatch::Progress;
use super::meters::Meters;
use crate::model::{Comparison, Incomparable, Leg, Outcome};
use crate::telemetry::Metrics;

/// What is owed for one mirrored request.
pub(super) struct Account {
    meters: Rc<Meters>,
    metrics: Metrics,
    draining: Rc<Cell<bool>>,
    shadow: Debt,
    control: Debt,
}

/// What is owed for one leg.
struct Debt {
    progress: Rc<Progress>,
    outcome: Cell<bool>,
    verdict: Cell<bool>,
}

impl Account {
    /// Opens the account; control owes only if it is asked.
    pub(super) fn open(
        meters: Rc<Meters>,
        metrics: Metrics,
        draining: Rc<Cell<bool>>,
        control: bool,
    ) -> Self {
        let debt = |owed| Debt {
            progress: Rc::new(Progress::new()),
            outcome: Cell::new(owed),
            verdict: Cell::new(owed),
        };
        Account { meters, metrics, draining, shadow: debt(true), control: debt(control) }
    }

    /// How far a leg's exchange has come.
    pub(super) fn progress(&self, leg: Leg) -> Rc<Progress> {
        self.debt(leg).progress.clone()
    }

    /// A leg's exchange ended.
    pub(super) fn ended(&self, leg: Leg, outcome: Outcome) {
        if self.debt(leg).outcome.replace(false) {
            self.meters.ended(leg, outcome);
        }
    }

    /// A leg's answer was compared with stable's, or cannot be.
    pub(super) fn compared(&self, leg: Leg, comparison: &Comparison, took: Option<std::time::Duration>) {
        if self.debt(leg).verdict.replace(false) {
            self.meters.compared(leg, comparison, took);
        }
    }

    fn debt(&self, leg: Leg) -> &Debt {
        if leg == Leg::Control { &self.control } else { &self.shadow }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let owed = |debt: &Debt| debt.outcome.get() || debt.verdict.get();
        if !owed(&self.shadow) && !owed(&self.control) {
            return;
        }
        // Only two things end a task early: the end of the plane, and a bug.
        let draining = self.draining.get();
        if !draining {
            self.metrics.shadow_plane_panics.with([]).increment(1);
        }
        for leg in [Leg::Shadow, Leg::Control] {
            let outcome = match (draining, self.debt(leg).progress.written()) {
                (true, true) => Outcome::Abandoned,
                (true, false) => Outcome::Cancelled,
                (false, _) => Outcome::Panicked,
            };
            let reason = if draining { Incomparable::Shutdown } else { Incomparable::Panicked };
            self.ended(leg, outcome);
            self.compared(leg, &Comparison::incomparable(reason), None);
        }
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
