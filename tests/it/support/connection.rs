//! One connection of a backend: reads requests, takes the steps of their answers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;

use super::answer::{RawResponse, Step};
use super::recorded::RecordedRequest;
use super::server::Shared;
use super::wire::Reader;

/// How fast a backend reads.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Most bytes in one read.
    pub bytes: usize,
    /// The wait before each.
    pub every: Duration,
}

/// A stream that is read at a backend's pace.
struct Paced {
    stream: TcpStream,
    shared: Arc<Shared>,
}

impl Read for Paced {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(pace) = self.shared.builder.pace else { return self.stream.read(into) };
        self.shared.pause(pace.every);
        let most = pace.bytes.min(into.len());
        self.stream.read(&mut into[..most])
    }
}

/// Whether the connection goes on after an answer.
enum After {
    GoOn,
    End,
}

/// Serves requests until either end has had enough.
pub fn serve(stream: TcpStream, number: usize, shared: &Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut reader = Reader::new(Paced { stream, shared: shared.clone() });
    while let Ok(head) = reader.head() {
        let request = RecordedRequest::of_head(number, head);
        if let After::End = exchange(&mut reader, request, shared) {
            return;
        }
    }
}

/// Reads a body and answers, or the other way round.
fn exchange(reader: &mut Reader<Paced>, mut request: RecordedRequest, shared: &Shared) -> After {
    let place = shared.begin(request.clone());
    if shared.builder.answers_early {
        let response = shared.builder.respond(&request);
        let after = answer(reader, &request, response, shared);
        let whole = request.read_body(reader).is_ok();
        shared.end(place, request);
        return if whole { after } else { After::End };
    }
    let whole = request.read_body(reader).is_ok();
    shared.end(place, request.clone());
    if !whole {
        return After::End;
    }
    let response = shared.builder.respond(&request);
    answer(reader, &request, response, shared)
}

/// Takes the steps of an answer; a peer that is gone ends them.
fn answer(
    reader: &mut Reader<Paced>,
    request: &RecordedRequest,
    response: RawResponse,
    shared: &Shared,
) -> After {
    for step in response.steps {
        let taken = take(step, reader, request, shared);
        if !matches!(taken, Ok(After::GoOn)) {
            return After::End;
        }
    }
    After::GoOn
}

fn take(
    step: Step,
    reader: &mut Reader<Paced>,
    request: &RecordedRequest,
    shared: &Shared,
) -> io::Result<After> {
    let mut stream = &reader.stream.stream;
    match step {
        Step::Bytes(bytes) => stream.write_all(&bytes)?,
        Step::Body(bytes) if request.method != "HEAD" => stream.write_all(&bytes)?,
        Step::Body(_) => {}
        Step::Drip(bytes, at_once, every) => {
            for drop in bytes.chunks(at_once) {
                if shared.pause(every) {
                    return Ok(After::End);
                }
                stream.write_all(drop)?;
            }
        }
        Step::Endless(bytes) => loop {
            stream.write_all(&bytes)?;
        },
        Step::Wait(latch) => shared.pass(&latch),
        Step::Hang => {
            let _ = reader.until_end();
            return Ok(After::End);
        }
        Step::HalfClose => stream.shutdown(Shutdown::Write)?,
        Step::Close => return Ok(After::End),
        Step::Reset => {
            reset_on_close(stream);
            return Ok(After::End);
        }
    }
    Ok(if shared.stopping() { After::End } else { After::GoOn })
}

/// Makes the close of this socket a reset: nothing lingers, what is unsent is thrown away.
pub fn reset_on_close(stream: &TcpStream) {
    SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}
