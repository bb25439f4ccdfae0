//! A stream of HTTP/2 as the client's end of a tunnel.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes of the DATA frames of one stream (RFC 8441 section 5), under its flow control.
pub(super) struct Stream {
    io: TokioIo<Upgraded>,
    end: End,
}

/// What is known of the end of the client's bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// There are no more; it is asked whether the stream is.
    Asked,
    /// The client ended its direction, and reads on.
    Half,
}

impl Stream {
    pub(super) fn new(upgraded: Upgraded) -> Self {
        Stream { io: TokioIo::new(upgraded), end: End::Open }
    }

    /// hyper tells a reset with CANCEL, which is how a client gives a tunnel up, like an end. The task that writes the
    /// stream ends with a reset: it was woken when we were, and has run before us if we let it.
    fn tell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.end {
            End::Open => {
                self.end = End::Asked;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End::Asked => {
                if let Poll::Ready(Err(reset)) = Pin::new(&mut self.io).poll_flush(cx) {
                    return Poll::Ready(Err(reset));
                }
                self.end = End::Half;
                Poll::Ready(Ok(()))
            }
            End::Half => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.end == End::Open {
            ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        self.tell(cx)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
