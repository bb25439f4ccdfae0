//! A new process takes over from an old one, and no client is refused, reset or left without an answer.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{PATIENCE, Running, umbrage_at};
use crate::support::{
    Client, Deadline, ProxyBuilder, RawResponse, answer, by_hand, client, eventually, latch, proxy, server,
    try_client,
};

/// How often a process is replaced in the test under load.
const RESTARTS: usize = 20;

/// A client that asks again within this is busy; a connection that is idle for longer may be closed by who drains.
const BUSY: Duration = Duration::from_millis(400);

/// The config in a folder of its own: a store has one process.
fn configured(builder: &ProxyBuilder) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("umbrage.toml");
    std::fs::write(&file, builder.toml(dir.path())).unwrap();
    (dir, file)
}

/// Asks again and again without ever trying twice: on a connection for as long as the proxy keeps it, or on a new one
/// for each request. What goes wrong is written down.
struct Load {
    address: SocketAddr,
    over: AtomicBool,
    answered: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

/// A connection that was asked before, with the time within which the next request must not fail.
struct Kept {
    client: Client,
    asked: Deadline,
}

impl Load {
    fn on(address: SocketAddr) -> Self {
        Load { address, over: AtomicBool::new(false), answered: AtomicUsize::new(0), wrong: Mutex::default() }
    }

    fn run(&self, keeps: bool) {
        let mut kept: Option<Kept> = None;
        while !self.over.load(Ordering::Relaxed) {
            match self.ask(kept.take(), keeps) {
                Ok(again) => kept = again,
                Err(error) => self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(error),
            }
        }
    }

    fn ask(&self, kept: Option<Kept>, keeps: bool) -> Result<Option<Kept>, String> {
        let now = Deadline::after(BUSY);
        let (mut client, since) = match kept {
            Some(kept) => (kept.client, kept.asked),
            None => (try_client(self.address).map_err(|error| format!("connect: {error}"))?, now),
        };
        match self.exchange(&mut client) {
            Ok(last) => Ok((keeps && !last).then_some(Kept { client, asked: now })),
            Err(error) if since.left().is_some() => Err(error),
            // The machine kept this thread waiting for so long that the connection was idle: then it may be closed.
            Err(_) => Ok(None),
        }
    }

    /// One request and its answer; whether it was the last one of its connection.
    fn exchange(&self, client: &mut Client) -> Result<bool, String> {
        client.try_send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").map_err(|error| format!("send: {error}"))?;
        let response = client.try_read_response().map_err(|broken| format!("read: {broken:?}"))?;
        if (response.status, response.text().as_str()) != (200, "well") {
            return Err(format!("{}: {}", response.status, response.text()));
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
        Ok(response.header("connection") == Some("close"))
    }
}

#[test]
fn processes_that_share_the_port_take_over_under_load_without_one_failed_request() {
    let stable = server().answers(200, &[], "well").start();
    let builder = proxy().stable(&stable).with("listen", "reuse_port = true");
    let (first_dir, file) = configured(&builder);
    let mut old = Running::start(&file);
    let address = old.address;
    let builder = builder.with("listen", &format!("address = \"{address}\""));
    let (load, mut dirs) = (Load::on(address), vec![first_dir]);
    thread::scope(|scope| {
        for keeps in [true, true, false, false] {
            let load = &load;
            scope.spawn(move || load.run(keeps));
        }
        let ends_the_load = Ends(&load.over);
        for number in 0..RESTARTS {
            let (dir, file) = configured(&builder);
            let new = Running::start(&file);
            assert_eq!(new.address, address);
            let before = load.answered.load(Ordering::Relaxed);
            old.signal(Signal::TERM);
            assert_eq!(old.exit_code(PATIENCE), 0, "{}", old.log());
            eventually(PATIENCE, "the new one serves", || {
                load.answered.load(Ordering::Relaxed) > before + 20
            });
            assert_eq!(*load.wrong.lock().unwrap(), [""; 0], "by restart {number}");
            dirs.push(dir);
            old = new;
        }
        drop(ends_the_load);
    });
    assert_eq!(*load.wrong.lock().unwrap(), [""; 0]);
}

/// Ends the load when dropped, also by a panic.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_socket_that_was_handed_in_keeps_its_queue_from_one_process_to_the_next() {
    let stable = server().answers(200, &[], "well").start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody listens where the config says.
    let (_dir, file) = configured(&proxy().stable(&stable));
    let mut first = Running::start_at(&file, &listener);
    assert_eq!(first.address, address);
    assert_eq!(first.get("/"), "well");
    first.signal(Signal::TERM);
    assert_eq!(first.exit_code(PATIENCE), 0, "{}", first.log());
    let mut between = client(address);
    between.get("/between");
    let second = Running::start_at(&file, &listener);
    assert_eq!(between.read_response().text(), "well");
    assert_eq!(second.get("/"), "well");
}

#[test]
fn sockets_that_are_none_are_refused_with_a_word_about_them() {
    let stable = server().start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_dir, file) = configured(&proxy().stable(&stable));
    let done = umbrage_at(&file, &listener, 2);
    assert!(done.code == 1 && done.err.contains("2 sockets were handed in"), "{done:?}");
    let no_socket = std::fs::File::open("/dev/null").unwrap();
    let done = umbrage_at(&file, &TcpListener::from(std::os::fd::OwnedFd::from(no_socket)), 1);
    assert!(done.code == 1 && done.err.contains("not a socket"), "{done:?}");
}

#[test]
fn told_to_stop_it_says_close_on_the_next_answer_and_closes_what_is_idle() {
    let gate = latch();
    let waits = gate.clone();
    let stable = server()
        .answers_with(move |request| match request.target.as_str() {
            "/held" => RawResponse::nothing()
                .then_waits_for(&waits)
                .then_bytes("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld"),
            _ => answer(200, &[], "well"),
        })
        .start();
    let (_dir, file) = configured(&proxy().stable(&stable).with("listen", "drain_timeout = \"20s\""));
    let mut running = Running::start(&file);
    let mut held = client(running.address);
    held.get("/held");
    gate.wait_until_reached(1);
    let mut busy = client(running.address);
    let mut fresh = client(running.address);
    assert_eq!(busy.get("/").read_response().header("connection"), None);
    fresh.get("/").read_response();
    running.signal(Signal::TERM);
    eventually(PATIENCE, "readiness turns red", || running.ask_admin("GET", "/readyz").0 == 503);
    assert_eq!(fresh.read_to_close(), b"", "idle, and closed in order");
    gate.release();
    let last = held.read_response();
    assert_eq!((last.text().as_str(), last.header("connection")), ("held", Some("close")));
    assert_eq!(held.read_to_close(), b"");
    assert_eq!(running.exit_code(Duration::from_secs(10)), 0, "{}", running.log());
}

#[test]
fn a_client_in_the_middle_of_its_requests_is_told_to_close_and_loses_none() {
    let stable = server().answers(200, &[], "well").start();
    let (_dir, file) = configured(&proxy().stable(&stable));
    let mut running = Running::start(&file);
    let mut busy = client(running.address);
    busy.get("/").read_response();
    running.signal(Signal::TERM);
    let mut asked = 1;
    while busy.get("/").read_response().header("connection") != Some("close") {
        asked += 1;
    }
    assert_eq!(busy.read_to_close(), b"");
    assert_eq!(stable.requests().len(), asked + 1);
    assert_eq!(running.exit_code(PATIENCE), 0, "{}", running.log());
}

#[test]
fn an_answer_that_had_begun_before_the_stop_is_followed_by_another_that_says_close() {
    let backend = by_hand();
    let builder = proxy().stable_url(&backend.url()).with("listen", "workers = 1");
    let (_dir, file) = configured(&builder);
    let mut running = Running::start(&file);
    let mut idle = client(running.address);
    let mut slow = client(running.address);
    slow.get("/slow");
    let mut stable = backend.accept();
    stable.read_head();
    stable.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
    slow.read_through("first");
    running.signal(Signal::TERM);
    // By then the one worker has told all of its connections.
    assert_eq!(idle.read_to_close(), b"");
    stable.send("final");
    slow.read_through("final");
    slow.get("/next");
    stable.read_head();
    stable.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
    let last = slow.read_response();
    assert_eq!((last.text().as_str(), last.header("connection")), ("last", Some("close")));
    assert_eq!(running.exit_code(PATIENCE), 0, "{}", running.log());
}
