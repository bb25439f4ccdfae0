//! One header block after the other, field by field: RFC 7541 sections 3 and 6.

use std::ops::Range;

use super::table::{Entry, OVERHEAD, Table};
use super::{Undecodable, Unreadable, huffman, integer};

/// Reads the blocks of one direction of one connection, which must be given to it all, whole and in order.
#[derive(Debug)]
pub(in crate::live::arrival::http2) struct Decoder {
    table: Table,
    name: Vec<u8>,
    value: Vec<u8>,
    /// What the fields of one block may be in all, each counted as RFC 7541 section 4.1 has it.
    most: usize,
}

/// What is kept of the room for a name or a value between two blocks.
const KEPT: usize = 1024;

/// A field of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::live::arrival::http2) struct Field<'a> {
    pub(in crate::live::arrival::http2) name: &'a [u8],
    pub(in crate::live::arrival::http2) value: &'a [u8],
    /// Where in the block it stands.
    pub(in crate::live::arrival::http2) at: Range<usize>,
    /// Later blocks may name it by number.
    pub(in crate::live::arrival::http2) remembered: bool,
}

impl Decoder {
    pub(in crate::live::arrival::http2) fn new(most: usize) -> Self {
        Decoder { table: Table::new(), name: Vec::new(), value: Vec::new(), most }
    }

    /// Shows every field of a block; answers how many bytes before the first one change the size of the table.
    ///
    /// # Errors
    /// It is none, or its fields are too large; what came of it until then was shown.
    pub(in crate::live::arrival::http2) fn decode(
        &mut self,
        block: &[u8],
        mut each: impl FnMut(Field<'_>),
    ) -> Result<usize, Unreadable> {
        let (mut at, mut sized) = (0, 0);
        let mut left = Some(self.most);
        let mut each = |field: Field<'_>| {
            left = left.and_then(|left| left.checked_sub(field.name.len() + field.value.len() + OVERHEAD));
            if left.is_some() {
                each(field);
            }
            left.is_some()
        };
        for text in [&mut self.name, &mut self.value] {
            if text.capacity() > KEPT {
                *text = Vec::new();
            }
        }
        while let Some(first) = block.get(at) {
            let rest = &block[at..];
            if first & 0x80 != 0 {
                let (index, length) = integer::read(rest, 7)?;
                let (name, value) = self.table.get(index)?;
                if !each(Field { name, value, at: at..at + length, remembered: false }) {
                    return Err(Unreadable::TooLarge);
                }
                at += length;
            } else if first & 0xe0 == 0x20 {
                // Section 4.2: at the beginning of a block and nowhere else.
                if at > sized {
                    return Err(Unreadable::Undecodable);
                }
                let (size, length) = integer::read(rest, 5)?;
                self.table.resize(size)?;
                at += length;
                sized = at;
            } else {
                at = self.literal(block, at, &mut each)?;
            }
        }
        Ok(sized)
    }

    /// A field that is written out from `at` on; answers where it ends.
    fn literal(
        &mut self,
        block: &[u8],
        begin: usize,
        each: &mut impl FnMut(Field<'_>) -> bool,
    ) -> Result<usize, Unreadable> {
        let remembered = block[begin] & 0x40 != 0;
        let (index, length) = integer::read(&block[begin..], if remembered { 6 } else { 4 })?;
        let mut at = begin + length;
        let name = match index {
            0 => string(block, &mut at, &mut self.name)?,
            _ => self.table.get(index)?.0,
        };
        let value = string(block, &mut at, &mut self.value)?;
        if !each(Field { name, value, at: begin..at, remembered }) {
            return Err(Unreadable::TooLarge);
        }
        if remembered {
            let entry = Entry::new(name, value);
            self.table.insert(entry);
        }
        Ok(at)
    }
}

/// Section 5.2: the string at `at`, which is moved behind it.
fn string<'a>(block: &'a [u8], at: &mut usize, text: &'a mut Vec<u8>) -> Result<&'a [u8], Undecodable> {
    let rest = block.get(*at..).unwrap_or_default();
    let coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let (length, begin) = integer::read(rest, 7)?;
    let bytes = rest.get(begin..begin + length).ok_or(Undecodable)?;
    *at += begin + length;
    if !coded {
        return Ok(bytes);
    }
    text.clear();
    huffman::decode(bytes, text)?;
    Ok(text)
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
