//! A connection, or a share of one, for one exchange.

use std::rc::Rc;
use std::sync::Weak;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::connect::Connection;
use super::endpoint::{Endpoint, Idle};
use super::http2::Stream;
use super::pool::{Found, Pool};
use super::slots::Slot;
use super::{ConnectError, Gauge, SendError, Switched};
use crate::model::clock::{self, Instant};

/// What an exchange runs on.
pub(super) enum Wire<B> {
    /// A connection of HTTP/1.1, to itself.
    One(Connection<B>),
    /// A stream of HTTP/2.
    Two(Stream<B>),
}

/// A connection in use; closed when dropped, kept when given back. Of HTTP/2 only the stream is closed.
pub struct Lease<B> {
    wire: Option<Wire<B>>,
    pool: Rc<Pool<B>>,
    endpoint: Rc<Endpoint<B>>,
    reused: bool,
    /// Since when there was a place for it: a connection that had to be made came after.
    since: Instant,
    /// Where the stream of a connection that leaves HTTP comes to.
    switched: Option<oneshot::Receiver<Switched>>,
    /// Since when an answer is awaited, where it matters who is slow.
    asked: Option<Instant>,
}

impl<B> Lease<B> {
    pub(super) fn new(
        pool: &Rc<Pool<B>>,
        slot: Slot<'_>,
        since: Instant,
        (endpoint, wire, reused): Found<B>,
    ) -> Self {
        slot.keep();
        endpoint.begin();
        let pool = pool.clone();
        let lease = Lease { wire: None, pool, endpoint, reused, since, switched: None, asked: None };
        lease.on(wire)
    }

    fn on(mut self, wire: Wire<B>) -> Self {
        if let Wire::One(_) = wire {
            self.pool.gauges.active.increment(1.0);
        }
        self.wire = Some(wire);
        self
    }

    /// The wire, counted as in use no more.
    fn take(&mut self) -> Option<Wire<B>> {
        let wire = self.wire.take();
        match wire {
            Some(Wire::One(_)) => self.pool.gauges.active.decrement(1.0),
            Some(Wire::Two(_)) => self.endpoint.changed.notify_waiters(),
            None => {}
        }
        wire
    }

    fn close(&mut self) {
        if let Some(Wire::One(connection)) = self.take() {
            // hyper would go on waiting for a peer that takes no more of the request, and keep the client's body with it.
            connection.task.abort();
        }
    }

    /// Whether the connection was used before, so that it may have gone stale.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether a used connection of HTTP/1.1 ended without a byte of an answer: it had gone stale, or the leg closed it right
    /// behind the answer before.
    pub fn was_stale(&self) -> bool {
        let silent = matches!(&self.wire, Some(Wire::One(connection)) if !connection.gauge.has_heard());
        self.reused && silent
    }

    /// Since when there was a place for it among those under way; a connection that had to be made came after.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether the connection is known to be gone.
    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        matches!(&self.wire, Some(Wire::One(connection)) if connection.sender.is_closed())
    }

    /// What passes on the connection; opened anew by each [`Lease::send`].
    pub fn gauge(&self) -> Gauge {
        match &self.wire {
            Some(Wire::One(connection)) => connection.gauge.clone(),
            Some(Wire::Two(stream)) => stream.gauge(),
            None => Gauge::default(),
        }
    }

    /// The next request asks for another protocol: if the leg switches to it, [`Lease::switched`] has the stream. On a
    /// stream of HTTP/2 nothing is ever switched.
    pub fn may_switch(&mut self) {
        self.switched = match &self.wire {
            Some(Wire::One(connection)) => Some(connection.switch.arm()),
            _ => None,
        };
    }

    /// The stream of a connection that has left HTTP; `None` if it broke before, or was not to be switched. The lease is
    /// to be kept for as long as the stream is used, and can serve no other request.
    pub async fn switched(&mut self) -> Option<Switched> {
        self.switched.take()?.await.ok()
    }

    /// Lets the connection end by itself: its answer is complete, and what is left of the request may still go out.
    pub fn let_go(mut self) {
        if let Some(Wire::Two(stream)) = self.take() {
            stream.let_go();
        }
    }
}

impl<B> Lease<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Writes the request; resolves with the response head.
    ///
    /// # Errors
    /// [`SendError::Unsent`] gives the request back, [`SendError::Broken`] does not.
    pub async fn send(&mut self, mut request: Request<B>) -> Result<Response<Incoming>, SendError<B>> {
        self.pool.settings.write_host_of(self.endpoint.origin, request.headers_mut());
        if self.pool.has_choice() {
            self.asked = Some(clock::now());
        }
        let answered = match self.wire.as_mut() {
            Some(Wire::One(connection)) => alone(connection, request).await,
            // Boxed, for it is the larger of the two: what holds this future is moved for every request.
            Some(Wire::Two(stream)) => Box::pin(stream.send(request)).await,
            None => Err(SendError::Unsent(Box::new(request))),
        };
        self.asked = None;
        match &answered {
            Ok(response) => self.pool.answered(&self.endpoint, response.status()),
            Err(SendError::Broken(_)) if !self.was_stale() => self.pool.failed(&self.endpoint),
            Err(SendError::Broken(_) | SendError::Unsent(_)) => {}
        }
        answered
    }

    /// Goes on with another connection in place of one that had gone: in the same place among those under way.
    ///
    /// # Errors
    /// [`ConnectError`] when none could be made.
    pub async fn reconnect(mut self) -> Result<Self, ConnectError> {
        if let Some(Wire::Two(stream)) = &self.wire {
            // It refused this one, and would refuse the next.
            let gone = stream.connection();
            self.endpoint.shared.borrow_mut().retain(|connection| !Rc::ptr_eq(connection, gone));
        }
        let client = match &self.wire {
            Some(Wire::One(connection)) => connection.client.as_ref().and_then(Weak::upgrade),
            _ => None,
        };
        self.close();
        let (endpoint, wire, _) = Box::pin(self.pool.again(client.as_ref())).await?;
        endpoint.begin();
        self.endpoint.end();
        self.endpoint = endpoint;
        // Once is enough: what refuses twice refuses.
        self.reused = false;
        Ok(self.on(wire))
    }

    /// Keeps the connection for the next request, within the pool's bound.
    pub fn give_back(mut self, now: Instant) {
        if let Some(Wire::One(connection)) = self.take() {
            self.pool.keep(&self.endpoint, Idle { connection, since: now });
        }
    }
}

/// One exchange on a connection of its own.
async fn alone<B>(
    connection: &mut Connection<B>,
    request: Request<B>,
) -> Result<Response<Incoming>, SendError<B>>
where
    B: Body<Data = Bytes> + 'static,
{
    connection.gauge.open();
    let answered = connection.sender.try_send_request(request).await;
    connection.gauge.close();
    answered.map_err(|mut error| match error.take_message() {
        Some(request) => SendError::Unsent(Box::new(request)),
        None => SendError::Broken(error.into_error()),
    })
}

impl<B> Drop for Lease<B> {
    fn drop(&mut self) {
        let late = self.asked.filter(|asked| asked.elapsed() >= self.pool.settings.response_timeout);
        self.close();
        self.endpoint.end();
        if late.is_some() {
            self.pool.failed(&self.endpoint);
        }
        self.pool.slots.release();
    }
}
