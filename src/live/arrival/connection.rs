//! Serves one client connection until it ends, is too slow, or is told to.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1::{Builder, Connection, Parts};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::{Activity, Verdict};
use crate::live::handle::Way;
use crate::live::peer::Peer;
use crate::live::stable::answer::AnswerBody;
use crate::live::upgrade::Tunnel;
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
    let tunnel: Rc<Cell<Option<Box<Tunnel>>>> = Rc::default();
    let service = {
        let (activity, tunnel) = (activity.clone(), tunnel.clone());
        service_fn(move |request| {
            let answer = way.clone().handle(peer.clone(), activity.clone(), request);
            deliver(answer, activity.clone(), tunnel.clone())
        })
    };
    let mut connection = protocol.serve_connection(io, service);
    loop {
        tokio::select! {
            biased;
            result = &mut connection => match result {
                Ok(()) => break,
                Err(error) => return Some(reason(&error)),
            },
            verdict = activity.verdict() => match verdict {
                Verdict::Expired("idle_timeout") => {
                    close(connection).await;
                    return None;
                }
                Verdict::Expired(reason) => return Some(reason),
                Verdict::Drain | Verdict::Enough => {}
            },
            () = tokio::time::sleep(FLUSHED), if activity.is_draining() => {}
        }
        // Not hyper's graceful shutdown: after an answer that had begun it closes without a word, and the next request, on
        // its way already, is lost.
        if activity.is_draining() && activity.is_quiet(clock::now()) && activity.is_flushed() {
            close(connection).await;
            return None;
        }
    }
    let tunnel = tunnel.take()?;
    let Parts { io, read_buf, .. } = connection.into_parts();
    pass(tunnel, io.into_inner(), read_buf, &activity).await
}

/// The answer as it goes out; a tunnel that is to follow it is kept until it is written.
async fn deliver(
    answer: impl Future<Output = (Response<AnswerBody>, Option<Box<Tunnel>>)>,
    activity: Rc<Activity>,
    slot: Rc<Cell<Option<Box<Tunnel>>>>,
) -> Result<Response<AnswerBody>, Infallible> {
    let (mut response, tunnel) = answer.await;
    if tunnel.is_some() {
        slot.set(tunnel);
    } else if activity.is_draining() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Passes bytes both ways until the tunnel ends or nothing has passed for too long; a drain lets it go on.
async fn pass<C>(tunnel: Box<Tunnel>, client: C, early: Bytes, activity: &Activity) -> Option<&'static str>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    activity.open_tunnel(clock::now());
    let passing = tunnel.pass(client, early, || activity.pass());
    tokio::pin!(passing);
    loop {
        tokio::select! {
            biased;
            reason = passing.as_mut() => return reason,
            verdict = activity.verdict() => if let Verdict::Expired(reason) = verdict {
                return Some(reason);
            },
        }
    }
}

/// Ends a connection on which nothing is under way as its client expects: TLS says so before the socket is closed.
async fn close<S, V>(mut connection: Connection<Watched<S>, V>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = AnswerBody, Error = Infallible>,
{
    Pin::new(&mut connection).graceful_shutdown();
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

impl<S> Watched<S> {
    /// From now on a tunnel: the stream as it is, which nobody looks at.
    fn into_inner(self) -> S {
        self.io.into_inner()
    }
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
