//! How any leg is reached: where it is, its connections, its failures. Each plane has its own pools; what the back office
//! finds out about addresses is read from one book without waiting.

pub mod behalf;
pub mod book;
mod connect;
mod endpoint;
pub mod error;
#[cfg(test)]
pub(crate) mod fixture;
pub mod flood;
mod http2;
pub mod lease;
mod lines;
mod meters;
pub mod pool;
pub mod probe;
pub mod proxy_protocol;
mod race;
pub mod scout;
pub mod settings;
mod slots;
mod socket;
pub mod switch;
pub mod tls;
mod transport;
mod watch;

pub use behalf::OnBehalf;
pub use error::{ConnectError, SendError};
pub use flood::Gauge;
pub use lease::Lease;
pub use pool::Pool;
pub use proxy_protocol::ProxyProtocol;
pub use scout::Scout;
pub use settings::{Balance, Ejection, Health, HostPolicy, HttpVersion, Origin, Settings};
pub use switch::Switched;
pub use tls::Tls;
