//! Evidence kept: a bounded queue, one writer thread, an embedded store that anyone can open.
//!
//! The way of a record: [`Sink::offer`] puts it into the queue or counts it as dropped; the writer thread gathers a batch,
//! writes it in one transaction, and keeps the store within its bounds; [`Reader`] looks at it from any thread or process.
//! Nothing here ever holds up who offers: a store that is full, broken or slow costs counted records, nothing else.
//! What is offered has passed the [`Redactor`] first. The schema is described in `docs/store.md`.

mod backlog;
mod bounds;
mod error;
#[cfg(test)]
mod fixtures;
mod folder;
mod prune;
pub mod reader;
pub mod record;
pub mod redact;
pub mod rotation;
pub mod settings;
mod sink;
mod store;
mod writer;

pub use error::StoreError;
pub use reader::{Reader, SampleFilter};
pub use record::{EpochRow, Excerpt, Record, Sample, SampleMessage, SampleSummary, TallyRow};
pub use redact::{Redactor, RuleError, redact_key};
pub use rotation::Rotation;
pub use settings::Settings;
pub use sink::Sink;
pub use writer::{Writer, start};
