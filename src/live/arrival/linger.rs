//! Leaves a client that may still send, without tearing what it is told last.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Activity;
use crate::model::clock;

/// Bytes that are read and thrown away from a client that still sends while its connection is being closed: what a
/// refused upload may have on its way.
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

/// How far the closing of a stream is.
#[derive(Debug, Default)]
pub(super) struct Linger {
    shut: bool,
    discarded: usize,
}

impl Linger {
    /// Closes our direction, and reads on until the client closed its own, unless it had before: a socket that is closed
    /// with bytes unread is reset by the system, and the reset may overtake what was written (RFC 9112 section 9.6).
    /// Timed by the worker's sweep.
    pub(super) fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        closed: bool,
        activity: &Activity,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            self.shut = true;
            activity.linger(clock::now());
        }
        if closed { Poll::Ready(Ok(())) } else { self.poll_discard(stream, cx).map(Ok) }
    }

    /// Reads what nobody wants; ready at the end of the stream, or at the bound.
    fn poll_discard<S: AsyncRead + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<()> {
        let mut thrown = [0; 8 * 1024];
        while self.discarded < MAX_DISCARDED {
            let mut buf = ReadBuf::new(&mut thrown);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => self.discarded += buf.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}
