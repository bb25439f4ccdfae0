//! What passes from live to shadow, and nothing else.

pub mod policy;
pub mod switches;

pub use policy::{Bounds, ControlPlan, Experiment, Policy, PolicySettings, SampleBy};
pub use switches::{Pause, Switches, UnknownRoute};
