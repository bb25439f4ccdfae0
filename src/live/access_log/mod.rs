//! The access log: what is noted of a request on its way, and the line that it becomes at its end.

mod line;
mod note;

pub(in crate::live) use note::{Ended, Entry, Note};
