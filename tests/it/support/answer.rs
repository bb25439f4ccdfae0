//! What a backend sends, step by step: bytes, pauses, latches, and the ways to break off.

use std::fmt::Write;
use std::time::Duration;

use super::latch::Latch;

/// One step of an answer.
#[derive(Clone)]
pub(super) enum Step {
    /// Sends bytes.
    Bytes(Vec<u8>),
    /// Sends bytes unless a HEAD was asked, whose answer has no body.
    Body(Vec<u8>),
    /// Sends so many bytes at a time, and waits before each.
    Drip(Vec<u8>, usize, Duration),
    /// Sends the same bytes again and again until the peer has had enough.
    Endless(Vec<u8>),
    /// Waits for the test.
    Wait(Latch),
    /// Sends nothing more and keeps the connection for as long as the peer does.
    Hang,
    /// Closes its own direction and reads on.
    HalfClose,
    /// Closes.
    Close,
    /// Breaks off with a reset.
    Reset,
}

/// An answer, to the byte.
#[derive(Clone, Default)]
pub struct RawResponse {
    pub(super) steps: Vec<Step>,
}

/// A whole answer. `Content-Length` is added unless the fields frame the body themselves, or it can have none.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> RawResponse {
    let body = body.as_ref();
    let bodiless = status < 200 || status == 204 || status == 304;
    let named = |name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    let mut head = head(status, headers);
    if !bodiless && !named("content-length") && !named("transfer-encoding") {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    RawResponse::raw(head + "\r\n").then(Step::Body(body.to_vec()))
}

/// A whole answer in these chunks, with these trailers.
pub fn chunked(
    status: u16,
    headers: &[(&str, &str)],
    chunks: &[&[u8]],
    trailers: &[(&str, &str)],
) -> RawResponse {
    let mut body = Vec::new();
    for chunk in chunks {
        body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("0\r\n{}\r\n", fields(trailers)).as_bytes());
    let head = head(status, headers) + "Transfer-Encoding: chunked\r\n\r\n";
    RawResponse::raw(head).then(Step::Body(body))
}

impl RawResponse {
    /// Exactly these bytes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        RawResponse::default().then(Step::Bytes(bytes.into()))
    }

    /// Nothing at all yet.
    pub fn nothing() -> Self {
        RawResponse::default()
    }

    /// Then these bytes.
    pub fn then_bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Bytes(bytes.into()))
    }

    /// Then these bytes, `at_once` at a time, with a wait before each.
    pub fn then_drips(self, bytes: impl Into<Vec<u8>>, at_once: usize, every: Duration) -> Self {
        self.then(Step::Drip(bytes.into(), at_once.max(1), every))
    }

    /// Then these bytes for ever.
    pub fn then_endless(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Endless(bytes.into()))
    }

    /// Then waits for the test.
    pub fn then_waits_for(self, latch: &Latch) -> Self {
        self.then(Step::Wait(latch.clone()))
    }

    /// Then nothing, with the connection open.
    pub fn then_hangs(self) -> Self {
        self.then(Step::Hang)
    }

    /// Then closes its own direction and reads on.
    pub fn then_half_closes(self) -> Self {
        self.then(Step::HalfClose).then(Step::Hang)
    }

    /// Then closes.
    pub fn then_closes(self) -> Self {
        self.then(Step::Close)
    }

    /// Then breaks off with a reset.
    pub fn then_resets(self) -> Self {
        self.then(Step::Reset)
    }

    /// Waits for the test before anything else.
    pub fn after(mut self, latch: &Latch) -> Self {
        self.steps.insert(0, Step::Wait(latch.clone()));
        self
    }

    pub(super) fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// A head without its empty line.
fn head(status: u16, headers: &[(&str, &str)]) -> String {
    format!("HTTP/1.1 {status} {}\r\n{}", reason(status), fields(headers))
}

fn fields(headers: &[(&str, &str)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat()
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}
