//! A body that is there in full: what a copy is sent with.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::model::Chunks;

/// Pieces in order, of known length.
#[derive(Debug, Default)]
pub struct Whole {
    parts: std::vec::IntoIter<Bytes>,
    left: Left,
}

/// How many bytes of a [`Whole`] the connection has not taken yet; to be looked at from outside.
#[derive(Clone, Debug, Default)]
pub struct Left(Rc<Cell<u64>>);

impl Left {
    /// Bytes not taken yet.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.get()
    }
}

impl Whole {
    /// What is left of it, also once a connection has it.
    #[must_use]
    pub fn left(&self) -> Left {
        self.left.clone()
    }
}

impl From<Chunks> for Whole {
    fn from(chunks: Chunks) -> Self {
        let left = Left(Rc::new(Cell::new(chunks.len() as u64)));
        Whole { parts: chunks.into_parts().into_iter(), left }
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.parts.next().map(|part| {
            self.left.0.set(self.left.bytes() - part.len() as u64);
            Ok(Frame::data(part))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left.bytes() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.bytes())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn whole(parts: &[&'static str]) -> Whole {
        let mut chunks = Chunks::default();
        for part in parts {
            chunks.push(Bytes::from_static(part.as_bytes()));
        }
        chunks.into()
    }

    fn next(body: &mut Whole) -> Option<Bytes> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match Pin::new(body).poll_frame(&mut cx) {
            Poll::Ready(frame) => frame.map(|f| f.unwrap().into_data().unwrap()),
            Poll::Pending => panic!("a body that is there is never waited for"),
        }
    }

    #[test]
    fn its_parts_come_in_order_and_its_size_is_exact_at_every_step() {
        let mut body = whole(&["ab", "", "cde"]);
        let left = body.left();
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
        assert_eq!(next(&mut body).unwrap(), "ab");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
        assert_eq!(left.bytes(), 3, "seen from outside");
        assert_eq!(next(&mut body).unwrap(), "cde");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert_eq!(next(&mut body), None);
    }

    #[test]
    fn an_empty_one_is_over_before_it_begins() {
        for mut body in [whole(&[]), whole(&["", ""]), Whole::default()] {
            assert!(body.is_end_stream());
            assert_eq!(body.size_hint().exact(), Some(0));
            assert_eq!(next(&mut body), None);
        }
    }
}
