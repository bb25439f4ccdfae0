//! What the scout does for one leg: resolves its names again and again, and asks its addresses whether they are well.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::AbortHandle;

use super::book::{Book, Entry};
use super::probe::probe;
use super::{Health, Settings};
use crate::model::Leg;
use crate::telemetry::Metrics;

/// When a name that has no answer is asked for again: soon, as requests fail meanwhile.
const RETRY: Duration = Duration::from_secs(1);

/// Legs that share one book.
pub(super) struct Watched {
    pub(super) legs: Vec<Leg>,
    pub(super) settings: Arc<Settings>,
}

/// How an address answered of late.
struct Record {
    entry: Entry,
    /// Good answers in a row, and bad ones; one of the two is 0.
    good: u32,
    bad: u32,
}

/// Starts the tasks of one leg on this thread.
pub(super) fn begin(watched: &Watched, metrics: &Metrics) -> Vec<AbortHandle> {
    let settings = &watched.settings;
    let named: Vec<usize> =
        (0..settings.origins.len()).filter(|n| settings.origins[*n].ip().is_none()).collect();
    let unasked = Rc::new(Cell::new(named.len()));
    let resolved = named.into_iter().map(|origin| {
        let resolve = resolve(settings.clone(), origin, unasked.clone());
        tokio::task::spawn_local(resolve).abort_handle()
    });
    let mut tasks: Vec<AbortHandle> = resolved.collect();
    if let Some(health) = &settings.health {
        let probed = probe_all(settings.clone(), health.clone(), watched.legs.clone(), metrics.clone());
        tasks.push(tokio::task::spawn_local(probed).abort_handle());
    }
    tasks
}

/// Asks for one name for ever. An answer that fails to come changes nothing.
async fn resolve(settings: Arc<Settings>, origin: usize, unasked: Rc<Cell<usize>>) {
    let (host, port) = (settings.origins[origin].host.clone(), settings.origins[origin].port);
    let book = settings.book();
    let (mut first, mut failed) = (true, false);
    loop {
        let found: Result<Vec<SocketAddr>, _> =
            tokio::net::lookup_host((host.as_str(), port)).await.map(Iterator::collect);
        let answer = match found {
            Ok(addresses) if !addresses.is_empty() => {
                book.replace(origin, &addresses);
                Ok(())
            }
            Ok(_) => Err("it has no address".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match &answer {
            Err(error) if !failed => {
                tracing::warn!(host, error, "a name cannot be resolved; what was known of it stays");
            }
            Ok(()) if failed => tracing::info!(host, "a name is resolved again"),
            _ => {}
        }
        failed = answer.is_err();
        if std::mem::take(&mut first) {
            unasked.set(unasked.get() - 1);
            if unasked.get() == 0 {
                book.settle();
            }
        }
        let wait = if failed { RETRY.min(settings.resolve_interval) } else { settings.resolve_interval };
        tokio::time::sleep(wait).await;
    }
}

/// Asks every address for ever, all at the same time.
async fn probe_all(settings: Arc<Settings>, health: Health, legs: Vec<Leg>, metrics: Metrics) {
    let up = legs.iter().map(|leg| metrics.leg_up.with([leg.label()])).collect::<Vec<_>>();
    let book = settings.book().clone();
    let mut records: Vec<Record> = Vec::new();
    let mut tick = tokio::time::interval(health.interval);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let entries = book.entries().clone();
        let asked = entries.iter().map(|entry| probe(&settings, entry, &health.path, health.timeout));
        let answers = join_all(asked).await;
        records.retain(|record| entries.iter().any(|entry| same(&record.entry, entry)));
        for (entry, answer) in entries.iter().zip(answers) {
            let well = match &answer {
                Ok(status) => status.is_success() || status.is_redirection(),
                Err(_) => false,
            };
            let place = records.iter().position(|record| same(&record.entry, entry)).unwrap_or_else(|| {
                records.push(Record { entry: entry.clone(), good: 0, bad: 0 });
                records.len() - 1
            });
            records[place].add(well);
            if records[place].judge(&book, &health) {
                let told = answer.map_or_else(|error| error.to_string(), |status| status.to_string());
                let (good, bad) = (records[place].good, records[place].bad);
                tracing::warn!(?legs, address = %entry.address, well, good, bad, told, "health changed");
            }
        }
        let healthy = book.entries().iter().any(|entry| entry.healthy);
        for gauge in &up {
            gauge.set(if healthy { 1.0 } else { 0.0 });
        }
    }
}

impl Record {
    fn add(&mut self, well: bool) {
        (self.good, self.bad) =
            if well { (self.good.saturating_add(1), 0) } else { (0, self.bad.saturating_add(1)) };
    }

    /// Tells the book once there were enough of one kind; whether that is news.
    fn judge(&self, book: &Book, health: &Health) -> bool {
        let enough = self.good >= health.healthy_after || self.bad >= health.unhealthy_after;
        enough && book.judge(&self.entry, self.good > 0)
    }
}

fn same(a: &Entry, b: &Entry) -> bool {
    (a.address, a.origin) == (b.address, b.origin)
}
