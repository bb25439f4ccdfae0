//! The end of HTTP on a connection to a leg: after a 101 its stream goes to whoever asked for the switch.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::flood::Guarded;

/// A connection on which the leg has switched to another protocol.
pub struct Switched {
    /// The stream.
    pub io: Guarded,
    /// What the leg sent behind its 101.
    pub read: Bytes,
}

/// Where a connection's task leaves the stream, if anybody wants it.
#[derive(Clone, Default)]
pub(super) struct Switch(Rc<RefCell<Option<oneshot::Sender<Switched>>>>);

impl Switch {
    /// From now on the stream is wanted.
    pub(super) fn arm(&self) -> oneshot::Receiver<Switched> {
        let (to, stream) = oneshot::channel();
        self.0.replace(Some(to));
        stream
    }

    /// HTTP has ended on the connection; the stream is closed if nobody wants it.
    pub(super) fn hand_over(&self, switched: impl FnOnce() -> Switched) {
        if let Some(to) = self.0.take() {
            // Nobody waits any more: then it is closed.
            let _ = to.send(switched());
        }
    }
}
