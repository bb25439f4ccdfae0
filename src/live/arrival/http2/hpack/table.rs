//! The fields that a block may name by number: RFC 7541 section 2.3 and appendix A.

use std::collections::VecDeque;

use super::Undecodable;

/// What a field costs beside its name and value (section 4.1).
pub(super) const OVERHEAD: usize = 32;

/// The size that we announce none other than (RFC 9113 section 6.5.2, `SETTINGS_HEADER_TABLE_SIZE`).
pub(super) const MAX_SIZE: usize = 4096;

/// The numbers from 1 on, whatever came before.
#[rustfmt::skip]
static FIXED: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The table of one direction of one connection, at most [`MAX_SIZE`].
#[derive(Debug)]
pub(super) struct Table {
    /// The newest first.
    entries: VecDeque<Entry>,
    size: usize,
    limit: usize,
}

/// A field that was to be remembered: its name and behind it its value.
#[derive(Debug)]
pub(super) struct Entry {
    text: Box<[u8]>,
    name: usize,
}

impl Entry {
    pub(super) fn new(name: &[u8], value: &[u8]) -> Self {
        Entry { text: [name, value].concat().into(), name: name.len() }
    }

    fn size(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

impl Table {
    pub(super) fn new() -> Self {
        Table { entries: VecDeque::new(), size: 0, limit: MAX_SIZE }
    }

    /// Name and value of the field with this number.
    pub(super) fn get(&self, index: usize) -> Result<(&[u8], &[u8]), Undecodable> {
        let place = index.checked_sub(1).ok_or(Undecodable)?;
        if let Some((name, value)) = FIXED.get(place) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let entry = self.entries.get(place - FIXED.len()).ok_or(Undecodable)?;
        Ok(entry.text.split_at(entry.name))
    }

    /// Remembers a field; one that is larger than the table empties it (section 4.4).
    pub(super) fn insert(&mut self, entry: Entry) {
        let size = entry.size();
        self.shrink(self.limit.saturating_sub(size));
        if size <= self.limit {
            self.size += size;
            self.entries.push_front(entry);
        }
    }

    /// The sender changes its size (section 6.3).
    pub(super) fn resize(&mut self, limit: usize) -> Result<(), Undecodable> {
        if limit > MAX_SIZE {
            return Err(Undecodable);
        }
        self.limit = limit;
        self.shrink(limit);
        Ok(())
    }

    fn shrink(&mut self, most: usize) {
        while self.size > most {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.size -= oldest.size();
        }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.size
    }
}
