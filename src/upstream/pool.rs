//! Kept-alive connections of one worker to one leg: last in, first out, bounded, aged out.
//!
//! A connection goes back only when its answer was read to the end and its request written to the end; any other is
//! closed by being dropped, whatever it is in the middle of. Nothing here waits for another request's connection.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::connect::{Connection, connect};
use super::{ConnectError, Gauge, SendError, Settings, Switched};
use crate::model::Leg;
use crate::model::clock::{self, Instant};
use crate::telemetry::Metrics;

/// How long a connection may take to be ready for its next request: some turns of the event loop, on a busy machine too.
const READY: Duration = Duration::from_millis(100);

/// A connection that idled for longer is looked at before it is used: at load none does, and the look costs a call.
const UNSEEN: Duration = Duration::from_millis(1);

/// The idle connections to one leg.
pub struct Pool<B> {
    settings: Arc<Settings>,
    idle: RefCell<Vec<Idle<B>>>,
    gauges: Meters,
    retired: Cell<bool>,
}

struct Idle<B> {
    connection: Connection<B>,
    since: Instant,
}

struct Meters {
    active: metrics::Gauge,
    idle: metrics::Gauge,
    /// Looked up at the first contact: before it nobody knows.
    up: OnceCell<metrics::Gauge>,
    leg: Leg,
    metrics: Metrics,
    connected: metrics::Counter,
    refused: metrics::Counter,
    timed_out: metrics::Counter,
}

/// A connection in use; closed when dropped, kept when given back.
pub struct Lease<B> {
    connection: Option<Connection<B>>,
    pool: Rc<Pool<B>>,
    reused: bool,
    switched: Option<oneshot::Receiver<Switched>>,
}

impl Meters {
    fn new(of: Leg, metrics: &Metrics) -> Self {
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
        }
    }

    /// Whether the leg was reached just now.
    fn reached(&self, up: bool) {
        let gauge = self.up.get_or_init(|| self.metrics.leg_up.with([self.leg.label()]));
        gauge.set(if up { 1.0 } else { 0.0 });
    }
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(leg: Leg, settings: Arc<Settings>, metrics: &Metrics) -> Rc<Self> {
        let gauges = Meters::new(leg, metrics);
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
            if clock::now().saturating_duration_since(idle.since) > UNSEEN
                && !idle.connection.socket.is_quiet()
            {
                continue;
            }
            // Its task may not have been polled since the end of the last answer. One that is still not ready then writes
            // the end of an upload that its peer does not read, and is closed.
            let sender = &mut idle.connection.sender;
            let ready =
                sender.is_ready() || matches!(tokio::time::timeout(READY, sender.ready()).await, Ok(Ok(())));
            if ready {
                return Ok(self.lease(idle.connection, true));
            }
        }
        self.connect().await
    }

    /// A new connection, whatever is idle.
    ///
    /// # Errors
    /// [`ConnectError`] when none could be made.
    pub async fn connect(self: &Rc<Self>) -> Result<Lease<B>, ConnectError> {
        // Boxed, for it is rare and large: what holds this future is moved for every request.
        match Box::pin(connect(&self.settings)).await {
            Ok(connection) => {
                self.gauges.connected.increment(1);
                self.gauges.reached(true);
                Ok(self.lease(connection, false))
            }
            Err(error) => {
                match error {
                    ConnectError::Timeout(_) => self.gauges.timed_out.increment(1),
                    _ => self.gauges.refused.increment(1),
                }
                self.gauges.reached(false);
                Err(error)
            }
        }
    }

    /// Closes what has been idle for too long; to be called every second or so.
    pub fn sweep(&self, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        let before = idle.len();
        let keep = self.settings.idle_timeout;
        idle.retain(|i| !i.connection.sender.is_closed() && now.saturating_duration_since(i.since) < keep);
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
            if !last.connection.sender.is_closed() {
                return Some(last);
            }
        }
        None
    }

    fn lease(self: &Rc<Self>, connection: Connection<B>, reused: bool) -> Lease<B> {
        self.gauges.active.increment(1.0);
        Lease { connection: Some(connection), pool: self.clone(), reused, switched: None }
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

    /// What passes on the connection; opened anew by each [`Lease::send`].
    pub fn gauge(&self) -> Gauge {
        self.connection.as_ref().map(|c| c.gauge.clone()).unwrap_or_default()
    }

    /// Writes the request; resolves with the response head.
    ///
    /// # Errors
    /// [`SendError::Unsent`] gives the request back, [`SendError::Broken`] does not.
    pub async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, SendError<B>> {
        let Some(connection) = self.connection.as_mut() else {
            return Err(SendError::Unsent(Box::new(request)));
        };
        connection.gauge.open();
        let answered = connection.sender.try_send_request(request).await;
        connection.gauge.close();
        if answered.is_ok() {
            // One refused connection says nothing about those that go on.
            self.pool.gauges.reached(true);
        }
        answered.map_err(|mut error| match error.take_message() {
            Some(request) => SendError::Unsent(Box::new(request)),
            None => SendError::Broken(error.into_error()),
        })
    }

    /// The next request asks for another protocol: if the leg switches to it, [`Lease::switched`] has the stream.
    pub fn may_switch(&mut self) {
        self.switched = self.connection.as_ref().map(|connection| connection.switch.arm());
    }

    /// The stream of a connection that has left HTTP; `None` if it broke before, or was not to be switched. The lease is
    /// to be kept for as long as the stream is used, and can serve no other request.
    pub async fn switched(&mut self) -> Option<Switched> {
        self.switched.take()?.await.ok()
    }

    /// Lets the connection end by itself: its answer is complete, and what is left of the request may still go out.
    pub fn let_go(mut self) {
        self.connection = None;
    }

    /// Keeps the connection for the next request, within the pool's bound.
    pub fn give_back(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let pool = &self.pool;
        let mut idle = pool.idle.borrow_mut();
        if !connection.sender.is_closed() && !pool.retired.get() && idle.len() < pool.settings.max_idle {
            idle.push(Idle { connection, since: clock::now() });
            pool.gauges.idle.increment(1.0);
        }
    }
}

impl<B> Drop for Lease<B> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // hyper would go on waiting for a peer that takes no more of the request, and keep the client's body with it.
            connection.task.abort();
        }
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
