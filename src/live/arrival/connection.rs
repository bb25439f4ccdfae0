//! Serves one client connection until it ends, is too slow, or is told to.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use hyper::server::conn::http1::{Builder, Parts};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::activity::{Activity, Verdict};
use super::wire::{Limits, Wire};
use crate::live::handle::Way;
use crate::live::peer::Peer;
use crate::live::stable::answer::AnswerBody;
use crate::live::upgrade::Tunnel;
use crate::model::clock;

/// How often a connection that drains is looked at while its client still takes the end of an answer.
const FLUSHED: Duration = Duration::from_millis(50);

/// The server side of HTTP/1.1 as all connections have it. Its bounds are those of the inspector before it, so that it is
/// never the one that refuses.
pub(super) fn protocol(limits: Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .preserve_header_case(true)
        .auto_date_header(false)
        .max_headers(limits.fields)
        .max_buf_size(limits.head)
        // The buffer is read into beyond its bound; this one is exact.
        .max_header_size(limits.head)
        // Timed by the worker's sweep, which costs a request nothing.
        .header_read_timeout(None);
    builder
}

/// Serves requests; answers why the connection ended, if not by the client's or our own good will.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    (protocol, limits): (&Builder, Limits),
    way: Rc<Way>,
    stream: S,
    peer: Rc<Peer>,
    activity: Rc<Activity>,
) -> Option<&'static str> {
    let io = TokioIo::new(Wire::new(stream, limits, activity.clone()));
    let tunnel: Rc<Cell<Option<Box<Tunnel>>>> = Rc::default();
    let service = {
        let (activity, tunnel) = (activity.clone(), tunnel.clone());
        service_fn(move |request| {
            // Boxed, for it is large, and what hyper is handed is moved more than once.
            let answer = Box::pin(way.clone().handle(peer.clone(), activity.clone(), request));
            deliver(answer, activity.clone(), tunnel.clone())
        })
    };
    let mut connection = protocol.serve_connection(io, service);
    loop {
        tokio::select! {
            biased;
            result = &mut connection => match result {
                Ok(()) => break,
                Err(error) => return activity.blames(reason(&error)),
            },
            verdict = activity.verdict() => match verdict {
                Verdict::Expired(reason) => return Some(reason),
                Verdict::Over => {
                    leave(connection.into_parts()).await;
                    return None;
                }
                Verdict::Stalled | Verdict::Drain | Verdict::Enough => {}
            },
            () = tokio::time::sleep(FLUSHED), if activity.is_draining() => {}
        }
        // Not hyper's graceful shutdown: after an answer that had begun it closes without a word, and the next request, on
        // its way already, is lost.
        if activity.is_draining() && activity.is_quiet(clock::now()) && activity.is_flushed() {
            leave(connection.into_parts()).await;
            return None;
        }
    }
    let Parts { io, read_buf, .. } = connection.into_parts();
    let wire = io.into_inner();
    if let Some(tunnel) = tunnel.take() {
        let (client, early) = wire.into_tunnel(read_buf);
        pass(tunnel, client, early, &activity).await
    } else {
        // Where another protocol was asked for hyper leaves the closing to us.
        close(wire, &activity).await;
        None
    }
}

/// Ends a connection on which nothing is under way as its client expects: TLS says so before the socket is closed.
async fn leave<S, V>(parts: Parts<TokioIo<Wire<S>>, V>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut stream, _) = parts.io.into_inner().into_tunnel(Bytes::new());
    let _ = tokio::time::timeout(FLUSHED, stream.shutdown()).await;
}

/// Closes in order; a client that does not is not waited for without end.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut wire: Wire<S>, activity: &Activity) {
    let closing = wire.shutdown();
    tokio::pin!(closing);
    loop {
        tokio::select! {
            biased;
            _ = closing.as_mut() => return,
            verdict = activity.verdict() => if matches!(verdict, Verdict::Over | Verdict::Expired(_)) {
                return;
            },
        }
    }
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
        return Ok(response);
    }
    activity.wire().stay();
    if activity.is_draining() {
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
