//! May this request be mirrored? Its copy, its ticket.

pub mod admit;
pub mod copy;
pub mod offer;
pub mod sample;

pub(super) use copy::{LiveBody, decide, nothing};
pub(super) use offer::{Head, Ticket, offer};
pub use sample::{Sampler, Source};
