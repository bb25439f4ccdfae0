//! Kept-alive connections of one worker to one leg: last in, first out, bounded, aged out.
//!
//! A connection goes back only when its answer was read to the end and its request written to the end; any other is
//! closed by being dropped. Nothing here waits for another request's connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use super::connect::connect;
use super::{ConnectError, SendError, Settings};
use crate::model::Leg;
use crate::model::clock::{self, Instant};
use crate::telemetry::Metrics;

/// The idle connections to one leg.
pub struct Pool<B> {
    settings: Arc<Settings>,
    idle: RefCell<Vec<Idle<B>>>,
    gauges: Gauges,
    retired: Cell<bool>,
}

struct Idle<B> {
    sender: SendRequest<B>,
    since: Instant,
}

struct Gauges {
    active: metrics::Gauge,
    idle: metrics::Gauge,
    up: metrics::Gauge,
    connected: metrics::Counter,
    refused: metrics::Counter,
    timed_out: metrics::Counter,
}

/// A connection in use; closed when dropped, kept when given back.
pub struct Lease<B> {
    sender: Option<SendRequest<B>>,
    pool: Rc<Pool<B>>,
    reused: bool,
}

impl Gauges {
    fn new(leg: Leg, metrics: &Metrics) -> Self {
        let leg = leg.label();
        Gauges {
            active: metrics.leg_connections.with([leg, "active"]),
            idle: metrics.leg_connections.with([leg, "idle"]),
            up: metrics.leg_up.with([leg]),
            connected: metrics.leg_connects.with([leg, "ok"]),
            refused: metrics.leg_connects.with([leg, "error"]),
            timed_out: metrics.leg_connects.with([leg, "timeout"]),
        }
    }
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(leg: Leg, settings: Arc<Settings>, metrics: &Metrics) -> Rc<Self> {
        let gauges = Gauges::new(leg, metrics);
        Rc::new(Pool { settings, idle: RefCell::default(), gauges, retired: Cell::new(false) })
    }

    /// Where it leads.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// A connection that can be written to at once: an idle one, or a new one.
    ///
    /// # Errors
    /// [`ConnectError`] when there was no idle one and none could be made.
    pub async fn checkout(self: &Rc<Self>) -> Result<Lease<B>, ConnectError> {
        while let Some(mut idle) = self.pop() {
            // Its task may not have been polled since the end of the last answer.
            if idle.sender.is_ready() || idle.sender.ready().await.is_ok() {
                return Ok(self.lease(idle.sender, true));
            }
        }
        self.connect().await
    }

    /// A new connection, whatever is idle.
    ///
    /// # Errors
    /// [`ConnectError`] when none could be made.
    pub async fn connect(self: &Rc<Self>) -> Result<Lease<B>, ConnectError> {
        match connect(&self.settings).await {
            Ok(sender) => {
                self.gauges.connected.increment(1);
                self.gauges.up.set(1.0);
                Ok(self.lease(sender, false))
            }
            Err(error) => {
                match error {
                    ConnectError::Timeout(_) => self.gauges.timed_out.increment(1),
                    _ => self.gauges.refused.increment(1),
                }
                self.gauges.up.set(0.0);
                Err(error)
            }
        }
    }

    /// Closes what has been idle for too long; to be called every second or so.
    pub fn sweep(&self, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        let before = idle.len();
        let keep = self.settings.idle_timeout;
        idle.retain(|i| !i.sender.is_closed() && now.saturating_duration_since(i.since) < keep);
        self.gauges.idle.decrement(count(before - idle.len()));
    }

    /// Closes what is idle and keeps nothing from now on.
    pub fn retire(&self) {
        self.retired.set(true);
        let gone = self.idle.take().len();
        self.gauges.idle.decrement(count(gone));
    }

    fn pop(&self) -> Option<Idle<B>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(last) = idle.pop() {
            self.gauges.idle.decrement(1.0);
            if !last.sender.is_closed() {
                return Some(last);
            }
        }
        None
    }

    fn lease(self: &Rc<Self>, sender: SendRequest<B>, reused: bool) -> Lease<B> {
        self.gauges.active.increment(1.0);
        Lease { sender: Some(sender), pool: self.clone(), reused }
    }
}

impl<B> Drop for Pool<B> {
    fn drop(&mut self) {
        self.gauges.idle.decrement(count(self.idle.get_mut().len()));
    }
}

impl<B> Lease<B>
where
    B: Body<Data = Bytes> + 'static,
{
    /// Whether the connection was used before, so that it may have gone stale.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Writes the request; resolves with the response head.
    ///
    /// # Errors
    /// [`SendError::Unsent`] gives the request back, [`SendError::Broken`] does not.
    pub async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, SendError<B>> {
        let Some(sender) = self.sender.as_mut() else {
            return Err(SendError::Unsent(Box::new(request)));
        };
        sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            Some(request) => SendError::Unsent(Box::new(request)),
            None => SendError::Broken(error.into_error()),
        })
    }

    /// Keeps the connection for the next request, within the pool's bound.
    pub fn give_back(mut self) {
        let Some(sender) = self.sender.take() else { return };
        let pool = &self.pool;
        let mut idle = pool.idle.borrow_mut();
        if !sender.is_closed() && !pool.retired.get() && idle.len() < pool.settings.max_idle {
            idle.push(Idle { sender, since: clock::now() });
            pool.gauges.idle.increment(1.0);
        }
    }
}

impl<B> Drop for Lease<B> {
    fn drop(&mut self) {
        self.pool.gauges.active.decrement(1.0);
    }
}

#[allow(clippy::cast_precision_loss)]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
