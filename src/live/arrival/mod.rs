//! A connection arrives: accepted, given to the worker that has the fewest, served, watched, drained.

pub mod accept;
pub mod activity;
pub mod connection;
pub mod door;
pub mod plane;
pub mod worker;

pub(super) use activity::Activity;
pub use plane::{Plane, Started};
