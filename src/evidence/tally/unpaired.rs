//! Mirrored requests that gave no evidence, because the process, a bug or their epoch ended before their pair was there.

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use crate::model::{Incomparable, Outcome};

/// How they ended, of all endpoints together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unpaired {
    /// On the shadow.
    pub shadow: Counts<Outcome>,
    /// On control, where it was asked.
    pub control: Counts<Outcome>,
    /// Why there is no verdict.
    pub reasons: Counts<Incomparable>,
}

impl Unpaired {
    /// Counts one mirrored request.
    pub fn add(&mut self, shadow: Outcome, control: Option<Outcome>, reason: Incomparable) {
        self.add_many(1, shadow, reason);
        if let Some(control) = control {
            self.control.add(control);
        }
    }

    /// Counts mirrored requests of which it is not known whether control was asked.
    pub fn add_many(&mut self, count: u64, shadow: Outcome, reason: Incomparable) {
        self.shadow.add_many(shadow, count);
        self.reasons.add_many(reason, count);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Unpaired) {
        self.shadow.merge(&other.shadow);
        self.control.merge(&other.control);
        self.reasons.merge(&other.reasons);
    }

    /// Whether stored counts can be true: one outcome and one reason for each.
    #[must_use]
    pub fn plausible(&self) -> bool {
        let ended = self.shadow.total();
        ended == self.reasons.total() && self.control.total() <= ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_one_outcome_and_one_reason() {
        let mut unpaired = Unpaired::default();
        unpaired.add(Outcome::Answered, None, Incomparable::EpochEnded);
        unpaired.add(Outcome::Cancelled, Some(Outcome::Answered), Incomparable::Shutdown);
        let mut twice = unpaired.clone();
        twice.merge(&unpaired);
        assert_eq!((twice.shadow.total(), twice.control.total(), twice.reasons.total()), (4, 2, 4));
        assert_eq!(twice.reasons.get(Incomparable::Shutdown), 2);
        assert!(twice.plausible() && Unpaired::default().plausible());
        twice.reasons.add(Incomparable::Shutdown);
        assert!(!twice.plausible(), "a reason without an outcome");
    }
}
