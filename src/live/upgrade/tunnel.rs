//! The tunnel after stable's consent: it holds its connection to stable and its request's account for as long as it lives.

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body_util::{Either, Full};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Ask;
use super::relay::{Broken, Way, relay};
use crate::body::Tapped;
use crate::live::mirror::LiveBody;
use crate::live::request::headers;
use crate::live::stable::answer::{AnswerBody, Arrived, Served};
use crate::upstream::Lease;

/// A tunnel that opens once the client has stable's 101.
pub(in crate::live) struct Tunnel {
    // In the order of their drop: the connection is given up before its request counts as ended.
    lease: Lease<LiveBody>,
    served: Served,
}

/// Stable's 101 as the client gets it, and the tunnel that is to follow it.
pub(in crate::live) fn open(
    arrived: Arrived,
    protocol: HeaderValue,
    mut served: Served,
) -> (Response<AnswerBody>, Option<Box<Tunnel>>) {
    let Arrived { response, lease, sent, .. } = arrived;
    let (mut head, _) = response.into_parts();
    served.answered(head.status, sent);
    headers::prepare_response(&mut head.headers);
    Ask::write_switch(&mut head.headers, protocol);
    head.version = http::Version::HTTP_11;
    let body = Tapped::new(Either::Right(Full::new(Bytes::new())), None);
    (Response::from_parts(head, body), Some(Box::new(Tunnel { lease, served })))
}

impl Tunnel {
    /// Passes bytes both ways until both ends have ended, or one broke; `early` is what the client sent behind its head.
    /// Answers the value of the metric label `reason` if it was the client that broke it.
    pub(in crate::live) async fn pass<C>(
        mut self,
        mut client: C,
        early: Bytes,
        moved: impl Fn(),
    ) -> Option<&'static str>
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
        self.served.meters().failed("reset");
        self.served.blame("stable", "reset");
    }
}
