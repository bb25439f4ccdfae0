//! A backend on loopback that does what its script says, connection by connection.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::LocalSet;

use super::book::Known;
use super::{Balance, Ejection, HostPolicy, HttpVersion, Origin, ProxyProtocol, Settings};

/// A leg on this machine; its bounds are far beyond what a test takes.
pub(crate) fn leg(port: u16) -> Settings {
    let authority = format!("127.0.0.1:{port}").parse().unwrap();
    Settings {
        origins: vec![Origin { secure: false, host: "127.0.0.1".into(), port, authority }],
        host: HostPolicy::Preserve,
        protocol: HttpVersion::Negotiated,
        proxy_protocol: ProxyProtocol::Off,
        tls: None,
        balance: Balance::RoundRobin,
        ejection: Ejection { failures: 0, rest: Duration::from_mins(1) },
        health: None,
        resolve_interval: Duration::from_mins(1),
        connect_timeout: Duration::from_mins(1),
        response_timeout: Duration::from_mins(1),
        body_timeout: Duration::from_mins(1),
        max_idle: 4,
        idle_timeout: Duration::from_mins(1),
        max_connections: 1024,
        max_queue: 1024,
        queue_timeout: Duration::from_mins(1),
        known: Known::default(),
    }
}

/// What a connection does with its next request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Reads it whole, writes these bytes.
    Answer(String),
    /// Reads its head only, writes these bytes.
    Early(String),
    /// Reads it whole, then resets the connection.
    Reset,
    /// Does nothing any more, and keeps the connection open.
    Hang,
}

/// What came: the head of each request with the number of its connection.
pub(crate) type Log = Rc<RefCell<Vec<(usize, String)>>>;

/// Runs a test on one thread, as the planes run; a minute is the most that it may take.
pub(crate) fn on_one_thread<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_mins(1), test).await.expect("the test hangs")
    })
}

/// Waits, letting everything else run, until something is so.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
    }
}

/// A whole answer with this body.
pub(crate) fn ok(body: &str) -> Act {
    Act::Answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// The port of a backend whose n-th connection follows the n-th script and is closed at its end; later ones are closed
/// at once.
pub(crate) async fn backend(scripts: Vec<Vec<Act>>) -> (u16, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let seen = log.clone();
    tokio::task::spawn_local(async move {
        let mut scripts = scripts.into_iter();
        for n in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            tokio::task::spawn_local(follow(stream, n, scripts.next().unwrap_or_default(), seen.clone()));
        }
    });
    (port, log)
}

/// A port that nobody listens at.
pub(crate) async fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A port where connections are neither made nor refused, for as long as the rest is held: its queue is full.
pub(crate) async fn deaf() -> (u16, impl Sized) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let first = TcpStream::connect(address).await.unwrap();
    (address.port(), (listener, first))
}

async fn follow(mut stream: TcpStream, n: usize, script: Vec<Act>, log: Log) {
    for act in script {
        let Some((head, body)) = read_head(&mut stream).await else { return };
        log.borrow_mut().push((n, head.clone()));
        if !matches!(act, Act::Early(_)) && read_rest(&mut stream, &head, body).await.is_none() {
            return;
        }
        match act {
            Act::Answer(bytes) | Act::Early(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
            Act::Reset => {
                let socket = socket2::SockRef::from(&stream);
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
            Act::Hang => std::future::pending().await,
        }
    }
}

/// The head of a request and how much of its body came along.
async fn read_head(stream: &mut TcpStream) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            return Some((head, bytes.len() - end - 4));
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn read_rest(stream: &mut TcpStream, head: &str, mut came: usize) -> Option<()> {
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |n| n.trim().parse().unwrap());
    let mut scrap = vec![0; 64 * 1024];
    while came < length {
        match stream.read(&mut scrap).await.ok()? {
            0 => return None,
            n => came += n,
        }
    }
    Some(())
}
