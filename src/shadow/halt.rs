//! What becomes of mirrors under way once mirroring is stopped, by a pause, a share of 0 or a guard: what was not sent is cut
//! off at once, the rest has `mirror.drain` to end. A resume before that lets it go on.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::gate::Switches;
use crate::model::clock::Instant;

/// Whether each route is stopped, as far as something of it is under way.
pub(super) struct Halts {
    switches: Arc<Switches>,
    /// As many as routes have something under way: at most all of two configurations or so.
    known: RefCell<Vec<Rc<Halt>>>,
}

/// Whether one route is stopped, and since when.
pub(super) struct Halt {
    route: Arc<str>,
    since: Cell<Option<Instant>>,
    turned: Notify,
}

impl Halts {
    pub(super) fn new(switches: Arc<Switches>) -> Self {
        Halts { switches, known: RefCell::default() }
    }

    /// Whether a route is stopped now.
    pub(super) fn stops(&self, route: &str) -> bool {
        self.switches.stops(route)
    }

    /// What those under way on a route listen to.
    pub(super) fn of(&self, route: &Arc<str>) -> Rc<Halt> {
        let mut known = self.known.borrow_mut();
        let here = known.iter().find(|halt| halt.route == *route).cloned();
        let stopped = |halt: &&Rc<Halt>| halt.since.get().is_some();
        if let Some(halt) = here.as_ref().filter(stopped).filter(|_| !self.stops(route)) {
            // Mirroring goes on since the last look: this one must not fall to the stop before.
            halt.turn(None);
        }
        here.unwrap_or_else(|| {
            let (since, turned) = (Cell::new(None), Notify::new());
            let halt = Rc::new(Halt { route: route.clone(), since, turned });
            known.push(halt.clone());
            halt
        })
    }

    /// Sees what was stopped and what goes on again; forgets routes that nothing is under way of.
    pub(super) fn look(&self, now: Instant) {
        let mut known = self.known.borrow_mut();
        known.retain(|halt| Rc::strong_count(halt) > 1);
        for halt in known.iter() {
            let since = self.stops(&halt.route).then(|| halt.since.get().unwrap_or(now));
            halt.turn(since);
        }
    }
}

impl Halt {
    fn turn(&self, since: Option<Instant>) {
        if self.since.replace(since) != since {
            self.turned.notify_waiters();
        }
    }

    /// Waits until what listens is to be cut off: at the stop where nothing of it was `written`, else `drain` later.
    pub(super) async fn cuts(&self, drain: Duration, written: impl Fn() -> bool) {
        loop {
            // Before the look, so that no turn falls between the two.
            let turned = self.turned.notified();
            match self.since.get() {
                None => turned.await,
                Some(_) if !written() => return,
                Some(since) => tokio::select! {
                    () = tokio::time::sleep_until(since + drain) => return,
                    () = turned => {}
                },
            }
        }
    }
}

#[cfg(test)]
#[path = "halt_tests.rs"]
mod tests;
