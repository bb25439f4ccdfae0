//! The stream under hyper: passes on what the inspector lets through, keeps what is not complete, and ends a connection that
//! is in error with the code that says why.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frame::{CONTINUATION, Code, Head};
use super::inspector::{Bounds, Inspector, Passed, Then};
use super::outgoing::Outgoing;
use crate::live::arrival::Activity;
use crate::live::arrival::kept::Kept;
use crate::live::arrival::linger::Linger;
use crate::model::clock;

/// What h2 ends every connection for, by a GOAWAY with `PROTOCOL_ERROR`: it is what it gets in place of a frame that we end
/// one for. The code is put right on its way out.
const SPOILT: Head = Head { length: 0, kind: CONTINUATION, flags: 0, stream: 0 };

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

/// A client's stream, its frames inspected.
pub(super) struct Framed<S> {
    stream: S,
    activity: Rc<Activity>,
    course: Rc<Course>,
    inspector: Inspector,
    outgoing: Outgoing,
    kept: Kept,
    closed: bool,
    /// What the connection ends for.
    error: Option<Code>,
    linger: Linger,
}

impl<S> Framed<S> {
    pub(super) fn new(stream: S, limits: Bounds, activity: Rc<Activity>) -> (Self, Rc<Course>) {
        let course = Rc::new(Course::default());
        let framed = Framed {
            stream,
            activity,
            course: course.clone(),
            inspector: Inspector::new(limits, clock::now()),
            outgoing: Outgoing::default(),
            kept: Kept::default(),
            closed: false,
            error: None,
            linger: Linger::default(),
        };
        (framed, course)
    }

    /// What the inspector says of new bytes, which stand in hyper's own buffer from `before` on.
    fn sort(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        if self.kept.is_empty() {
            let Passed { bytes, then } = self.inspector.read(&buf.filled()[before..], &self.activity);
            self.kept.extend(&buf.filled()[before + bytes..]);
            buf.set_filled(before + bytes);
            if !self.go_on(then)? {
                return Ok(());
            }
        } else {
            self.kept.extend(&buf.filled()[before..]);
            buf.set_filled(before);
        }
        loop {
            let Passed { bytes, then } = self.inspector.read(self.kept.open(), &self.activity);
            self.kept.clear(bytes);
            if !self.go_on(then)? {
                return Ok(());
            }
        }
    }

    /// Does what was said of what is kept; whether there is more to be said.
    fn go_on(&mut self, then: Then) -> io::Result<bool> {
        match then {
            Then::Wait => Ok(false),
            Then::Replace(bytes, others) => {
                self.kept.replace(bytes, &others);
                Ok(true)
            }
            Then::End(code) => {
                self.kept.replace(self.kept.open_len(), &SPOILT.bytes());
                self.course.flooded.set(code == Code::EnhanceYourCalm);
                self.error = Some(code);
                Ok(false)
            }
            Then::Flood => {
                self.course.flooded.set(true);
                Err(io::Error::new(io::ErrorKind::InvalidData, "a flood of frames"))
            }
        }
    }

    /// What became of an offer of these bytes to the socket.
    fn written(
        &mut self,
        written: Poll<io::Result<usize>>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity.wrote(written.is_ready(), clock::now);
        if let Poll::Ready(Ok(count)) = written {
            self.course.moved.set(true);
            self.inspector.wrote(count);
            let mut left = count;
            for buf in bufs {
                let (inspector, part) = (&mut self.inspector, &buf[..left.min(buf.len())]);
                self.outgoing.pass(part, |stream| inspector.reset(stream));
                left -= part.len();
            }
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.kept.give(buf) {
                return Poll::Ready(Ok(()));
            }
            if this.error.is_some() {
                // h2 has what it ends for, and writes.
                return Poll::Pending;
            }
            if this.closed {
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            if buf.filled().len() == before {
                this.closed = true;
                // What is incomplete is for h2 to find incomplete.
                this.kept.clear_all();
                continue;
            }
            this.course.moved.set(true);
            this.sort(buf, before).inspect_err(|_| buf.set_filled(before))?;
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let stream = Pin::new(&mut this.stream);
        let written = match this.error {
            Some(code) => stream.poll_write(cx, &this.outgoing.corrected(buf, code)),
            None => stream.poll_write(cx, buf),
        };
        this.written(written, &[io::IoSlice::new(buf)])
    }

    /// TLS takes some more than its socket does, and waits here.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.activity.wrote(flushed.is_ready(), clock::now);
        flushed
    }

    /// Who broke the protocol may have more on its way; who floods gets no such courtesy.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.outgoing.ends_in_error() || this.error == Some(Code::EnhanceYourCalm) {
            return Pin::new(&mut this.stream).poll_shutdown(cx);
        }
        this.linger.poll(&mut this.stream, this.closed, &this.activity, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.error.is_some() {
            let first = bufs.iter().find(|buf| !buf.is_empty());
            return self.poll_write(cx, first.map_or(&[], |buf| buf));
        }
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.written(written, bufs)
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
