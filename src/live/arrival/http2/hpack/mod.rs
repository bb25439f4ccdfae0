//! Reads the field compression of HTTP/2 (RFC 7541) beside h2, whose reading nobody can look into. Pure: bytes in, fields out.

mod decoder;
mod huffman;
mod integer;
mod table;

pub(super) use decoder::{Decoder, Field};

/// A block that cannot be decoded, after which nobody knows what the next one means: a connection error of type
/// `COMPRESSION_ERROR` (RFC 9113 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

/// Why a block is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is none.
    Undecodable,
    /// Its fields are more than they may be: a byte can stand for 4 KiB.
    TooLarge,
}

impl From<Undecodable> for Unreadable {
    fn from(_: Undecodable) -> Self {
        Unreadable::Undecodable
    }
}
