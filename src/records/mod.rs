//! Evidence kept: a bounded queue, one writer thread, an embedded store that anyone can open.

pub mod settings;

pub use settings::Settings;
