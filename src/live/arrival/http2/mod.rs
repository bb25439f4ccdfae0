//! An HTTP/2 connection: served, metered by its frames, and left in order.

pub mod frames;
pub mod serve;
mod tunnels;

pub(super) use serve::{OnThisThread, protocol, serve};
