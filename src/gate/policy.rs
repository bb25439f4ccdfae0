//! What of a route may be mirrored, and against what it is tried: read by live, carried to shadow.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use super::breaker::{Breaker, Pass};
use crate::compare;
use crate::evidence;
use crate::model::{Ppm, Refusal};
use crate::upstream;

/// What of a route is mirrored.
#[derive(Debug)]
pub struct Policy {
    /// The route's name.
    pub route: Arc<str>,
    /// Whether there is a shadow to mirror to.
    pub has_shadow: bool,
    /// The share as configured.
    pub configured: Ppm,
    /// The share in force, in parts per million; a command may have changed it.
    percent: AtomicU32,
    /// What decides alike.
    pub sample_by: SampleBy,
    /// Key of the sampling hash: instances with the same seed decide alike.
    pub seed: u64,
    /// Methods that may be mirrored.
    pub methods: Vec<Method>,
    /// Largest request body that is copied, in bytes.
    pub max_body: usize,
    /// Largest response body that is captured whole, in bytes.
    pub max_capture: usize,
}

/// What the sampling hash is taken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleBy {
    /// Every request for itself.
    Random,
    /// The client's address.
    ClientIp,
    /// The trace id of `traceparent`; without one, every request for itself.
    Trace,
    /// A field's value; without it, every request for itself.
    Header(HeaderName),
    /// A cookie's value; without it, every request for itself.
    Cookie(String),
    /// A query parameter's value as sent; without it, every request for itself.
    Query(String),
}

/// What becomes of the client's credentials on the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// They stay: what is asked without them is mostly answered 401, which compares nothing.
    Keep,
    /// [`CREDENTIALS`] are taken off.
    Remove,
}

/// Fields that say who asks, or let somebody in (lower case): those of HTTP, and those that services commonly take keys and tokens by.
pub const CREDENTIALS: [&str; 14] = [
    "api-key",
    "apikey",
    "authorization",
    "cookie",
    "ocp-apim-subscription-key",
    "private-token",
    "proxy-authorization",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-goog-api-key",
    "x-xsrf-token",
];

/// What a mirrored request of one route is tried against: fixed for one configuration.
#[derive(Debug)]
pub struct Experiment {
    /// The route's name; the metric label `route`.
    pub route: Arc<str>,
    /// Key of the epoch that its evidence belongs to; set once, when every route is known.
    pub epoch: OnceLock<Arc<str>>,
    /// Whether that is asked at all; set once, when the gate is told of it.
    pub breaker: OnceLock<Arc<Breaker>>,
    /// The backend under trial.
    pub shadow: Arc<upstream::Settings>,
    /// Bound on the whole exchange with shadow or control, from the offer.
    pub timeout: Duration,
    /// How long what is under way to shadow and control may go on once mirroring is stopped.
    pub drain: Duration,
    /// The second asking of stable, if one is configured.
    pub control: Option<ControlPlan>,
    /// How answers are compared.
    pub rules: Arc<compare::Rules>,
    /// How paths become endpoints.
    pub endpoints: Arc<evidence::Endpoints>,
    /// Whether the copy carries the client's credentials.
    pub credentials: Credentials,
    /// Put behind the copy's `Idempotency-Key`, and the leg's name behind it; `None` leaves the key as it is.
    pub idempotency_suffix: Option<String>,
    /// Fields set on the copy.
    pub set_headers: Vec<(HeaderName, HeaderValue)>,
    /// Fields removed from the copy.
    pub remove_headers: Vec<HeaderName>,
    /// The mark put on the copy: its field name; `None` for off.
    pub mark: Option<HeaderName>,
    /// Largest response body that is captured whole, in bytes.
    pub max_capture: usize,
    /// Fields and body paths that are replaced by a keyed hash before anything is stored or shown.
    pub redact: Arc<[String]>,
}

/// The control leg of a route.
#[derive(Clone, Debug)]
pub struct ControlPlan {
    /// Which share of the mirrored requests it is asked for.
    pub percent: Ppm,
    /// Where it is.
    pub upstream: Arc<upstream::Settings>,
}

/// What a [`Policy`] is made of.
#[derive(Clone, Debug)]
pub struct PolicySettings {
    /// The route's name.
    pub route: Arc<str>,
    /// Whether there is a shadow to mirror to.
    pub has_shadow: bool,
    /// The share.
    pub percent: Ppm,
    /// What decides alike.
    pub sample_by: SampleBy,
    /// Key of the sampling hash.
    pub seed: u64,
    /// Methods that may be mirrored.
    pub methods: Vec<Method>,
    /// Largest request body that is copied, in bytes.
    pub max_body: usize,
    /// Largest response body that is captured whole, in bytes.
    pub max_capture: usize,
}

impl Experiment {
    /// Key of the epoch that its evidence belongs to; empty before it is set.
    pub fn epoch(&self) -> &str {
        self.epoch.get().map_or("", |key| key)
    }

    /// Whether one more may be asked.
    ///
    /// # Errors
    /// [`Refusal::BreakerOpen`].
    pub fn pass(&self) -> Result<Option<Pass>, Refusal> {
        self.breaker.get().map(Breaker::admit).transpose()
    }

    /// Whether shadow or control is told whose a request is, by the PROXY protocol.
    pub fn tells_client(&self) -> bool {
        let control = self.control.as_ref().is_some_and(|plan| plan.upstream.proxy_protocol.is_on());
        control || self.shadow.proxy_protocol.is_on()
    }
}

impl Policy {
    /// A policy with its configured share in force.
    #[must_use]
    pub fn new(s: PolicySettings) -> Self {
        Policy {
            route: s.route,
            has_shadow: s.has_shadow,
            configured: s.percent,
            percent: AtomicU32::new(s.percent.parts()),
            sample_by: s.sample_by,
            seed: s.seed,
            methods: s.methods,
            max_body: s.max_body,
            max_capture: s.max_capture,
        }
    }

    /// The share in force.
    #[must_use]
    pub fn percent(&self) -> Ppm {
        Ppm::new(self.percent.load(Ordering::Relaxed))
    }

    /// Changes the share for the next request on.
    pub fn set_percent(&self, percent: Ppm) {
        self.percent.store(percent.parts(), Ordering::Relaxed);
    }
}
