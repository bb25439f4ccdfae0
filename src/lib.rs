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
