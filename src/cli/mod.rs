//! Command line: one file for each command.

pub mod remote;
