//! What the handlers share: the office, permits for blocking work, the pause's end, nonces.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use tokio::sync::{Semaphore, watch};

use super::answer::Problem;
use super::limits::{MAX_SCRAPES, MAX_VIEWS};
use super::office::Office;
use super::pause::PauseEnd;

/// One for each running admin server.
pub(super) struct Desk {
    pub(super) office: Arc<Office>,
    /// BLAKE3 of the token.
    pub(super) token: Option<blake3::Hash>,
    /// For report, differences, samples, config.
    pub(super) views: Arc<Semaphore>,
    /// For `/metrics`.
    pub(super) scrapes: Arc<Semaphore>,
    /// For reloads: one at a time.
    pub(super) reloads: Arc<Semaphore>,
    /// When the pause under way ends; `None` for never or for no pause.
    pub(super) pause_end: watch::Sender<Option<PauseEnd>>,
    nonces: Nonces,
}

/// Values that a page cannot foresee: a keyed hash (`SipHash`) of a counter under keys that std draws from the operating system.
struct Nonces {
    keys: [RandomState; 2],
    next: AtomicU64,
}

impl Desk {
    pub(super) fn new(office: Arc<Office>) -> Self {
        Desk {
            token: office.settings.token.as_ref().map(|t| blake3::hash(t.as_bytes())),
            office,
            views: Arc::new(Semaphore::new(MAX_VIEWS)),
            scrapes: Arc::new(Semaphore::new(MAX_SCRAPES)),
            reloads: Arc::new(Semaphore::new(1)),
            pause_end: watch::Sender::new(None),
            nonces: Nonces { keys: [RandomState::new(), RandomState::new()], next: AtomicU64::new(0) },
        }
    }

    /// A nonce for one page: 32 hexadecimal digits.
    pub(super) fn nonce(&self) -> String {
        let turn = self.nonces.next.fetch_add(1, Ordering::Relaxed);
        let [a, b] = &self.nonces.keys;
        format!("{:016x}{:016x}", a.hash_one(turn), b.hash_one(turn))
    }
}

/// Runs work that may block on a thread of its own. The permit stays with the work, so that work which hangs on after
/// its request was given up still counts against the bound.
pub(super) async fn on_thread<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let Ok(permit) = permits.clone().try_acquire_owned() else {
        return Err(Problem::busy("others are asking already; ask again shortly"));
    };
    let done = tokio::task::spawn_blocking(move || {
        let answer = work();
        drop(permit);
        answer
    });
    done.await.map_err(|error| {
        tracing::error!(%error, "a view of the admin API failed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "looking this up failed; the log says more")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nonces_are_long_and_never_equal() {
        let desk = Desk::new(super::super::fixture::office().build());
        let nonces: HashSet<String> = (0..1000).map(|_| desk.nonce()).collect();
        assert_eq!(nonces.len(), 1000);
        assert!(nonces.iter().all(|n| n.len() == 32 && n.bytes().all(|b| b.is_ascii_hexdigit())));
    }

    #[tokio::test]
    async fn work_beyond_the_permits_is_refused_at_once_and_a_panic_frees_its_permit() {
        let permits = Arc::new(Semaphore::new(1));
        let held = permits.clone().try_acquire_owned().unwrap();
        assert_eq!(on_thread(&permits, || 1).await.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        drop(held);
        let failed = on_thread(&permits, || -> u8 { std::panic::resume_unwind(Box::new("no noise")) }).await;
        assert_eq!(failed.unwrap_err().status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(on_thread(&permits, || 7).await.unwrap(), 7);
    }
}
