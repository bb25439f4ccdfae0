//! How long a test waits before it says what it waited for.

use std::time::{Duration, Instant};

/// The patience of everything that is not told another: far above what a busy machine needs.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A moment after which waiting is over.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// This long from now.
    #[allow(clippy::disallowed_methods, reason = "real sockets wait in real time")]
    pub fn after(patience: Duration) -> Self {
        Deadline(Instant::now() + patience)
    }

    /// What is left of it; `None` once it has passed.
    #[allow(clippy::disallowed_methods, reason = "real sockets wait in real time")]
    pub fn left(self) -> Option<Duration> {
        self.0.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}
