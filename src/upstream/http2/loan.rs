//! A request's body that is lent to hyper, so that it can be taken back while nothing of it was read.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::errand::{Errand, Runner};
use crate::upstream::flood::Gauge;

/// The lender's end.
pub(super) struct Loaned<B>(Rc<Shared<B>>);

/// hyper's end.
pub(super) struct Loan<B>(Rc<Shared<B>>);

struct Shared<B> {
    body: RefCell<Option<B>>,
    begun: Cell<bool>,
    taken_up: Cell<bool>,
    gauge: Gauge,
    runner: Runner,
    errand: Rc<Errand>,
}

impl<B> Loaned<B> {
    pub(super) fn new(body: B, gauge: Gauge, (runner, errand): (Runner, Rc<Errand>)) -> Self {
        Loaned(Rc::new(Shared {
            body: RefCell::new(Some(body)),
            begun: Cell::new(false),
            taken_up: Cell::new(false),
            gauge,
            runner,
            errand,
        }))
    }

    pub(super) fn loan(&self) -> Loan<B> {
        Loan(self.0.clone())
    }

    /// The body as it was lent; `None` if something of it was read.
    pub(super) fn take_back(self) -> Option<B> {
        if self.0.begun.get() { None } else { self.0.body.take() }
    }
}

impl<B> Drop for Loaned<B> {
    fn drop(&mut self) {
        // Of a request that nobody waits for any more nothing is kept but what hyper still writes.
        if !self.0.taken_up.get() {
            self.0.body.take();
        }
    }
}

impl<B> Body for Loan<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut body = self.0.body.borrow_mut();
        // A body that was taken back must not seem to have ended: its stream is over, and resets this one.
        let Some(body) = body.as_mut() else { return Poll::Pending };
        let polled = Pin::new(body).poll_frame(cx);
        if polled.is_ready() {
            self.0.begun.set(true);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        // hyper asks this first when it takes the request up, and again after each piece.
        if !self.0.taken_up.replace(true) {
            self.0.gauge.take_up();
            self.0.runner.begin(&self.0.errand);
        }
        self.0.body.borrow().as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.body.borrow().as_ref().map(Body::size_hint).unwrap_or_default()
    }
}
