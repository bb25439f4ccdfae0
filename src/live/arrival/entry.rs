//! The way of one connection: who it is, may it come in, what does it speak, and then its requests.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use tokio::net::TcpStream;

use super::activity::{Activity, Multiplexed, Verdict};
use super::addresses::{Addresses, Seat};
use super::http2;
use super::preface::{Protocol, spoken};
use super::wire::Limits;
use super::{connection, proxy_protocol};
use crate::live::handle::Way;
use crate::live::peer::{Certified, Peer};
use crate::live::snapshot::Shared;
use crate::live::{Settings, Tls};
use crate::model::{Ends, clock};
use crate::telemetry::Metrics;

/// What every connection of a worker passes.
pub(super) struct Entry {
    shared: Arc<Shared>,
    way: Rc<Way>,
    addresses: Arc<Addresses>,
    proxy_protocol: bool,
    header_timeout: Duration,
    http1: http1::Builder,
    limits: Limits,
    http2: http2::Bounds,
}

/// One connection in the metrics, under the protocol that it turns out to speak.
pub(super) struct Counted<'a> {
    metrics: &'a Metrics,
    protocol: Option<Protocol>,
}

/// Why a connection came to nothing, as a value of the metric label `reason`; `None` where nobody is to blame.
type Ended = Option<&'static str>;

impl Entry {
    pub(super) fn new(
        shared: Arc<Shared>,
        settings: &Settings,
        addresses: Arc<Addresses>,
        way: Rc<Way>,
    ) -> Self {
        let limits = Limits {
            head: settings.max_header_bytes,
            target: settings.max_target_bytes,
            fields: settings.max_fields,
        };
        Entry {
            shared,
            way,
            addresses,
            proxy_protocol: settings.proxy_protocol,
            header_timeout: settings.header_timeout,
            http1: connection::protocol(limits),
            limits,
            http2: http2::Bounds {
                head: settings.max_header_bytes,
                streams: settings.max_streams,
                request: Multiplexed {
                    body: settings.body_timeout,
                    fields: settings.max_fields,
                    target: settings.max_target_bytes,
                },
                tunnels: settings.extended_connect.then_some(settings.tunnel_timeout),
            },
        }
    }

    /// Serves a connection to its end; answers why it ended, if not by the client's or our own good will.
    pub(super) async fn pass(&self, stream: TcpStream, from: SocketAddr, activity: Rc<Activity>) -> Ended {
        let mut counted = Counted::new(&self.shared.metrics);
        // A connection that is gone already has no address any more, and no request either.
        let local = stream.local_addr().unwrap_or(from);
        let own = Ends { source: from, destination: local };
        let (stream, ends, _seat) = match until_told(&activity, self.admit(stream, own, &activity)).await {
            Ok(admitted) => admitted,
            Err(ended) => return ended,
        };
        if let Some(tls) = &self.shared.tls {
            return self.secure(tls, stream, (ends, local), activity, &mut counted).await;
        }
        let plain = async { spoken(&stream, &activity).await.map_err(|_| None) };
        match until_told(&activity, plain).await {
            Ok(protocol) => {
                let peer = Rc::new(Peer::new(ends.source, local).bound_for(ends.destination));
                self.serve(protocol, stream, peer, activity, &mut counted).await
            }
            Err(ended) => ended,
        }
    }

    /// Who is it, and are there too many of it?
    async fn admit(
        &self,
        mut stream: TcpStream,
        own: Ends,
        activity: &Activity,
    ) -> Result<(TcpStream, Ends, Seat), Ended> {
        let mut ends = own;
        if self.proxy_protocol && self.speaks_for_others(own.source) {
            let header = proxy_protocol::read(&mut stream, activity);
            let header = tokio::time::timeout(self.header_timeout, header).await;
            let header = header.map_err(|_| Some("header_timeout"))?;
            ends = header.map_err(|_| Some("proxy_protocol"))?.unwrap_or(own);
            activity.settle(clock::now());
        }
        let Some(seat) = self.addresses.seat(ends.source.ip().to_canonical()) else {
            if self.shared.tls.is_none() {
                turn_away(&stream);
            }
            return Err(Some("address_limit"));
        };
        Ok((stream, ends, seat))
    }

    /// Whom a header of the PROXY protocol is asked of: of those that are trusted, or of everybody where nobody is named.
    fn speaks_for_others(&self, from: SocketAddr) -> bool {
        let snapshot = self.shared.snapshot.load();
        snapshot.trusted_proxies.is_empty() || Peer::new(from, from).is_trusted(&snapshot.trusted_proxies)
    }

    async fn secure(
        &self,
        tls: &Tls,
        stream: TcpStream,
        (ends, local): (Ends, SocketAddr),
        activity: Rc<Activity>,
        counted: &mut Counted<'_>,
    ) -> Ended {
        let shaken = async { tls.accept(stream, &activity).await.map_err(Some) };
        let secured = match until_told(&activity, shaken).await {
            Ok(secured) => secured,
            Err(ended) => return ended,
        };
        activity.settle(clock::now());
        let certified =
            tls.identity_field().map(|field| Certified { field: field.clone(), value: secured.identity });
        let peer = Rc::new(Peer::secure(ends.source, local, certified).bound_for(ends.destination));
        self.serve(secured.protocol, secured.stream, peer, activity, counted).await
    }

    async fn serve<S>(
        &self,
        protocol: Protocol,
        stream: S,
        peer: Rc<Peer>,
        activity: Rc<Activity>,
        counted: &mut Counted<'_>,
    ) -> Ended
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
    {
        counted.speaks(protocol);
        let way = self.way.clone();
        match protocol {
            Protocol::Http1 => {
                connection::serve((&self.http1, self.limits), way, stream, peer, activity).await
            }
            Protocol::Http2 => {
                // Its preface came; what is waited for now is a request.
                activity.settle(clock::now());
                http2::serve(self.http2, way, stream, peer, activity).await
            }
        }
    }
}

/// A step before the first request, given up when the connection is told to end.
async fn until_told<T>(
    activity: &Activity,
    step: impl Future<Output = Result<T, Ended>>,
) -> Result<T, Ended> {
    tokio::select! {
        biased;
        done = step => done,
        verdict = activity.verdict() => Err(match verdict {
            Verdict::Expired(reason) => Some(reason),
            _ => None,
        }),
    }
}

/// Says why, as far as the socket's buffer takes it.
fn turn_away(stream: &TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 1\r\numbrage-error: client; max_connections_per_address\r\ncontent-length: 48\r\nconnection: close\r\n\r\ntoo many connections are open from this address\n";
    let _ = stream.try_read(&mut [0; 8192]);
    let _ = stream.try_write(ANSWER);
}

impl<'a> Counted<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        let counted = Counted { metrics, protocol: None };
        metrics.client_connections.with([counted.label()]).increment(1.0);
        counted
    }

    fn label(&self) -> &'static str {
        self.protocol.map_or("unknown", Protocol::label)
    }

    fn speaks(&mut self, protocol: Protocol) {
        self.metrics.client_connections.with([self.label()]).decrement(1.0);
        self.protocol = Some(protocol);
        self.metrics.client_connections.with([self.label()]).increment(1.0);
        self.metrics.client_connections_total.with([self.label()]).increment(1);
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.metrics.client_connections.with([self.label()]).decrement(1.0);
        if self.protocol.is_none() {
            self.metrics.client_connections_total.with([self.label()]).increment(1);
        }
    }
}
