//! Pure evidence: running counts by endpoint, latency, intervals that stay valid however often they are looked at.

pub mod endpoint;
#[cfg(test)]
mod fixture;
pub mod histogram;
pub mod latency;
pub mod render;
pub mod report;
mod segment;
pub mod sequential;
pub mod tally;

pub use endpoint::{EndpointError, Endpoints};
pub use report::Report;
pub use tally::{Epoch, Limits, Observation, RuleNames, Seen, Tally, Unpaired};
