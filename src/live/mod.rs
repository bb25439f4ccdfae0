//! The customers' plane: nothing here waits for anything but the client and stable. The files in the order of the way.

pub mod arrival;
pub mod snapshot;

pub mod answer;
pub mod error;
pub mod forward;
pub mod handle;
pub mod headers;
pub mod mirror;
pub mod route;
pub mod survey;
pub mod template;
pub mod validate;

pub mod meters;
pub mod settings;

pub use arrival::{Plane, Started};
pub use route::{Match, Route, Routes};
pub use settings::Settings;
pub use snapshot::{Shared, Snapshot};
pub use template::{PathTemplate, TemplateError};
