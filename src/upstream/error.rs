//! What can go wrong between us and a leg.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use http::Request;

/// No connection could be had.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address yet.
    #[error("no address for {host}")]
    Resolve {
        /// The name asked for.
        host: String,
    },
    /// Refused, unreachable, out of descriptors.
    #[error("cannot connect: {0}")]
    Io(#[from] io::Error),
    /// The TLS handshake failed, or did not lead to the protocol that is wanted.
    #[error("no TLS: {0}")]
    Tls(String),
    /// Not within the bound.
    #[error("no connection within {0:?}")]
    Timeout(Duration),
    /// As many requests are under way as may be, and as many wait as may.
    #[error("max_connections are in use and max_queue wait")]
    Full,
    /// None of those under way ended in time.
    #[error("no connection was free within {0:?}")]
    Queue(Duration),
}

impl ConnectError {
    /// The value of the metric label `reason`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            ConnectError::Timeout(_) => "connect_timeout",
            ConnectError::Resolve { .. } => "resolve",
            ConnectError::Io(_) => "connect_error",
            ConnectError::Tls(_) => "tls",
            ConnectError::Full => "max_connections",
            ConnectError::Queue(_) => "queue_timeout",
        }
    }
}

/// A connection was there and no response head came.
#[derive(Debug)]
pub enum SendError<B> {
    /// The leg saw nothing of the request, or said that it did nothing with it; here it is again.
    Unsent(Box<Request<B>>),
    /// The request was written, in part at least.
    Broken(hyper::Error),
}

/// What is wrong with a connection that hyper gave up.
#[must_use]
pub fn broken_label(error: &hyper::Error) -> &'static str {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    // Floods are ours; what is no chunk (RFC 9112 section 7.1) hyper tells apart from a connection that broke by these alone.
    let invalid = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    let unreadable = cause.is_some_and(|cause| invalid.contains(&cause.kind()));
    let malformed = http2(error).is_some_and(h2::Error::is_library);
    if error.is_parse() || error.is_parse_too_large() || unreadable || malformed {
        "invalid_response"
    } else {
        "reset"
    }
}

/// Whether the leg said that it did nothing with the request: a stream that it refused, or that came after the last one
/// of a GOAWAY (RFC 9113 sections 8.7 and 6.8).
pub(super) fn is_untouched(error: &hyper::Error) -> bool {
    http2(error).is_some_and(|error| {
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        error.is_remote() && (refused || error.is_go_away())
    })
}

fn http2(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref::<h2::Error>()
}
