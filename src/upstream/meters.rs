//! What a pool tells of its leg.

use std::cell::OnceCell;

use super::ConnectError;
use crate::model::Leg;
use crate::telemetry::Metrics;

/// Metric handles of one leg, looked up once.
pub(super) struct Meters {
    pub(super) active: metrics::Gauge,
    pub(super) idle: metrics::Gauge,
    /// Looked up at the first contact: before it nobody knows.
    up: OnceCell<metrics::Gauge>,
    leg: Leg,
    metrics: Metrics,
    connected: metrics::Counter,
    refused: metrics::Counter,
    timed_out: metrics::Counter,
    /// Whether it is the probes that say if the leg is up.
    probed: bool,
}

impl Meters {
    pub(super) fn new(of: Leg, metrics: &Metrics, probed: bool) -> Self {
        let leg = of.label();
        Meters {
            leg: of,
            metrics: metrics.clone(),
            active: metrics.leg_connections.with([leg, "active"]),
            idle: metrics.leg_connections.with([leg, "idle"]),
            up: OnceCell::new(),
            connected: metrics.leg_connects.with([leg, "ok"]),
            refused: metrics.leg_connects.with([leg, "error"]),
            timed_out: metrics.leg_connects.with([leg, "timeout"]),
            probed,
        }
    }

    /// Whether the leg was reached just now.
    pub(super) fn reached(&self, up: bool) {
        if !self.probed {
            let gauge = self.up.get_or_init(|| self.metrics.leg_up.with([self.leg.label()]));
            gauge.set(if up { 1.0 } else { 0.0 });
        }
    }

    /// What came of making a connection.
    pub(super) fn connected<T>(&self, made: &Result<T, ConnectError>) {
        match made {
            Ok(_) => self.connected.increment(1),
            Err(ConnectError::Timeout(_)) => self.timed_out.increment(1),
            Err(_) => self.refused.increment(1),
        }
        self.reached(made.is_ok());
    }

    /// An address is left out for a while.
    pub(super) fn ejected(&self) {
        self.metrics.leg_errors.with([self.leg.label(), "ejected"]).increment(1);
    }

    /// The leg that is told of.
    pub(super) fn leg(&self) -> Leg {
        self.leg
    }
}
