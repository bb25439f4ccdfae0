//! What live relies on: one configuration, swapped as a whole, and the worker's own view of it.

use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderName, Method};
use ipnet::IpNet;

use super::meters::RouteMeters;
use super::mirror::LiveBody;
use super::request::headers::Pseudonym;
use super::settings::{Forwarded, IdentitySettings, RequestId, Trace};
use super::{Protocol, Route, Routes, Tls};
use crate::gate::{Gate, Pulse};
use crate::model::Leg;
use crate::model::clock::Instant;
use crate::telemetry::{Metrics, RecordFile};
use crate::upstream::Pool;

/// What all workers share: read only, but for the swap.
pub struct Shared {
    /// The door to the shadow plane.
    pub gate: Arc<Gate>,
    /// Handles of every metric.
    pub metrics: Metrics,
    /// The configuration in force.
    pub snapshot: ArcSwap<Snapshot>,
    /// What tells this instance from others where nothing is configured; the same for as long as the process lives.
    pub instance: String,
    /// Where one line for each request goes, if anywhere.
    pub access_log: Option<RecordFile>,
    /// What TLS is spoken with; `None` in the clear.
    pub tls: Option<Tls>,
}

/// One configuration as live sees it.
#[derive(Debug)]
pub struct Snapshot {
    /// The routes in order.
    pub routes: Routes,
    /// Peers whose X-Forwarded-* are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Protocols that clients may ask for instead of HTTP.
    pub upgrades: Vec<Protocol>,
    /// The field that marks a copy; taken off what clients send.
    pub mark: HeaderName,
    /// What is written on of who asked.
    pub identity: Identity,
}

/// What is written on of who asked, ready to be written.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) forwarded: Forwarded,
    pub(super) pseudonym: Pseudonym,
    pub(super) request_id: RequestId,
    pub(super) trace: Trace,
    pub(super) trace_method: bool,
    pub(super) access_log_query: bool,
}

impl Identity {
    /// As configured; `instance` is what tells this process from others where nothing else is.
    #[must_use]
    pub fn new(settings: &IdentitySettings, instance: &str) -> Self {
        Identity {
            forwarded: settings.forwarded,
            pseudonym: Pseudonym::new(settings.instance.as_deref().unwrap_or(instance), settings.via),
            request_id: settings.request_id,
            trace: settings.trace,
            trace_method: settings.trace_method,
            access_log_query: settings.access_log_query,
        }
    }

    /// An id for an instance that is given none: 8 hexadecimal digits, drawn.
    #[must_use]
    pub fn draw_instance() -> String {
        format!("{:08x}", fastrand::u32(..))
    }
}

/// One worker's view of a [`Snapshot`]: with its own connections and its own metric handles.
pub(super) struct Generation {
    pub(super) snapshot: Arc<Snapshot>,
    lanes: Vec<Rc<Lane>>,
    /// Meters of requests that match no route.
    pub(super) nowhere: Rc<RouteMeters>,
}

/// A route as one worker serves it.
pub(super) struct Lane {
    pub(super) route: Arc<Route>,
    pub(super) pool: Rc<Pool<LiveBody>>,
    pub(super) meters: Rc<RouteMeters>,
}

impl Generation {
    pub(super) fn new(
        snapshot: Arc<Snapshot>,
        metrics: &Metrics,
        pulse: &Arc<Pulse>,
        before: Option<&Generation>,
    ) -> Self {
        let mut pools: Vec<Rc<Pool<LiveBody>>> = before.map_or_else(Vec::new, Generation::pools);
        let mut lanes = Vec::new();
        for route in &snapshot.routes.routes {
            let pool = pools.iter().find(|p| *p.settings() == route.stable).cloned().unwrap_or_else(|| {
                let pool = Pool::new(Leg::Stable, route.stable.clone(), metrics);
                pools.push(pool.clone());
                pool
            });
            let meters = Rc::new(RouteMeters::new(metrics.clone(), route.name.clone(), pulse.clone()));
            lanes.push(Rc::new(Lane { route: route.clone(), pool, meters }));
        }
        let nowhere = Rc::new(RouteMeters::new(metrics.clone(), "other".into(), pulse.clone()));
        let generation = Generation { snapshot, lanes, nowhere };
        let in_use = generation.pools();
        for pool in pools.iter().filter(|p| !in_use.iter().any(|q| Rc::ptr_eq(p, q))) {
            pool.retire();
        }
        generation
    }

    pub(super) fn find(&self, host: &str, path: &str, method: &Method) -> Option<&Rc<Lane>> {
        self.lanes.iter().find(|lane| lane.route.matcher.fits(host, path, method))
    }

    pub(super) fn sweep(&self, now: Instant) {
        for pool in self.pools() {
            pool.sweep(now);
        }
    }

    fn pools(&self) -> Vec<Rc<Pool<LiveBody>>> {
        let mut pools: Vec<Rc<Pool<LiveBody>>> = Vec::new();
        for lane in &self.lanes {
            if !pools.iter().any(|p| Rc::ptr_eq(p, &lane.pool)) {
                pools.push(lane.pool.clone());
            }
        }
        pools
    }
}
