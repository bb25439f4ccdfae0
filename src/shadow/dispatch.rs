//! Asks one leg under its own deadline and reads its answer to a bound, so that its connection can be used again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::body::{Recorder, Whole};
use crate::gate::Permit;
use crate::model::clock::{self, Instant};
use crate::model::{Absent, Answer, Exchange, Failure, Leg, Outcome, Timing};
use crate::upstream::error::broken_label;
use crate::upstream::{ConnectError, Gauge, Lease, OnBehalf, SendError};

/// Bounds on one exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// When the whole exchange must be over.
    pub(super) deadline: Instant,
    /// Largest response body that is captured whole, in bytes.
    pub(super) max_capture: usize,
    /// Largest response body that is read to its end, in bytes.
    pub(super) max_drain: u64,
}

/// A finished exchange with the bytes that its capture holds.
pub(super) struct Asked {
    pub(super) exchange: Exchange,
    /// Held until the pair is compared.
    pub(super) _bytes: Permit,
}

/// What an exchange has come to; seen from outside when its deadline passes.
#[derive(Debug, Default)]
pub(super) struct Progress {
    sent: Cell<Option<Instant>>,
    wire: RefCell<Gauge>,
    first_byte: Cell<Option<Instant>>,
}

impl Progress {
    /// Whether a byte of the request was written, so that the leg may have seen it.
    pub(super) fn written(&self) -> bool {
        self.wire.borrow().has_written()
    }

    fn begin(&self, lease: &Lease<Whole>) {
        self.sent.set(Some(clock::now()));
        self.wire.replace(lease.gauge());
    }

    /// As if a connection had written the request.
    #[cfg(test)]
    pub(super) fn send_now(&self) {
        self.sent.set(Some(clock::now()));
        self.wire.borrow().write_now();
    }

    fn timing(&self, began: Instant) -> Timing {
        let sent = self.sent.get().unwrap_or(began);
        let first_byte = self.first_byte.get().map(|at| at - sent);
        Timing { first_byte, total: clock::now() - sent }
    }
}

/// One exchange; never longer than its deadline.
pub(super) async fn ask(
    leg: Leg,
    pool: &OnBehalf<'_, Whole>,
    request: Request<Whole>,
    limits: Limits,
    mut bytes: Permit,
    progress: &Progress,
) -> Asked {
    let began = clock::now();
    let talk = talk(pool, request, limits, &mut bytes, progress);
    let result = match tokio::time::timeout_at(limits.deadline, talk).await {
        Ok(result) => result,
        Err(_) if progress.written() => Err(failure(Outcome::Timeout, "no whole answer before the deadline")),
        Err(_) => Err(failure(Outcome::ConnectTimeout, "nothing written before the deadline")),
    };
    Asked { exchange: Exchange { leg, timing: progress.timing(began), result }, _bytes: bytes }
}

async fn talk(
    pool: &OnBehalf<'_, Whole>,
    request: Request<Whole>,
    limits: Limits,
    bytes: &mut Permit,
    progress: &Progress,
) -> Result<Answer, Failure> {
    let unsent = request.body().left();
    let (response, lease) = head(pool, request, progress).await?;
    progress.first_byte.set(Some(clock::now()));
    let (head, body) = response.into_parts();
    let mut recorder = Recorder::new(limits.max_capture);
    let bounds = (limits.max_drain, pool.settings().body_timeout);
    let read = read(body, &mut recorder, bounds, bytes).await?;
    if !read.to_the_end {
        recorder.lose(Absent::TooLong);
    } else if unsent.bytes() == 0 {
        // A leg that answers early may never read the rest: the next request would wait behind it.
        lease.give_back(clock::now());
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: recorder.finish(),
        trailers: read.trailers,
    })
}

/// The response head. A request that a stale connection did not write is sent once more, on a new one.
async fn head(
    pool: &OnBehalf<'_, Whole>,
    mut request: Request<Whole>,
    progress: &Progress,
) -> Result<(Response<Incoming>, Lease<Whole>), Failure> {
    let mut lease = pool.checkout().await.map_err(|e| unreached(&e))?;
    let limit = pool.settings().response_timeout;
    loop {
        progress.begin(&lease);
        let sent = tokio::time::timeout(limit, lease.send(request)).await;
        let late = || {
            if progress.written() {
                failure(Outcome::Timeout, "no response head within response_timeout")
            } else {
                failure(Outcome::ConnectTimeout, "nothing written within response_timeout")
            }
        };
        match sent.map_err(|_| late())? {
            // Nobody asked for an upgrade.
            Ok(response) if response.status().is_informational() => {
                return Err(failure(Outcome::InvalidResponse, "an unasked switch of protocols"));
            }
            Ok(response) => return Ok((response, lease)),
            Err(SendError::Unsent(back)) if lease.is_reused() => {
                progress.sent.set(None);
                request = *back;
                lease = lease.reconnect().await.map_err(|e| unreached(&e))?;
            }
            Err(SendError::Unsent(_)) => {
                progress.sent.set(None);
                return Err(failure(Outcome::ConnectError, "the connection closed before it was written to"));
            }
            Err(SendError::Broken(_)) if !progress.written() => {
                return Err(failure(Outcome::ConnectError, "the connection broke before it was written to"));
            }
            Err(SendError::Broken(error)) => return Err(broken(&error)),
        }
    }
}

struct Read {
    to_the_end: bool,
    trailers: Option<http::HeaderMap>,
}

async fn read(
    mut body: Incoming,
    recorder: &mut Recorder,
    (max_drain, pause): (u64, Duration),
    bytes: &mut Permit,
) -> Result<Read, Failure> {
    let mut left = max_drain.max(1);
    let mut trailers = None;
    // A declared length over the bound is not worth a single read.
    if body.size_hint().lower() > left {
        return Ok(Read { to_the_end: false, trailers });
    }
    let paused = |_| failure(Outcome::Timeout, "the answer paused for body_timeout");
    while let Some(frame) = tokio::time::timeout(pause, body.frame()).await.map_err(paused)? {
        match frame.map_err(|e| broken(&e))?.into_data() {
            Ok(chunk) => {
                let freed = recorder.push(&chunk, |len| bytes.grow(len));
                bytes.shrink(freed);
                match left.checked_sub(chunk.len() as u64) {
                    Some(rest) => left = rest,
                    None => return Ok(Read { to_the_end: false, trailers }),
                }
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok(Read { to_the_end: true, trailers })
}

fn unreached(error: &ConnectError) -> Failure {
    let outcome = match error {
        ConnectError::Timeout(_) | ConnectError::Queue(_) => Outcome::ConnectTimeout,
        ConnectError::Resolve { .. } | ConnectError::Io(_) | ConnectError::Tls(_) | ConnectError::Full => {
            Outcome::ConnectError
        }
    };
    Failure { outcome, detail: error.to_string() }
}

fn broken(error: &hyper::Error) -> Failure {
    let outcome = match broken_label(error) {
        "invalid_response" => Outcome::InvalidResponse,
        _ => Outcome::Reset,
    };
    Failure { outcome, detail: error.to_string() }
}

fn failure(outcome: Outcome, detail: &str) -> Failure {
    Failure { outcome, detail: detail.to_owned() }
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;
