//! The way of a request, on one screen.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, Uri, Version};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;

use super::access_log::Entry;
use super::arrival::{Activity, Fault};
use super::error::Obstacle;
use super::meters::method_label;
use super::mirror::{Head, Sampler, Ticket, decide, offer};
use super::peer::Peer;
use super::request::survey::{Field, Survey};
use super::request::validate::{host_name, validate};
use super::request::{headers, hops, http2};
use super::settings::Trace;
use super::snapshot::{Generation, Shared, Snapshot};
use super::stable::answer::{self, AnswerBody, Served};
use super::stable::forward::forward;
use super::upgrade::{Ask, Protocol, Tunnel, tunnel};
use crate::gate::Pulse;
use crate::model::clock::{self, Instant};
use crate::model::{Decision, Refusal};

/// What one worker serves requests with.
pub(super) struct Way {
    shared: Arc<Shared>,
    sampler: Sampler,
    pulse: Arc<Pulse>,
    generation: RefCell<Rc<Generation>>,
}

impl Way {
    pub(super) fn new(shared: Arc<Shared>, pulse: Arc<Pulse>, seed: u64) -> Self {
        let generation = Generation::new(shared.snapshot.load_full(), &shared.metrics, &pulse, None);
        Way { shared, sampler: Sampler::new(seed), pulse, generation: RefCell::new(Rc::new(generation)) }
    }

    /// One request: validate, route, normalise, offer, forward, answer; with the tunnel that is to follow a 101
    /// (boxed, for it is rare, and what is handed back is moved for every request).
    pub(super) async fn handle(
        self: Rc<Self>,
        peer: Rc<Peer>,
        activity: Rc<Activity>,
        mut request: Request<Incoming>,
    ) -> (Response<AnswerBody>, Option<Box<Tunnel>>) {
        let arrived = clock::now();
        let generation = self.generation();
        let (snapshot, identity) = (&generation.snapshot, &generation.snapshot.identity);
        let mut survey = Survey::of(request.headers(), Some(&snapshot.mark));
        let entry = self
            .shared
            .access_log
            .as_ref()
            .map(|log| Box::new(Entry::new(log, &peer, &request, identity.access_log_query)));
        let fault = activity.wire().take();
        let method = if fault == Some(Fault::Connect) { "CONNECT" } else { method_label(request.method()) };
        let checked = check(&mut request, &mut survey, snapshot, &activity, fault);
        // What hyper was given in place of a refused head is of no route.
        let named = || host_name(request.headers());
        let lane = fault.is_none().then(|| generation.find(&named(), request.uri().path(), request.method()));
        let lane = lane.flatten().cloned();
        let meters = lane.as_ref().map_or(&generation.nowhere, |lane| &lane.meters).clone();
        let unread = !request.body().is_end_stream();
        let mut served = Served::begin(meters, method, arrived, activity.clone(), entry);
        let lane = match (checked, lane) {
            (Ok(None), Some(lane)) => lane,
            (Err(obstacle), _) => return (self.turn_away(&obstacle, unread, served), None),
            (Ok(Some(answer)), _) => {
                self.decided(Refusal::NoRoute, &served);
                let mut response = answer::own(answer, Ticket::none(), served);
                if unread {
                    answer::close(&mut response);
                }
                return (response, None);
            }
            (Ok(None), None) => return (self.turn_away(&Obstacle::NoRoute, unread, served), None),
        };
        let (mut parts, body) = request.into_parts();
        let ask = upgrade(&mut parts, &body, survey, &snapshot.upgrades);
        let said = headers::prepare_request(&mut parts.headers, parts.version, &peer, snapshot, survey);
        served.identify(&said);
        let trace = said.trace.filter(|_| identity.trace == Trace::Propagate);
        let note = served.entry().map(Entry::note);
        let head = Head { parts: &parts, peer: &peer, said: &said, trace, note };
        let (body, ticket) =
            offer(&self.shared.gate, &lane.route, &self.sampler, &lane.meters, &head, body, arrived);
        lane.route.stable.write_host(&mut parts.headers);
        if let Some(ask) = &ask {
            ask.write(&mut parts.headers);
        }
        let (version, bounds) = (parts.version, activity.multiplexed());
        parts.version = Version::HTTP_11;
        let request = Request::from_parts(parts, body);
        let pool = lane.pool.on_behalf_of(|| Some(peer.ends()));
        let mut arrived =
            match forward(&pool, request, ask.as_ref(), &ticket, &lane.meters, arrived, bounds).await {
                Ok(arrived) => arrived,
                Err(Obstacle::UploadBroken) if activity.wire().is_stalled() => {
                    return (answer::refuse(&Obstacle::UploadStalled, ticket, served), None);
                }
                Err(obstacle) => return (answer::refuse(&obstacle, ticket, served), None),
            };
        let received = arrived.response.version();
        let (mut response, tunnel) = match arrived.switch.take() {
            Some(protocol) => tunnel::open(arrived, protocol, served, ask),
            None => (answer::pass(arrived, ticket, served, version), None),
        };
        identity.pseudonym.write_answer(response.headers_mut(), received);
        (response, tunnel)
    }

    /// Answers what is not forwarded; `unread` if its body has not been read.
    fn turn_away(&self, obstacle: &Obstacle, unread: bool, served: Served) -> Response<AnswerBody> {
        let refusal = match obstacle {
            Obstacle::Connect | Obstacle::Protocol => Refusal::Upgrade,
            Obstacle::Trace => Refusal::Method,
            // What is malformed was never routed.
            _ => Refusal::NoRoute,
        };
        self.decided(refusal, &served);
        let mut response = answer::refuse(obstacle, Ticket::none(), served);
        if unread {
            answer::close(&mut response);
        }
        response
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
            let next =
                Generation::new(Arc::clone(&latest), &self.shared.metrics, &self.pulse, Some(&current));
            *current = Rc::new(next);
        }
        current.clone()
    }

    /// Closes connections to stable that have been idle for too long.
    pub(super) fn sweep(&self, now: Instant) {
        self.generation().sweep(now);
    }
}

/// Whether a request may be forwarded; an answer of our own if it ends here (Max-Forwards).
fn check(
    request: &mut Request<Incoming>,
    survey: &mut Survey,
    snapshot: &Snapshot,
    activity: &Activity,
    fault: Option<Fault>,
) -> Result<Option<Response<Bytes>>, Obstacle> {
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    if let Some(bounds) = activity.multiplexed() {
        http2::translate(request, survey, &snapshot.upgrades, bounds)?;
    } else {
        validate(request, *survey)?;
    }
    if activity.wire().is_asterisk() {
        *request.uri_mut() = Uri::from_static("*");
    }
    let identity = &snapshot.identity;
    hops::step(request, *survey, &identity.pseudonym, identity.trace_method)
}

/// The upgrade that a request asks for, as far as it is passed on.
fn upgrade(parts: &mut Parts, body: &Incoming, survey: Survey, allowed: &[Protocol]) -> Option<Ask> {
    if !survey.has(Field::Upgrade) {
        return None;
    }
    let stream = parts.extensions.remove::<OnUpgrade>()?;
    let ask = Ask::of(parts, body.is_end_stream(), allowed)?;
    // hyper's own way to a tunnel: the one there is on a stream. Of HTTP/1.1 ours takes the connection itself once it ended.
    Some(if parts.version == Version::HTTP_2 { ask.by_stream(parts, stream) } else { ask })
}
