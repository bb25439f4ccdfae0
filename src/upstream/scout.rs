//! The thread that finds out where legs are and whether they are well: names are resolved and addresses probed here, so
//! that no plane that serves ever waits for a resolver.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, LocalSet};

use super::Settings;
use super::watch::{Watched, begin};
use crate::model::Leg;
use crate::telemetry::Metrics;
use crate::telemetry::priority::{BACK_OFFICE, give_way};

/// How long a new set of legs waits for the first answer about each name: a resolver that works takes milliseconds, and
/// one that does not must not hold up the others.
const FIRST_ANSWER: Duration = Duration::from_secs(2);

/// Sets of legs that may wait for the thread.
const ORDERS: usize = 16;

/// The thread, running; it ends when dropped.
pub struct Scout {
    orders: Option<mpsc::Sender<Vec<Watched>>>,
    known: Mutex<Vec<Arc<Settings>>>,
    thread: Option<JoinHandle<()>>,
}

/// What runs for one leg.
struct Running {
    watched: Watched,
    tasks: Vec<AbortHandle>,
}

impl Scout {
    /// Starts the thread; nothing is watched yet.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(metrics: Metrics) -> io::Result<Self> {
        let (orders, received) = mpsc::channel(ORDERS);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("scout".into()).spawn(move || {
            give_way(BACK_OFFICE);
            LocalSet::new().block_on(&runtime, follow(received, metrics));
            // A resolver that hangs must not hold up the end.
            runtime.shutdown_background();
        })?;
        Ok(Scout { orders: Some(orders), known: Mutex::default(), thread: Some(thread) })
    }

    /// Watches these legs from now on and no others; what is known of legs that equal watched ones stays. Blocks until each
    /// name was asked for once, or two seconds.
    pub fn watch(&self, legs: &[(Leg, Arc<Settings>)]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, settings) in legs {
            if let Some(before) = known.iter().find(|before| *before == settings) {
                settings.known.adopt(before.book());
            }
        }
        *known = legs.iter().map(|(_, settings)| settings.clone()).collect();
        drop(known);
        let sent = self.orders.as_ref().map(|orders| orders.try_send(grouped(legs)));
        if !matches!(sent, Some(Ok(()))) {
            tracing::error!("the thread that resolves names does not answer; names stay as they are known");
            return;
        }
        for (leg, settings) in legs {
            if !settings.book().wait(FIRST_ANSWER) {
                tracing::warn!(%leg, leg_url = %settings.origin(), "no answer about its name yet");
            }
        }
    }
}

impl Drop for Scout {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that resolves names panicked");
        }
    }
}

/// Takes one set of legs after the other until there is nobody any more to give one.
async fn follow(mut orders: mpsc::Receiver<Vec<Watched>>, metrics: Metrics) {
    let mut running: Vec<Running> = Vec::new();
    while let Some(watched) = orders.recv().await {
        let mut before = std::mem::take(&mut running);
        for one in watched.into_iter().filter(|one| !one.settings.book().is_fixed()) {
            let same = |r: &Running| {
                Arc::ptr_eq(r.watched.settings.book(), one.settings.book()) && r.watched.legs == one.legs
            };
            running.push(match before.iter().position(same) {
                Some(place) => before.swap_remove(place),
                None => Running { tasks: begin(&one, &metrics), watched: one },
            });
        }
        before.iter().flat_map(|gone| &gone.tasks).for_each(AbortHandle::abort);
    }
}

/// Each book once, with every leg that reads it.
fn grouped(legs: &[(Leg, Arc<Settings>)]) -> Vec<Watched> {
    let mut all: Vec<Watched> = Vec::new();
    for (leg, settings) in legs {
        match all.iter_mut().find(|w| Arc::ptr_eq(w.settings.book(), settings.book())) {
            Some(known) => known.legs.push(*leg),
            None => all.push(Watched { legs: vec![*leg], settings: settings.clone() }),
        }
    }
    all
}

#[cfg(test)]
#[path = "scout_tests.rs"]
mod tests;
