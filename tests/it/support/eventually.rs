//! The last resort: asking again and again, for what gives no event to wait for (a metrics page, another process).

use std::thread;
use std::time::Duration;

use super::deadline::Deadline;

/// Waits until `condition` holds; panics with `what` if it does not within `patience`.
#[track_caller]
pub fn eventually(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Deadline::after(patience);
    while !condition() {
        assert!(deadline.left().is_some(), "not within {patience:?}: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}
