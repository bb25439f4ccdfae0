//! What is noted of one request while it is served; offered as a line when it is dropped with it.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Uri, Version};

use super::line;
use crate::live::peer::Peer;
use crate::live::request::headers::Said;
use crate::model::{Decision, Timing, TraceContext};
use crate::telemetry::RecordFile;

/// What those who watch the body and decide on the mirror note; shared with them.
#[derive(Debug, Default)]
pub(in crate::live) struct Note {
    /// Bytes of the request's body so far.
    pub(in crate::live) received: Cell<u64>,
    /// Whether it is mirrored, once that is known.
    pub(in crate::live) decision: Cell<Option<Decision>>,
}

/// One request as the access log will have it.
pub(in crate::live) struct Entry {
    log: RecordFile,
    pub(super) client: IpAddr,
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) with_query: bool,
    pub(super) protocol: Version,
    pub(super) trace: Option<TraceContext>,
    pub(super) id: Option<HeaderValue>,
    pub(super) note: Rc<Note>,
    /// Of stable's exchange.
    pub(in crate::live) stable: Option<Timing>,
    /// Guilty leg and reason.
    pub(in crate::live) error: Option<(&'static str, &'static str)>,
}

/// What is known when a request has ended.
pub(in crate::live) struct Ended<'a> {
    pub(in crate::live) route: &'a str,
    /// What the client got, or 499.
    pub(in crate::live) status: u16,
    /// Bytes of the answer's body that were handed to the client's connection.
    pub(in crate::live) sent: u64,
    pub(in crate::live) took: Duration,
    /// Now, in milliseconds since the Unix epoch.
    pub(in crate::live) unix_millis: u64,
}

impl Entry {
    pub(in crate::live) fn new<B>(
        log: &RecordFile,
        peer: &Peer,
        request: &Request<B>,
        with_query: bool,
    ) -> Self {
        Entry {
            log: log.clone(),
            client: peer.address,
            method: request.method().clone(),
            target: request.uri().clone(),
            with_query,
            protocol: request.version(),
            trace: None,
            id: None,
            note: Rc::default(),
            stable: None,
            error: None,
        }
    }

    /// Which request it is.
    pub(in crate::live) fn identify(&mut self, said: &Said) {
        (self.trace, self.id) = (said.trace, said.id.clone());
    }

    /// What is shared with those who note.
    pub(in crate::live) fn note(&self) -> &Rc<Note> {
        &self.note
    }

    /// Offers the line.
    pub(in crate::live) fn end(&self, ended: &Ended<'_>) {
        self.log.offer(line::of(self, ended).as_bytes());
    }
}
