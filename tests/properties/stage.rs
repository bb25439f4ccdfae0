//! A live worker in this thread between a client in memory and an origin on loopback that reads strictly.

use std::cell::RefCell;
use std::net::TcpListener as StdListener;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::LocalSet;
use umbrage::fuzzing::{Plane, client};

use super::strict::{self, Broken, Message};

/// Turns of the scheduler, each with a look at the sockets, in which nothing happens when nothing will.
const QUIET: usize = 48;
/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A plane whose stable is an origin of ours.
pub struct Stage {
    plane: Plane,
    listener: StdListener,
}

/// What an origin saw and did.
#[derive(Default)]
pub struct Log {
    /// The requests, whole or broken off, as they came.
    pub seen: Vec<Message>,
    /// What it did not like.
    pub faults: Vec<String>,
    /// Events of any kind.
    stirs: usize,
    /// Told when the origin is to close its connections.
    curtain: Rc<Notify>,
}

/// An origin's log, while it runs.
pub type Record = Rc<RefCell<Log>>;

/// How an origin answers: by the request's place among all, and the request.
pub type Answers = Rc<dyn Fn(usize, &Message) -> Act>;

/// What an origin does with a request.
pub struct Act {
    /// The bytes to write, piece by piece.
    pub pieces: Vec<Vec<u8>>,
    /// Whether it closes behind them.
    pub closes: bool,
}

/// What came of a conversation.
pub struct Outcome {
    /// All that the client got.
    pub got: Vec<u8>,
    /// What the origin saw.
    pub log: Log,
}

impl Stage {
    /// A stage; `more` is TOML beside the addresses.
    pub fn new(more: &str) -> Stage {
        let listener = StdListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("an address");
        let toml =
            format!("[listen]\naddress = \"127.0.0.1:0\"\n\n[stable]\nurl = \"http://{address}\"\n\n{more}");
        let plane = Plane::of(&toml).unwrap_or_else(|problems| panic!("{problems}"));
        Stage { plane, listener }
    }

    /// Plays a client's pieces against an origin; the client waits for `due` answers (as `answered` counts them), then for
    /// silence, and then leaves.
    pub fn play(&self, pieces: &[Vec<u8>], answers: Answers, due: impl Fn(&[u8]) -> bool) -> Outcome {
        // What the last play left in the queue is nothing of this one.
        while self.listener.accept().is_ok() {}
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .event_interval(1)
            .build()
            .expect("a runtime");
        let record = Record::default();
        let played = LocalSet::new().block_on(&runtime, async {
            let listener = self.listener.try_clone().and_then(TcpListener::from_std).expect("a listener");
            tokio::task::spawn_local(origin(listener, answers, record.clone()));
            let (near, far) = duplex(1 << 18);
            let worker = self.plane.worker();
            tokio::task::spawn_local(async move { worker.serve(far, client()).await });
            tokio::time::timeout(PATIENCE, converse(near, pieces, &record, due)).await
        });
        drop(runtime);
        let got = played.unwrap_or_else(|_| {
            panic!("a conversation hangs: {:?}", pieces.concat().escape_ascii().to_string())
        });
        let log = std::mem::take(&mut *record.borrow_mut());
        Outcome { got, log }
    }
}

/// Sends, waits, and reads to the end.
async fn converse(
    mut near: DuplexStream,
    pieces: &[Vec<u8>],
    record: &Record,
    due: impl Fn(&[u8]) -> bool,
) -> Vec<u8> {
    let mut got = Vec::new();
    for piece in pieces {
        if near.write_all(piece).await.is_err() {
            break;
        }
        settle(&mut near, &mut got, record, 3).await;
    }
    let mut ended = settle(&mut near, &mut got, record, QUIET).await;
    while !ended && !due(&got) {
        ended = settle(&mut near, &mut got, record, QUIET).await;
    }
    settle(&mut near, &mut got, record, QUIET).await;
    let curtain = record.borrow().curtain.clone();
    curtain.notify_waiters();
    settle(&mut near, &mut got, record, QUIET).await;
    let _ = near.shutdown().await;
    settle(&mut near, &mut got, record, QUIET).await;
    drop(near);
    // What a client leaves behind is broken off at the origin.
    for _ in 0..QUIET {
        tokio::task::yield_now().await;
    }
    got
}

/// Reads until nothing happens for so many turns; whether the stream has ended.
async fn settle(near: &mut DuplexStream, got: &mut Vec<u8>, record: &Record, turns: usize) -> bool {
    let (mut quiet, mut stirs) = (0, record.borrow().stirs);
    while quiet < turns {
        tokio::select! {
            biased;
            read = near.read_buf(got) => match read {
                Ok(0) | Err(_) => return true,
                Ok(_) => quiet = 0,
            },
            () = tokio::task::yield_now() => quiet += 1,
        }
        let now = record.borrow().stirs;
        if now != stirs {
            (stirs, quiet) = (now, 0);
        }
    }
    false
}

/// Takes connections for ever.
async fn origin(listener: TcpListener, answers: Answers, record: Record) {
    while let Ok((stream, _)) = listener.accept().await {
        // Closed with a reset: thousands of plays would use up the ports.
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        record.borrow_mut().stirs += 1;
        tokio::task::spawn_local(serve(stream, answers.clone(), record.clone()));
    }
}

/// Reads requests and answers them, one after the other.
async fn serve(mut stream: TcpStream, answers: Answers, record: Record) {
    let mut bytes = Vec::new();
    let curtain = record.borrow().curtain.clone();
    loop {
        let request = match strict::request(&bytes) {
            _ if bytes.starts_with(b"\r") || bytes.starts_with(b"\n") => {
                return record.borrow_mut().faults.push("an empty line before a request".to_owned());
            }
            Ok(request) if request.complete => request,
            Err(Broken::Bad(what)) => {
                return record.borrow_mut().faults.push(format!("{what}: {}", bytes.escape_ascii()));
            }
            partial => {
                let more = tokio::select! {
                    biased;
                    read = stream.read_buf(&mut bytes) => matches!(read, Ok(1..)),
                    () = curtain.notified() => false,
                };
                if !more {
                    let _ = socket2::SockRef::from(&stream).set_linger(None);
                    return broken_off(partial, &record);
                }
                record.borrow_mut().stirs += 1;
                continue;
            }
        };
        let behind = bytes.split_off(request.length);
        let place = {
            let mut log = record.borrow_mut();
            if !behind.is_empty() {
                log.faults.push(format!("bytes behind a request: {}", behind.escape_ascii()));
            }
            log.stirs += 1;
            log.seen.push(request.clone());
            log.seen.len() - 1
        };
        bytes = behind;
        let act = answers(place, &request);
        for piece in &act.pieces {
            if stream.write_all(piece).await.is_err() {
                return;
            }
            record.borrow_mut().stirs += 1;
            if act.pieces.len() > 1 {
                tokio::task::yield_now().await;
            }
        }
        if act.closes {
            // In order: what was written is to arrive.
            let _ = socket2::SockRef::from(&stream).set_linger(None);
            return;
        }
    }
}

/// The connection ended within a request, or between two.
fn broken_off(partial: Result<Message, Broken>, record: &Record) {
    let mut log = record.borrow_mut();
    log.stirs += 1;
    if let Ok(request) = partial {
        if let Some(fault) = &request.fault {
            log.faults.push(fault.clone());
        }
        log.seen.push(request);
    }
}
