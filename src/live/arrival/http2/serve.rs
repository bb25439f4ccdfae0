//! Serves one HTTP/2 connection until it ends, is too slow, floods, or is told to.

use std::error::Error as _;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::inspector::Bounds;
use super::pace::Paced;
use super::stream::{Course, Framed};
use super::tunnels::Tunnels;
use crate::live::arrival::activity::{Activity, Verdict};
use crate::live::handle::Way;
use crate::live::peer::Peer;
use crate::model::clock::{self, Instant};

/// Bytes of bodies that a client may have on their way to stable in all: what one connection can make us hold.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// The same for one stream: an eighth, so that it takes eight stalled uploads to slow down their neighbours. At 20 ms of
/// round trip it still carries 6 MiB a second.
const STREAM_WINDOW: u32 = CONNECTION_WINDOW / 8;
/// Bytes of one answer that wait for a slow client, beside the piece that was last read of stable.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client may have reset before we looked at them, beyond which it wastes our time on purpose (rapid reset).
const PENDING_RESETS: usize = 20;
/// Streams that a connection may make us reset by breaking the protocol, over its life (`MadeYouReset`).
const FORCED_RESETS: usize = 1024;

/// A connection that is to end and says nothing for this long is closed: its client may never answer our GOAWAY, and hyper
/// would wait for it without end.
const GRACE: Duration = Duration::from_secs(2);

/// The server side of HTTP/2 as all connections have it.
fn protocol(bounds: Bounds, activity: Rc<Activity>) -> Builder<Paced> {
    let mut builder = Builder::new(Paced(activity));
    builder
        .auto_date_header(false)
        .max_concurrent_streams(bounds.streams)
        .max_header_list_size(u32::try_from(bounds.head).unwrap_or(u32::MAX))
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(FORCED_RESETS);
    if bounds.tunnels.is_some() {
        builder.enable_connect_protocol();
    }
    builder
}

/// Serves requests; answers why the connection ended, if not by the client's or our own good will.
pub(in crate::live::arrival) async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    bounds: Bounds,
    way: Rc<Way>,
    stream: S,
    peer: Rc<Peer>,
    activity: Rc<Activity>,
) -> Option<&'static str> {
    activity.multiplex(bounds.request);
    let tunnels = Tunnels::new(bounds.tunnels.unwrap_or_default());
    let (io, course) = Framed::new(stream, bounds, activity.clone());
    let service = {
        let (activity, opener) = (activity.clone(), tunnels.opener());
        service_fn(move |request| {
            let answer = way.clone().handle(peer.clone(), activity.clone(), request);
            opener.clone().deliver(answer)
        })
    };
    let connection = protocol(bounds, activity.clone()).serve_connection(TokioIo::new(io), service);
    tokio::pin!(connection);
    let mut leaving: Option<Instant> = None;
    loop {
        let grace = leaving.unwrap_or_else(clock::now);
        tokio::select! {
            biased;
            result = connection.as_mut() => {
                let reason = result.err().and_then(|error| reason(&error, &course));
                return reason.and_then(|reason| activity.blames(reason));
            }
            verdict = activity.verdict() => match verdict {
                Verdict::Expired(reason) => return Some(reason),
                // The answers may still be on their way, at the client's speed.
                Verdict::Enough => connection.as_mut().graceful_shutdown(),
                Verdict::Stalled => {}
                // It was told what it did; that it does not close its direction is all that is left of it.
                Verdict::Over if activity.is_lingering() => return Some("malformed"),
                // It is told again and again.
                Verdict::Over | Verdict::Drain => if leaving.is_none() {
                    connection.as_mut().graceful_shutdown();
                    leaving = Some(clock::now() + GRACE);
                }
            },
            () = tokio::time::sleep_until(grace), if leaving.is_some() => {
                let moved = course.moved();
                if activity.is_idle() && !moved {
                    return None;
                }
                leaving = Some(clock::now() + GRACE);
            }
        }
    }
}

/// The value of the metric label `reason`; none where the client left as it may.
fn reason(error: &hyper::Error, course: &Course) -> Option<&'static str> {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    match cause {
        _ if course.flooded() => Some("flood"),
        Some(cause) if cause.is_remote() => None,
        Some(cause) if cause.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM) => Some("flood"),
        Some(cause) if cause.reason().is_some() => Some("malformed"),
        _ => Some("io"),
    }
}
