//! Builders that read as sentences: backends that are well or sick to the byte, and clients that see every byte.
//!
//! Blocking sockets and threads, so that what is on the wire is exactly what a test says. Everything here listens on a
//! free loopback port, waits for events and not for time, gives up with its reason after a deadline, and ends when it
//! is dropped; a panic in a backend's handler fails the test that owns the backend.
#![allow(dead_code, unused_imports, reason = "a vocabulary: not every test says every word")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]
#![allow(
    clippy::missing_panics_doc,
    reason = "everything here panics with its reason when a deadline passes"
)]

mod address;
mod answer;
mod client;
mod connection;
mod deadline;
mod eventually;
mod frame_server;
pub mod frames;
mod hand;
mod latch;
mod modern;
pub mod multiplexed;
mod page;
mod plane;
mod proxy;
mod recorded;
mod response;
pub mod secure;
mod server;
mod wire;

pub use address::{DeadAddress, FullBacklog, dead_address, full_backlog_address};
pub use answer::{RawResponse, answer, chunked};
pub use client::{Client, Ending, client, try_client};
pub use deadline::{DEADLINE, DEADLINE as PATIENCE, Deadline};
pub use eventually::eventually;
pub use frame_server::{FrameServer, frame_server, goaway_frame, ok_frame};
pub use frames::frame;
pub use hand::{ByHand, by_hand};
pub use latch::{Latch, latch};
pub use modern::{Act, Authority, Identity, Modern, ModernBuilder, Seen, hello, modern, says};
pub use page::Page;
pub use plane::when_no_answer;
pub use proxy::{Proxy, ProxyBuilder, laws, proxy, report_laws};
pub use recorded::RecordedRequest;
pub use response::Response;
pub use server::{Server, ServerBuilder, server};
pub use wire::Broken;
