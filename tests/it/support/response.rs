//! What a client got: the fields as they came, the body without its framing.

use std::io::Read;

use super::wire::{self, Broken, Fields, Reader};

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The version as written.
    pub version: String,
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The head's bytes with its empty line.
    pub head: Vec<u8>,
    /// The fields in their order and case.
    pub headers: Fields,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Whether the body came in chunks.
    pub chunked: bool,
    /// The trailers.
    pub trailers: Fields,
    /// Status codes of the interim (1xx) answers that came before.
    pub interim: Vec<u16>,
}

impl Response {
    /// Reads the answer to a request with this method, and the interim ones before it.
    pub(super) fn read<R: Read>(reader: &mut Reader<R>, method: &str) -> Result<Self, Broken> {
        let mut interim = Vec::new();
        loop {
            let mut response = Self::of_head(reader.head()?)?;
            if (100..200).contains(&response.status) && response.status != 101 {
                interim.push(response.status);
                continue;
            }
            response.interim = interim;
            response.read_body(reader, method)?;
            return Ok(response);
        }
    }

    fn of_head(head: Vec<u8>) -> Result<Self, Broken> {
        let (line, headers) = wire::parse_head(&head);
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        let (version, status, reason) = (word(), word(), word());
        let Ok(status) = status.parse() else {
            return Err(Broken::Malformed(format!("{line:?} is no status line")));
        };
        let chunked = wire::is_chunked(&headers);
        Ok(Response { version, status, reason, head, headers, chunked, ..Self::default() })
    }

    fn read_body<R: Read>(&mut self, reader: &mut Reader<R>, method: &str) -> Result<(), Broken> {
        if method == "HEAD" || matches!(self.status, 101 | 204 | 304) {
            return Ok(());
        }
        if self.chunked {
            return reader.chunked(&mut self.body, &mut self.trailers);
        }
        if let Some(length) = wire::declared(&self.headers)? {
            return reader.exactly(length, &mut self.body);
        }
        match reader.until_end() {
            (body, Broken::Closed) => {
                self.body = body;
                Ok(())
            }
            (_, broken) => Err(broken),
        }
    }

    /// The first value of a field, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::first(&self.headers, name)
    }

    /// Every value of a field, in order.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        wire::all(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The head as text.
    pub fn head_text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }
}
