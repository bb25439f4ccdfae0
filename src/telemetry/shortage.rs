//! A time in which the machine has no descriptors or no memory for another connection: said at its begin and at its end,
//! not at each of the twenty failures a second in between.

use std::io;
use std::time::Duration;

use crate::model::clock::{self, Instant};

/// It is over when this long no accept failed: at its end descriptors come back one by one.
const CALM: Duration = Duration::from_secs(1);

/// What one listener knows of it.
#[derive(Debug)]
pub struct Shortage {
    of: &'static str,
    failures: u64,
    /// When an accept failed last; `None` while there is no shortage.
    last: Option<Instant>,
}

impl Shortage {
    /// None yet; `of` says which connections.
    #[must_use]
    pub fn new(of: &'static str) -> Self {
        Shortage { of, failures: 0, last: None }
    }

    /// An accept failed; said if it is the first.
    pub fn failed(&mut self, error: &io::Error) {
        if self.begins(clock::now()) {
            tracing::warn!(%error, "new {} have to wait: they cannot be accepted", self.of);
        }
    }

    /// An accept went well; said if that ends a shortage, with the number of its failures. Reads the clock in a shortage
    /// only.
    pub fn accepted(&mut self) {
        if self.last.is_some()
            && let Some(failures) = self.ends(clock::now())
        {
            tracing::info!(failures, "{} are accepted again", self.of);
        }
    }

    fn begins(&mut self, now: Instant) -> bool {
        self.failures += 1;
        self.last.replace(now).is_none()
    }

    fn ends(&mut self, now: Instant) -> Option<u64> {
        self.last.take_if(|last| now.saturating_duration_since(*last) >= CALM)?;
        Some(std::mem::take(&mut self.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_once_no_accept_failed_for_a_while() {
        const PAUSE: Duration = Duration::from_millis(50);
        let (mut shortage, began) = (Shortage::new("connections"), clock::now());
        assert_eq!(shortage.ends(began + CALM), None, "there is none");
        for n in 0..20 {
            assert_eq!(shortage.begins(began + PAUSE * n), n == 0);
            assert_eq!(shortage.ends(began + PAUSE * n + PAUSE / 2), None, "one that went well in between");
        }
        let last = began + PAUSE * 19;
        assert_eq!(shortage.ends(last + CALM - PAUSE), None);
        assert_eq!(shortage.ends(last + CALM), Some(20));
        assert_eq!(shortage.ends(last + CALM * 2), None, "it is said once");
        assert!(shortage.begins(last + CALM * 3));
        assert_eq!(shortage.ends(last + CALM * 4), Some(1), "the next one counts for itself");
    }
}
