//! Which pairs are worth showing, and what of them is kept: redacted, trimmed, rotated by difference signature.

use std::cell::{Cell, RefCell};

use super::trial::Trial;
use crate::compare;
use crate::model::clock::{self, Instant};
use crate::model::{Comparison, Difference, Exchange, MirroredRequest};
use crate::records::{Record, Redactor, Rotation, Sample, Sink};

/// Signatures of one pair that may each claim a sample: a pair that differs everywhere is one sample's worth of news.
const CLAIMS: usize = 8;

/// Chooses samples and hands them to the store.
pub(super) struct Keeper {
    rotation: RefCell<Rotation>,
    /// The epoch that the rotation is about.
    epoch: Cell<u64>,
    sink: Sink,
}

/// A pair that was compared, with control's exchange where it was asked.
pub(super) struct Pair<'a> {
    pub(super) trial: &'a Trial,
    pub(super) epoch: u64,
    pub(super) endpoint: &'a str,
    pub(super) request: &'a MirroredRequest,
    pub(super) stable: &'a Exchange,
    pub(super) shadow: &'a Exchange,
    pub(super) control: Option<&'a Exchange>,
    /// Redacted.
    pub(super) differences: &'a [Difference],
}

impl Keeper {
    pub(super) fn new(rotation: Rotation, sink: Sink) -> Self {
        Keeper { rotation: RefCell::new(rotation), epoch: Cell::new(0), sink }
    }

    /// Keeps the pair where the set of one of its signatures has a place for it.
    pub(super) fn consider(&self, pair: &Pair<'_>, now: Instant) {
        let Some(redactor) = &pair.trial.redactor else { return };
        if self.epoch.replace(pair.epoch) != pair.epoch {
            // A new epoch has samples of its own, from its first pair on.
            self.rotation.borrow_mut().clear();
        }
        let mut claimed: Vec<String> = Vec::new();
        for difference in pair.differences {
            let signature = signature(difference);
            if claimed.len() < CLAIMS && !claimed.contains(&signature) {
                claimed.push(signature);
            }
        }
        for signature in claimed {
            let route = &pair.trial.experiment.route;
            let slot = self.rotation.borrow_mut().choose(route, pair.endpoint, &signature, now);
            if let Some(slot) = slot {
                self.sink.offer(Record::Sample(Box::new(sample(pair, redactor, signature, slot))));
            }
        }
    }
}

/// The comparison with every value that must not be seen replaced.
pub(super) fn redacted(trial: &Trial, mut comparison: Comparison) -> Comparison {
    for difference in &mut comparison.differences {
        if let Some(redactor) = &trial.redactor {
            *difference = redactor.difference(difference);
        } else {
            (difference.stable, difference.shadow) = (None, None);
        }
    }
    comparison
}

fn signature(difference: &Difference) -> String {
    format!("{}:{}:{}", difference.part.label(), difference.path, difference.kind.label())
}

fn sample(pair: &Pair<'_>, redactor: &Redactor, signature: String, slot: u32) -> Sample {
    let Pair { trial, epoch, endpoint, request, stable, shadow, control, differences } = pair;
    let name = format!("{epoch}|{}|{endpoint}|{signature}|{slot}", trial.experiment.route);
    let show = |exchange: &Exchange| {
        let decoded =
            exchange.result.as_ref().ok().and_then(|a| compare::decoded(a, &trial.experiment.rules));
        redactor.answer(exchange, decoded.as_deref())
    };
    Sample {
        id: blake3::hash(name.as_bytes()).to_hex()[..16].to_owned(),
        epoch: *epoch,
        route: trial.experiment.route.to_string(),
        endpoint: (*endpoint).to_owned(),
        signature,
        slot,
        taken_unix_ms: clock::unix_millis(),
        request: redactor.request(request),
        stable: show(stable),
        shadow: show(shadow),
        control: control.map(show),
        differences: differences.to_vec(),
    }
}

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;
