//! Command line: one file for each command.

pub mod admin_client;
pub mod ctl;
pub mod report;
