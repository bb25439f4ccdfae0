//! What the shadow plane relies upon.

/// How the plane runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Added to the niceness of its thread: 0 to 19, higher gives way more.
    pub nice: i32,
    /// Bytes of a response body that are read beyond the capture, for its digest and so that its connection can be used again.
    pub max_drain: usize,
}
