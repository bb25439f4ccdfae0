//! The customers' plane: nothing here waits for anything but the client and stable.

pub mod route;
pub mod settings;

pub use route::{Route, Routes};
pub use settings::Settings;
