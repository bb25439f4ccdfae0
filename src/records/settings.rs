//! What the store relies upon.

use std::path::PathBuf;
use std::time::Duration;

/// The `[records]` section, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Folder of the store; made if it is not there.
    pub dir: PathBuf,
    /// Bound on the store's size in bytes; the oldest samples go first.
    pub max_size: u64,
    /// Samples and epochs older than this go.
    pub max_age: Duration,
    /// Samples kept for each difference signature.
    pub samples_per_signature: usize,
}
