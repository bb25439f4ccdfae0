//! The bytes that mirroring may hold: permits travel with the data and come back by drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound on bytes, shared by all threads.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    limit: AtomicUsize,
}

/// Bytes taken from a [`Budget`]; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Budget { used: AtomicUsize::new(0), limit: AtomicUsize::new(limit) }
    }

    /// Bytes held now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that may be held.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the bound; what is held beyond it stays until it is given back.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Takes bytes if they fit.
    #[must_use]
    pub fn take(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        self.reserve(bytes).then(|| Permit { budget: self.clone(), bytes })
    }

    fn reserve(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= self.limit();
        if !fits {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }
}

impl Permit {
    /// Takes more bytes if they fit.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let fits = self.budget.reserve(bytes);
        if fits {
            self.bytes += bytes;
        }
        fits
    }

    /// Gives some of the bytes back.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A permit of no bytes yet, of the same budget.
    #[must_use]
    pub fn sibling(&self) -> Permit {
        Permit { budget: self.budget.clone(), bytes: 0 }
    }

    /// Bytes held by this permit.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_come_back_by_drop_and_never_pass_the_limit() {
        let budget = Arc::new(Budget::new(100));
        let mut first = budget.take(60).expect("fits");
        assert!(budget.take(41).is_none());
        assert!(first.grow(40));
        assert!(!first.grow(1));
        assert_eq!(budget.used(), 100);
        first.shrink(70);
        assert_eq!((budget.used(), first.bytes()), (30, 30));
        drop(first);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_lower_limit_refuses_and_keeps_what_is_held() {
        let budget = Arc::new(Budget::new(100));
        let held = budget.take(80);
        budget.set_limit(50);
        assert!(budget.take(1).is_none());
        drop(held);
        assert!(budget.take(50).is_some());
    }

    #[test]
    fn absurd_sizes_do_not_wrap() {
        let budget = Arc::new(Budget::new(100));
        assert!(budget.take(usize::MAX).is_none());
        assert_eq!(budget.used(), 0);
    }
}
