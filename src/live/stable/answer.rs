//! The answer on its way to the client: stable's connection goes back at its end, the request is counted, the ticket fulfilled.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use http_body_util::{Either, Full};
use hyper::body::{Body as _, Incoming};

use crate::body::{End, Recorder, Tap, Tapped};
use crate::gate::Permit;
use crate::live::arrival::Activity;
use crate::live::error::Obstacle;
use crate::live::meters::RouteMeters;
use crate::live::mirror::{LiveBody, Ticket};
use crate::live::request::headers;
use crate::model::clock::{self, Instant};
use crate::model::{Absent, Answer, Capture, Exchange, Leg, Timing};
use crate::upstream::Lease;

/// What the client is sent.
pub(in crate::live) type AnswerBody = Tapped<Either<Incoming, Full<Bytes>>, Finish>;

/// One client request being served; counted when dropped, which is when its answer has ended or been given up.
pub(in crate::live) struct Served {
    meters: Rc<RouteMeters>,
    method: &'static str,
    arrived: Instant,
    status: Option<StatusCode>,
    activity: Rc<Activity>,
}

/// The tap on an answer.
pub(in crate::live) struct Finish {
    // In the order of their drop: decisions and captures are settled before the request counts as ended.
    ticket: Ticket,
    stable: Option<FromStable>,
    served: Served,
}

/// Stable's answer while it passes.
struct FromStable {
    lease: Lease<LiveBody>,
    /// How long it may pause.
    pause: Duration,
    /// It has a length and no body, as the answer to a conditional request may.
    announces: bool,
    sent: Instant,
    first_byte: Instant,
    capture: Option<Box<Capturing>>,
}

struct Capturing {
    recorder: Recorder,
    bytes: Permit,
    answer: Answer,
}

/// Stable's response head with the connection that it came on.
pub(in crate::live) struct Arrived {
    pub(in crate::live) response: Response<Incoming>,
    pub(in crate::live) lease: Lease<LiveBody>,
    pub(in crate::live) sent: Instant,
    pub(in crate::live) pause: Duration,
}

impl Served {
    pub(in crate::live) fn begin(
        meters: Rc<RouteMeters>,
        method: &'static str,
        arrived: Instant,
        activity: Rc<Activity>,
    ) -> Self {
        meters.in_flight.increment(1.0);
        activity.begin();
        Served { meters, method, arrived, status: None, activity }
    }

    pub(in crate::live) fn meters(&self) -> &Rc<RouteMeters> {
        &self.meters
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let now = clock::now();
        self.meters.in_flight.decrement(1.0);
        self.meters.served(self.method, self.status, now.saturating_duration_since(self.arrived));
        self.activity.end(now);
    }
}

/// Stable's answer as a client of this version gets it.
pub(in crate::live) fn pass(
    arrived: Arrived,
    ticket: Ticket,
    mut served: Served,
    version: Version,
) -> Response<AnswerBody> {
    let first_byte = clock::now();
    let Arrived { response, lease, sent, pause } = arrived;
    let (mut head, body) = response.into_parts();
    served.status = Some(head.status);
    served.meters.answered(head.status);
    served.meters.stable_first_byte.record((first_byte - sent).as_secs_f64());
    let capture = ticket.capture().map(|(bytes, cap)| {
        let answer = Answer {
            status: head.status,
            headers: head.headers.clone(),
            body: Capture::Absent(Absent::Truncated),
            trailers: None,
        };
        Box::new(Capturing { recorder: Recorder::new(cap), bytes, answer })
    });
    headers::prepare_response(&mut head.headers);
    // What hyper writes follows the client's version, not stable's.
    head.version = Version::HTTP_11;
    if version < Version::HTTP_11 && body.size_hint().exact().is_none() {
        // Without chunks only the close tells its end, and hyper would promise to stay.
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    // hyper writes no length beside a body that it knows to be empty.
    let announces =
        head.status == StatusCode::NOT_MODIFIED && head.headers.contains_key(header::CONTENT_LENGTH);
    let stable = Some(FromStable { lease, pause, announces, sent, first_byte, capture });
    let finish = Finish { ticket, stable, served };
    Response::from_parts(head, Tapped::new(Either::Left(body), finish))
}

/// Our own answer where there is none of stable's.
pub(in crate::live) fn refuse(
    obstacle: &Obstacle,
    ticket: Ticket,
    mut served: Served,
) -> Response<AnswerBody> {
    let (status, leg, reason, _) = obstacle.row();
    served.status = Some(status);
    if leg == Leg::Stable.label() {
        served.meters.failed(reason);
        tracing::warn!(leg, reason, status = status.as_u16(), ?obstacle, "no answer from stable");
    }
    ticket.cut();
    let mut response = obstacle.response();
    if ticket.upload().is_some_and(|u| !u.is_complete()) {
        close(&mut response);
    }
    response.map(|body| Tapped::new(Either::Right(Full::new(body)), Finish { ticket, stable: None, served }))
}

/// The rest of the request's body is not read any more, so nothing that follows it is.
pub(in crate::live) fn close<B>(response: &mut Response<B>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

impl Tap for Finish {
    fn data(&mut self, chunk: &Bytes) {
        self.served.activity.answered();
        let Some(stable) = self.stable.as_mut().filter(|s| s.capture.is_some()) else { return };
        if !self.ticket.is_awaited() {
            // The pair was given up: its room is wanted by others.
            stable.capture = None;
        }
        let Some(capturing) = stable.capture.as_mut() else { return };
        let Capturing { recorder, bytes, .. } = &mut **capturing;
        let freed = recorder.push(chunk, |len| bytes.grow(len));
        bytes.shrink(freed);
    }

    fn waits(&mut self) {
        if let Some(stable) = &self.stable {
            self.served.activity.waits_for_answer(stable.pause, clock::now);
        }
    }

    fn holds_open(&self) -> bool {
        self.stable.as_ref().is_some_and(|stable| stable.announces)
    }

    fn trailers(&mut self, fields: &HeaderMap) {
        if let Some(capturing) = self.stable.as_mut().and_then(|s| s.capture.as_mut()) {
            capturing.answer.trailers = Some(fields.clone());
        }
    }

    fn end(self, end: End) {
        let Finish { ticket, stable, served } = self;
        if end != End::Dropped {
            ticket.cut();
        }
        if let Some(stable) = stable {
            stable.end(end, ticket, &served);
        }
    }
}

impl FromStable {
    fn end(self, end: End, ticket: Ticket, served: &Served) {
        let total = clock::now() - self.sent;
        match end {
            End::Complete => {
                served.meters.stable_duration.record(total.as_secs_f64());
                // A connection that still takes the rest of an upload cannot take another request.
                if ticket.upload().is_none_or(|u| u.is_complete()) {
                    self.lease.give_back();
                } else {
                    self.lease.let_go();
                }
            }
            End::Failed if !ticket.upload().is_some_and(|u| u.is_broken()) => {
                served.meters.failed("truncated");
            }
            End::Dropped if served.activity.is_overdue() => served.meters.failed("body_timeout"),
            End::Failed | End::Dropped => {}
        }
        let Some(capturing) = self.capture else { return };
        let Capturing { recorder, bytes, mut answer } = *capturing;
        if end == End::Complete {
            answer.body = recorder.finish();
        }
        let timing = Timing { first_byte: Some(self.first_byte - self.sent), total };
        ticket.fulfil(Exchange { leg: Leg::Stable, timing, result: Ok(answer) }, Some(bytes));
    }
}
