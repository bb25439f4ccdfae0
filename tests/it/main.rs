//! The one integration binary: each file holds one promise, `support` the words it is written in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

mod admin;
mod bad_json;
mod builders;
mod commands;
mod epochs;
mod first_light;
mod life;
mod process;
mod reload;
mod samples;
mod secrets;
mod support;
