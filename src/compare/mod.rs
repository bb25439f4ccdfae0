//! Pure comparison of two answers: no clock, I/O, async or randomness; the same input gives the same output for ever.

pub mod rules;

pub use rules::{DEFAULT_IGNORED_HEADERS, Rules, Settings};
