//! The way of a request, on one screen.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use super::access_log::Entry;
use super::arrival::Activity;
use super::error::Obstacle;
use super::meters::method_label;
use super::mirror::{Head, Sampler, Ticket, decide, offer};
use super::peer::Peer;
use super::request::headers;
use super::request::hops;
use super::request::survey::Survey;
use super::request::validate::{host_name, validate};
use super::settings::Trace;
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
        let identity = &snapshot.identity;
        let entry = self
            .shared
            .access_log
            .as_ref()
            .map(|log| Box::new(Entry::new(log, &peer, &request, identity.access_log_query)));
        let checked = validate(&mut request, survey)
            .and_then(|()| hops::step(&mut request, survey, &identity.pseudonym, identity.trace_method));
        let lane =
            generation.find(&host_name(request.headers()), request.uri().path(), request.method()).cloned();
        let meters = lane.as_ref().map_or(&generation.nowhere, |lane| &lane.meters).clone();
        let mut served = Served::begin(meters, method_label(request.method()), arrived, activity, entry);
        let lane = match (checked, lane) {
            (Ok(None), Some(lane)) => lane,
            (Err(obstacle), _) => return Ok(self.turn_away(&obstacle, served)),
            (Ok(Some(answer)), _) => {
                self.decided(Refusal::NoRoute, &served);
                return Ok(answer::own(answer, Ticket::none(), served));
            }
            (Ok(None), None) => return Ok(self.turn_away(&Obstacle::NoRoute, served)),
        };
        let (mut parts, body) = request.into_parts();
        let said = headers::prepare_request(&mut parts.headers, parts.version, &peer, snapshot, survey);
        served.identify(&said);
        let trace = said.trace.filter(|_| identity.trace == Trace::Propagate);
        let note = served.entry().map(Entry::note);
        let head = Head { parts: &parts, client: peer.address, said: &said, trace, note };
        let (body, ticket) =
            offer(&self.shared.gate, &lane.route, &self.sampler, &lane.meters, &head, body, arrived);
        lane.route.stable.write_host(&mut parts.headers);
        parts.version = http::Version::HTTP_11;
        let request = Request::from_parts(parts, body);
        Ok(match forward(&lane.pool, request, &ticket, &lane.meters, arrived).await {
            Ok(arrived) => {
                let received = arrived.response.version();
                let mut response = answer::pass(arrived, ticket, served);
                identity.pseudonym.write_answer(response.headers_mut(), received);
                response
            }
            Err(obstacle) => answer::refuse(&obstacle, ticket, served),
        })
    }

    fn turn_away(&self, obstacle: &Obstacle, served: Served) -> Response<AnswerBody> {
        let refusal = match obstacle {
            Obstacle::Connect => Refusal::Upgrade,
            Obstacle::Trace => Refusal::Method,
            // What is malformed was never routed.
            _ => Refusal::NoRoute,
        };
        self.decided(refusal, &served);
        answer::refuse(obstacle, Ticket::none(), served)
    }

    fn decided(&self, refusal: Refusal, served: &Served) {
        let note = served.entry().map(Entry::note);
        decide(&self.shared.gate, served.meters(), note, Decision::Refused(refusal));
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
