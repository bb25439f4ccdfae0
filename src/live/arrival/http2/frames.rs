//! Follows the frames that a client sends (RFC 9113 section 4.1), to end a connection that works us with frames that ask for
//! nothing, and to time a head that does not come to its end.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::live::arrival::Activity;
use crate::model::clock::{self, Instant};

/// Frames without a request or a body that a connection may send at once: a page's worth of streams opened, prioritised,
/// updated and given up, several times over.
const BURST: u32 = 1000;
/// The same in each further second; a client that keeps a connection alive sends one.
const RATE: u32 = 200;
/// Bytes of bodies and answers that pay for one frame more: an ordinary download has one `WINDOW_UPDATE` for many KiB, and one
/// PING for each round trip.
const BYTES_FOR_A_FRAME: u64 = 1024;
/// Frames that a piece of an answer pays for, however small it is: a client may acknowledge each message of a stream with a
/// `WINDOW_UPDATE` for it, one for the connection, and a PING that measures the way (gRPC does). Pieces are counted as stable
/// sends them, not as they are cut for the client: otherwise windows of a byte would pay for themselves.
const FRAMES_FOR_A_PIECE: u32 = 3;

const PREFACE: usize = 24;
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// What is known of a connection's frames; shared with whoever serves it.
#[derive(Debug, Default)]
pub(super) struct Course {
    moved: Cell<bool>,
    flooded: Cell<bool>,
}

impl Course {
    /// Whether a byte went either way since this was last asked.
    pub(super) fn moved(&self) -> bool {
        self.moved.take()
    }

    /// Whether the connection was ended for its flood of frames.
    pub(super) fn flooded(&self) -> bool {
        self.flooded.get()
    }
}

/// A stream whose incoming frames are followed.
pub(super) struct Framed<S> {
    stream: S,
    meter: Meter,
    activity: Rc<Activity>,
    course: Rc<Course>,
}

impl<S> Framed<S> {
    pub(super) fn new(stream: S, activity: Rc<Activity>) -> (Self, Rc<Course>) {
        let course = Rc::new(Course::default());
        let meter = Meter::new(clock::now());
        (Framed { stream, meter, activity, course: course.clone() }, course)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        let came = &buf.filled()[before..];
        if read.is_pending() || came.is_empty() {
            return read;
        }
        this.course.moved.set(true);
        if this.meter.pass(came, &this.activity).is_err() {
            this.course.flooded.set(true);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "a flood of frames")));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> Framed<S> {
    fn written(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &written {
            self.course.moved.set(true);
            self.meter.bytes += *count as u64;
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(written)
    }
}

/// More frames came than were paid for.
#[derive(Debug, PartialEq, Eq)]
struct Flood;

/// Where in the frames a connection is, and what it may still send.
#[derive(Debug)]
struct Meter {
    /// Bytes of the preface still to come.
    preface: usize,
    head: [u8; HEAD],
    have: usize,
    /// Bytes of the payload still to come.
    payload: usize,
    credit: u32,
    /// Bytes that passed since the credit was last filled up.
    bytes: u64,
    filled: Instant,
}

impl Meter {
    fn new(now: Instant) -> Self {
        Meter { preface: PREFACE, head: [0; HEAD], have: 0, payload: 0, credit: BURST, bytes: 0, filled: now }
    }

    fn pass(&mut self, mut bytes: &[u8], activity: &Activity) -> Result<(), Flood> {
        bytes = &bytes[step(&mut self.preface, bytes.len())..];
        while !bytes.is_empty() {
            if self.have < HEAD {
                let count = bytes.len().min(HEAD - self.have);
                self.head[self.have..self.have + count].copy_from_slice(&bytes[..count]);
                self.have += count;
                bytes = &bytes[count..];
                if self.have == HEAD {
                    self.begin(activity)?;
                }
            } else {
                let count = step(&mut self.payload, bytes.len());
                if self.kind() == DATA {
                    self.bytes += count as u64;
                }
                bytes = &bytes[count..];
            }
            if self.have == HEAD && self.payload == 0 {
                self.end(activity);
            }
        }
        Ok(())
    }

    fn kind(&self) -> u8 {
        self.head[3]
    }

    fn has(&self, flag: u8) -> bool {
        self.head[4] & flag != 0
    }

    /// A frame's head is complete.
    fn begin(&mut self, activity: &Activity) -> Result<(), Flood> {
        let [a, b, c, ..] = self.head;
        self.payload = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        match self.kind() {
            HEADERS => {
                activity.stir(clock::now);
                Ok(())
            }
            DATA if self.payload > 0 || self.has(END_STREAM) => Ok(()),
            _ => self.pay(clock::now, || activity.take_pieces()),
        }
    }

    /// A frame is complete.
    fn end(&mut self, activity: &Activity) {
        self.have = 0;
        if matches!(self.kind(), HEADERS | CONTINUATION) && self.has(END_HEADERS) {
            // Whoever serves it says when it begins; if it is malformed nobody does.
            activity.settle(clock::now());
        }
    }

    /// One frame that asks for nothing; `pieces` of answers came meanwhile.
    fn pay(&mut self, now: impl FnOnce() -> Instant, pieces: impl FnOnce() -> u32) -> Result<(), Flood> {
        if self.credit == 0 {
            let now = now();
            let waited = now.saturating_duration_since(self.filled).as_millis();
            let earned = waited * u128::from(RATE) / 1000
                + u128::from(self.bytes / BYTES_FOR_A_FRAME)
                + u128::from(pieces()) * u128::from(FRAMES_FOR_A_PIECE);
            self.credit = u32::try_from(earned).unwrap_or(BURST).min(BURST);
            (self.filled, self.bytes) = (now, 0);
        }
        self.credit = self.credit.checked_sub(1).ok_or(Flood)?;
        Ok(())
    }
}

/// Takes up to `most` off what is left, and tells how much.
fn step(left: &mut usize, most: usize) -> usize {
    let count = most.min(*left);
    *left -= count;
    count
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
