//! Serves one client connection until it ends, is too slow, or is told to.

use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::activity::{Activity, Verdict};
use super::wire::{Limits, Wire};
use crate::live::handle::Way;
use crate::live::peer::Peer;

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
pub(super) async fn serve(
    (protocol, limits): (&Builder, Limits),
    way: Rc<Way>,
    stream: TcpStream,
    peer: Rc<Peer>,
    activity: Rc<Activity>,
) -> Option<&'static str> {
    let io = TokioIo::new(Wire::new(stream, limits, activity.clone()));
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
                Verdict::Expired(reason) => return Some(reason),
                Verdict::Over => return None,
                Verdict::Stalled => {}
                Verdict::Drain => draining = true,
            },
            () = tokio::time::sleep(FLUSHED), if draining => {}
        }
        if draining && !activity.is_idle() {
            connection.as_mut().graceful_shutdown();
        } else if draining && activity.is_flushed() {
            return None;
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
