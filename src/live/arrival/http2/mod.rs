//! An HTTP/2 connection: its frames inspected, its requests served, its streams timed, and left in order.

pub mod serve;

mod block;
mod credit;
mod fields;
mod frame;
mod hpack;
mod inspector;
mod outgoing;
mod pace;
mod stream;
mod streams;
mod tunnels;

pub(super) use inspector::Bounds;
pub(super) use serve::serve;
