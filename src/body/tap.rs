//! A body that passes every frame on and shows it to a [`Tap`] on the way; the tap can neither hold nor change it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// What is shown what passes.
pub trait Tap: Unpin {
    /// A piece of the body passes.
    fn data(&mut self, chunk: &Bytes);

    /// The source was asked and has nothing to give yet.
    fn waits(&mut self) {}

    /// The body is to look as if something came, though nothing will.
    fn holds_open(&self) -> bool {
        false
    }

    /// The trailer fields pass.
    fn trailers(&mut self, fields: &HeaderMap) {
        let _ = fields;
    }

    /// Nothing passes any more; called exactly once.
    fn end(self, end: End)
    where
        Self: Sized;
}

/// Nobody listens to it.
impl<T: Tap> Tap for Option<T> {
    fn data(&mut self, chunk: &Bytes) {
        if let Some(tap) = self {
            tap.data(chunk);
        }
    }

    fn waits(&mut self) {
        if let Some(tap) = self {
            tap.waits();
        }
    }

    fn holds_open(&self) -> bool {
        self.as_ref().is_some_and(Tap::holds_open)
    }

    fn trailers(&mut self, fields: &HeaderMap) {
        if let Some(tap) = self {
            tap.trailers(fields);
        }
    }

    fn end(self, end: End) {
        if let Some(tap) = self {
            tap.end(end);
        }
    }
}

/// Where it would make the body large, which is moved from hand to hand.
impl<T: Tap> Tap for Box<T> {
    fn data(&mut self, chunk: &Bytes) {
        (**self).data(chunk);
    }

    fn waits(&mut self) {
        (**self).waits();
    }

    fn holds_open(&self) -> bool {
        (**self).holds_open()
    }

    fn trailers(&mut self, fields: &HeaderMap) {
        (**self).trailers(fields);
    }

    fn end(self, end: End) {
        (*self).end(end);
    }
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every byte passed.
    Complete,
    /// Its source broke off.
    Failed,
    /// Nobody wanted the rest.
    Dropped,
}

/// A body with a tap on it.
#[derive(Debug)]
pub struct Tapped<B: Body, T: Tap> {
    inner: B,
    tap: Option<T>,
}

impl<B: Body, T: Tap> Tapped<B, T> {
    /// Puts a tap on a body.
    pub fn new(inner: B, tap: T) -> Self {
        Tapped { inner, tap: Some(tap) }
    }

    fn end(&mut self, end: End) {
        if let Some(tap) = self.tap.take() {
            tap.end(end);
        }
    }

    fn holds_open(&self) -> bool {
        self.tap.as_ref().is_some_and(Tap::holds_open)
    }
}

impl<B, T> Body for Tapped<B, T>
where
    B: Body<Data = Bytes> + Unpin,
    T: Tap,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            if let Some(tap) = this.tap.as_mut() {
                tap.waits();
            }
            return Poll::Pending;
        };
        match &frame {
            None => this.end(End::Complete),
            Some(Err(_)) => this.end(End::Failed),
            Some(Ok(frame)) => {
                if let Some(tap) = this.tap.as_mut() {
                    if let Some(chunk) = frame.data_ref() {
                        tap.data(chunk);
                    } else if let Some(fields) = frame.trailers_ref() {
                        tap.trailers(fields);
                    }
                }
                // Nothing follows trailers, and a body of known length is never polled again once its last byte passed.
                if frame.is_trailers() || this.inner.is_end_stream() {
                    this.end(End::Complete);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && !self.holds_open()
    }

    fn size_hint(&self) -> SizeHint {
        if self.holds_open() { SizeHint::default() } else { self.inner.size_hint() }
    }
}

impl<B: Body, T: Tap> Drop for Tapped<B, T> {
    fn drop(&mut self) {
        // An empty body is complete without ever being polled.
        let end = if self.inner.is_end_stream() { End::Complete } else { End::Dropped };
        self.end(end);
    }
}

#[cfg(test)]
#[path = "tap_tests.rs"]
mod tests;

#[cfg(test)]
mod ends {
    use std::cell::RefCell;
    use std::convert::Infallible;
    use std::rc::Rc;

    use http_body_util::StreamBody;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Rc<RefCell<Vec<String>>>);

    impl Tap for Log {
        fn data(&mut self, chunk: &Bytes) {
            self.0.borrow_mut().push(format!("{chunk:?}"));
        }

        fn waits(&mut self) {
            self.0.borrow_mut().push("waits".to_owned());
        }

        fn end(self, end: End) {
            self.0.borrow_mut().push(format!("{end:?}"));
        }
    }

    /// What a tap is shown when a body of these frames is polled so often and then dropped.
    fn shown(frames: Vec<Frame<Bytes>>, polls: usize, stays_open: bool) -> Vec<String> {
        use futures_util::StreamExt;
        let frames = futures_util::stream::iter(frames.into_iter().map(Ok::<_, Infallible>));
        let stream = if stays_open {
            frames.chain(futures_util::stream::pending()).boxed_local()
        } else {
            frames.boxed_local()
        };
        let log = Log::default();
        let mut body = Tapped::new(StreamBody::new(stream), log.clone());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for _ in 0..polls {
            let _ = Pin::new(&mut body).poll_frame(&mut cx);
        }
        drop(body);
        log.0.take()
    }

    #[test]
    fn trailers_are_an_end_though_nobody_asks_for_more() {
        let frames = || vec![Frame::data(Bytes::from_static(b"a")), Frame::trailers(HeaderMap::new())];
        assert_eq!(shown(frames(), 2, false), ["b\"a\"", "Complete"]);
        assert_eq!(shown(frames(), 1, false), ["b\"a\"", "Dropped"]);
    }

    #[test]
    fn an_end_is_shown_once_and_a_wait_while_it_lasts() {
        let frames = || vec![Frame::data(Bytes::from_static(b"a"))];
        assert_eq!(shown(frames(), 3, false), ["b\"a\"", "Complete"]);
        assert_eq!(shown(frames(), 3, true), ["b\"a\"", "waits", "waits", "Dropped"]);
    }
}
