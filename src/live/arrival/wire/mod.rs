//! The bytes of a client before hyper sees them: every head is checked strictly, every body followed to its end.
//!
//! hyper reads leniently and answers what it cannot read without a word of why. So the stream under it follows the same
//! bytes: a head reaches hyper only when it is complete and beyond doubt, and both agree on where its message ends.

mod chunks;
mod fault;
mod fields;
mod head;
mod inspector;
mod ledger;
mod request_line;
mod stream;
mod text;

pub(in crate::live) use fault::Fault;
pub(super) use fields::TOKEN;
pub(super) use inspector::Limits;
pub(in crate::live) use ledger::Ledger;
pub(super) use request_line::is_path_and_query;
pub(super) use stream::Wire;
pub(super) use text::length as text_length;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod stream_tests;
