//! One request with its response or its failure, timed; immutable when finished.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::{Capture, Leg, Outcome};

/// What one leg did with one request.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Who was asked.
    pub leg: Leg,
    /// How long it took.
    pub timing: Timing,
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
}

/// Durations from the moment at which the request was handed to a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// Until the response head was read; `None` if none came.
    pub first_byte: Option<Duration>,
    /// Until the end of the response body, or of the attempt.
    pub total: Duration,
}

/// A response as it was received.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code of the final response.
    pub status: StatusCode,
    /// Fields of the response head, as received.
    pub headers: HeaderMap,
    /// What was kept of the body.
    pub body: Capture,
    /// Trailer fields, if there were any.
    pub trailers: Option<HeaderMap>,
}

/// An exchange without a usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is counted.
    pub outcome: Outcome,
    /// One line for people; never holds a byte of a body or of a field value.
    pub detail: String,
}
