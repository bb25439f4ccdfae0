//! A client that sends exactly the HTTP/2 frames it is told, lawful or not: `frames(addr).headers(1, &GET, END)`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::deadline::{DEADLINE, Deadline};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const PUSH_PROMISE: u8 = 5;
pub const CONTINUATION: u8 = 9;

pub const PROTOCOL_ERROR: u32 = 1;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const COMPRESSION_ERROR: u32 = 9;

pub const END_STREAM: u8 = 0x1;
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
pub const PADDED: u8 = 0x8;
pub const WITH_PRIORITY: u8 = 0x20;

/// The least that a request has.
pub const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/")];

/// What every HTTP/2 connection begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The first byte of its answer's head: 0x88 is 200, 0x8c is 400, others are written out.
    Answered(u8),
    /// `RST_STREAM` with this code.
    Reset(u32),
    /// GOAWAY with this code.
    GoneAway(u32),
    /// The connection ended.
    Closed,
}

/// 200 and 400 as one byte of HPACK's static table.
pub const OK: Fate = Fate::Answered(0x88);
pub const BAD: Fate = Fate::Answered(0x8c);

/// One connection.
pub struct Frames {
    stream: TcpStream,
}

/// A connection over which nothing was sent.
pub fn silent_frames(addr: SocketAddr) -> Frames {
    let stream = TcpStream::connect_timeout(&addr, DEADLINE).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    Frames { stream }
}

/// A connection with preface and empty SETTINGS sent.
pub fn frames(addr: SocketAddr) -> Frames {
    let mut frames = silent_frames(addr);
    frames.send([PREFACE, &frame(SETTINGS, 0, 0, b"")].concat());
    frames
}

/// A frame's bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields in HPACK: literal, not indexed, not compressed.
pub fn hpack<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_ref(), value.as_ref()] {
            length(&mut block, text.len());
            block.extend_from_slice(text);
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

impl Frames {
    /// Sends these bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Sends one frame.
    #[track_caller]
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> &mut Self {
        self.send(frame(kind, flags, stream, payload))
    }

    /// Sends these bytes again and again until the peer has enough or has taken `most` times; how often it took them.
    pub fn flood(&mut self, bytes: &[u8], most: usize) -> usize {
        (0..most).take_while(|_| self.stream.write_all(bytes).is_ok()).count()
    }

    /// Sends a whole head as a stream's first frame.
    #[track_caller]
    pub fn headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        stream: u32,
        fields: &[(N, V)],
        flags: u8,
    ) -> &mut Self {
        self.frame(HEADERS, END_HEADERS | flags, stream, &hpack(fields))
    }

    /// The next frame; `None` once the connection has ended.
    #[track_caller]
    pub fn read(&mut self) -> Option<Frame> {
        let deadline = Deadline::after(DEADLINE);
        let head = self.take(9, deadline)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        let payload = self.take(length as usize, deadline)?;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame if one begins to come before this is over.
    #[track_caller]
    pub fn read_within(&mut self, patience: Duration) -> Option<Frame> {
        self.stream.set_read_timeout(Some(patience)).unwrap();
        if matches!(self.stream.peek(&mut [0]), Ok(1)) { self.read() } else { None }
    }

    /// The next frame of this kind; `None` if the connection ends before.
    #[track_caller]
    pub fn read_kind(&mut self, kind: u8) -> Option<Frame> {
        std::iter::from_fn(|| self.read()).find(|frame| frame.kind == kind)
    }

    #[track_caller]
    fn take(&mut self, count: usize, deadline: Deadline) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        let mut have = 0;
        while have < count {
            let left = deadline.left().unwrap_or_else(|| panic!("no frame came in time"));
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut bytes[have..]) {
                Ok(0) => return None,
                Ok(more) => have += more,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(_) => return None,
            }
        }
        Some(bytes)
    }

    /// The next bytes of a stream's body, this many; the windows are opened again for them if `acknowledged`.
    #[track_caller]
    pub fn read_data(&mut self, stream: u32, count: usize, acknowledged: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let frame = self.read_kind(DATA).expect("more of the body");
            assert!(
                frame.stream == stream && frame.flags & END_STREAM == 0,
                "after {}: {frame:?}",
                bytes.len()
            );
            if acknowledged && !frame.payload.is_empty() {
                let more = u32::try_from(frame.payload.len()).unwrap().to_be_bytes();
                self.frame(WINDOW_UPDATE, 0, 0, &more).frame(WINDOW_UPDATE, 0, stream, &more);
            }
            bytes.extend_from_slice(&frame.payload);
        }
        assert_eq!(bytes.len(), count, "more came than was asked for");
        bytes
    }

    /// Reads until it is clear what became of a stream.
    #[track_caller]
    pub fn fate(&mut self, stream: u32) -> Fate {
        while let Some(frame) = self.read() {
            let code = |at: usize| u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap());
            match frame.kind {
                HEADERS if frame.stream == stream => return Fate::Answered(status(&frame.payload)),
                RST_STREAM if frame.stream == stream => return Fate::Reset(code(0)),
                GOAWAY if code(4) != 0 => return Fate::GoneAway(code(4)),
                _ => {}
            }
        }
        Fate::Closed
    }

    /// Nothing comes for so long.
    #[track_caller]
    pub fn hears_nothing_for(&mut self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let error = self.stream.read(&mut [0]).expect_err("nothing is to come");
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    }

    /// Reads until the other end has closed its direction in order; a reset by its system is none.
    #[track_caller]
    pub fn read_to_close(&mut self) {
        self.stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("it is closed in order and in time");
    }

    /// Asks for this path and reads the answer, a window's worth at most, to its end.
    #[track_caller]
    pub fn ask(&mut self, stream: u32, path: &str) -> Vec<u8> {
        let fields = [GET[0], GET[1], GET[2], (":path", path)];
        self.headers(stream, &fields, END_STREAM);
        assert_eq!(self.fate(stream), OK, "{path}");
        let mut body = Vec::new();
        loop {
            let frame = self.read().expect("the rest of it");
            if frame.stream == stream && frame.kind == DATA {
                body.extend_from_slice(&frame.payload);
                if frame.flags & END_STREAM != 0 {
                    return body;
                }
            }
        }
    }

    /// Reads until the connection has ended.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.read()).collect()
    }
}

/// The first field of a head is its status; changes of the table's size may stand before it.
fn status(block: &[u8]) -> u8 {
    block.iter().copied().find(|byte| byte & 0xe0 != 0x20).unwrap_or_default()
}
