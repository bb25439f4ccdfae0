//! How any leg is reached: where it is, its kept-alive connections, its failures. Each plane has its own instances.

pub mod connect;
pub mod error;
#[cfg(test)]
pub(crate) mod fixture;
pub mod flood;
mod lines;
pub mod pool;
pub mod settings;
mod socket;
pub mod switch;

pub use error::{ConnectError, SendError};
pub use flood::Gauge;
pub use pool::{Lease, Pool};
pub use settings::{HostPolicy, Origin, Settings};
pub use switch::Switched;
