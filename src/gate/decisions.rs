//! What was decided about client requests, in numbers that a report can read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::{Decision, Refusal};

/// One counter for each decision, over all routes.
#[derive(Debug)]
pub struct Decisions {
    mirrored: AtomicU64,
    refused: Vec<AtomicU64>,
}

impl Default for Decisions {
    fn default() -> Self {
        Decisions {
            mirrored: AtomicU64::new(0),
            refused: Refusal::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Decisions {
    /// Counts one.
    pub fn count(&self, decision: Decision) {
        let counter = match decision {
            Decision::Mirrored => Some(&self.mirrored),
            Decision::Refused(refusal) => self.refused.get(refusal as usize),
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every decision that was taken at least once, by label.
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        let refused = Refusal::ALL.iter().zip(&self.refused).map(|(r, n)| (r.label(), n));
        std::iter::once((Decision::Mirrored.label(), &self.mirrored))
            .chain(refused)
            .map(|(label, n)| (label.to_owned(), n.load(Ordering::Relaxed)))
            .filter(|(_, n)| *n > 0)
            .collect()
    }
}
