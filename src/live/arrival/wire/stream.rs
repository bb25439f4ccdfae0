//! The stream under hyper: passes on what the inspector lets through, keeps what is not complete, and closes without
//! tearing the last answer.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::fields::TOKEN;
use super::inspector::{Inspector, Limits, Passed, Then};
use crate::live::arrival::Activity;
use crate::live::arrival::kept::Kept;
use crate::live::arrival::linger::Linger;
use crate::model::clock;

/// A client's stream, inspected.
pub(in crate::live::arrival) struct Wire<S> {
    stream: S,
    activity: Rc<Activity>,
    inspector: Inspector,
    limits: Limits,
    kept: Kept,
    end: Option<End>,
    linger: Linger,
}

/// Why no more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client closed its direction.
    Closed,
    /// A head was refused: what follows is thrown away.
    Refused,
    /// A body was none.
    Broken,
}

impl End {
    /// What hyper reads there.
    fn read(self) -> Poll<io::Result<()>> {
        match self {
            End::Closed => Poll::Ready(Ok(())),
            // The answer to it is on its way, and a client that has said everything may close its direction.
            End::Refused => Poll::Pending,
            End::Broken => Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "not a chunked body"))),
        }
    }
}

impl<S> Wire<S> {
    pub(in crate::live::arrival) fn new(stream: S, limits: Limits, activity: Rc<Activity>) -> Self {
        let inspector = Inspector::new(limits);
        Wire {
            stream,
            activity,
            inspector,
            limits,
            kept: Kept::default(),
            end: None,
            linger: Linger::default(),
        }
    }

    /// HTTP has ended: the stream as it is, and what came of the tunnel already; `read` is what hyper had of it.
    pub(in crate::live::arrival) fn into_tunnel(self, read: Bytes) -> (S, Bytes) {
        (self.stream, self.kept.behind(read))
    }

    /// What the inspector says of kept bytes, or of new ones that stand in hyper's own buffer from `before` on.
    fn sort(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        if self.kept.is_empty() {
            let Passed { bytes, then } = self.inspector.read(&mut buf.filled_mut()[before..]);
            self.kept.extend(&buf.filled()[before + bytes..]);
            buf.set_filled(before + bytes);
            self.go_on(then);
        } else {
            self.kept.extend(&buf.filled()[before..]);
            buf.set_filled(before);
            self.sort_kept();
        }
        self.activity.begun(!self.kept.is_empty(), clock::now);
    }

    fn sort_kept(&mut self) {
        let Passed { bytes, then } = self.inspector.read(self.kept.open());
        self.kept.clear(bytes);
        self.go_on(then);
    }

    fn go_on(&mut self, then: Then) {
        for head in self.inspector.asterisks() {
            self.activity.wire().ask_of_server(head);
        }
        match then {
            Then::Wait | Then::Hold => {}
            Then::Refuse(fault) => {
                self.activity.wire().refuse(self.inspector.heads(), fault);
                let harmless = in_place_of(self.kept.open(), self.inspector.is_old());
                self.kept.replace(self.kept.open_len(), &harmless);
                self.end = Some(End::Refused);
            }
            Then::Break => {
                self.kept.cut();
                self.end = Some(End::Broken);
            }
        }
    }

    /// Goes on behind a request for another protocol that was answered in HTTP.
    fn settle(&mut self) {
        if self.inspector.is_undecided() && self.activity.wire().stays(self.inspector.heads()) {
            self.inspector.stay();
            self.sort_kept();
        }
    }

    /// Bytes wait for the protocol to be known, and there are as many as are kept.
    fn is_full(&self) -> bool {
        self.inspector.is_undecided() && self.kept.open_len() >= self.limits.head
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            this.settle();
            if this.kept.give(buf) {
                return Poll::Ready(Ok(()));
            }
            if let Some(end) = this.end {
                return end.read();
            }
            if this.inspector.is_undecided() {
                this.activity.wire().hold(cx.waker());
                if this.is_full() {
                    return Poll::Pending;
                }
            }
            let before = buf.filled().len();
            let in_body = this.inspector.is_in_body();
            match Pin::new(&mut this.stream).poll_read(cx, buf) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if in_body && this.activity.wire().is_stalled() => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending => {
                    this.activity.waits_for_body(in_body, clock::now);
                    return Poll::Pending;
                }
            }
            this.activity.read();
            if buf.filled().len() == before {
                this.end = Some(End::Closed);
                if !this.inspector.is_undecided() {
                    // An incomplete head is for hyper to find incomplete.
                    this.kept.clear_all();
                }
                continue;
            }
            this.sort(buf, before);
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.activity.wrote(written.is_ready(), clock::now);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.linger.poll(&mut this.stream, this.end == Some(End::Closed), &this.activity, cx)
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
        self.activity.wrote(written.is_ready(), clock::now);
        written
    }
}

/// A head that hyper reads without objection and that no client can send, of the method and version of the one that it is given in place of: so the
/// refusal is counted under its method, and the answer has a body only where the client looks for one.
fn in_place_of(refused: &[u8], old: bool) -> Vec<u8> {
    const MAX_METHOD: usize = 64;
    let line = refused.trim_ascii_start();
    let method = line.split(|b| *b == b' ').next().unwrap_or_default();
    let is_token =
        !method.is_empty() && method.len() <= MAX_METHOD && method.iter().all(|b| TOKEN[usize::from(*b)]);
    let method = if is_token && method != b"CONNECT" { method } else { b"GET" };
    let rest: &[u8] = if old { b" * HTTP/1.0\r\n" } else { b" * HTTP/1.1\r\n" };
    [method, rest, b"host: -\r\nconnection: close\r\n\r\n"].concat()
}
