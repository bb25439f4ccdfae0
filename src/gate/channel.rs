//! The bounded channel: live puts an [`Offer`] in and never waits; the shadow plane takes it out.

use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::{Admission, Experiment, Permit};
use crate::model::clock::Instant;
use crate::model::{Exchange, MirroredRequest, Refusal};

/// Offers that may wait for the shadow plane. At a thousand mirrored requests a second it is a second's worth: a plane
/// that is further behind would only pair answers that are too old.
pub const QUEUE: usize = 1024;

/// One request to be mirrored, with the promise of stable's answer.
#[derive(Debug)]
pub struct Offer {
    /// The copy.
    pub request: MirroredRequest,
    /// What it is tried against.
    pub experiment: Arc<Experiment>,
    /// When it was offered; its deadlines count from here.
    pub offered: Instant,
    /// Stable's exchange, once it is finished; closed when there will be none.
    pub stable: oneshot::Receiver<Kept>,
    /// The room that it takes.
    pub admission: Admission,
}

/// A finished exchange with the bytes that its capture holds.
#[derive(Debug)]
pub struct Kept {
    /// The exchange.
    pub exchange: Exchange,
    /// The bytes of its capture.
    pub bytes: Permit,
}

/// The shadow plane's end.
pub type Offers = mpsc::Receiver<Offer>;

#[derive(Debug)]
pub(super) struct Door(mpsc::Sender<Offer>);

pub(super) fn open() -> (Door, Offers) {
    let (sender, offers) = mpsc::channel(QUEUE);
    (Door(sender), offers)
}

impl Door {
    pub(super) fn deliver(&self, offer: Offer) -> Result<(), Refusal> {
        self.0.try_send(offer).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::QueueFull,
            TrySendError::Closed(_) => Refusal::Shutdown,
        })
    }
}
