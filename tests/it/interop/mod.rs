//! Umbrage between programs that nobody here wrote: what people have in front of it, behind it, and as clients.
//!
//! A test whose tool is not there says so and passes; with `UMBRAGE_REQUIRE_TOOLS=1` in the environment, as CI has it, it
//! fails. A new tool is one file here and one word in `.ci/run`.

mod browser;
mod curl;
mod grpc;
mod load;
mod neighbours;
mod python;
mod sslscan;
pub mod tool;
mod websocket;
