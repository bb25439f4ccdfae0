//! The experiment's plane: may be slow, starved or broken. The files in the order of a mirrored request's way.

pub mod account;
pub mod breaker;
pub mod dispatch;
pub mod guard;
pub mod halt;
pub mod join;
pub mod journey;
pub mod keep;
pub mod ledger;
pub mod plane;
pub mod prepare;
pub mod trial;

pub mod meters;
pub mod settings;

pub use guard::{GuardSettings, Guards};
pub use ledger::Ledger;
pub use plane::{Evidence, Plane, Started};
pub use settings::Settings;
