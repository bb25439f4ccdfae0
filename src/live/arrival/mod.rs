//! A connection arrives: accepted, given to the worker that has the fewest, let in, served, watched, drained.

pub mod accept;
pub mod door;
pub mod plane;
mod wire;
pub mod worker;

pub mod entry;

pub mod addresses;
pub mod peek;
pub mod preface;
pub mod proxy_protocol;
pub mod tls;

pub mod activity;
pub mod connection;
pub mod http2;
mod kept;
mod linger;
mod pauses;

#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;

pub(super) use activity::{Activity, Multiplexed};
pub(super) use pauses::Overdue;
pub use plane::{Plane, Started};
pub use tls::Tls;
pub(super) use wire::Fault;
