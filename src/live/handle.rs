//! The way of a request, on one screen.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response, Uri, Version};
use hyper::body::{Body as _, Incoming};

use super::arrival::{Activity, Fault, Switch};
use super::error::Obstacle;
use super::meters::method_label;
use super::mirror::{Head, Sampler, Ticket, offer};
use super::peer::Peer;
use super::request::headers;
use super::request::survey::{Field, Survey};
use super::request::validate::{host_name, validate};
use super::snapshot::{Generation, Shared};
use super::stable::answer::{self, AnswerBody, Served};
use super::stable::forward::forward;
use crate::model::clock::{self, Instant};
use crate::model::{Decision, Refusal};

/// What one worker serves requests with.
pub(super) struct Way {
    shared: Arc<Shared>,
    sampler: Sampler,
    generation: RefCell<Rc<Generation>>,
}

impl Way {
    pub(super) fn new(shared: Arc<Shared>, seed: u64) -> Self {
        let generation = Generation::new(shared.snapshot.load_full(), &shared.metrics, None);
        Way { shared, sampler: Sampler::new(seed), generation: RefCell::new(Rc::new(generation)) }
    }

    /// One request: validate, route, normalise, offer, forward, answer.
    pub(super) async fn handle(
        self: Rc<Self>,
        peer: Rc<Peer>,
        activity: Rc<Activity>,
        mut request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let arrived = clock::now();
        let generation = self.generation();
        let snapshot = &generation.snapshot;
        let survey = Survey::of(request.headers(), Some(&snapshot.mark));
        let fault = activity.wire().take();
        let checked = fault.map_or_else(|| validate(&mut request, survey), |fault| Err(fault.into()));
        if activity.wire().is_asterisk() && checked.is_ok() {
            *request.uri_mut() = Uri::from_static("*");
        }
        // What hyper was given in place of a refused head is of no route.
        let named = || host_name(request.headers());
        let lane = fault.is_none().then(|| generation.find(&named(), request.uri().path(), request.method()));
        let lane = lane.flatten().cloned();
        if survey.has(Field::Upgrade) {
            activity.wire().switch(Switch::Http);
        }
        let meters = lane.as_ref().map_or(&generation.nowhere, |lane| &lane.meters).clone();
        let method = if fault == Some(Fault::Connect) { "CONNECT" } else { method_label(request.method()) };
        let served = Served::begin(meters, method, arrived, activity.clone());
        let lane = match (checked, lane) {
            (Ok(()), Some(lane)) => lane,
            (Err(obstacle), _) => return Ok(self.turn_away(&obstacle, &request, served)),
            (Ok(()), None) => return Ok(self.turn_away(&Obstacle::NoRoute, &request, served)),
        };
        let (mut parts, body) = request.into_parts();
        let (trusted, mark) = (&snapshot.trusted_proxies, &snapshot.mark);
        let said = headers::prepare_request(&mut parts.headers, &peer, trusted, mark, survey);
        let head = Head { parts: &parts, client: peer.address, said };
        let (body, ticket) =
            offer(&self.shared.gate, &lane.route, &self.sampler, &lane.meters, &head, body, arrived);
        lane.route.stable.write_host(&mut parts.headers);
        let version = std::mem::replace(&mut parts.version, Version::HTTP_11);
        let request = Request::from_parts(parts, body);
        Ok(match forward(&lane.pool, request, &ticket, &lane.meters, arrived).await {
            Ok(arrived) => answer::pass(arrived, ticket, served, version),
            Err(Obstacle::UploadBroken) if activity.wire().is_stalled() => {
                answer::refuse(&Obstacle::UploadStalled, ticket, served)
            }
            Err(obstacle) => answer::refuse(&obstacle, ticket, served),
        })
    }

    fn turn_away(
        &self,
        obstacle: &Obstacle,
        request: &Request<Incoming>,
        served: Served,
    ) -> Response<AnswerBody> {
        let decision = Decision::Refused(match obstacle {
            Obstacle::Connect => Refusal::Upgrade,
            // What is malformed was never routed.
            _ => Refusal::NoRoute,
        });
        self.shared.gate.decisions.count(decision);
        served.meters().decided(decision);
        let mut response = answer::refuse(obstacle, Ticket::none(), served);
        if !request.body().is_end_stream() {
            answer::close(&mut response);
        }
        response
    }

    /// The configuration in force, with this worker's connections.
    fn generation(&self) -> Rc<Generation> {
        let latest = self.shared.snapshot.load();
        let mut current = self.generation.borrow_mut();
        if !Arc::ptr_eq(&latest, &current.snapshot) {
            let next = Generation::new(Arc::clone(&latest), &self.shared.metrics, Some(&current));
            *current = Rc::new(next);
        }
        current.clone()
    }

    /// Closes connections to stable that have been idle for too long.
    pub(super) fn sweep(&self, now: Instant) {
        self.generation().sweep(now);
    }
}
