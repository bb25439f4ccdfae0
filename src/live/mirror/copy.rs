//! The copy of a request in the making: collected while the body streams to stable, handed over when both the body is
//! complete and stable was reached, and given up at the first thing that speaks against it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::admit::switched;
use crate::body::{End, Recorder, Tap, Tapped};
use crate::gate::{Admission, Experiment, Gate, Kept, Offer};
use crate::live::access_log::Note;
use crate::live::meters::RouteMeters;
use crate::model::clock::{self, Instant};
use crate::model::{Absent, Capture, Decision, MirroredRequest, Refusal};

/// A client's body on its way to stable; none where a request is sent again.
pub(crate) type LiveBody = Tapped<Either<Incoming, Empty<Bytes>>, Watch>;

/// The body of a request that is sent again; its own was empty.
pub(in crate::live) fn nothing() -> LiveBody {
    Tapped::new(Either::Right(Empty::new()), Watch(None))
}

/// The tap on a client's body: sees how far it is, and copies it if it is to be mirrored.
#[derive(Debug)]
pub(crate) struct Watch(pub(super) Option<Rc<Upload>>);

/// How far a client's body is, and its copy while it is not settled.
#[derive(Debug)]
pub(in crate::live) struct Upload {
    body: Cell<Body>,
    moved: Cell<Option<Instant>>,
    awaited: Cell<bool>,
    reached: Cell<bool>,
    draft: RefCell<Option<Draft>>,
    note: Option<Rc<Note>>,
}

/// How far a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Open,
    Complete,
    /// The client broke off.
    Failed,
    /// Stable's connection did not take the rest.
    Unread,
}

/// A copy that is not yet handed over.
pub(super) struct Draft {
    pub(super) request: MirroredRequest,
    pub(super) recorder: Recorder,
    pub(super) declared: usize,
    pub(super) experiment: Arc<Experiment>,
    pub(super) admission: Admission,
    pub(super) stable: oneshot::Receiver<Kept>,
    pub(super) offered: Instant,
    pub(super) gate: Arc<Gate>,
    pub(super) meters: Rc<RouteMeters>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("request", &self.request).finish_non_exhaustive()
    }
}

impl Upload {
    pub(super) fn new(complete: bool, draft: Option<Draft>, note: Option<Rc<Note>>) -> Rc<Self> {
        let body = if complete { Body::Complete } else { Body::Open };
        Rc::new(Upload {
            body: Cell::new(body),
            moved: Cell::new(None),
            awaited: Cell::new(false),
            reached: Cell::new(false),
            draft: RefCell::new(draft),
            note,
        })
    }

    /// Stable's connection would take more and the client sends nothing.
    pub(in crate::live) fn is_awaited(&self) -> bool {
        self.body.get() == Body::Open && self.awaited.get()
    }

    /// The client broke its body off.
    pub(in crate::live) fn is_broken(&self) -> bool {
        self.body.get() == Body::Failed
    }

    /// The client's body went to stable's connection to its end.
    pub(in crate::live) fn is_complete(&self) -> bool {
        self.body.get() == Body::Complete
    }

    /// When the last piece passed.
    pub(in crate::live) fn moved(&self) -> Option<Instant> {
        self.moved.get()
    }

    /// Stable's connection takes the request.
    pub(super) fn reach(&self) {
        self.reached.set(true);
        self.advance();
    }

    /// The exchange is over: whatever is not handed over by now never will be.
    pub(super) fn close(&self) {
        self.refuse(match self.body.get() {
            Body::Failed => Refusal::ClientAborted,
            // Given up before stable answered or failed: only the client can have left.
            Body::Open if self.reached.get() => Refusal::ClientAborted,
            _ => Refusal::StableUnsent,
        });
    }

    /// Stable answered, or failed, without reading the whole body.
    pub(super) fn cut(&self) {
        if self.body.get() == Body::Open {
            self.refuse(Refusal::StableUnsent);
        }
    }

    fn advance(&self) {
        if !(self.reached.get() && self.body.get() == Body::Complete) {
            return;
        }
        let Some(draft) = self.draft.take() else { return };
        let (gate, meters) = (draft.gate.clone(), draft.meters.clone());
        let offered = switched(&gate).and_then(|()| draft.offer()).and_then(|offer| gate.deliver(offer));
        let decision = match offered {
            Ok(()) => Decision::Mirrored,
            Err(refusal) => Decision::Refused(refusal),
        };
        decide(&gate, &meters, self.note.as_ref(), decision);
    }

    fn refuse(&self, refusal: Refusal) {
        if let Some(draft) = self.draft.take() {
            decide(&draft.gate, &draft.meters, self.note.as_ref(), Decision::Refused(refusal));
        }
    }

    fn copy(&self, chunk: &Bytes) {
        let mut slot = self.draft.borrow_mut();
        let Some(draft) = slot.as_mut() else { return };
        let (declared, bytes) = (&mut draft.declared, &mut draft.admission.bytes);
        draft.recorder.push(chunk, |len| {
            // What was declared was paid for at admission.
            let paid = len.min(*declared);
            *declared -= paid;
            bytes.grow(len - paid)
        });
        let refusal = match draft.recorder.is_whole() {
            Ok(()) => return,
            Err(Absent::Memory) => Refusal::Memory,
            Err(Absent::TooLong | Absent::Truncated) => Refusal::BodyTooLarge,
        };
        drop(slot);
        self.refuse(refusal);
    }
}

/// Counts what was decided about a request, and notes it.
pub(in crate::live) fn decide(
    gate: &Gate,
    meters: &RouteMeters,
    note: Option<&Rc<Note>>,
    decision: Decision,
) {
    gate.decisions.count(decision);
    meters.decided(decision);
    if let Some(note) = note {
        note.decision.set(Some(decision));
    }
}

impl Draft {
    fn offer(self) -> Result<Offer, Refusal> {
        let Capture::Complete(body) = self.recorder.finish() else { return Err(Refusal::BodyTooLarge) };
        let request = MirroredRequest { body, ..self.request };
        Ok(Offer {
            request,
            experiment: self.experiment,
            offered: self.offered,
            stable: self.stable,
            admission: self.admission,
        })
    }
}

impl Tap for Watch {
    fn data(&mut self, chunk: &Bytes) {
        if let Some(upload) = &self.0 {
            upload.moved.set(Some(clock::now()));
            upload.awaited.set(false);
            if let Some(note) = &upload.note {
                note.received.set(note.received.get() + chunk.len() as u64);
            }
            upload.copy(chunk);
        }
    }

    fn waits(&mut self) {
        if let Some(upload) = &self.0 {
            upload.awaited.set(true);
        }
    }

    fn trailers(&mut self, _: &HeaderMap) {
        if let Some(upload) = &self.0 {
            upload.moved.set(Some(clock::now()));
        }
    }

    fn end(self, end: End) {
        let Some(upload) = self.0 else { return };
        if upload.body.get() != Body::Open {
            return;
        }
        upload.moved.set(Some(clock::now()));
        upload.body.set(match end {
            End::Complete => Body::Complete,
            End::Failed => Body::Failed,
            End::Dropped => Body::Unread,
        });
        match end {
            End::Complete => upload.advance(),
            End::Failed => upload.refuse(Refusal::ClientAborted),
            // Whose fault it is shows when the exchange ends.
            End::Dropped => {}
        }
    }
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
