//! The experiment's plane: may be slow, starved or broken.

pub mod settings;

pub use settings::Settings;
