//! Offers a request to the gate; hands back the body to send and a ticket. A ticket that is dropped unused is a counted
//! refusal.

use std::rc::Rc;
use std::sync::Arc;

use http::request::Parts;
use http_body_util::Either;
use hyper::body::{Body as _, Incoming};
use tokio::sync::oneshot;

use super::admit::admit;
use super::copy::{Draft, LiveBody, Upload, Watch, decide};
use super::sample::Sampler;
use crate::body::{Recorder, Tapped};
use crate::gate::{Gate, Kept, Permit};
use crate::live::Route;
use crate::live::access_log::Note;
use crate::live::meters::RouteMeters;
use crate::live::peer::Peer;
use crate::live::request::headers::Said;
use crate::model::clock::Instant;
use crate::model::{Chunks, Decision, Exchange, MirroredRequest, Refusal, TraceContext};

/// What the decision is made by.
pub(in crate::live) struct Head<'a> {
    pub(in crate::live) parts: &'a Parts,
    pub(in crate::live) peer: &'a Peer,
    pub(in crate::live) said: &'a Said,
    /// The trace that each leg is told a parent of its own in.
    pub(in crate::live) trace: Option<TraceContext>,
    /// Where it is noted, if anywhere.
    pub(in crate::live) note: Option<&'a Rc<Note>>,
}

/// Follows one request: how far its body is, and whether stable's answer is waited for.
#[derive(Debug)]
pub(in crate::live) struct Ticket {
    upload: Option<Rc<Upload>>,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    to: oneshot::Sender<Kept>,
    bytes: Permit,
    max_capture: usize,
}

/// Offers the request; synchronous and infallible.
pub(in crate::live) fn offer(
    gate: &Arc<Gate>,
    route: &Route,
    sampler: &Sampler,
    meters: &Rc<RouteMeters>,
    head: &Head<'_>,
    body: Incoming,
    now: Instant,
) -> (LiveBody, Ticket) {
    let empty = body.is_end_stream();
    let experiment = route.experiment.as_ref().ok_or(Refusal::NotSampled);
    let admitted = experiment.and_then(|e| Ok((e, admit(gate, (&route.mirror, e), sampler, head, now)?)));
    let (draft, answer) = match admitted {
        Err(refusal) => {
            decide(gate, meters, head.note, Decision::Refused(refusal));
            (None, None)
        }
        Ok((experiment, admission)) => {
            let (to, stable) = oneshot::channel();
            let bytes = admission.bytes.sibling();
            let draft = Draft {
                request: copy(head, experiment.tells_client()),
                recorder: Recorder::new(route.mirror.max_body),
                declared: body.size_hint().exact().and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
                experiment: experiment.clone(),
                admission,
                stable,
                offered: now,
                gate: gate.clone(),
                meters: meters.clone(),
            };
            (Some(draft), Some(Answer { to, bytes, max_capture: route.mirror.max_capture }))
        }
    };
    // An empty body that is not mirrored has nothing to be watched for.
    let upload = (!empty || draft.is_some()).then(|| Upload::new(empty, draft, head.note.cloned()));
    let watch = Watch(upload.clone().filter(|_| !empty));
    (Tapped::new(Either::Left(body), watch), Ticket { upload, answer })
}

/// The copy without its body; `told` if a leg learns whose it is.
fn copy(head: &Head<'_>, told: bool) -> MirroredRequest {
    let parts = head.parts;
    MirroredRequest {
        method: parts.method.clone(),
        target: parts.uri.clone(),
        headers: parts.headers.clone(),
        extensions: parts.extensions.clone(),
        trace: head.trace,
        client: told.then(|| head.peer.ends()),
        body: Chunks::default(),
    }
}

impl Ticket {
    /// A ticket that nobody waits for.
    pub(in crate::live) fn none() -> Self {
        Ticket { upload: None, answer: None }
    }

    /// The client's body, if there is one to watch.
    pub(in crate::live) fn upload(&self) -> Option<&Rc<Upload>> {
        self.upload.as_ref()
    }

    /// Stable's connection takes the request: from now on the shadow may be asked.
    pub(in crate::live) fn reach(&self) {
        if let Some(upload) = &self.upload {
            upload.reach();
        }
    }

    /// Stable answered or failed; a body that is still open will not be mirrored.
    pub(in crate::live) fn cut(&self) {
        if let Some(upload) = &self.upload {
            upload.cut();
        }
    }

    /// Whether somebody still waits for stable's answer.
    pub(in crate::live) fn is_awaited(&self) -> bool {
        self.answer.as_ref().is_some_and(|a| !a.to.is_closed())
    }

    /// Room and cap for a capture of stable's answer, if somebody waits for it.
    pub(in crate::live) fn capture(&self) -> Option<(Permit, usize)> {
        self.answer.as_ref().filter(|_| self.is_awaited()).map(|a| (a.bytes.sibling(), a.max_capture))
    }

    /// Hands stable's exchange over.
    pub(in crate::live) fn fulfil(mut self, exchange: Exchange, bytes: Option<Permit>) {
        if let Some(answer) = self.answer.take() {
            // Nobody waits any more: the pair was given up, and its outcome is counted there.
            let _ = answer.to.send(Kept { exchange, bytes: bytes.unwrap_or(answer.bytes) });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(upload) = &self.upload {
            upload.close();
        }
    }
}
