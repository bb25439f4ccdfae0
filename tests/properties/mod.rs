//! What must hold of bytes that strangers send: one file for each fuzz target, whose `check` takes whatever bytes there are
//! and panics where something does not hold.
//!
//! `fuzz/` runs them on what the fuzzer makes, the unit tests on what it found (`fuzz/corpus`); the generator, the strict
//! reader and the verdict are those of `tests/it/whatever_a_client_sends.rs` too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a property fails")]

pub mod grammar;
pub mod stage;
pub mod strict;
pub mod verdict;

pub mod config;
pub mod fields;
pub mod json;
pub mod proxy_protocol;
pub mod rewrite;
pub mod target_and_host;
pub mod templates;
pub mod wire_answer;

/// A configuration with nothing in it.
const BARE: &str = "[listen]\naddress = \"127.0.0.1:0\"\n\n[stable]\nurl = \"http://127.0.0.1:9\"\n";

#[cfg(test)]
mod replay;
