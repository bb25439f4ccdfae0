//! The back office: health, metrics page, API, dashboard. It runs on its own runtime, so that it answers under full load.
//!
//! The way of a request: [`serve()`] takes the connection (bounded), `router` finds the handler behind the limits,
//! `access` refuses strangers, the handler asks a view on a blocking thread (`desk`), `answer` puts it in words.

pub mod limits;
pub mod office;
pub mod serve;
pub mod settings;

mod access;
mod answer;
mod basic;
mod desk;
mod input;
mod mirror;
mod page;
mod pause;
mod router;
mod views;

#[cfg(test)]
pub(crate) mod fixture;

pub use office::{DifferencesQuery, Office, Readiness, ReloadAnswer, Views};
pub use serve::serve;
pub use settings::Settings;
