//! Pure evidence: running counts by endpoint, latency, intervals that stay valid however often they are looked at.

pub mod endpoint;
mod segment;
pub mod sequential;

pub use endpoint::{EndpointError, Endpoints};
