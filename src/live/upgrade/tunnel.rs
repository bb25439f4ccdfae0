//! The tunnel after stable's consent: it holds its connection to stable and its request's account for as long as it lives.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::OptionFuture;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::upgrade::OnUpgrade;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Ask;
use super::relay::{Broken, Way, relay};
use super::stream::Stream;
use crate::body::Tapped;
use crate::live::mirror::LiveBody;
use crate::live::request::headers;
use crate::live::stable::answer::{AnswerBody, Arrived, Served};
use crate::model::clock::{self, Instant};
use crate::upstream::Lease;

/// A tunnel that opens once the client has stable's 101.
pub(in crate::live) struct Tunnel {
    // In the order of their drop: the connection is given up before its request counts as ended.
    lease: Lease<LiveBody>,
    served: Served,
    /// The stream of HTTP/2 that it passes on; otherwise it is the whole connection.
    stream: Option<OnUpgrade>,
}

/// Stable's 101 as the client gets it, and the tunnel that is to follow it.
pub(in crate::live) fn open(
    arrived: Arrived,
    protocol: HeaderValue,
    mut served: Served,
    ask: Option<Ask>,
) -> (Response<AnswerBody>, Option<Box<Tunnel>>) {
    let Arrived { response, lease, sent, .. } = arrived;
    let (mut head, _) = response.into_parts();
    served.answered(head.status, sent);
    headers::prepare_response(&mut head.headers);
    let stream = ask.and_then(Ask::into_stream);
    if stream.is_some() {
        Ask::write_stream(&mut head.headers);
        head.status = StatusCode::OK;
        served.told(head.status);
    } else {
        Ask::write_switch(&mut head.headers, protocol);
    }
    head.version = http::Version::HTTP_11;
    let body = Tapped::new(Either::Right(Full::new(Bytes::new())), None);
    (Response::from_parts(head, body), Some(Box::new(Tunnel { lease, served, stream })))
}

impl Tunnel {
    /// Passes bytes both ways until both ends have ended, or one broke; `early` is what the client sent behind its head.
    /// Answers the value of the metric label `reason` if it was the client that broke it.
    pub(in crate::live) async fn pass<C>(
        mut self,
        client: C,
        early: Bytes,
        moved: impl Fn(),
    ) -> Option<&'static str>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        self.join(client, early, moved).await
    }

    /// The same on a stream of HTTP/2, for as long as never nothing passes for `patience`.
    pub(in crate::live) async fn pass_on_stream(mut self: Box<Self>, patience: Duration) {
        // Without it its client left before it had its answer.
        let Some(Ok(upgraded)) = OptionFuture::from(self.stream.take()).await else {
            return self.served.blame("client", "aborted");
        };
        let passed = Cell::new(clock::now());
        let joined = self.join(Stream::new(upgraded), Bytes::new(), || passed.set(clock::now()));
        if while_it_moves(joined, &passed, patience).await.is_none() {
            self.served.blame("client", "tunnel_timeout");
        }
    }

    async fn join<C>(&mut self, mut client: C, early: Bytes, moved: impl Fn()) -> Option<&'static str>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(mut stable) = self.lease.switched().await else {
            self.fail();
            return None;
        };
        let up = (&mut client, Way::beginning_with(early));
        let down = (&mut stable.io, Way::beginning_with(stable.read));
        match relay(up, down, moved).await {
            Ok(()) => None,
            Err(Broken::Client) => {
                self.served.blame("client", "aborted");
                Some("io")
            }
            Err(Broken::Stable) => {
                self.fail();
                None
            }
        }
    }

    /// Stable broke it.
    fn fail(&mut self) {
        self.served.meters().broken_off("reset");
        self.served.blame("stable", "reset");
    }
}

/// Waits for a tunnel's end for as long as something passes; `None` if nothing did for `patience`.
async fn while_it_moves<T>(
    tunnel: impl Future<Output = T>,
    passed: &Cell<Instant>,
    patience: Duration,
) -> Option<T> {
    tokio::pin!(tunnel);
    loop {
        let late = passed.get() + patience;
        tokio::select! {
            biased;
            ended = tunnel.as_mut() => return Some(ended),
            () = tokio::time::sleep_until(late) => if passed.get() + patience <= late {
                return None;
            }
        }
    }
}
