//! A bounded copy of a body: complete, digest only, or absent with a reason.

use bytes::{Bytes, BytesMut};

/// The bytes of a body in the pieces in which they passed; joined only where somebody reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    parts: Vec<Bytes>,
    len: usize,
}

impl Chunks {
    /// Adds a piece; an empty one is not kept.
    pub fn push(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.len += part.len();
            self.parts.push(part);
        }
    }

    /// Bytes in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces in order.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter()
    }

    /// The pieces, given away.
    #[must_use]
    pub fn into_parts(self) -> Vec<Bytes> {
        self.parts
    }

    /// The body as one piece; copies only when there are several.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        match self.parts.len() {
            0 => Bytes::new(),
            1 => self.parts.remove(0),
            _ => {
                let mut whole = BytesMut::with_capacity(self.len);
                for part in &self.parts {
                    whole.extend_from_slice(part);
                }
                whole.freeze()
            }
        }
    }
}

impl From<Bytes> for Chunks {
    fn from(bytes: Bytes) -> Self {
        let mut chunks = Chunks::default();
        chunks.push(bytes);
        chunks
    }
}

/// What was kept of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Every byte.
    Complete(Chunks),
    /// The body went over the cap: its length in bytes and the BLAKE3 hash of all of it.
    Digest {
        /// Bytes in all.
        len: u64,
        /// BLAKE3 of all bytes.
        hash: [u8; 32],
    },
    /// Nothing that could be compared.
    Absent(Absent),
}

impl Capture {
    /// Length of the body in bytes, where it is known.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        match self {
            Capture::Complete(chunks) => Some(chunks.len() as u64),
            Capture::Digest { len, .. } => Some(*len),
            Capture::Absent(_) => None,
        }
    }

    /// True for a complete capture of no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

/// Why there is no capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absent {
    /// The body ended before it was complete: a reset, a short body, a client that went away.
    Truncated,
    /// The byte budget was used up.
    Memory,
    /// The body went on past the bound up to which it is drained.
    TooLong,
}
