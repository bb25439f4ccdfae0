//! HTTP/2 to a leg: one connection for many exchanges.

mod connection;
mod errand;
mod loan;
mod request;

pub(super) use connection::{Multiplexed, Stream, handshake};
