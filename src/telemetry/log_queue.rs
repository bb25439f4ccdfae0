//! A bounded queue of log lines, drained by one thread: who logs never waits for who reads.
//!
//! A full pipe or a slow terminal makes lines fall away, which is counted and said, and never a request slow.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::priority::{BACK_OFFICE, give_way};
use crate::model::clock::{self, Instant};

/// Lines that may wait; with [`MAX_LINE`] the queue holds at most 8 MiB.
pub const MAX_WAITING: usize = 1024;

/// Longest line in bytes; what is beyond is cut, and said.
pub const MAX_LINE: usize = 8 * 1024;

/// How long the last lines are waited for at the end of the process.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Between two sentences about lines that were lost of a record: a flood of them must not become one of sentences.
const SAID_AGAIN: Duration = Duration::from_secs(10);

/// How a line is put in words where the queue itself has something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Plain text.
    Human,
    /// One JSON object on a line.
    Json,
    /// One JSON object on a line, each of one shape: what was lost is said in the log, not among them.
    Record,
}

/// Where lines are handed in; cheap to clone.
#[derive(Clone)]
pub struct LogQueue {
    lines: SyncSender<Entry>,
    shared: Arc<Shared>,
    wording: Wording,
}

/// Held by `main`: when it is dropped, waiting lines are written, for at most [`FLUSH_TIMEOUT`].
pub struct Flush {
    lines: SyncSender<Entry>,
    shared: Arc<Shared>,
    /// Never locked but at the end: what holds this may be shared between threads.
    done: Mutex<Receiver<()>>,
}

enum Entry {
    Line(Vec<u8>),
    /// Only wakes the thread.
    Wake,
}

#[derive(Default)]
struct Shared {
    lost: AtomicU64,
    stopping: AtomicBool,
}

/// Starts the thread that writes to `out`; errors of `out` are ignored, since there is nowhere to tell them.
///
/// # Errors
/// If the thread cannot be started.
pub fn start(out: impl Write + Send + 'static, wording: Wording) -> io::Result<(LogQueue, Flush)> {
    start_with(out, wording, MAX_WAITING)
}

/// As [`start`], with room for so many lines.
///
/// # Errors
/// If the thread cannot be started.
pub(super) fn start_with(
    out: impl Write + Send + 'static,
    wording: Wording,
    room: usize,
) -> io::Result<(LogQueue, Flush)> {
    let (lines, waiting) = sync_channel(room);
    let (finished, done) = sync_channel(1);
    let shared = Arc::new(Shared::default());
    let drained = shared.clone();
    thread::Builder::new().name("umbrage-log".to_owned()).spawn(move || {
        give_way(BACK_OFFICE);
        drain(&waiting, &drained, out, wording);
        // First nobody listens any more, then it is said: what comes later is counted as lost.
        drop(waiting);
        let _ = finished.try_send(());
    })?;
    Ok((
        LogQueue { lines: lines.clone(), shared: shared.clone(), wording },
        Flush { lines, shared, done: Mutex::new(done) },
    ))
}

fn drain(waiting: &Receiver<Entry>, shared: &Shared, mut out: impl Write, wording: Wording) {
    let mut said = None;
    loop {
        let stopping = shared.stopping.load(Ordering::Acquire);
        let entry = match waiting.try_recv() {
            Ok(entry) => Some(entry),
            Err(TryRecvError::Empty) if !stopping => {
                // Nobody waits: what was gathered is written before this thread does.
                let _ = out.flush();
                waiting.recv().ok()
            }
            Err(_) => None,
        };
        match entry {
            Some(Entry::Line(line)) => drop(out.write_all(&line)),
            Some(Entry::Wake) => drop(out.flush()),
            None => break,
        }
        say_lost(shared, &mut out, wording, &mut said);
    }
    said = None;
    say_lost(shared, &mut out, wording, &mut said);
    let _ = out.flush();
}

fn say_lost(shared: &Shared, out: &mut impl Write, wording: Wording, said: &mut Option<Instant>) {
    if shared.lost.load(Ordering::Relaxed) == 0 {
        return;
    }
    if wording == Wording::Record {
        let now = clock::now();
        if said.is_none_or(|at| now >= at + SAID_AGAIN) {
            *said = Some(now);
            let lost = shared.lost.swap(0, Ordering::Relaxed);
            tracing::warn!(lost, "lines were lost, because they were not taken fast enough");
        }
        return;
    }
    let lost = shared.lost.swap(0, Ordering::Relaxed);
    let message = "log lines were lost, because they were not taken fast enough";
    let _ = out.write_all(&own_line(wording, message, lost));
}

fn own_line(wording: Wording, message: &str, count: u64) -> Vec<u8> {
    match wording {
        Wording::Human => format!("WARN umbrage: {count} {message}\n"),
        Wording::Json | Wording::Record => format!(
            "{}\n",
            serde_json::json!({"level": "WARN", "message": message, "count": count, "target": "umbrage::telemetry"})
        ),
    }
    .into_bytes()
}

impl LogQueue {
    /// Hands a line in; never waits; `false` if it was lost. It is bounded and made one line first.
    #[allow(clippy::must_use_candidate)]
    pub fn offer(&self, line: &[u8]) -> bool {
        let taken = self.lines.try_send(Entry::Line(one_line(line, self.wording))).is_ok();
        if !taken {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Wakes the thread, so that it looks at what else it is asked for; one that has lines to write is awake.
    pub(super) fn wake(&self) {
        let _ = self.lines.try_send(Entry::Wake);
    }

    /// Lines lost and not yet spoken of.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

/// At most [`MAX_LINE`] bytes and one line feed, at its end: a value that carries one cannot forge a line.
fn one_line(line: &[u8], wording: Wording) -> Vec<u8> {
    let body = line.strip_suffix(b"\n").unwrap_or(line);
    if body.len() > MAX_LINE && wording != Wording::Human {
        // A cut object could not be parsed by anybody, so its start becomes a value.
        let start = String::from_utf8_lossy(&body[..MAX_LINE / 2]);
        let cut = serde_json::json!({"level": "WARN", "message": "a log line was too long", "bytes": body.len(), "start": start});
        return format!("{cut}\n").into_bytes();
    }
    let mut kept = Vec::with_capacity(body.len().min(MAX_LINE) + 32);
    for byte in &body[..body.len().min(MAX_LINE)] {
        match byte {
            b'\n' => kept.extend_from_slice(b"\\n"),
            b'\r' => kept.extend_from_slice(b"\\r"),
            other => kept.push(*other),
        }
    }
    if body.len() > MAX_LINE {
        let _ = write!(kept, " … ({} bytes cut)", body.len() - MAX_LINE);
    }
    kept.push(b'\n');
    kept
}

impl Write for LogQueue {
    /// One call is one line: tracing's formatter hands over whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.offer(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogQueue {
    type Writer = LogQueue;

    fn make_writer(&self) -> LogQueue {
        self.clone()
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        // A full queue needs no waking.
        let _ = self.lines.try_send(Entry::Wake);
        let done = self.done.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = done.recv_timeout(FLUSH_TIMEOUT);
    }
}

#[cfg(test)]
#[path = "log_queue_tests.rs"]
mod tests;
