//! Stable is asked, and its answer passed on.

pub mod answer;
pub mod forward;
pub mod framing;
