//! Judges header blocks, and writes what h2 is given in place of one that is not to be passed on.
//!
//! h2 keeps a table of fields that blocks refer to by number, so in place of a block it must be given one that does the
//! same to its table: each field that was to be remembered, in its order, and then one that makes the message malformed.

use super::fields::{Worth, is_name, is_readable, judge};
use super::frame::{CONTINUATION, Code, END_HEADERS, END_STREAM, HEADERS, Head, MAX_PAYLOAD};
use super::hpack::{Decoder, Field, Unreadable};
use super::streams::Place;
use crate::live::request::http2::BAD_TARGET;

/// A literal that is not remembered.
const LITERAL: u8 = 0x00;
/// A literal that is.
const REMEMBERED: u8 = 0x40;

/// Fields that room is kept for between two blocks.
const KEPT: usize = 128;

/// The blocks of one connection.
#[derive(Debug)]
pub(super) struct Blocks {
    decoder: Decoder,
    /// The fields of the block at hand that are to be remembered: where they begin and end, and what stands for those
    /// that h2 cannot read.
    remembered: Vec<(usize, usize, Option<Vec<u8>>)>,
}

/// What becomes of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Passed,
    /// This is given to h2 in its place.
    Replaced(Vec<u8>),
}

impl Blocks {
    /// Of a connection whose blocks may be `most` bytes each, once they are read.
    pub(super) fn new(most: usize) -> Self {
        Blocks { decoder: Decoder::new(most), remembered: Vec::new() }
    }

    /// Judges a whole block; every one must come here, for the next ones refer to it.
    ///
    /// # Errors
    /// It cannot be decoded, or nothing can be given in its place.
    pub(super) fn judge(&mut self, block: &[u8], place: Place) -> Result<Fate, Code> {
        let Blocks { decoder, remembered } = self;
        if remembered.capacity() > KEPT {
            *remembered = Vec::new();
        }
        remembered.clear();
        let (mut worst, mut hopeless) = (Worth::Sound, false);
        let sized = decoder.decode(block, |field| {
            worst = worst.max(judge(field.name, field.value, place));
            if field.remembered {
                let readable = is_readable(field.name, field.value);
                let instead = if readable { None } else { readable_instead(&field) };
                hopeless |= !readable && instead.is_none();
                remembered.push((field.at.start, field.at.end, instead));
            }
        });
        let sized = sized.map_err(|error| match error {
            Unreadable::Undecodable => Code::Compression,
            Unreadable::TooLarge => Code::EnhanceYourCalm,
        })?;
        match worst {
            Worth::Sound => Ok(Fate::Passed),
            Worth::Target => {
                let mut instead = block.to_vec();
                write(&mut instead, LITERAL, b"host", BAD_TARGET);
                Ok(Fate::Replaced(instead))
            }
            Worth::Malformed if hopeless => Err(Code::Protocol),
            Worth::Malformed => {
                let mut instead = block[..sized].to_vec();
                for (begin, end, other) in remembered.drain(..) {
                    instead.extend_from_slice(other.as_deref().unwrap_or(&block[begin..end]));
                }
                // Section 8.2.2: h2 resets the stream for it.
                write(&mut instead, LITERAL, b"connection", b"");
                Ok(Fate::Replaced(instead))
            }
        }
    }
}

/// A field that h2 reads and that takes the same room in its table. No later message is sound that refers to the field
/// as a whole or to a name that is none; a name that is one stays, for those may.
fn readable_instead(field: &Field<'_>) -> Option<Vec<u8>> {
    const PSEUDO: [&[u8]; 5] = [b":method", b":scheme", b":authority", b":path", b":protocol"];
    let crossed = |text: &[u8]| vec![b'x'; text.len()];
    let known = PSEUDO.contains(&field.name) || is_name(field.name);
    let name = if known { field.name.to_vec() } else { crossed(field.name) };
    let value = if is_readable(&name, field.value) { field.value.to_vec() } else { crossed(field.value) };
    let mut instead = Vec::new();
    write(&mut instead, REMEMBERED, &name, &value);
    is_readable(&name, &value).then_some(instead)
}

/// Writes a field out, without the Huffman code.
fn write(block: &mut Vec<u8>, how: u8, name: &[u8], value: &[u8]) {
    block.push(how);
    for text in [name, value] {
        integer(block, text.len());
        block.extend_from_slice(text);
    }
}

/// RFC 7541 section 5.1, with a prefix of seven bits.
fn integer(block: &mut Vec<u8>, value: usize) {
    const MOST: usize = 0x7f;
    let Some(mut rest) = value.checked_sub(MOST) else {
        block.push(low_bits(value));
        return;
    };
    block.push(low_bits(MOST));
    while rest > MOST {
        block.push(low_bits(rest) | 0x80);
        rest >>= 7;
    }
    block.push(low_bits(rest));
}

fn low_bits(value: usize) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}

/// The frames of a block.
pub(super) fn frames(stream: u32, last: bool, block: &[u8]) -> Vec<u8> {
    let mut frames = Vec::with_capacity(block.len() + 64);
    let mut parts = block.chunks(MAX_PAYLOAD).peekable();
    let mut kind = HEADERS;
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_none() { END_HEADERS } else { 0 };
        let ends = if kind == HEADERS && last { END_STREAM } else { 0 };
        frames.extend_from_slice(&Head { length: part.len(), kind, flags: end | ends, stream }.bytes());
        frames.extend_from_slice(part);
        kind = CONTINUATION;
    }
    frames
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
