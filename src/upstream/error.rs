//! What can go wrong between us and a leg.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use http::Request;

/// No connection could be had.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("no address for {host}: {cause}")]
    Resolve {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        cause: io::Error,
    },
    /// Refused, unreachable, out of descriptors.
    #[error("cannot connect: {0}")]
    Io(#[from] io::Error),
    /// Not within the bound.
    #[error("no connection within {0:?}")]
    Timeout(Duration),
}

impl ConnectError {
    /// The value of the metric label `reason`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            ConnectError::Timeout(_) => "connect_timeout",
            ConnectError::Resolve { .. } => "resolve",
            ConnectError::Io(_) => "connect_error",
        }
    }
}

/// A connection was there and no response head came.
#[derive(Debug)]
pub enum SendError<B> {
    /// The connection was closed before a byte of the request was written; here it is again.
    Unsent(Box<Request<B>>),
    /// The request was written, in part at least.
    Broken(hyper::Error),
}

/// What is wrong with a connection that hyper gave up.
#[must_use]
pub fn broken_label(error: &hyper::Error) -> &'static str {
    let flood = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    let flooded = flood.is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData);
    if error.is_parse() || error.is_parse_too_large() || flooded { "invalid_response" } else { "reset" }
}
