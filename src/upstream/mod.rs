//! How any leg is reached: where it is, its kept-alive connections, its failures. Each plane has its own instances.

pub mod settings;

pub use settings::{HostPolicy, Origin, Settings};
