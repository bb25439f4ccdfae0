//! The request to stable and the head of its answer back: which connection, how long, and the one retry there is.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;

use super::again::Spare;
use super::answer::Arrived;
use super::framing;
use crate::live::arrival::Multiplexed;
use crate::live::error::Obstacle;
use crate::live::meters::RouteMeters;
use crate::live::mirror::{LiveBody, Ticket};
use crate::live::upgrade::Ask;
use crate::model::clock::{self, Instant};
use crate::upstream::error::broken_label;
use crate::upstream::{Lease, OnBehalf, SendError};

/// Sends the request; resolves with the head of stable's answer.
///
/// A request is sent again only where a used connection had gone stale: before a byte of it was written, when hyper hands
/// it back, its body not begun; and once more if it is one that may be sent twice and no byte of an answer came.
pub(in crate::live) async fn forward(
    pool: &OnBehalf<'_, LiveBody>,
    mut request: Request<LiveBody>,
    ask: Option<&Ask>,
    ticket: &Ticket,
    meters: &RouteMeters,
    arrived: Instant,
    bounds: Option<Multiplexed>,
) -> Result<Arrived, Obstacle> {
    if ask.is_some_and(|ask| !ask.can_be_asked(pool.settings())) {
        return Err(Obstacle::Protocol);
    }
    let lease = if ask.is_some() { Box::pin(pool.checkout_to_switch()).await } else { pool.checkout().await };
    let mut lease = lease.map_err(Obstacle::Unreached)?;
    let (limit, pause) = (pool.settings().response_timeout, pool.settings().body_timeout);
    // The making of a connection is stable's time, not ours.
    meters.overhead.record(lease.since() - arrived);
    let mut sent = if lease.is_reused() { lease.since() } else { clock::now() };
    let mut spare = if lease.is_reused() && ask.is_none() { Spare::of(&request) } else { None };
    loop {
        ticket.reach();
        if ask.is_some() {
            lease.may_switch();
        }
        match head(&mut lease, request, ticket, (limit, bounds.map(|bounds| bounds.body)), sent).await? {
            Ok(response) if response.status().is_informational() => {
                let consent = ask.and_then(|ask| ask.consent(response.status(), response.headers()));
                // Without one a 101 is the end of HTTP on a connection that the client still speaks it on.
                let switch = Some(consent.ok_or(Obstacle::Broken("invalid_response"))?);
                return Ok(Arrived { response, lease, sent, pause, switch });
            }
            Ok(response)
                if !framing::is_sound(response.headers())
                    || ask.is_some_and(|ask| !ask.can_be_answered(response.status())) =>
            {
                return Err(Obstacle::Broken("invalid_response"));
            }
            Ok(response) => return Ok(Arrived { response, lease, sent, pause, switch: None }),
            Err(SendError::Broken(_)) if ticket.upload().is_some_and(|u| u.is_broken()) => {
                return Err(Obstacle::UploadBroken);
            }
            Err(SendError::Broken(error)) => match spare.take().filter(|_| lease.was_stale()) {
                Some(spare) => request = spare.request(),
                None => return Err(Obstacle::Broken(broken_label(&error))),
            },
            Err(SendError::Unsent(_)) if !lease.is_reused() => return Err(Obstacle::Broken("reset")),
            Err(SendError::Unsent(back)) => request = *back,
        }
        lease = lease.reconnect().await.map_err(Obstacle::Unreached)?;
        sent = clock::now();
    }
}

/// Waits for the response head within `limit` of the last thing that the client sent. A client that owes the rest of its
/// body is timed by its connection; one of HTTP/2, whose connection has many bodies under way, here: it may pause for
/// `body`.
async fn head(
    lease: &mut Lease<LiveBody>,
    request: Request<LiveBody>,
    ticket: &Ticket,
    (limit, body): (Duration, Option<Duration>),
    sent: Instant,
) -> Result<Result<Response<Incoming>, SendError<LiveBody>>, Obstacle> {
    // Who owes and who does not changes meanwhile: it is looked at in steps of the shorter one.
    let step = body.map_or(limit, |body| body.min(limit));
    let timer = tokio::time::sleep_until(sent + step);
    let answer = lease.send(request);
    tokio::pin!(timer, answer);
    loop {
        tokio::select! {
            biased;
            result = &mut answer => return Ok(result),
            () = &mut timer => {}
        }
        let (now, upload) = (timer.deadline(), ticket.upload());
        let owed = upload.is_some_and(|upload| upload.is_awaited());
        let moved = upload.and_then(|u| u.moved()).map_or(sent, |m| m.max(sent));
        let due = match (owed, body) {
            (true, None) => now + limit,
            (true, Some(body)) => moved + body,
            (false, _) => moved + limit,
        };
        if due <= now {
            return Err(if owed { Obstacle::UploadStalled } else { Obstacle::Late });
        }
        timer.as_mut().reset(due.min(now + step));
    }
}
