//! The answer on its way to the client: stable's connection goes back at its end, the request is counted, the ticket fulfilled.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use http_body_util::{Either, Full};
use hyper::body::{Body as _, Incoming};

use crate::body::{End, Recorder, Tap, Tapped};
use crate::gate::Permit;
use crate::live::access_log::{Ended, Entry};
use crate::live::arrival::{Activity, Overdue};
use crate::live::error::Obstacle;
use crate::live::meters::{CLIENT_CLOSED_REQUEST, RouteMeters};
use crate::live::mirror::{LiveBody, Ticket};
use crate::live::request::headers::{self, Id, REQUEST_ID, Said};
use crate::model::clock::{self, Instant};
use crate::model::{Absent, Answer, Capture, Exchange, Leg, Timing};
use crate::upstream::Lease;

/// The client went away before its answer had ended.
const CLIENT_LEFT: (&str, &str) = ("client", "aborted");

/// What the client is sent.
pub(in crate::live) type AnswerBody = Tapped<Either<Incoming, Full<Bytes>>, Option<Box<Finish>>>;

/// One client request being served; counted when dropped, which is when its answer has ended or been given up.
pub(in crate::live) struct Served {
    meters: Rc<RouteMeters>,
    method: &'static str,
    arrived: Instant,
    status: Option<StatusCode>,
    /// When its answer ended, once that is known.
    ended: Option<Instant>,
    /// Bytes of the answer's body so far.
    sent: u64,
    /// On answers of our own, so that who reports one can say which it was.
    id: Option<Id>,
    activity: Rc<Activity>,
    entry: Option<Box<Entry>>,
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
    /// The protocol that stable switches to, if it does.
    pub(in crate::live) switch: Option<HeaderValue>,
}

impl Served {
    pub(in crate::live) fn begin(
        meters: Rc<RouteMeters>,
        method: &'static str,
        arrived: Instant,
        activity: Rc<Activity>,
        entry: Option<Box<Entry>>,
    ) -> Self {
        meters.begun();
        activity.begin();
        Served { meters, method, arrived, status: None, ended: None, sent: 0, id: None, activity, entry }
    }

    /// Which request it is.
    pub(in crate::live) fn identify(&mut self, said: &Said) {
        if let Some(entry) = &mut self.entry {
            entry.identify(said);
        }
        self.id.clone_from(&said.id);
    }

    /// What the access log will have of it, if there is one.
    pub(in crate::live) fn entry(&self) -> Option<&Entry> {
        self.entry.as_deref()
    }

    /// The first fault is the one; what follows is its consequence.
    pub(in crate::live) fn blame(&mut self, leg: &'static str, reason: &'static str) {
        if let Some(entry) = &mut self.entry {
            entry.error.get_or_insert((leg, reason));
        }
    }

    pub(in crate::live) fn meters(&self) -> &Rc<RouteMeters> {
        &self.meters
    }

    /// The head of stable's answer came, to a request handed over at `sent`; answers when that was.
    pub(in crate::live) fn answered(&mut self, status: StatusCode, sent: Instant) -> Instant {
        let first_byte = clock::now();
        self.status = Some(status);
        self.meters.answered(status);
        self.meters.stable_first_byte.record(first_byte - sent);
        first_byte
    }

    /// The client is told another status than stable's own.
    pub(in crate::live) fn told(&mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let now = self.ended.unwrap_or_else(clock::now);
        let took = now.saturating_duration_since(self.arrived);
        self.meters.served(self.method, self.status, took);
        self.activity.end(now);
        if self.status.is_none() {
            let (leg, reason) = CLIENT_LEFT;
            self.blame(leg, reason);
        }
        if let Some(entry) = &self.entry {
            entry.end(&Ended {
                route: self.meters.route(),
                status: self.status.map_or(CLIENT_CLOSED_REQUEST, |status| status.as_u16()),
                sent: self.sent,
                took,
                unix_millis: clock::unix_millis(),
            });
        }
    }
}

/// Stable's answer as a client of this version gets it.
pub(in crate::live) fn pass(
    arrived: Arrived,
    ticket: Ticket,
    mut served: Served,
    version: Version,
) -> Response<AnswerBody> {
    let Arrived { response, lease, sent, pause, .. } = arrived;
    let (mut head, body) = response.into_parts();
    let first_byte = served.answered(head.status, sent);
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
        // Without chunks only the close tells its end, and to a client that would stay hyper would promise to, too.
        head.version = Version::HTTP_10;
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    // hyper writes no length in HTTP/1.1 beside a body that it knows to be empty.
    let announces = version < Version::HTTP_2
        && head.status == StatusCode::NOT_MODIFIED
        && head.headers.contains_key(header::CONTENT_LENGTH);
    let stable = Some(FromStable { lease, pause, announces, sent, first_byte, capture });
    let finish = Box::new(Finish { ticket, stable, served });
    Response::from_parts(head, Tapped::new(Either::Left(body), Some(finish)))
}

/// Our own answer where there is none of stable's.
pub(in crate::live) fn refuse(
    obstacle: &Obstacle,
    ticket: Ticket,
    mut served: Served,
) -> Response<AnswerBody> {
    let (status, leg, reason, _) = obstacle.row();
    served.blame(leg, reason);
    if leg == Leg::Stable.label() {
        served.meters.unanswered(reason);
        tracing::warn!(leg, reason, status = status.as_u16(), ?obstacle, "no answer from stable");
    }
    ticket.cut();
    let mut response = obstacle.response();
    if ticket.upload().is_some_and(|u| !u.is_complete()) {
        close(&mut response);
    }
    own(response, ticket, served)
}

/// An answer of our own; it has the request's id.
pub(in crate::live) fn own(
    mut response: Response<Bytes>,
    ticket: Ticket,
    mut served: Served,
) -> Response<AnswerBody> {
    served.status = Some(response.status());
    if let Some(id) = served.id.take() {
        response.headers_mut().insert(REQUEST_ID, id.value());
    }
    let finish = Box::new(Finish { ticket, stable: None, served });
    response.map(|body| Tapped::new(Either::Right(Full::new(body)), Some(finish)))
}

/// The rest of the request's body is not read any more, so nothing that follows it is.
pub(in crate::live) fn close<B>(response: &mut Response<B>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

impl Tap for Finish {
    fn data(&mut self, chunk: &Bytes) {
        self.served.activity.answered();
        self.served.sent += chunk.len() as u64;
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
        let Finish { ticket, stable, mut served } = self;
        if end == End::Dropped {
            let (leg, reason) = match served.activity.paused() {
                Some(Overdue::Stable) => (Leg::Stable.label(), "body_timeout"),
                Some(Overdue::Client) => ("client", "write_timeout"),
                None => CLIENT_LEFT,
            };
            served.blame(leg, reason);
        } else {
            ticket.cut();
        }
        match stable {
            Some(stable) => stable.end(end, ticket, &mut served),
            // Decided before the request counts as ended.
            None => drop(ticket),
        }
    }
}

impl FromStable {
    fn end(self, end: End, ticket: Ticket, served: &mut Served) {
        let now = *served.ended.insert(clock::now());
        let timing = Timing { first_byte: Some(self.first_byte - self.sent), total: now - self.sent };
        if let Some(entry) = &mut served.entry {
            entry.stable = Some(timing);
        }
        match end {
            End::Complete => {
                served.meters.stable_duration.record(timing.total);
                // A connection that still takes the rest of an upload cannot take another request.
                if ticket.upload().is_none_or(|u| u.is_complete()) {
                    self.lease.give_back(now);
                } else {
                    self.lease.let_go();
                }
            }
            End::Failed if !ticket.upload().is_some_and(|u| u.is_broken()) => {
                served.meters.broken_off("truncated");
                served.blame(Leg::Stable.label(), "truncated");
            }
            End::Dropped if served.activity.paused() == Some(Overdue::Stable) => {
                served.meters.broken_off("body_timeout");
            }
            End::Failed => served.blame("client", "upload_broken"),
            End::Dropped => {}
        }
        let Some(capturing) = self.capture else { return };
        let Capturing { recorder, bytes, mut answer } = *capturing;
        if end == End::Complete {
            answer.body = recorder.finish();
        }
        ticket.fulfil(Exchange { leg: Leg::Stable, timing, result: Ok(answer) }, Some(bytes));
    }
}
