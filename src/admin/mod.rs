//! The back office: health, metrics page, API, dashboard.

pub mod settings;

pub use settings::Settings;
