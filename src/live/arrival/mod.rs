//! A connection arrives: accepted, given to the worker that has the fewest, its bytes inspected, served, watched, drained.

pub mod accept;
pub mod activity;
pub mod connection;
pub mod door;
pub mod plane;
mod wire;
pub mod worker;

pub(super) use activity::Activity;
pub use plane::{Plane, Started};
pub(super) use wire::Fault;
