//! The connections of one worker to one leg: kept alive last in, first out, bounded, aged out; those of HTTP/2 shared.
//!
//! An HTTP/1.1 connection goes back only when its answer was read to the end and its request written to the end; any other
//! is closed by being dropped, whatever it is in the middle of. Where the leg is told who asks, one is kept for its client
//! alone. A request waits for another's connection only where
//! `max_connections` are in use, or where the leg speaks HTTP/2 and the connection that is being made will carry both.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use tokio_rustls::TlsConnector;

use super::book::{Book, Entry};
use super::connect::Made;
use super::endpoint::balance::{Candidate, choose};
use super::endpoint::ejection::is_failure;
use super::endpoint::{Endpoint, Idle, MOST_MULTIPLEXED};
use super::lease::{Lease, Wire};
use super::meters::Meters;
use super::race::{order, race};
use super::slots::{Slot, Slots};
use super::{ConnectError, HttpVersion, Settings};
use crate::model::clock::{self, Instant};
use crate::model::{Ends, Leg};
use crate::telemetry::Metrics;

/// How long a connection may take to be ready for its next request: some turns of the event loop, on a busy machine too.
const READY: Duration = Duration::from_millis(100);

/// The connections to one leg.
pub struct Pool<B> {
    pub(super) settings: Arc<Settings>,
    book: Arc<Book>,
    seen: RefCell<Arc<Vec<Entry>>>,
    endpoints: RefCell<Vec<Rc<Endpoint<B>>>>,
    connector: Option<TlsConnector>,
    /// Offers HTTP/1.1 only, where the leg may choose otherwise.
    plain: Option<TlsConnector>,
    pub(super) slots: Slots,
    pub(super) gauges: Meters,
    /// Idle HTTP/1.1 connections, over all endpoints.
    kept: Cell<usize>,
    turn: Cell<usize>,
    retired: Cell<bool>,
}

/// What a request is sent on, to whom, and whether it was used before.
pub(super) type Found<B> = (Rc<Endpoint<B>>, Wire<B>, bool);

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(leg: Leg, settings: Arc<Settings>, metrics: &Metrics) -> Rc<Self> {
        let gauges = Meters::new(leg, metrics, settings.health.is_some());
        let pool = Pool {
            book: settings.book().clone(),
            seen: RefCell::default(),
            endpoints: RefCell::default(),
            connector: settings.tls.as_ref().map(|tls| tls.connector(settings.protocol)),
            plain: settings.tls.as_ref().map(|tls| tls.connector(HttpVersion::Http1)),
            slots: Slots::new(settings.max_connections, settings.max_queue),
            gauges,
            kept: Cell::new(0),
            turn: Cell::new(0),
            retired: Cell::new(false),
            settings,
        };
        pool.read(&pool.book.entries());
        Rc::new(pool)
    }

    /// Where it leads.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// A connection that can be written to at once: an idle one, a share of one, or a new one.
    ///
    /// # Errors
    /// [`ConnectError`] when there was none and none could be made, or no place became free.
    pub async fn checkout(self: &Rc<Self>) -> Result<Lease<B>, ConnectError> {
        self.checkout_for(None).await
    }

    /// The same for the requests of one client.
    pub(super) async fn checkout_for(
        self: &Rc<Self>,
        client: Option<&Arc<Ends>>,
    ) -> Result<Lease<B>, ConnectError> {
        let slot = self.slot().await?;
        let now = clock::now();
        let endpoint = self.choose()?;
        if !self.shares(&endpoint) {
            while let Some(mut idle) = self.pop(&endpoint, client) {
                // Each time, however short it idled: what a leg sends right behind an answer, such as the body of an
                // answer to HEAD, comes within microseconds, and would be another client's answer.
                if !idle.connection.socket.is_quiet() {
                    continue;
                }
                // Its task may not have been polled since the end of the last answer. One that is still not ready then
                // writes the end of an upload that its peer does not read, and is closed.
                let sender = &mut idle.connection.sender;
                let ready = sender.is_ready()
                    || matches!(tokio::time::timeout(READY, sender.ready()).await, Ok(Ok(())));
                if ready {
                    return Ok(Lease::new(self, slot, now, (endpoint, Wire::One(idle.connection), true)));
                }
            }
        }
        // Boxed, for it is rare and large: what holds this future is moved for every request.
        let found = Box::pin(self.open(endpoint, client)).await?;
        Ok(Lease::new(self, slot, now, found))
    }

    /// A new connection, whatever is idle.
    ///
    /// # Errors
    /// [`ConnectError`] when none could be made.
    pub async fn connect(self: &Rc<Self>) -> Result<Lease<B>, ConnectError> {
        let (slot, now) = (self.slot().await?, clock::now());
        let found = Box::pin(self.establish(self.choose()?, self.settings.protocol, None)).await?;
        Ok(Lease::new(self, slot, now, found))
    }

    /// A connection that may leave HTTP: one of HTTP/1.1, also where the leg would choose HTTP/2.
    ///
    /// # Errors
    /// As of [`Pool::checkout`].
    pub(super) async fn checkout_to_switch(
        self: &Rc<Self>,
        client: Option<&Arc<Ends>>,
    ) -> Result<Lease<B>, ConnectError> {
        if self.connector.is_none() || self.settings.protocol != HttpVersion::Negotiated {
            return self.checkout_for(client).await;
        }
        let (slot, now) = (self.slot().await?, clock::now());
        let found = Box::pin(self.establish(self.choose()?, HttpVersion::Http1, client)).await?;
        Ok(Lease::new(self, slot, now, found))
    }

    /// What a lease goes on with whose connection had gone: never an idle one of HTTP/1.1, which may have gone as well.
    pub(super) async fn again(&self, client: Option<&Arc<Ends>>) -> Result<Found<B>, ConnectError> {
        self.open(self.choose()?, client).await
    }

    /// Closes what has been idle for too long; to be called every second or so.
    pub fn sweep(&self, now: Instant) {
        self.refresh();
        let keep = self.settings.idle_timeout;
        let young = |since: Instant| now.saturating_duration_since(since) < keep;
        for endpoint in &*self.endpoints.borrow() {
            let mut idle = endpoint.idle.borrow_mut();
            let before = idle.len();
            idle.retain(|i| !i.connection.sender.is_closed() && young(i.since) && i.connection.has_use());
            self.lost(before - idle.len());
            let mut shared = endpoint.shared.borrow_mut();
            shared.retain(|c| !c.is_closed() && (c.streams() > 0 || young(c.idle_since())));
        }
    }

    /// Closes what is idle and keeps nothing from now on.
    pub fn retire(&self) {
        self.retired.set(true);
        self.endpoints.borrow().iter().for_each(|endpoint| self.empty(endpoint));
    }

    /// Keeps an idle connection, within the bound.
    pub(super) fn keep(&self, endpoint: &Endpoint<B>, idle: Idle<B>) {
        if self.settings.proxy_protocol.is_on() && self.kept.get() >= self.settings.max_idle {
            // Most clients leave theirs behind, and this one is here.
            self.close_oldest();
        }
        let room = self.kept.get() < self.settings.max_idle;
        if room && !self.retired.get() && !endpoint.gone.get() && !idle.connection.sender.is_closed() {
            endpoint.idle.borrow_mut().push(idle);
            self.kept.set(self.kept.get() + 1);
            self.gauges.idle.increment(1.0);
        }
    }

    /// An endpoint answered.
    pub(super) fn answered(&self, endpoint: &Endpoint<B>, status: StatusCode) {
        // One refused connection says nothing about those that go on.
        self.gauges.reached(true);
        if is_failure(status) {
            self.failed(endpoint);
        } else {
            endpoint.conduct.succeeded();
        }
    }

    /// Whether there is a choice, so that it matters how an endpoint does.
    pub(super) fn has_choice(&self) -> bool {
        self.endpoints.borrow().len() > 1
    }

    async fn slot(&self) -> Result<Slot<'_>, ConnectError> {
        match self.slots.take() {
            Some(slot) => Ok(slot),
            None => Box::pin(self.slots.wait(self.settings.queue_timeout)).await,
        }
    }

    fn choose(&self) -> Result<Rc<Endpoint<B>>, ConnectError> {
        self.refresh();
        let endpoints = self.endpoints.borrow();
        if let [only] = &endpoints[..] {
            return Ok(only.clone());
        }
        let (now, turn) = (clock::now(), self.turn.get());
        self.turn.set(turn.wrapping_add(1));
        let candidate =
            |e: &Rc<Endpoint<B>>| Candidate { usable: usable(e, now), under_way: e.under_way.get() };
        let candidates: Vec<Candidate> = endpoints.iter().map(candidate).collect();
        let place = choose(self.settings.balance, &candidates, turn, |n| fastrand::usize(..n));
        place.and_then(|place| endpoints.get(place).cloned()).ok_or_else(|| self.unresolved())
    }

    fn unresolved(&self) -> ConnectError {
        let named = self.settings.origins.iter().find(|origin| origin.ip().is_none());
        ConnectError::Resolve { host: named.map(|origin| origin.host.clone()).unwrap_or_default() }
    }

    fn shares(&self, endpoint: &Endpoint<B>) -> bool {
        endpoint.shares(self.settings.protocol, self.connector.is_some())
    }

    /// A share of a connection where the leg speaks HTTP/2, a new connection else.
    async fn open(
        &self,
        endpoint: Rc<Endpoint<B>>,
        client: Option<&Arc<Ends>>,
    ) -> Result<Found<B>, ConnectError> {
        let begun = clock::now();
        while self.shares(&endpoint) {
            if let Some(stream) = endpoint.stream() {
                return Ok((endpoint, Wire::Two(stream), true));
            }
            let full = endpoint.shared.borrow().iter().filter(|c| !c.is_closed()).count();
            let connecting = endpoint.is_connecting();
            if !connecting && full < MOST_MULTIPLEXED {
                let _others_wait = endpoint.begin_connecting();
                return self.establish(endpoint.clone(), self.settings.protocol, client).await;
            }
            let (limit, late) = if connecting {
                (self.settings.connect_timeout, ConnectError::Timeout(self.settings.connect_timeout))
            } else {
                (self.settings.queue_timeout, ConnectError::Queue(self.settings.queue_timeout))
            };
            let changed = endpoint.changed.notified();
            tokio::time::timeout_at(begun + limit, changed).await.map_err(|_| late)?;
        }
        self.establish(endpoint, self.settings.protocol, client).await
    }

    /// A new connection to this endpoint, or to another one if this fails or takes long.
    async fn establish(
        &self,
        endpoint: Rc<Endpoint<B>>,
        protocol: HttpVersion,
        client: Option<&Arc<Ends>>,
    ) -> Result<Found<B>, ConnectError> {
        self.make_room();
        let header = self.settings.proxy_protocol.header(client.map(Arc::as_ref));
        let limit = self.settings.connect_timeout;
        let own = protocol == self.settings.protocol;
        let connector = if own { &self.connector } else { &self.plain }.as_ref();
        let candidates = order(&endpoint, &self.alternatives()).into_iter().map(|e| {
            let way = e.way(protocol, connector, header.clone());
            (e, way)
        });
        let race = race(candidates.collect(), |endpoint| self.failed(endpoint));
        let made = tokio::time::timeout(limit, race).await.unwrap_or_else(|_| {
            self.failed(&endpoint);
            Err(ConnectError::Timeout(limit))
        });
        self.gauges.connected(&made);
        let (endpoint, made) = made?;
        if own {
            endpoint.speaks_two.set(Some(matches!(made, Made::Many(_))));
        }
        let wire = match made {
            Made::One(mut connection) => {
                connection.client = client.map(Arc::downgrade);
                Wire::One(connection)
            }
            Made::Many(connection) => {
                let gauges = (self.gauges.active.clone(), self.gauges.idle.clone());
                let connection = Rc::new(connection.counted(gauges));
                if !self.retired.get() && !endpoint.gone.get() {
                    endpoint.shared.borrow_mut().push(connection.clone());
                }
                Wire::Two(connection.stream())
            }
        };
        Ok((endpoint, wire, false))
    }

    fn alternatives(&self) -> Vec<Rc<Endpoint<B>>> {
        let now = clock::now();
        self.endpoints.borrow().iter().filter(|e| usable(e, now)).cloned().collect()
    }

    /// Closes an idle connection to another endpoint if one more would be too many.
    fn make_room(&self) {
        if self.kept.get() == 0 || self.slots.taken() + self.kept.get() <= self.settings.max_connections {
            return;
        }
        self.close_oldest();
    }

    /// Closes the idle connection that was used least lately.
    fn close_oldest(&self) {
        let endpoints = self.endpoints.borrow();
        let oldest = |e: &&Rc<Endpoint<B>>| e.idle.borrow().first().map(|idle| idle.since);
        let holder = endpoints.iter().filter(|e| oldest(e).is_some()).min_by_key(oldest);
        if let Some(holder) = holder {
            holder.idle.borrow_mut().remove(0);
            self.lost(1);
        }
    }

    fn pop(&self, endpoint: &Endpoint<B>, client: Option<&Arc<Ends>>) -> Option<Idle<B>> {
        let mut idle = endpoint.idle.borrow_mut();
        loop {
            let last = if self.settings.proxy_protocol.is_on() {
                // One by one: there are at most `max_idle`.
                idle.iter().rposition(|i| i.connection.is_of(client)).map(|place| idle.remove(place))
            } else {
                idle.pop()
            };
            let last = last?;
            self.lost(1);
            if !last.connection.sender.is_closed() {
                return Some(last);
            }
        }
    }

    /// Takes over what the back office found out.
    fn refresh(&self) {
        if self.book.is_fixed() {
            return;
        }
        let latest = self.book.entries();
        if !Arc::ptr_eq(&latest, &self.seen.borrow()) {
            self.read(&latest);
        }
    }

    fn read(&self, entries: &Arc<Vec<Entry>>) {
        self.seen.replace(entries.clone());
        let mut endpoints = self.endpoints.borrow_mut();
        let before = std::mem::take(&mut *endpoints);
        for entry in entries.iter() {
            let known = before.iter().find(|e| e.address == entry.address && e.origin == entry.origin);
            let endpoint = known.cloned().unwrap_or_else(|| Rc::new(self.endpoint(entry)));
            endpoint.healthy.set(entry.healthy);
            endpoints.push(endpoint);
        }
        for gone in before.iter().filter(|e| !endpoints.iter().any(|other| Rc::ptr_eq(e, other))) {
            gone.gone.set(true);
            self.empty(gone);
        }
    }

    fn endpoint(&self, entry: &Entry) -> Endpoint<B> {
        let origin = self.settings.origins.get(entry.origin);
        let name = self.settings.tls.as_ref().zip(origin).and_then(|(tls, origin)| tls.name_of(&origin.host));
        Endpoint::new(entry.address, entry.origin, name)
    }

    /// Closes what is idle of an endpoint; what is under way goes on.
    fn empty(&self, endpoint: &Endpoint<B>) {
        self.lost(endpoint.idle.take().len());
        endpoint.shared.take();
    }
}

impl<B> Pool<B> {
    /// An endpoint is to blame for a request without an answer, or for one that said that nobody is there.
    pub(super) fn failed(&self, endpoint: &Endpoint<B>) {
        let now = clock::now();
        let endpoints = self.endpoints.borrow();
        let out = endpoints.iter().filter(|e| !usable(e, now)).count();
        let may_rest = (out + 1) * 2 <= endpoints.len();
        let rest = endpoint.conduct.failed(&self.settings.ejection, now, may_rest);
        if let Some(rest) = rest {
            self.gauges.ejected();
            let (leg, address, failures) = (self.gauges.leg(), endpoint.address, endpoint.conduct.failures());
            tracing::warn!(%leg, %address, failures, ?rest, out = out + 1, of = endpoints.len(), "ejected");
        }
    }

    /// So many idle connections are idle no more.
    fn lost(&self, n: usize) {
        self.kept.set(self.kept.get() - n);
        self.gauges.idle.decrement(count(n));
    }
}

impl<B> Drop for Pool<B> {
    fn drop(&mut self) {
        self.lost(self.kept.get());
    }
}

fn usable<B>(endpoint: &Endpoint<B>, now: Instant) -> bool {
    endpoint.healthy.get() && !endpoint.conduct.rests(now)
}

#[allow(clippy::cast_precision_loss)]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
