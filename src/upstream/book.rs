//! The addresses of a leg as they are known now: written by the back office, read by every plane without waiting.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use super::Settings;

/// Addresses of one leg at most; more of a name's are left out, so that no resolver can fill the memory.
pub const MOST_ADDRESSES: usize = 64;

/// One address of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub address: SocketAddr,
    /// Which of the leg's urls it belongs to.
    pub origin: usize,
    /// What the health probes say; true until they say otherwise.
    pub healthy: bool,
}

/// What is known of one leg. Readers take a whole list at once and wait for nobody.
#[derive(Debug)]
pub struct Book {
    entries: ArcSwap<Vec<Entry>>,
    /// Nothing will ever change: literal addresses, and no probes.
    fixed: bool,
    answered: AtomicBool,
    /// For those in the back office that wait for the first answer.
    waiting: (Mutex<()>, Condvar),
}

/// A leg's book, opened when it is first needed; two settings are equal whatever is known of them.
#[derive(Clone, Debug, Default)]
pub struct Known(OnceLock<Arc<Book>>);

impl Book {
    /// What the urls alone tell.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let literal = settings.origins.iter().enumerate().filter_map(|(n, origin)| {
            let address = SocketAddr::new(origin.ip()?, origin.port);
            Some(Entry { address, origin: n, healthy: true })
        });
        let mut entries: Vec<Entry> = literal.collect();
        entries.truncate(MOST_ADDRESSES);
        let named = settings.origins.iter().any(|origin| origin.ip().is_none());
        Book {
            entries: ArcSwap::from_pointee(entries),
            fixed: !named && settings.health.is_none(),
            answered: AtomicBool::new(!named),
            waiting: (Mutex::new(()), Condvar::new()),
        }
    }

    /// Whether the list is the last one there will be.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// The list in force.
    pub fn entries(&self) -> Guard<Arc<Vec<Entry>>> {
        self.entries.load()
    }

    /// Puts the addresses of one url in place of those known before; what is known of their health stays.
    pub fn replace(&self, origin: usize, addresses: &[SocketAddr]) {
        let before = self.entries.load_full();
        let healthy = |address: &SocketAddr| {
            before.iter().find(|e| e.origin == origin && e.address == *address).is_none_or(|e| e.healthy)
        };
        let mut after: Vec<Entry> = before.iter().filter(|e| e.origin != origin).cloned().collect();
        for address in addresses {
            if !after.iter().any(|e| e.origin == origin && e.address == *address) {
                after.push(Entry { address: *address, origin, healthy: healthy(address) });
            }
        }
        // By url and then by address, so that a resolver that shuffles changes nothing.
        after.sort_by_key(|e| (e.origin, e.address));
        after.truncate(MOST_ADDRESSES);
        if after != *before {
            self.entries.store(Arc::new(after));
        }
    }

    /// Notes what the probes say of an address; true if that is news.
    pub fn judge(&self, entry: &Entry, healthy: bool) -> bool {
        let mut after = Vec::clone(&self.entries.load());
        let found = after.iter_mut().find(|e| e.address == entry.address && e.origin == entry.origin);
        let Some(known) = found.filter(|known| known.healthy != healthy) else { return false };
        known.healthy = healthy;
        self.entries.store(Arc::new(after));
        true
    }

    /// Every name was asked for once, whatever came of it.
    pub fn settle(&self) {
        let _held = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.answered.store(true, Ordering::Release);
        self.waiting.1.notify_all();
    }

    /// Waits until every name was asked for once. Only for the back office and for the start.
    pub fn wait(&self, limit: Duration) -> bool {
        let held = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |(): &mut ()| !self.answered.load(Ordering::Acquire);
        let waited = self.waiting.1.wait_timeout_while(held, limit, open);
        drop(waited);
        self.answered.load(Ordering::Acquire)
    }
}

impl Known {
    pub(super) fn get_or_open(&self, settings: &Settings) -> &Arc<Book> {
        self.0.get_or_init(|| Arc::new(Book::of(settings)))
    }

    /// Goes on with a book that was opened for equal settings.
    pub(super) fn adopt(&self, book: &Arc<Book>) {
        let _ = self.0.set(book.clone());
    }
}

impl PartialEq for Known {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Known {}

impl std::hash::Hash for Known {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
