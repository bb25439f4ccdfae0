//! The tunnels of one HTTP/2 connection: each is a stream, and none outlives the connection.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::{Rc, Weak};
use std::time::Duration;

use http::Response;
use tokio::task::JoinSet;

use crate::live::stable::answer::AnswerBody;
use crate::live::upgrade::Tunnel;

/// Those that are open. `listen.max_streams` bounds them.
pub(super) struct Tunnels {
    open: Rc<RefCell<JoinSet<()>>>,
    /// How long nothing may pass in one.
    patience: Duration,
}

/// Opens one more, for as long as the connection lives.
#[derive(Clone)]
pub(super) struct Opener {
    open: Weak<RefCell<JoinSet<()>>>,
    patience: Duration,
}

impl Tunnels {
    pub(super) fn new(patience: Duration) -> Self {
        Tunnels { open: Rc::default(), patience }
    }

    pub(super) fn opener(&self) -> Opener {
        Opener { open: Rc::downgrade(&self.open), patience: self.patience }
    }
}

impl Opener {
    /// Hands an answer to hyper, which gives its stream to the tunnel that follows it, if one does.
    pub(super) async fn deliver(
        self,
        answer: impl Future<Output = (Response<AnswerBody>, Option<Box<Tunnel>>)>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let (response, tunnel) = answer.await;
        if let (Some(tunnel), Some(open)) = (tunnel, self.open.upgrade()) {
            let mut open = open.borrow_mut();
            while open.try_join_next().is_some() {}
            open.spawn_local(tunnel.pass_on_stream(self.patience));
        }
        Ok(response)
    }
}
