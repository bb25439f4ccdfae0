//! One worker's metric handles for one route, looked up once and kept.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::Gauge;

use crate::gate::Pulse;
use crate::model::{Decision, Leg};
use crate::telemetry::{Histogram, Kept, Metrics};

/// Handles of every series that the way of a request writes.
pub(super) struct RouteMeters {
    metrics: Metrics,
    route: Arc<str>,
    pulse: Arc<Pulse>,
    requests: Kept<(&'static str, u16)>,
    answers: Kept<u16>,
    decisions: Kept<Decision>,
    durations: [OnceCell<Histogram>; 6],
    pub(super) overhead: Histogram,
    in_flight: Gauge,
    pub(super) stable_duration: Histogram,
    pub(super) stable_first_byte: Histogram,
}

/// What the client got when it did not wait for an answer: not a status of HTTP, but what nginx logs and people know.
pub(super) const CLIENT_CLOSED_REQUEST: u16 = 499;

impl RouteMeters {
    pub(super) fn new(metrics: Metrics, route: Arc<str>, pulse: Arc<Pulse>) -> Self {
        let stable = [Leg::Stable.label(), &route];
        RouteMeters {
            overhead: metrics.request_overhead.with([&route]),
            in_flight: metrics.requests_in_flight.with([&route]),
            stable_duration: metrics.leg_duration.with(stable),
            stable_first_byte: metrics.leg_first_byte.with(stable),
            requests: Kept::default(),
            answers: Kept::default(),
            decisions: Kept::default(),
            durations: Default::default(),
            metrics,
            route,
            pulse,
        }
    }

    /// A client request is to be served.
    pub(super) fn begun(&self) {
        self.in_flight.increment(1.0);
        self.pulse.begun();
    }

    /// The route's name.
    pub(super) fn route(&self) -> &str {
        &self.route
    }

    /// A client request ended; `None` if the client went away before it was given a status.
    pub(super) fn served(&self, method: &'static str, status: Option<StatusCode>, took: Duration) {
        self.in_flight.decrement(1.0);
        self.pulse.ended();
        let code = status.map_or(CLIENT_CLOSED_REQUEST, |s| s.as_u16());
        self.requests
            .add((method, code), 1, |_| self.metrics.requests.with([&self.route, method, &code.to_string()]));
        let class = usize::from(code / 100).min(5);
        self.durations[class]
            .get_or_init(|| self.metrics.request_duration.with([&self.route, CLASSES[class]]))
            .record(took);
    }

    /// Stable answered.
    pub(super) fn answered(&self, status: StatusCode) {
        let code = status.as_u16();
        self.pulse.answered(!status.is_server_error());
        self.answers.add(code, 1, |_| {
            self.metrics.leg_requests.with([Leg::Stable.label(), &self.route, &code.to_string()])
        });
    }

    /// Stable gave no answer.
    pub(super) fn unanswered(&self, reason: &'static str) {
        self.pulse.answered(false);
        self.count_error(reason);
    }

    /// Stable broke off an answer that it had begun.
    pub(super) fn broken_off(&self, reason: &'static str) {
        self.pulse.broken_off();
        self.count_error(reason);
    }

    fn count_error(&self, reason: &'static str) {
        self.metrics.leg_errors.with([Leg::Stable.label(), reason]).increment(1);
    }

    /// Whether it is mirrored was decided.
    pub(super) fn decided(&self, decision: Decision) {
        self.decisions
            .add(decision, 1, |_| self.metrics.mirror_decisions.with([&self.route, decision.label()]));
    }
}

const CLASSES: [&str; 6] = ["0xx", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The value of the metric label `method`: a registered method, or `other`.
pub(super) fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Refusal;

    fn value(metrics: &Metrics, series: &str) -> Option<String> {
        let page = metrics.render();
        page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
    }

    #[test]
    fn a_request_is_counted_by_what_the_client_got() {
        let metrics = Metrics::new();
        let meters = RouteMeters::new(metrics.clone(), "orders".into(), Arc::default());
        let took = Duration::from_millis(3);
        meters.served("GET", Some(StatusCode::OK), took);
        meters.served("GET", Some(StatusCode::OK), took);
        meters.served("POST", Some(StatusCode::SERVICE_UNAVAILABLE), took);
        meters.served("GET", None, took);
        // A status that no class knows must not be out of bounds.
        meters.served("GET", StatusCode::from_u16(999).ok(), took);
        let requests = |method: &str, code: u16| {
            let series =
                format!("umbrage_requests_total{{route=\"orders\",method=\"{method}\",code=\"{code}\"}}");
            value(&metrics, &series)
        };
        assert_eq!(requests("GET", 200).as_deref(), Some("2"));
        assert_eq!(requests("POST", 503).as_deref(), Some("1"));
        assert_eq!(requests("GET", 499).as_deref(), Some("1"), "a client that went away");
        assert_eq!(requests("GET", 999).as_deref(), Some("1"));
        let class = "umbrage_request_duration_seconds_count{route=\"orders\",code_class=\"4xx\"}";
        assert_eq!(value(&metrics, class).as_deref(), Some("1"));
    }

    #[test]
    fn each_decision_has_its_own_series() {
        let metrics = Metrics::new();
        let meters = RouteMeters::new(metrics.clone(), "orders".into(), Arc::default());
        meters.decided(Decision::Mirrored);
        meters.decided(Decision::Refused(Refusal::Rate));
        meters.decided(Decision::Refused(Refusal::Rate));
        for (decision, count) in [("mirrored", "1"), ("rate", "2")] {
            let series =
                format!("umbrage_mirror_decisions_total{{route=\"orders\",decision=\"{decision}\"}}");
            assert_eq!(value(&metrics, &series).as_deref(), Some(count));
        }
    }

    #[test]
    fn a_method_that_nobody_registered_is_one_label() {
        for (method, label) in [("GET", "GET"), ("PATCH", "PATCH"), ("get", "other"), ("PROPFIND", "other")] {
            assert_eq!(method_label(&Method::from_bytes(method.as_bytes()).expect("a method")), label);
        }
    }
}
