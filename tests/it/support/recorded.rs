//! What a backend saw: the bytes of a head exactly as they came, and the body.

use super::wire::{self, Broken, Fields, Reader};
use std::io::Read;

/// One request, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedRequest {
    /// Which connection brought it, from 0.
    pub connection: usize,
    /// The head's bytes with its empty line.
    pub head: Vec<u8>,
    /// The method.
    pub method: String,
    /// The target as written.
    pub target: String,
    /// The version as written.
    pub version: String,
    /// The fields in their order and case.
    pub headers: Fields,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Whether the body came in chunks.
    pub chunked: bool,
    /// The trailers.
    pub trailers: Fields,
    /// Whether the whole body came.
    pub complete: bool,
    /// Whether no more of it will come.
    pub(super) ended: bool,
}

impl RecordedRequest {
    /// Reads a head.
    pub(super) fn of_head(connection: usize, head: Vec<u8>) -> Self {
        let (line, headers) = wire::parse_head(&head);
        let mut words = line.split(' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        let (method, target, version) = (word(), word(), word());
        let chunked = wire::is_chunked(&headers);
        RecordedRequest { connection, head, method, target, version, headers, chunked, ..Self::default() }
    }

    /// Reads the body that the head announces.
    pub(super) fn read_body<R: Read>(&mut self, reader: &mut Reader<R>) -> Result<(), Broken> {
        let read = if self.chunked {
            reader.chunked(&mut self.body, &mut self.trailers)
        } else {
            wire::declared(&self.headers)
                .and_then(|length| reader.exactly(length.unwrap_or(0), &mut self.body))
        };
        self.complete = read.is_ok();
        self.ended = true;
        read
    }

    /// The first value of a field, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::first(&self.headers, name)
    }

    /// Every value of a field, in order.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        wire::all(&self.headers, name)
    }

    /// The head as text.
    pub fn head_text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the connection ends after its answer.
    pub(super) fn is_last(&self) -> bool {
        let close = self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        close || self.version == "HTTP/1.0"
    }
}
