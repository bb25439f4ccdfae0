//! A backend on a free loopback port: `server().hangs_after_head().start()`.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::answer::{RawResponse, Step, answer};
use super::connection::{self, Pace};
use super::deadline::DEADLINE;
use super::latch::Latch;
use super::recorded::RecordedRequest;

/// A backend that answers 200 with an empty body until it is told otherwise.
pub fn server() -> ServerBuilder {
    ServerBuilder {
        handler: Arc::new(|_| answer(200, &[], "")),
        on_accept: OnAccept::Serve,
        pace: None,
        closes_after_each: false,
        answers_early: false,
        latches: Vec::new(),
    }
}

/// What a backend does with a request.
pub type Handler = Arc<dyn Fn(&RecordedRequest) -> RawResponse + Send + Sync>;

/// What a backend does with a new connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnAccept {
    Serve,
    Reset,
    NeverRead,
}

/// What a backend will be like; the last word on a subject counts.
#[derive(Clone)]
pub struct ServerBuilder {
    pub(super) handler: Handler,
    on_accept: OnAccept,
    pub(super) pace: Option<Pace>,
    pub(super) closes_after_each: bool,
    pub(super) answers_early: bool,
    latches: Vec<Latch>,
}

impl ServerBuilder {
    /// Answers everything with this.
    pub fn answers(self, status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        self.always(answer(status, headers, body))
    }

    /// Answers as a function of the request; a panic in it fails the test.
    pub fn answers_with(
        mut self,
        handler: impl Fn(&RecordedRequest) -> RawResponse + Send + Sync + 'static,
    ) -> Self {
        self.handler = Arc::new(handler);
        self
    }

    /// Answers everything with these steps.
    pub fn always(self, response: RawResponse) -> Self {
        self.answers_with(move |_| response.clone())
    }

    /// Answers everything with exactly these bytes.
    pub fn raw(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.always(RawResponse::raw(bytes))
    }

    /// Answers with the request's body, and its method and target in `x-method` and `x-target`.
    pub fn echoes(self) -> Self {
        self.answers_with(|request| {
            answer(200, &[("x-method", &request.method), ("x-target", &request.target)], &request.body)
        })
    }

    /// Reads requests and says nothing.
    pub fn never_answers(self) -> Self {
        self.always(RawResponse::nothing().then_hangs())
    }

    /// Promises a body of 100 bytes and says nothing more.
    pub fn hangs_after_head(self) -> Self {
        self.always(RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").then_hangs())
    }

    /// Sends the head at once and then this body, byte by byte, with a wait before each.
    pub fn drips(self, body: impl Into<Vec<u8>>, every: Duration) -> Self {
        let body = body.into();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        self.always(RawResponse::raw(head).then_drips(body, 1, every))
    }

    /// Resets connections as soon as they are there.
    pub fn resets_on_accept(mut self) -> Self {
        self.on_accept = OnAccept::Reset;
        self
    }

    /// Reads a request and resets.
    pub fn resets_after_request(self) -> Self {
        self.always(RawResponse::nothing().then_resets())
    }

    /// Promises a body of 100 bytes, sends 50 and resets.
    pub fn resets_mid_body(self) -> Self {
        let half = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "x".repeat(50));
        self.always(RawResponse::raw(half).then_resets())
    }

    /// Promises a body of 100 bytes, sends 50 and closes.
    pub fn closes_mid_body(self) -> Self {
        let half = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "x".repeat(50));
        self.always(RawResponse::raw(half).then_closes())
    }

    /// Closes after each answer without having said so.
    pub fn closes_after_each(mut self) -> Self {
        self.closes_after_each = true;
        self
    }

    /// Takes connections and reads nothing, with the smallest buffer that the system gives.
    pub fn accepts_never_reads(mut self) -> Self {
        self.on_accept = OnAccept::NeverRead;
        self
    }

    /// Reads at most `bytes` at a time, with a wait before each, through the smallest buffer that the system gives.
    pub fn reads_slowly(mut self, bytes: usize, every: Duration) -> Self {
        self.pace = Some(Pace { bytes: bytes.max(1), every });
        self
    }

    /// Answers as soon as the head is there, and reads the body afterwards.
    pub fn answers_before_body(mut self) -> Self {
        self.answers_early = true;
        self
    }

    /// Answers no request before the test has released the latch.
    pub fn waits_for(mut self, latch: &Latch) -> Self {
        self.latches.push(latch.clone());
        self
    }

    /// Begins to listen.
    pub fn start(self) -> Server {
        self.start_on(bound((Ipv4Addr::LOCALHOST, 0).into()))
    }

    /// Begins to listen at `[::1]`; `None` on a machine without IPv6.
    pub fn start_v6(self) -> Option<Server> {
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok()?;
        Some(self.start_on(bound((Ipv6Addr::LOCALHOST, 0).into())))
    }

    /// Begins to listen at a socket that is bound.
    pub(super) fn start_on(self, socket: Socket) -> Server {
        let addr = socket.local_addr().unwrap().as_socket().unwrap();
        let shared = Arc::new(Shared { builder: self, state: Mutex::default(), changed: Condvar::new() });
        let mut server = Server { addr, shared, accepting: None, reserved: Some(socket) };
        server.restart();
        server
    }

    pub(super) fn respond(&self, request: &RecordedRequest) -> RawResponse {
        let response = (self.handler)(request);
        let response = self.latches.iter().rev().fold(response, RawResponse::after);
        if self.closes_after_each || request.is_last() { response.then(Step::Close) } else { response }
    }

    fn listens_with_small_buffers(&self) -> bool {
        self.pace.is_some() || self.on_accept == OnAccept::NeverRead
    }
}

/// A running backend; it stops when it is dropped.
pub struct Server {
    /// Where it listens; the same after a restart.
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    /// Bound to the port and not listening: nobody else gets it while this backend is down.
    reserved: Option<Socket>,
}

/// What a backend's threads share.
pub(super) struct Shared {
    pub(super) builder: ServerBuilder,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopping: bool,
    accepted: usize,
    requests: Vec<RecordedRequest>,
    open: HashMap<usize, TcpStream>,
    threads: Vec<JoinHandle<()>>,
    waiting: Vec<Latch>,
    panics: Vec<String>,
}

impl Server {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The requests that came, whole or broken off, in the order of their heads.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.lock().requests.iter().filter(|request| request.ended).cloned().collect()
    }

    /// The requests whose head came, even if their body is still on its way.
    pub fn begun(&self) -> Vec<RecordedRequest> {
        self.shared.lock().requests.clone()
    }

    /// Connections accepted since the first start.
    pub fn connections(&self) -> usize {
        self.shared.lock().accepted
    }

    /// Connections open on this end.
    pub fn open_connections(&self) -> usize {
        self.shared.lock().open.len()
    }

    /// Waits until so many requests have come; returns them all.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize, patience: Duration) -> Vec<RecordedRequest> {
        let ended = |state: &State| state.requests.iter().filter(|request| request.ended).count();
        self.wait(patience, &format!("{count} requests"), |state| ended(state) >= count);
        self.requests()
    }

    /// Waits until the heads of so many requests have come.
    #[track_caller]
    pub fn wait_for_heads(&self, count: usize, patience: Duration) -> Vec<RecordedRequest> {
        self.wait(patience, &format!("{count} heads"), |state| state.requests.len() >= count);
        self.begun()
    }

    /// Waits until so many connections have been accepted.
    #[track_caller]
    pub fn wait_for_connections(&self, count: usize, patience: Duration) {
        self.wait(patience, &format!("{count} connections"), |state| state.accepted >= count);
    }

    /// Waits until exactly so many connections are open.
    #[track_caller]
    pub fn wait_for_open_connections(&self, count: usize, patience: Duration) {
        self.wait(patience, &format!("{count} open connections"), |state| state.open.len() == count);
    }

    /// Closes everything; connections to its address are refused from then on. Fails if a handler panicked.
    #[track_caller]
    pub fn stop(&mut self) {
        let panics = self.halt();
        assert!(panics.is_empty(), "the backend at {} panicked: {}", self.addr, panics.join("; "));
    }

    /// Listens again on the same port.
    pub fn restart(&mut self) {
        let socket = self.reserved.take().unwrap_or_else(|| panic!("{} runs already", self.addr));
        self.shared.lock().stopping = false;
        if self.shared.builder.listens_with_small_buffers() {
            socket.set_recv_buffer_size(1).unwrap();
        }
        socket.listen(1024).unwrap();
        let listener = TcpListener::from(socket);
        let shared = self.shared.clone();
        let thread = thread::Builder::new().name(format!("backend {}", self.addr));
        self.accepting = Some(thread.spawn(move || accept(&listener, &shared)).unwrap());
    }

    /// Ends what it was and begins anew as another, at the same address.
    #[track_caller]
    pub fn recover(&mut self, builder: ServerBuilder) {
        self.stop();
        self.shared = Arc::new(Shared { builder, state: Mutex::default(), changed: Condvar::new() });
        self.restart();
    }

    /// Ends and leaves its address to somebody else.
    #[track_caller]
    pub fn leave(mut self) -> TcpListener {
        self.stop();
        let socket = self.reserved.take().expect("it was running");
        socket.listen(1024).unwrap();
        TcpListener::from(socket)
    }

    /// Stops, joins every thread, and returns what panicked.
    fn halt(&mut self) -> Vec<String> {
        let Some(accepting) = self.accepting.take() else { return Vec::new() };
        let waiting = {
            let mut state = self.shared.lock();
            state.stopping = true;
            std::mem::take(&mut state.waiting)
        };
        self.shared.changed.notify_all();
        waiting.iter().for_each(Latch::wake);
        self.reserved = Some(bound(self.addr));
        let woken = TcpStream::connect_timeout(&self.addr, DEADLINE);
        let _ = accepting.join();
        drop(woken);
        self.shared.shut_all();
        let threads = std::mem::take(&mut self.shared.lock().threads);
        for thread in threads {
            drop(thread.join());
        }
        std::mem::take(&mut self.shared.lock().panics)
    }

    #[track_caller]
    fn wait(&self, patience: Duration, what: &str, done: impl Fn(&State) -> bool) {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, patience, |state| !done(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let seen = format!("{} accepted, {} open, {:#?}", state.accepted, state.open.len(), state.requests);
        drop(state);
        assert!(!timeout.timed_out(), "no {what} at {} within {patience:?}; it saw {seen}", self.addr);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let panics = self.halt();
        if !thread::panicking() {
            assert!(panics.is_empty(), "the backend at {} panicked: {}", self.addr, panics.join("; "));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Waits this long; tells whether the backend was stopped meanwhile.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |state| !state.stopping);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }

    /// Waits until the backend is stopped.
    pub(super) fn wait_for_stop(&self) {
        drop(self.changed.wait_while(self.lock(), |state| !state.stopping));
    }

    /// Waits for the test, or for the end of the backend.
    pub(super) fn pass(&self, latch: &Latch) {
        {
            let mut state = self.lock();
            if state.stopping {
                return;
            }
            state.waiting.push(latch.clone());
        }
        latch.pass(|| self.stopping());
    }

    /// Notes a request whose head came; returns its place.
    pub(super) fn begin(&self, request: RecordedRequest) -> usize {
        let mut state = self.lock();
        state.requests.push(request);
        self.changed.notify_all();
        state.requests.len() - 1
    }

    /// Notes what became of its body.
    pub(super) fn end(&self, place: usize, request: RecordedRequest) {
        self.lock().requests[place] = request;
        self.changed.notify_all();
    }

    fn shut_all(&self) {
        for stream in self.lock().open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Takes connections until the backend is stopped.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let mut state = shared.lock();
        if state.stopping {
            return;
        }
        let number = state.accepted;
        state.accepted += 1;
        if shared.builder.on_accept == OnAccept::Reset {
            connection::reset_on_close(&stream);
        } else {
            state.open.insert(number, stream.try_clone().unwrap());
            let shared = shared.clone();
            let thread = thread::Builder::new().name(format!("backend connection {number}"));
            state.threads.push(thread.spawn(move || attend(stream, number, &shared)).unwrap());
        }
        drop(state);
        shared.changed.notify_all();
    }
}

/// Serves one connection and notes its end, or its panic.
fn attend(stream: TcpStream, number: usize, shared: &Arc<Shared>) {
    let served = catch_unwind(AssertUnwindSafe(|| match shared.builder.on_accept {
        OnAccept::NeverRead => {
            shared.wait_for_stop();
            drop(stream);
        }
        _ => connection::serve(stream, number, shared),
    }));
    let mut state = shared.lock();
    state.open.remove(&number);
    if let Err(panic) = served {
        state.panics.push(message(panic.as_ref()));
    }
    drop(state);
    shared.changed.notify_all();
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

/// A socket that is bound and does not listen; `SO_REUSEPORT` lets one hold the port for another of ours.
pub(super) fn bound(addr: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&addr.into()).unwrap_or_else(|error| panic!("{addr}: {error}"));
    socket
}
