//! Runs the streams of one connection on the worker's own thread, and ends those whose answers pause for too long; their
//! neighbours go on.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::Executor;

use crate::live::arrival::Activity;
use crate::live::arrival::pauses::Place;
use crate::model::clock;

/// hyper's way to run what belongs to one stream.
#[derive(Clone, Debug)]
pub(super) struct Paced(pub(super) Rc<Activity>);

impl<F: Future<Output = ()> + 'static> Executor<F> for Paced {
    fn execute(&self, stream: F) {
        let activity = self.0.clone();
        // Ends with its connection: without one it can neither read nor write.
        tokio::task::spawn_local(async move {
            // In the order of their drop, from the last: the stream is gone before it is forgotten why.
            let mut pacer = Pacer { activity, place: Place::default() };
            let mut stream = pin!(stream);
            poll_fn(|cx| pacer.poll(stream.as_mut(), cx)).await;
        });
    }
}

/// Times one stream.
struct Pacer {
    activity: Rc<Activity>,
    place: Place,
}

impl Pacer {
    /// Ready when the stream is, or when it waited for too long: dropped, h2 resets it.
    fn poll(&mut self, stream: Pin<&mut impl Future<Output = ()>>, cx: &mut Context<'_>) -> Poll<()> {
        let pauses = self.activity.pauses();
        if let Some(ended) = pauses.begin(&self.place) {
            pauses.end(Some(ended));
            return Poll::Ready(());
        }
        if stream.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        pauses.pause(&mut self.place, cx.waker(), clock::now);
        Poll::Pending
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        let pauses = self.activity.pauses();
        pauses.end(None);
        pauses.leave(&mut self.place);
    }
}
