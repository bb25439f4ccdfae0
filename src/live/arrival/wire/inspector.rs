//! Follows the bytes of one connection: head, body, head. Pure: what it says depends on the bytes alone, not on how they
//! were cut when they came.

use super::chunks::{self, Chunks};
use super::fault::Fault;
use super::fields::Delimited;
use super::head::{self, Head};

/// Bounds on what a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live::arrival) struct Limits {
    /// Bytes of a head; of a trailer section too.
    pub(in crate::live::arrival) head: usize,
    /// Bytes of a target.
    pub(in crate::live::arrival) target: usize,
    /// Fields of a head; of a trailer section too.
    pub(in crate::live::arrival) fields: usize,
}

/// Where in the conversation a connection is.
#[derive(Debug)]
pub(in crate::live::arrival) struct Inspector {
    limits: Limits,
    stage: Stage,
    heads: u64,
    /// The last head asked for another protocol, and nobody said yet whether it gets it.
    undecided: bool,
    /// Heads whose target is to become an asterisk, by their number.
    asterisks: Vec<u64>,
}

#[derive(Debug)]
enum Stage {
    Head(Head),
    Length(u64),
    Chunks(Chunks),
}

/// What may be passed on, and why no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// Of the bytes that were shown, so many from the first on.
    pub(super) bytes: usize,
    pub(super) then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// What is left is of a head that is not complete: to be shown again, with what follows.
    Wait,
    /// What is left begins with a head that is not passed on.
    Refuse(Fault),
    /// What is left is not the body that it should be.
    Break,
    /// What is left comes after a request for another protocol, and may be of either.
    Hold,
}

impl Inspector {
    pub(in crate::live::arrival) fn new(limits: Limits) -> Self {
        Inspector {
            limits,
            stage: Stage::Head(Head::default()),
            heads: 0,
            undecided: false,
            asterisks: Vec::new(),
        }
    }

    /// Heads that were passed on, or refused.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// Heads whose target is to become an asterisk, told once.
    pub(super) fn asterisks(&mut self) -> std::vec::Drain<'_, u64> {
        self.asterisks.drain(..)
    }

    /// Bytes of a body are due.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(self.stage, Stage::Length(_) | Stage::Chunks(_))
    }

    /// The version of the head that was refused is known to be HTTP/1.0.
    pub(super) fn is_old(&self) -> bool {
        matches!(&self.stage, Stage::Head(head) if head.is_old())
    }

    /// Reads on in `bytes`: what was left the last time, and what came since. A value that says a length twice is
    /// rewritten in place.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Passed {
        let mut at = 0;
        while at < bytes.len() {
            match &mut self.stage {
                Stage::Head(_) if self.undecided => return Passed { bytes: at, then: Then::Hold },
                Stage::Head(head) => match head.advance(&mut bytes[at..], self.limits) {
                    head::Step::Incomplete => return Passed { bytes: at, then: Then::Wait },
                    head::Step::Complete(len, delimited) => {
                        at += len;
                        self.heads += 1;
                        self.undecided = head.may_switch();
                        if head.is_asterisk() {
                            self.asterisks.push(self.heads);
                        }
                        self.stage = match delimited {
                            Delimited::Length(0) => Stage::Head(Head::default()),
                            Delimited::Length(length) => Stage::Length(length),
                            Delimited::Chunks => Stage::Chunks(Chunks::default()),
                        };
                    }
                    head::Step::Bad(fault) => {
                        self.heads += 1;
                        return Passed { bytes: at, then: Then::Refuse(fault) };
                    }
                },
                Stage::Length(left) => {
                    let rest = (bytes.len() - at) as u64;
                    let taken = rest.min(*left);
                    *left -= taken;
                    // Not more than the length of a slice.
                    at += usize::try_from(taken).unwrap_or(usize::MAX);
                    if *left == 0 {
                        self.stage = Stage::Head(Head::default());
                    }
                }
                Stage::Chunks(chunks) => match chunks.advance(&bytes[at..], self.limits) {
                    chunks::Step::Incomplete => at = bytes.len(),
                    chunks::Step::Complete(len) => {
                        at += len;
                        self.stage = Stage::Head(Head::default());
                    }
                    chunks::Step::Bad(len) => return Passed { bytes: at + len, then: Then::Break },
                },
            }
        }
        Passed { bytes: at, then: Then::Wait }
    }

    /// Whether somebody has to say which protocol the next bytes are of.
    pub(super) fn is_undecided(&self) -> bool {
        self.undecided
    }

    /// The next bytes are of HTTP.
    pub(super) fn stay(&mut self) {
        self.undecided = false;
    }
}
