//! The demo shows a stranger what Umbrage does: within seconds, to the end, with an honest report, and leaves nothing behind.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use tempfile::TempDir;
use umbrage::model::clock;

/// No demo of these tests takes longer.
const MOST: Duration = Duration::from_mins(1);
/// What a first difference looks like: when, where, and both values.
const DIFFERENCE: &str = " → ";

/// A running demo; killed when dropped, so that a failed test leaves none behind.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    folder: TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_umbrage"))
            .arg("demo")
            .args(arguments)
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (send, lines) = sync_channel(10_000);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Demo { child, lines, folder }
    }

    /// The lines up to the first that fits, that one included.
    fn until(&self, within: Duration, what: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
        let (begun, mut read) = (clock::now(), Vec::new());
        loop {
            let left = within.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let found = fits(&line);
                    read.push(line);
                    if found {
                        return read;
                    }
                }
                Err(why) => panic!("{what} within {within:?}: {why}, after\n{}", read.join("\n")),
            }
        }
    }

    /// What is left to read until it ends; its exit status; what it said on stderr.
    fn end(mut self) -> (String, ExitStatus, String, TempDir) {
        let (begun, mut read) = (clock::now(), String::new());
        loop {
            match self.lines.recv_timeout(MOST.saturating_sub(begun.elapsed())) {
                Ok(line) => read += &(line + "\n"),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{read}"),
            }
        }
        let status = self.child.wait().expect("ends");
        let mut errors = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut errors).expect("is text");
        let folder = std::mem::replace(&mut self.folder, TempDir::new().expect("a folder"));
        (read, status, errors, folder)
    }

    fn interrupt(&self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("is there");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Gone already, where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of the list of planted bugs, by what was made of them.
fn planted<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.starts_with(&format!("  {mark}  "))).collect()
}

#[test]
fn the_first_difference_comes_within_three_seconds_and_the_report_names_every_planted_bug() {
    let demo = Demo::start(&["--for", "5m"]);
    let mut read = demo.until(Duration::from_secs(3), "the first difference", |line| {
        line.contains("GET /orders") && line.contains(DIFFERENCE)
    });
    // Proving that one endpoint is slower takes as long as the machine is busy with other things.
    let news = [
        ("$.total ", " type "),
        ("$.payment_url", " missing "),
        ("header:cache-control", " value "),
        ("POST /orders ", "$.total "),
        ("/history ", " slower "),
        ("$.eta_minutes", "stable differs from itself"),
    ];
    for (what, how) in news {
        let fits = |line: &str| line.contains(what) && line.contains(how);
        if !read.iter().any(|line| fits(line)) {
            read.extend(demo.until(MOST, how, fits));
        }
    }
    demo.interrupt();
    let (text, status, errors, folder) = demo.end();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{text}");
    let (_, report) = text.split_once("The report\n").expect("a report");
    for line in [
        "body $.total  type",
        "body $.payment_url  missing",
        "header:cache-control  value",
        "body $.total  value",
        "GET /products/{sku}",
    ] {
        assert!(report.contains(line), "{line} is not in\n{report}");
    }
    assert_eq!(planted(report, "noise").len(), 1, "{report}");
    let found = planted(report, "found");
    // That one endpoint is slower was news above; a machine that got busier since may leave it open again.
    for bug in ["became a string", "is missing", "header changed", "a cent is lost"] {
        assert!(found.iter().any(|line| line.contains(bug)), "{bug} was not found:\n{report}");
    }
    assert!(report.contains("and saw no error"), "{report}");
    assert!(report.contains("umbrage run --listen 127.0.0.1:8080 --stable "), "{report}");
    assert!(!text.contains('\u{1b}'), "no colours and no cursor in a pipe:\n{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "its records are gone");
}

#[test]
fn an_interrupt_ends_it_with_the_report() {
    let demo = Demo::start(&["--for", "10m", "--seed", "7"]);
    let before = demo.until(MOST, "the first difference", |line| line.contains(DIFFERENCE));
    assert!(before.iter().any(|line| line.contains("dashboard  http://127.0.0.1:")), "{before:?}");
    demo.interrupt();
    let (text, status, errors, folder) = demo.end();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{text}");
    assert!(text.contains("The report\n") && text.contains("Compared "), "{text}");
    assert!(text.contains("Incomparable  none"), "all that was asked was compared:\n{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "its records are gone");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_umbrage"))
        .args(["demo", "--for", "10m"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("reads");
    assert!(first.starts_with("Umbrage demo"), "{first}");
    // Its stdout is closed now: the next line ends it, long before its time is up.
    let begun = clock::now();
    let status = child.wait().expect("ends");
    let mut errors = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut errors).expect("is text");
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    assert!(begun.elapsed() < MOST);
}

#[test]
fn a_bad_bound_is_wrong_usage() {
    for arguments in [["--for", "soon"], ["--rate", "0"], ["--rate", "1001"], ["--seed", "x"]] {
        let (text, status, errors, _) = Demo::start(&arguments).end();
        assert_eq!((status.code(), text.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(errors.contains(arguments[0]), "{errors}");
    }
}
