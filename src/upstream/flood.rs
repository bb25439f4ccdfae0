//! Bounds what a leg may send before the head of its answer.
//!
//! hyper takes any number of interim (1xx) answers within one poll, in which no timer can fire and no other request of
//! the thread is served; so the bytes are counted where they are read.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connect::MAX_BUFFER;

/// Room for the largest head there may be, for as much of interim answers, and for what is read along with them.
const MAX_BEFORE_HEAD: usize = 4 * MAX_BUFFER;

/// What one connection has read of an answer whose head is awaited.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Rc<Cell<Option<usize>>>);

/// A stream that fails when a head is awaited for too many bytes.
pub(super) struct Guarded {
    stream: TcpStream,
    gauge: Gauge,
}

impl Gauge {
    /// A request goes out: the next bytes are of its answer's head.
    pub(super) fn open(&self) {
        self.0.set(Some(0));
    }

    /// The head came.
    pub(super) fn close(&self) {
        self.0.set(None);
    }

    /// Adds to what came; an error if it is too much for a head.
    fn add(&self, bytes: usize) -> io::Result<()> {
        let Some(before) = self.0.get() else { return Ok(()) };
        let sum = before + bytes;
        self.0.set(Some(sum));
        if sum > MAX_BEFORE_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too many interim answers"));
        }
        Ok(())
    }
}

impl Guarded {
    pub(super) fn new(stream: TcpStream, gauge: Gauge) -> Self {
        Guarded { stream, gauge }
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
            Poll::Ready(Ok(())) => Poll::Ready(self.gauge.add(buf.filled().len() - before)),
            other => other,
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
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
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_awaited_head_is_bounded() {
        let gauge = Gauge::default();
        assert!(gauge.add(usize::MAX).is_ok());
        gauge.open();
        assert!(gauge.add(MAX_BEFORE_HEAD).is_ok());
        assert_eq!(gauge.add(1).map_err(|e| e.kind()), Err(io::ErrorKind::InvalidData));
        gauge.open();
        assert!(gauge.add(1).is_ok(), "each head has the whole room");
        gauge.close();
        assert!(gauge.add(MAX_BEFORE_HEAD).is_ok());
    }
}
