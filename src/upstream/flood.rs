//! Bounds what a leg may send before the head of its answer.
//!
//! hyper takes any number of interim (1xx) answers within one poll, in which no timer can fire and no other request of
//! the thread is served; so the bytes are counted where they are read. It also takes a bare LF for the end of a line.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::MAX_BUFFER;
use super::lines::Lines;
use super::transport::Transport;

/// Room for the largest head there may be, for as much of interim answers, and for what is read along with them.
const MAX_BEFORE_HEAD: usize = 4 * MAX_BUFFER;

/// What passed on one connection since its last request was handed over.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    passed: Rc<Passed>,
    /// Of one stream among many: how often the connection had been written to when the request was taken up.
    taken: Option<Rc<Cell<Option<u64>>>>,
}

#[derive(Debug, Default)]
struct Passed {
    /// Bytes read while a head is awaited.
    awaited: Cell<Option<usize>>,
    lines: Cell<Lines>,
    /// Whether anything came since the last request was handed over.
    heard: Cell<bool>,
    /// Whether a byte of the request was taken by the system.
    written: Cell<bool>,
    /// How often the system took bytes.
    writes: Cell<u64>,
    /// Who wants to know of the next bytes that are read.
    reader: RefCell<Option<Waker>>,
}

/// A stream that fails when a head is awaited for too many bytes.
pub struct Guarded {
    stream: Transport,
    gauge: Gauge,
}

impl Gauge {
    /// A request goes out: the next bytes are of its answer's head.
    pub(super) fn open(&self) {
        self.passed.awaited.set(Some(0));
        self.passed.lines.set(Lines::default());
        self.passed.written.set(false);
        self.passed.heard.set(false);
    }

    /// The head came.
    pub(super) fn close(&self) {
        self.passed.awaited.set(None);
    }

    /// Whether any byte of the last request was written, so that the leg may have seen it.
    #[must_use]
    pub fn has_written(&self) -> bool {
        match &self.taken {
            None => self.passed.written.get(),
            Some(taken) => taken.get().is_some_and(|before| self.passed.writes.get() > before),
        }
    }

    /// Whether a byte came since the last request was handed over.
    pub(super) fn has_heard(&self) -> bool {
        self.passed.heard.get()
    }

    /// The gauge of one stream of this connection.
    pub(super) fn of_stream(&self) -> Self {
        Gauge { passed: self.passed.clone(), taken: Some(Rc::default()) }
    }

    /// Wakes this one when the next bytes are read.
    pub(super) fn wake_at_read(&self, waker: &Waker) {
        self.passed.reader.replace(Some(waker.clone()));
    }

    /// The connection took the stream's request up: whatever is written from now on may be of it.
    pub(super) fn take_up(&self) {
        if let Some(taken) = &self.taken {
            taken.set(Some(self.passed.writes.get()));
        }
    }

    /// As if the system had taken a byte.
    #[cfg(test)]
    pub(crate) fn write_now(&self) {
        self.passed.written.set(true);
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(result, Poll::Ready(Ok(bytes)) if bytes > 0) {
            self.passed.written.set(true);
            self.passed.writes.set(self.passed.writes.get() + 1);
        }
        result
    }

    /// Adds to what came; an error if it is too much for a head, or is none.
    fn add(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(reader) = self.passed.reader.take() {
            reader.wake();
        }
        self.passed.heard.set(self.passed.heard.get() || !bytes.is_empty());
        let Some(before) = self.passed.awaited.get() else { return Ok(()) };
        let sum = before + bytes.len();
        self.passed.awaited.set(Some(sum));
        if sum > MAX_BEFORE_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too many interim answers"));
        }
        let mut lines = self.passed.lines.get();
        let sound = lines.read(bytes);
        self.passed.lines.set(lines);
        if sound { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "a bare LF in a head")) }
    }
}

impl Guarded {
    pub(super) fn new(stream: Transport, gauge: Gauge) -> Self {
        Guarded { stream, gauge }
    }

    /// Whether it goes through TLS.
    pub(super) fn is_secure(&self) -> bool {
        matches!(self.stream, Transport::Tls(_))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => Poll::Ready(self.gauge.add(&buf.filled()[before..])),
            other => other,
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.gauge.wrote(result)
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
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.gauge.wrote(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_awaited_head_is_bounded() {
        let gauge = Gauge::default();
        let most = vec![b'x'; MAX_BEFORE_HEAD];
        assert!(gauge.add(&most).is_ok() && gauge.add(b"\n").is_ok());
        gauge.open();
        assert!(gauge.add(&most).is_ok());
        assert_eq!(gauge.add(b"x").map_err(|e| e.kind()), Err(io::ErrorKind::InvalidData));
        gauge.open();
        assert!(gauge.add(b"x").is_ok(), "each head has the whole room");
        gauge.close();
        assert!(gauge.add(&most).is_ok());
    }

    #[test]
    fn a_bare_line_feed_is_no_end_of_a_line_while_a_head_is_awaited() {
        let gauge = Gauge::default();
        gauge.open();
        assert_eq!(gauge.add(b"HTTP/1.1 200 OK\n").map_err(|e| e.kind()), Err(io::ErrorKind::InvalidData));
        gauge.open();
        assert!(gauge.add(b"HTTP/1.1 200 OK\r").and_then(|()| gauge.add(b"\n\r\na\nb")).is_ok());
    }

    #[test]
    fn a_request_is_written_with_its_first_byte() {
        let gauge = Gauge::default();
        gauge.open();
        let _ = gauge.wrote(Poll::Pending);
        let _ = gauge.wrote(Poll::Ready(Ok(0)));
        assert!(!gauge.has_written());
        let _ = gauge.wrote(Poll::Ready(Ok(1)));
        assert!(gauge.has_written());
        gauge.open();
        assert!(!gauge.has_written(), "the next request is another one");
    }

    #[test]
    fn a_leg_is_heard_with_the_first_byte_behind_the_request() {
        let gauge = Gauge::default();
        gauge.open();
        assert!(gauge.add(b"").is_ok() && !gauge.has_heard(), "an end is no answer");
        assert!(gauge.add(b"H").is_ok() && gauge.has_heard());
        gauge.close();
        assert!(gauge.has_heard());
        gauge.open();
        assert!(!gauge.has_heard(), "the next request is another one");
    }

    #[test]
    fn a_stream_is_written_with_the_first_byte_after_it_was_taken_up() {
        let gauge = Gauge::default();
        let (early, late) = (gauge.of_stream(), gauge.of_stream());
        early.take_up();
        let _ = gauge.wrote(Poll::Ready(Ok(1)));
        late.take_up();
        assert!(early.has_written());
        assert!(!late.has_written(), "what was written before it was of others");
        let _ = gauge.wrote(Poll::Ready(Ok(1)));
        assert!(late.has_written());
        assert!(!gauge.of_stream().has_written(), "one that was never taken up");
    }
}
