//! Umbrage: a traffic-shadowing reverse proxy. The modules, in the order in which a request meets them.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod app;
pub mod cli;
pub mod config;
pub mod reload;

pub mod admin;
pub mod gate;
pub mod live;
pub mod shadow;

pub mod compare;
pub mod evidence;
pub mod records;
pub mod upstream;

pub mod body;
pub mod model;
pub mod telemetry;
pub mod tls;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

// What holds of strangers' bytes is written for the fuzz targets, which see this crate from outside.
#[cfg(test)]
extern crate self as umbrage;
#[cfg(test)]
#[path = "../tests/properties/mod.rs"]
mod properties;
