//! The bytes of clients for the fuzz targets: what the wire passes on, what a PROXY header says, and a worker's whole way.

use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hyper::server::conn::http1::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::connection;
use super::proxy_protocol;
use super::wire::{Limits, Wire};
use crate::live::handle::Way;
use crate::live::peer::Peer;
use crate::live::{Settings, Shared};
use crate::model::clock;

/// What hyper would be given of a client's first bytes, all of them there at once.
pub(in crate::live) fn passed(mut sent: &[u8], limits: &Settings) -> Vec<u8> {
    let activity = Rc::new(Activity::new(clock::now(), 0));
    let mut wire = Wire::new(Sent(&mut sent), of(limits), activity);
    let mut passed = Vec::new();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let mut buf = ReadBuf::new(&mut bytes);
        let read = Pin::new(&mut wire).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf);
        if !matches!(read, Poll::Ready(Ok(()))) || buf.filled().is_empty() {
            return passed;
        }
        passed.extend_from_slice(buf.filled());
    }
}

/// Bytes, and then nothing more for now.
struct Sent<'a, 'b>(&'a mut &'b [u8]);

impl AsyncRead for Sent<'_, '_> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let bytes = &mut self.get_mut().0;
        if bytes.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = bytes.split_at(bytes.len().min(buf.remaining()));
        buf.put_slice(now);
        **bytes = later;
        Poll::Ready(Ok(()))
    }
}

/// A header of the PROXY protocol: how long it is and whom it names, or that it is none; `None` while more is needed.
pub(in crate::live) fn proxy_header(bytes: &[u8]) -> Option<Result<(usize, Option<SocketAddr>), ()>> {
    let header = proxy_protocol::parse(bytes, false)?;
    Some(header.map(|header| (header.length, header.client.map(|ends| ends.source))).map_err(|_| ()))
}

/// A worker that serves one connection after another, as its thread's task would.
pub struct Worker {
    way: Rc<Way>,
    protocol: Builder,
    limits: Limits,
}

impl Worker {
    /// A worker with connections to stable of its own.
    #[must_use]
    pub fn new(shared: Arc<Shared>, settings: &Settings) -> Self {
        let limits = of(settings);
        Worker {
            way: Rc::new(Way::new(shared, std::sync::Arc::default(), 1)),
            protocol: connection::protocol(limits),
            limits,
        }
    }

    /// Serves HTTP/1.1 to a client at `from` until the connection ends; answers what a metric would say of why.
    pub async fn serve<S>(&self, stream: S, from: SocketAddr) -> Option<&'static str>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let activity = Rc::new(Activity::new(clock::now(), 0));
        let peer = Rc::new(Peer::new(from, from));
        connection::serve((&self.protocol, self.limits), self.way.clone(), stream, peer, activity).await
    }
}

fn of(settings: &Settings) -> Limits {
    Limits { head: settings.max_header_bytes, target: settings.max_target_bytes, fields: settings.max_fields }
}
