//! One line for each of something, to a file or to standard output: never in anybody's way, every line counted as written,
//! dropped (the queue was full) or failed (the disk was).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics::Counter;

use super::Metrics;
use super::log_queue::{self, Flush, LogQueue, Wording};

/// Lines that may wait: a tenth of a second's at 40,000 a second; with [`LINE_BYTES`] at most 12 MiB.
pub const MAX_WAITING: usize = 4096;

/// Longest line in bytes that is offered.
pub const LINE_BYTES: usize = 3 * 1024;

/// Bytes that are gathered before they are written: below a pipe's capacity, and some hundred lines.
const GATHERED: usize = 32 * 1024;

/// Where lines are offered; cheap to clone.
#[derive(Clone)]
pub struct RecordFile {
    queue: LogQueue,
    dropped: Counter,
    reopen: Arc<AtomicBool>,
}

impl RecordFile {
    /// Starts the thread that writes, to standard output if there is no path. The file is opened there: that it cannot be
    /// is said, counted with each line, and tried again with [`RecordFile::reopen`]. Keep what it gives until the last
    /// line was offered: dropping it writes what waits.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(path: Option<PathBuf>, sink: &str, metrics: &Metrics) -> io::Result<(Self, Flush)> {
        let result = |result| metrics.records.with([sink, result]);
        let reopen = Arc::new(AtomicBool::new(true));
        let pages = Pages {
            out: None,
            path,
            gathered: Vec::with_capacity(GATHERED),
            torn: false,
            failing: false,
            reopen: reopen.clone(),
            written: result("written"),
            failed: result("failed"),
        };
        let (queue, flush) = log_queue::start_with(pages, Wording::Record, MAX_WAITING)?;
        let file = RecordFile { queue, dropped: result("dropped"), reopen };
        // A wrong path is said at the start and not with the first line.
        file.queue.wake();
        Ok((file, flush))
    }

    /// Hands a line in; never waits. Longer ones than [`LINE_BYTES`] are for the caller to cut.
    pub fn offer(&self, line: &[u8]) {
        if !self.queue.offer(line) {
            self.dropped.increment(1);
        }
    }

    /// Opens the file anew before the next line is written: who rotates it has moved the old one away.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
        self.queue.wake();
    }
}

/// The writing end.
struct Pages {
    out: Option<Box<dyn Write + Send>>,
    path: Option<PathBuf>,
    /// Whole lines that are not yet written.
    gathered: Vec<u8>,
    /// A line was written in part: the next begins on one of its own.
    torn: bool,
    /// The last write failed, which was said.
    failing: bool,
    reopen: Arc<AtomicBool>,
    written: Counter,
    failed: Counter,
}

impl Pages {
    fn open(&mut self) {
        let opened = match &self.path {
            None => Ok(Box::new(io::stdout()) as Box<dyn Write + Send>),
            Some(path) => open(path).map(|file| Box::new(file) as Box<dyn Write + Send>),
        };
        match opened {
            Ok(out) => {
                (self.out, self.torn) = (Some(out), false);
            }
            // The old file is better than none.
            Err(error) => tracing::error!(path = ?self.path, %error, "the access log cannot be opened"),
        }
    }

    /// Writes what was gathered; what does not go is counted and forgotten, for it would only grow.
    fn write_out(&mut self) {
        if self.reopen.swap(false, Ordering::AcqRel) {
            self.open();
        }
        if self.gathered.is_empty() {
            return;
        }
        let (done, error) = match &mut self.out {
            None => (0, Some(io::ErrorKind::NotFound.into())),
            Some(out) => write_lines(out, &self.gathered, self.torn),
        };
        let (whole, rest) = self.gathered.split_at(done);
        self.written.increment(lines(whole));
        self.failed.increment(lines(rest));
        if done > 0 || error.is_none() {
            self.torn = whole.last().is_some_and(|b| *b != b'\n');
        }
        self.gathered.clear();
        self.say(error);
    }

    /// Once when it begins, once when it ends.
    fn say(&mut self, error: Option<io::Error>) {
        let fails = error.is_some();
        match error {
            Some(error) if !self.failing => {
                tracing::error!(path = ?self.path, %error, "the access log cannot be written; its lines are lost and counted");
            }
            None if self.failing => tracing::info!(path = ?self.path, "the access log is written again"),
            _ => {}
        }
        self.failing = fails;
    }
}

impl Write for Pages {
    /// One call is one line or more.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(line);
        if self.gathered.len() >= GATHERED {
            self.write_out();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out();
        Ok(())
    }
}

/// For its owner and group: paths and addresses are nobody else's.
fn open(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

/// How many bytes of `text` went, and what stopped the rest.
fn write_lines(out: &mut dyn Write, text: &[u8], torn: bool) -> (usize, Option<io::Error>) {
    if torn && let Err(error) = out.write_all(b"\n") {
        return (0, Some(error));
    }
    let mut done = 0;
    while done < text.len() {
        match out.write(&text[done..]) {
            Ok(0) => return (done, Some(io::ErrorKind::WriteZero.into())),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Some(error)),
        }
    }
    (done, out.flush().err())
}

fn lines(text: &[u8]) -> u64 {
    text.split(|b| *b == b'\n').count().saturating_sub(1) as u64
}

#[cfg(test)]
#[path = "record_file_tests.rs"]
mod tests;
