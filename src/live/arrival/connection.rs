//! Serves one client connection until it ends, is too slow, or is told to.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1::{Builder, Connection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::{Activity, Verdict};
use crate::live::handle::Way;
use crate::live::peer::Peer;
use crate::live::stable::answer::AnswerBody;
use crate::model::clock;

/// Request heads with more fields than this are answered 431.
const MAX_FIELDS: usize = 128;

/// How often a connection that drains is looked at while its client still takes the end of an answer.
const FLUSHED: Duration = Duration::from_millis(50);

/// The server side of HTTP/1.1 as all connections have it.
pub(super) fn protocol(max_header_bytes: usize) -> Builder {
    let mut builder = Builder::new();
    builder
        .preserve_header_case(true)
        .auto_date_header(false)
        .max_headers(MAX_FIELDS)
        .max_buf_size(max_header_bytes)
        // The buffer is read into beyond its bound; this one is exact.
        .max_header_size(max_header_bytes)
        // Timed by the worker's sweep, which costs a request nothing.
        .header_read_timeout(None);
    builder
}

/// Serves requests; answers why the connection ended, if not by the client's or our own good will.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    protocol: &Builder,
    way: Rc<Way>,
    stream: S,
    peer: Rc<Peer>,
    activity: Rc<Activity>,
) -> Option<&'static str> {
    let io = Watched { io: TokioIo::new(stream), activity: activity.clone() };
    let service = {
        let activity = activity.clone();
        service_fn(move |request| way.clone().handle(peer.clone(), activity.clone(), request))
    };
    let connection = protocol.serve_connection(io, service);
    tokio::pin!(connection);
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => return result.err().map(|e| reason(&e)),
            verdict = activity.verdict() => match verdict {
                Verdict::Expired("idle_timeout") => {
                    close(connection).await;
                    return None;
                }
                Verdict::Expired(reason) => return Some(reason),
                Verdict::Drain | Verdict::Enough => draining = true,
            },
            () = tokio::time::sleep(FLUSHED), if draining => {}
        }
        if draining && !activity.is_idle() {
            connection.as_mut().graceful_shutdown();
        } else if draining && activity.is_flushed() {
            close(connection).await;
            return None;
        }
    }
}

/// Ends a connection on which nothing is under way as its client expects: TLS says so before the socket is closed.
async fn close<S, V>(mut connection: Pin<&mut Connection<Watched<S>, V>>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = AnswerBody, Error = Infallible>,
{
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(FLUSHED, connection).await;
}

/// The value of the metric label `reason`.
fn reason(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        "too_large"
    } else if error.is_parse() {
        "malformed"
    } else if error.is_incomplete_message() {
        "incomplete"
    } else if error.is_body_write_aborted() || error.is_user() {
        "answer_truncated"
    } else {
        "io"
    }
}

/// A stream that notes when the client sends.
struct Watched<S> {
    io: TokioIo<S>,
    activity: Rc<Activity>,
}

impl<S: AsyncRead + Unpin> Read for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() {
            self.activity.read(clock::now);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> Write for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.activity.wrote(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.activity.wrote(written.is_ready());
        written
    }
}
