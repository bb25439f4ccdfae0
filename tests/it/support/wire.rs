//! HTTP/1.1 off the wire, to the byte: heads as they came, bodies by their framing, and how a connection broke.

use std::io::{ErrorKind, Read};

/// Names and values in their order and case.
pub type Fields = Vec<(String, String)>;

/// Largest head that is read: far above what any test sends.
const HEAD_MOST: usize = 4 << 20;

/// Why no whole message could be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Broken {
    /// The peer closed and nothing of a message had come.
    Closed,
    /// The peer closed within a message.
    Truncated,
    /// The peer reset the connection.
    Reset,
    /// The deadline passed.
    Timeout,
    /// What came is no HTTP.
    Malformed(String),
}

impl Broken {
    /// A close within a message leaves it truncated.
    fn within(self) -> Self {
        if self == Broken::Closed { Broken::Truncated } else { self }
    }
}

/// What was read of a stream and not yet taken.
pub struct Reader<R> {
    /// Where bytes come from.
    pub stream: R,
    /// Bytes that came and were not taken.
    pub buffer: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Nothing read yet.
    pub fn new(stream: R) -> Self {
        Reader { stream, buffer: Vec::new() }
    }

    /// Reads once; at least a byte came if it is well.
    pub fn fill(&mut self) -> Result<(), Broken> {
        let mut bytes = vec![0; 64 << 10];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(Broken::Closed),
                Ok(count) => {
                    self.buffer.extend_from_slice(&bytes[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    /// Takes everything up to and with `end`.
    pub fn through(&mut self, end: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut searched = 0;
        loop {
            let found = self.buffer[searched..].windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                return Ok(self.buffer.drain(..searched + at + end.len()).collect());
            }
            if self.buffer.len() > HEAD_MOST {
                return Err(Broken::Malformed(format!("no {end:?} within {HEAD_MOST} bytes")));
            }
            searched = self.buffer.len().saturating_sub(end.len() - 1);
            let begun = !self.buffer.is_empty();
            self.fill().map_err(|broken| if begun { broken.within() } else { broken })?;
        }
    }

    /// Takes a head with its empty line.
    pub fn head(&mut self) -> Result<Vec<u8>, Broken> {
        self.through(b"\r\n\r\n")
    }

    /// Takes exactly `count` bytes and adds them to `into`; what came of them is added even if the rest does not come.
    pub fn exactly(&mut self, count: usize, into: &mut Vec<u8>) -> Result<(), Broken> {
        let mut left = count;
        loop {
            let here = left.min(self.buffer.len());
            into.extend(self.buffer.drain(..here));
            left -= here;
            if left == 0 {
                return Ok(());
            }
            self.fill().map_err(Broken::within)?;
        }
    }

    /// Takes exactly `count` bytes and keeps none of them.
    pub fn past(&mut self, count: usize) -> Result<(), Broken> {
        let mut left = count;
        loop {
            let here = left.min(self.buffer.len());
            self.buffer.drain(..here);
            left -= here;
            if left == 0 {
                return Ok(());
            }
            self.fill().map_err(Broken::within)?;
        }
    }

    /// Takes a chunked body and its trailers.
    pub fn chunked(&mut self, body: &mut Vec<u8>, trailers: &mut Fields) -> Result<(), Broken> {
        loop {
            let line = self.through(b"\r\n").map_err(Broken::within)?;
            let text = String::from_utf8_lossy(&line);
            let digits = text.split(';').next().unwrap_or("").trim();
            let size = usize::from_str_radix(digits, 16)
                .map_err(|_| Broken::Malformed(format!("{text:?} is no chunk size")))?;
            if size == 0 {
                break;
            }
            self.exactly(size, body)?;
            let end = self.through(b"\r\n").map_err(Broken::within)?;
            if end != b"\r\n" {
                return Err(Broken::Malformed(format!("{end:?} after a chunk")));
            }
        }
        loop {
            let line = self.through(b"\r\n").map_err(Broken::within)?;
            if line == b"\r\n" {
                return Ok(());
            }
            trailers.extend(field(&String::from_utf8_lossy(&line)));
        }
    }

    /// Takes everything until the peer closes (or resets, or the deadline passes), and tells which it was.
    pub fn until_end(&mut self) -> (Vec<u8>, Broken) {
        let mut all = Vec::new();
        loop {
            all.append(&mut self.buffer);
            if let Err(broken) = self.fill() {
                return (all, broken);
            }
        }
    }
}

/// A head's first line and its fields, in their order and case.
pub fn parse_head(head: &[u8]) -> (String, Fields) {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or("").to_owned();
    (first, lines.filter_map(field).collect())
}

/// The first value of a field, whatever the case of its name.
pub fn first<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Every value of a field, in order.
pub fn all<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
}

/// Whether the fields say that the body is chunked.
pub fn is_chunked(fields: &Fields) -> bool {
    all(fields, "transfer-encoding").iter().any(|value| value.to_ascii_lowercase().contains("chunked"))
}

/// The declared length of the body.
pub fn declared(fields: &Fields) -> Result<Option<usize>, Broken> {
    let Some(value) = first(fields, "content-length") else { return Ok(None) };
    value.parse().map(Some).map_err(|_| Broken::Malformed(format!("{value:?} is no Content-Length")))
}

fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim_end_matches("\r\n").split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

fn broken(error: &std::io::Error) -> Broken {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Broken::Timeout,
        _ => Broken::Reset,
    }
}
