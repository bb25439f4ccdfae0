//! One address of a leg as one worker sees it: its connections, what is under way to it, and how it did of late.

pub mod balance;
pub mod ejection;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body::Body;
use rustls::pki_types::ServerName;
use tokio::sync::Notify;

use super::HttpVersion;
use super::connect::{Connection, Way};
use super::http2::{Multiplexed, Stream};
use crate::model::clock::Instant;
use ejection::Conduct;

/// HTTP/2 connections to one address and from one worker: one does, and more only where the leg allows few streams.
pub(super) const MOST_MULTIPLEXED: usize = 4;

/// An address with the connections to it.
pub(super) struct Endpoint<B> {
    pub(super) address: SocketAddr,
    /// Which of the leg's urls it belongs to.
    pub(super) origin: usize,
    /// The name that it must prove; `None` if it need not.
    pub(super) name: Option<ServerName<'static>>,
    /// What the probes say.
    pub(super) healthy: Cell<bool>,
    /// Requests under way to it.
    pub(super) under_way: Cell<usize>,
    pub(super) conduct: Conduct,
    /// HTTP/1.1 connections, the youngest last.
    pub(super) idle: RefCell<Vec<Idle<B>>>,
    pub(super) shared: RefCell<Vec<Rc<Multiplexed<B>>>>,
    /// What the last connection turned out to speak; `None` before the first.
    pub(super) speaks_two: Cell<Option<bool>>,
    /// No longer an address of the leg: nothing is kept.
    pub(super) gone: Cell<bool>,
    /// Somebody makes a connection that others wait for.
    connecting: Cell<bool>,
    /// A connection was made or not, or a stream ended.
    pub(super) changed: Notify,
}

/// A kept-alive connection.
pub(super) struct Idle<B> {
    pub(super) connection: Connection<B>,
    pub(super) since: Instant,
}

/// The making of a connection that others wait for; over when dropped.
pub(super) struct Connecting<'a, B>(&'a Endpoint<B>);

impl<B> Endpoint<B> {
    pub(super) fn new(address: SocketAddr, origin: usize, name: Option<ServerName<'static>>) -> Self {
        Endpoint {
            address,
            origin,
            name,
            healthy: Cell::new(true),
            under_way: Cell::new(0),
            conduct: Conduct::default(),
            idle: RefCell::default(),
            shared: RefCell::default(),
            speaks_two: Cell::new(None),
            gone: Cell::new(false),
            connecting: Cell::new(false),
            changed: Notify::new(),
        }
    }

    /// Whether its connections carry many exchanges, or may: then nobody makes one while another is being made.
    pub(super) fn shares(&self, protocol: HttpVersion, secure: bool) -> bool {
        match protocol {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
            HttpVersion::Negotiated => secure && self.speaks_two.get() != Some(false),
        }
    }

    /// How it is connected to, by a connection that begins with `header`.
    pub(super) fn way(
        &self,
        protocol: HttpVersion,
        connector: Option<&tokio_rustls::TlsConnector>,
        header: Bytes,
    ) -> Way {
        let tls = connector.cloned().zip(self.name.clone());
        Way { address: self.address, protocol, tls, header }
    }

    /// Whether somebody makes a connection that can be waited for.
    pub(super) fn is_connecting(&self) -> bool {
        self.connecting.get()
    }

    /// Others wait from now on.
    pub(super) fn begin_connecting(&self) -> Connecting<'_, B> {
        self.connecting.set(true);
        Connecting(self)
    }

    /// One request more, or less.
    pub(super) fn begin(&self) {
        self.under_way.set(self.under_way.get() + 1);
    }

    pub(super) fn end(&self) {
        self.under_way.set(self.under_way.get().saturating_sub(1));
    }
}

impl<B> Endpoint<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
{
    /// A stream on a connection that is there, if the leg allows one more; of several the one with the fewest.
    pub(super) fn stream(&self) -> Option<Stream<B>> {
        let shared = self.shared.borrow();
        let open = shared.iter().filter(|connection| !connection.is_closed() && connection.has_room());
        open.min_by_key(|connection| connection.streams()).map(Multiplexed::stream)
    }
}

impl<B> Drop for Connecting<'_, B> {
    fn drop(&mut self) {
        self.0.connecting.set(false);
        self.0.changed.notify_waiters();
    }
}
