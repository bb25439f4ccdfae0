//! A body that is there in full: what a copy is sent with.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::model::Chunks;

/// Pieces in order, of known length.
#[derive(Debug, Default)]
pub struct Whole {
    parts: std::vec::IntoIter<Bytes>,
    left: u64,
}

impl From<Chunks> for Whole {
    fn from(chunks: Chunks) -> Self {
        let left = chunks.len() as u64;
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
            self.left -= part.len() as u64;
            Ok(Frame::data(part))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
