//! A body that passes every frame on and shows it to a [`Tap`] on the way; the tap can neither hold nor change it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// What is shown what passes.
pub trait Tap: Unpin {
    /// A piece of the body passes.
    fn data(&mut self, chunk: &Bytes);

    /// The trailer fields pass.
    fn trailers(&mut self, fields: &HeaderMap) {
        let _ = fields;
    }

    /// Nothing passes any more; called exactly once.
    fn end(self, end: End)
    where
        Self: Sized;
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
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
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
                // A body of known length is never polled again once its last byte passed.
                if this.inner.is_end_stream() {
                    this.end(End::Complete);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
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
