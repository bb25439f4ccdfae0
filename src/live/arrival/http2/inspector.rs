//! Follows what a client sends, frame by frame, before h2 reads it: judges each, and says what may pass.

use std::time::Duration;

use super::block::{Blocks, Fate, frames};
use super::credit::{Credit, Flood};
use super::frame::{
    ACK, CONTINUATION, Code, DATA, END_HEADERS, END_STREAM, GOAWAY, HEAD, HEADERS, Head, MAX_PAYLOAD, PADDED,
    PING, PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, WITH_PRIORITY,
};
use super::streams::Streams;
use crate::live::arrival::{Activity, Multiplexed};
use crate::model::clock::{self, Instant};

const PREFACE: usize = 24;

/// How much larger than its bound a block may come, frames and padding included, so that who is only too large is still
/// answered 431 by h2, which has the same measure.
const LENIENCE: usize = 4;

/// Bytes of a header block, as it comes and as it is read.
fn most_of(limits: Bounds) -> usize {
    LENIENCE * limits.head.max(MAX_PAYLOAD)
}

/// What a client is held to.
#[derive(Clone, Copy, Debug)]
pub(in crate::live::arrival) struct Bounds {
    /// Bytes of a header list.
    pub(in crate::live::arrival) head: usize,
    /// Streams open at once.
    pub(in crate::live::arrival) streams: u32,
    /// What each of its requests is held to.
    pub(in crate::live::arrival) request: Multiplexed,
    /// How long nothing may pass in a tunnel; `None` where none may be asked for.
    pub(in crate::live::arrival) tunnels: Option<Duration>,
}

/// What is to become of bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// So many from the first on may pass as they are.
    pub(super) bytes: usize,
    pub(super) then: Then,
}

/// And of those behind them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// They are shown again when there are more of them.
    Wait,
    /// So many are replaced by others, and what follows is shown.
    Replace(usize, Vec<u8>),
    /// The connection is in error.
    End(Code),
    /// It is worked with frames that ask for nothing.
    Flood,
}

/// Where in the frames a connection is.
#[derive(Debug)]
pub(super) struct Inspector {
    /// Bytes of the preface still to come.
    preface: usize,
    /// SETTINGS came.
    begun: bool,
    /// Bytes still to come of a payload that passes as it comes, and whether it is a body's.
    passing: (usize, bool),
    /// Bytes of a header block's frames that were looked at and are kept, from its first one's head on.
    scanned: usize,
    limits: Bounds,
    credit: Credit,
    streams: Streams,
    blocks: Blocks,
}

impl From<Code> for Then {
    fn from(code: Code) -> Self {
        Then::End(code)
    }
}

impl From<Flood> for Then {
    fn from(_: Flood) -> Self {
        Then::Flood
    }
}

impl Inspector {
    pub(super) fn new(limits: Bounds, now: Instant) -> Self {
        Inspector {
            preface: PREFACE,
            begun: false,
            passing: (0, false),
            scanned: 0,
            limits,
            credit: Credit::new(now),
            streams: Streams::new(limits.streams),
            blocks: Blocks::new(most_of(limits)),
        }
    }

    /// Bytes went to the client.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.credit.earn(bytes);
    }

    /// We reset a stream.
    pub(super) fn reset(&mut self, stream: u32) {
        self.streams.reset(stream);
    }

    /// Reads on in `bytes`, which begin behind what passed last.
    pub(super) fn read(&mut self, bytes: &[u8], activity: &Activity) -> Passed {
        let mut at = self.preface.min(bytes.len());
        self.preface -= at;
        loop {
            at += self.pass(bytes.len() - at);
            match self.frame(&bytes[at..], activity) {
                Ok(count) => at += count,
                Err(then) => return Passed { bytes: at, then },
            }
        }
    }

    /// How much of so many bytes is of a payload that passes as it comes.
    fn pass(&mut self, bytes: usize) -> usize {
        let (left, body) = &mut self.passing;
        let count = bytes.min(*left);
        *left -= count;
        if *body {
            self.credit.earn(count);
        }
        count
    }

    /// The frame that these bytes begin with: how many of them pass. The payload of most is not looked at.
    fn frame(&mut self, bytes: &[u8], activity: &Activity) -> Result<usize, Then> {
        let head = Head::read(bytes).ok_or(Then::Wait)?;
        self.check(head)?;
        match head.kind {
            HEADERS => {
                activity.stir(clock::now);
                return self.block(head, bytes, activity);
            }
            SETTINGS => settings(payload(head, bytes)?)?,
            DATA => self.streams.data(head.stream, head.has(END_STREAM))?,
            RST_STREAM => self.streams.given_up(head.stream),
            WINDOW_UPDATE if self.streams.is_known(head.stream) && is_by_nothing(payload(head, bytes)?) => {
                self.pay(activity)?;
                return Err(Then::Replace(HEAD + head.length, reset_for(head.stream)));
            }
            _ => {}
        }
        if head.kind != DATA || (head.length == 0 && !head.has(END_STREAM)) {
            self.pay(activity)?;
        }
        self.begun = true;
        self.passing = (head.length, head.kind == DATA);
        Ok(HEAD)
    }

    fn pay(&mut self, activity: &Activity) -> Result<(), Flood> {
        self.credit.pay(clock::now, || activity.take_pieces())
    }

    /// What the head of a frame says against it, as far as h2 would not or would call it by another name.
    fn check(&self, head: Head) -> Result<(), Code> {
        // Section 3.4: the preface of a client ends with it.
        if !self.begun && (head.kind != SETTINGS || head.has(ACK)) {
            return Err(Code::Protocol);
        }
        let fits = match head.kind {
            PRIORITY => head.length == 5,
            RST_STREAM | WINDOW_UPDATE => head.length == 4,
            SETTINGS if head.has(ACK) => head.length == 0,
            SETTINGS => head.length.is_multiple_of(6),
            PING => head.length == 8,
            GOAWAY => head.length >= 8,
            _ => true,
        };
        if !fits || head.length > MAX_PAYLOAD {
            return Err(Code::FrameSize);
        }
        match head.kind {
            // A block that was not begun, and one that only servers send.
            CONTINUATION | PUSH_PROMISE => Err(Code::Protocol),
            HEADERS if head.stream == 0 => Err(Code::Protocol),
            _ => Ok(()),
        }
    }

    /// A header block that `bytes` begin with: how many of them are of it, once all of it came and it may pass.
    fn block(&mut self, head: Head, bytes: &[u8], activity: &Activity) -> Result<usize, Then> {
        loop {
            let rest = &bytes[self.scanned..];
            let part = Head::read(rest).ok_or(Then::Wait)?;
            let continues = part.kind == CONTINUATION && part.stream == head.stream;
            if self.scanned > 0 && !continues {
                return Err(Then::End(Code::Protocol));
            }
            if part.length > MAX_PAYLOAD {
                return Err(Then::End(Code::FrameSize));
            }
            if self.scanned + part.length > most_of(self.limits) {
                return Err(Then::End(Code::EnhanceYourCalm));
            }
            payload(part, rest)?;
            if self.scanned > 0 {
                self.pay(activity)?;
            }
            self.scanned += HEAD + part.length;
            if part.has(END_HEADERS) {
                break;
            }
        }
        let length = std::mem::take(&mut self.scanned);
        // Whoever serves it says when it begins; if it is malformed nobody does.
        activity.settle(clock::now());
        let last = head.has(END_STREAM);
        let place = self.streams.head(head.stream, last)?;
        let fate = match fragments(head, &bytes[..length])? {
            Fragments::One(block) => self.blocks.judge(block, place)?,
            Fragments::Many(block) => self.blocks.judge(&block, place)?,
        };
        match fate {
            Fate::Passed => Ok(length),
            Fate::Replaced(block) => Err(Then::Replace(length, frames(head.stream, last, &block))),
        }
    }
}

/// The payload of a frame, once all of it came.
fn payload(head: Head, bytes: &[u8]) -> Result<&[u8], Then> {
    bytes.get(HEAD..HEAD + head.length).ok_or(Then::Wait)
}

/// Section 6.9: an error of its stream, which h2 ends the connection for.
fn is_by_nothing(increment: &[u8]) -> bool {
    matches!(increment, [0 | 0x80, 0, 0, 0])
}

/// A frame that h2 resets this stream for, with `PROTOCOL_ERROR`: a priority that depends on itself.
fn reset_for(stream: u32) -> Vec<u8> {
    let head = Head { length: 5, kind: PRIORITY, flags: 0, stream };
    [&head.bytes()[..], &stream.to_be_bytes(), &[0]].concat()
}

/// Section 6.5.2: the one value whose error has a code of its own.
fn settings(payload: &[u8]) -> Result<(), Code> {
    const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];
    let too_large = |setting: &[u8]| setting[..2] == INITIAL_WINDOW_SIZE && setting[2] & 0x80 != 0;
    if payload.chunks_exact(6).any(too_large) { Err(Code::FlowControl) } else { Ok(()) }
}

enum Fragments<'a> {
    One(&'a [u8]),
    Many(Vec<u8>),
}

/// The block that these frames, which begin with this head, carry.
fn fragments(head: Head, frames: &[u8]) -> Result<Fragments<'_>, Code> {
    let (first, mut rest) = frames[HEAD..].split_at(head.length);
    let first = fragment(head, first)?;
    if rest.is_empty() {
        return Ok(Fragments::One(first));
    }
    let mut block = first.to_vec();
    while let Some(head) = Head::read(rest) {
        block.extend_from_slice(&rest[HEAD..HEAD + head.length]);
        rest = &rest[HEAD + head.length..];
    }
    Ok(Fragments::Many(block))
}

/// Section 6.2: a HEADERS frame's payload without padding and priority.
fn fragment(head: Head, mut payload: &[u8]) -> Result<&[u8], Code> {
    let mut padding = 0;
    if head.has(PADDED) {
        let (length, rest) = payload.split_first().ok_or(Code::FrameSize)?;
        (padding, payload) = (usize::from(*length), rest);
    }
    if head.has(WITH_PRIORITY) {
        payload = payload.get(5..).ok_or(Code::FrameSize)?;
    }
    let end = payload.len().checked_sub(padding).ok_or(Code::Protocol)?;
    Ok(&payload[..end])
}

#[cfg(test)]
#[path = "inspector_tests.rs"]
mod tests;
