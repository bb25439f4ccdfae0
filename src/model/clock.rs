//! The one module that may read a clock; everything else is handed an [`Instant`].
//!
//! [`Instant`] is tokio's, so that a test with a paused clock steers every deadline.

use std::time::{SystemTime, UNIX_EPOCH};

pub use tokio::time::Instant;

/// The monotonic now.
#[allow(clippy::disallowed_methods)]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since the Unix epoch; 0 if the wall clock stands before it.
#[allow(clippy::disallowed_methods)]
#[must_use]
pub fn unix_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
