//! A client that sends exactly what it is told and sees every byte: `client(addr).get("/x").read_response()`.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::connection::reset_on_close;
use super::deadline::{DEADLINE, Deadline};
use super::response::Response;
use super::wire::{Broken, Reader};

/// A connection to `addr`.
#[track_caller]
pub fn client(addr: SocketAddr) -> Client {
    try_client(addr).unwrap_or_else(|error| panic!("connect to {addr}: {error}"))
}

/// A connection to `addr`, or why there is none: even a connection that was made may be reset before this returns.
pub fn try_client(addr: SocketAddr) -> io::Result<Client> {
    Client::of(TcpStream::connect_timeout(&addr, DEADLINE)?)
}

/// One connection; everything it waits for has a deadline, and says what it waited for.
pub struct Client {
    addr: SocketAddr,
    reader: Reader<Timed>,
    /// Methods asked and not yet answered: HEAD's answer has no body.
    asked: VecDeque<String>,
    patience: Duration,
}

/// How the peer ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order.
    Closed,
    /// By a reset.
    Reset,
}

/// A stream whose reads end at a deadline.
struct Timed {
    stream: TcpStream,
    deadline: Deadline,
    /// Every byte that came, where a test wants them all.
    heard: Option<Vec<u8>>,
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.left().ok_or(io::ErrorKind::TimedOut)?;
        self.stream.set_read_timeout(Some(left))?;
        let count = self.stream.read(into)?;
        if let Some(heard) = &mut self.heard {
            heard.extend_from_slice(&into[..count]);
        }
        Ok(count)
    }
}

impl Client {
    /// One end of a connection that is there.
    pub fn of(stream: TcpStream) -> io::Result<Client> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(DEADLINE))?;
        let addr = stream.peer_addr()?;
        let reader = Reader::new(Timed { stream, deadline: Deadline::after(DEADLINE), heard: None });
        Ok(Client { addr, reader, asked: VecDeque::new(), patience: DEADLINE })
    }

    /// Waits this long for each answer instead of ten seconds.
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Remembers every byte that it hears from now on, framing and all.
    pub fn that_remembers(mut self) -> Self {
        self.reader.stream.heard = Some(Vec::new());
        self
    }

    /// Every byte that it heard.
    pub fn heard(&self) -> &[u8] {
        self.reader.stream.heard.as_deref().expect("a client that remembers")
    }

    /// This end's address.
    pub fn local_addr(&self) -> SocketAddr {
        self.stream().local_addr().unwrap()
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.reader.stream.stream
    }

    /// Sends these bytes. A request sent so is taken for one whose answer may have a body.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        if let Err(error) = self.try_send(bytes) {
            panic!("send to {}: {error}", self.addr);
        }
        self
    }

    /// Sends these bytes, or says why it could not: the peer may be gone.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream().write_all(bytes.as_ref())
    }

    /// Sends these bytes in segments of `size`.
    #[track_caller]
    pub fn send_in_parts(&mut self, bytes: impl AsRef<[u8]>, size: usize) -> &mut Self {
        for part in bytes.as_ref().chunks(size) {
            self.send(part);
        }
        self
    }

    /// Sends one chunk of a chunked body.
    #[track_caller]
    pub fn send_chunk(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.send(framed)
    }

    /// Ends a chunked body.
    #[track_caller]
    pub fn send_last_chunk(&mut self) -> &mut Self {
        self.send("0\r\n\r\n")
    }

    /// Asks for a path.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> &mut Self {
        self.request("GET", path, &[], "")
    }

    /// Sends a whole request. `Host` and `Content-Length` are added unless the fields have them, or frame the body.
    #[track_caller]
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> &mut Self {
        let body = body.as_ref();
        let named = |name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !named("host") {
            let _ = write!(head, "Host: {}\r\n", self.addr);
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !body.is_empty() && !named("content-length") && !named("transfer-encoding") {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        self.asked.push_back(method.to_owned());
        self.send([head.as_bytes(), b"\r\n", body].concat())
    }

    /// Reads the next answer.
    #[track_caller]
    pub fn read_response(&mut self) -> Response {
        let read = self.try_read_response();
        read.unwrap_or_else(|broken| {
            panic!("no answer from {}: {broken:?}; unread: {}", self.addr, self.unread())
        })
    }

    /// Reads the next answer, or says how it broke.
    pub fn try_read_response(&mut self) -> Result<Response, Broken> {
        self.wait_anew();
        let method = self.asked.pop_front().unwrap_or_default();
        Response::read(&mut self.reader, &method)
    }

    /// Reads this many bytes.
    #[track_caller]
    pub fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        self.wait_anew();
        let mut bytes = Vec::new();
        let read = self.reader.exactly(count, &mut bytes);
        assert!(read.is_ok(), "{} of {count} bytes from {}: {read:?}", bytes.len(), self.addr);
        bytes
    }

    /// Reads this many bytes and keeps none of them.
    #[track_caller]
    pub fn read_past(&mut self, count: usize) {
        self.wait_anew();
        let read = self.reader.past(count);
        assert!(read.is_ok(), "not {count} bytes from {}: {read:?}", self.addr);
    }

    /// Reads up to and with `end`.
    #[track_caller]
    pub fn read_through(&mut self, end: &str) -> Vec<u8> {
        self.wait_anew();
        let read = self.reader.through(end.as_bytes());
        read.unwrap_or_else(|broken| {
            panic!("no {end:?} from {}: {broken:?}; unread: {}", self.addr, self.unread())
        })
    }

    /// Sends the same bytes again and again until the peer takes no more for as long as `patience`; how many it took.
    #[track_caller]
    pub fn send_until_stalled(&mut self, bytes: &[u8], patience: Duration) -> usize {
        self.stream().set_write_timeout(Some(patience)).unwrap();
        let mut taken = 0;
        loop {
            match self.stream().write(&bytes[taken % bytes.len()..]) {
                Ok(count) => taken += count,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    self.stream().set_write_timeout(Some(DEADLINE)).unwrap();
                    return taken;
                }
                Err(error) => panic!("send to {}: {error}", self.addr),
            }
        }
    }

    /// Reads a head and leaves its body.
    #[track_caller]
    pub fn read_head(&mut self) -> Vec<u8> {
        self.wait_anew();
        let head = self.reader.head();
        head.unwrap_or_else(|broken| {
            panic!("no head from {}: {broken:?}; unread: {}", self.addr, self.unread())
        })
    }

    /// Reads until the peer closes in order.
    #[track_caller]
    pub fn read_to_close(&mut self) -> Vec<u8> {
        let (bytes, ending) = self.read_to_end();
        assert_eq!(ending, Ending::Closed, "{} after {}", self.addr, String::from_utf8_lossy(&bytes));
        bytes
    }

    /// Reads until the peer ends the connection, and tells how.
    #[track_caller]
    pub fn read_to_end(&mut self) -> (Vec<u8>, Ending) {
        self.wait_anew();
        let (bytes, broken) = self.reader.until_end();
        match broken {
            Broken::Closed => (bytes, Ending::Closed),
            Broken::Reset => (bytes, Ending::Reset),
            broken => {
                panic!("{} did not end: {broken:?} after {}", self.addr, String::from_utf8_lossy(&bytes))
            }
        }
    }

    /// Says that nothing more will be sent, and reads on.
    pub fn half_close(&mut self) -> &mut Self {
        let _ = self.stream().shutdown(Shutdown::Write);
        self
    }

    /// Breaks off with a reset.
    pub fn abort(self) {
        reset_on_close(self.stream());
    }

    fn wait_anew(&mut self) {
        self.reader.stream.deadline = Deadline::after(self.patience);
    }

    fn unread(&self) -> String {
        String::from_utf8_lossy(&self.reader.buffer).into_owned()
    }
}
