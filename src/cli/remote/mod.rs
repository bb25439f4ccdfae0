//! A running umbrage from outside, through its admin API: steering it, and fetching its report.

pub mod client;
pub mod report;
pub mod steering;

pub use client::{Answer, ClientError, DEFAULT_ADMIN, Target, TargetError};

/// Done.
pub const FINE: u8 = 0;
/// Not done: unreachable, or refused by the proxy.
pub const FAILED: u8 = 1;
/// Not even tried: the arguments make no sense.
pub const USAGE: u8 = 2;
/// A verdict that `--fail-on` names.
pub const FAILED_ON: u8 = 3;
