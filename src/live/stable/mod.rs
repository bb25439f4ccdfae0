//! Stable is asked, and its answer passed on.

mod again;
pub mod answer;
pub mod forward;
pub mod framing;
