//! The server over real sockets on loopback.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::super::fixture::{OfficeFixture, office};
use super::*;

/// A server that runs until it is stopped.
struct Running {
    address: SocketAddr,
    office: Arc<Office>,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<()>,
}

async fn start(fixture: OfficeFixture) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let office = fixture.build();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener, office.clone(), stopped));
    Running { address, office, stop, tasks }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the server closes.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        rest(&mut stream).await
    }

    async fn stop(mut self) {
        self.stop.send(()).unwrap();
        self.tasks.join_next().await.unwrap().unwrap();
    }
}

/// Everything until the end; a reset ends it as well.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut part = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut part).await {
        all.extend_from_slice(&part[..read]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

async fn head_and_body(stream: &mut TcpStream, body: usize) -> String {
    let mut all = Vec::new();
    let whole = |all: &[u8]| {
        all.windows(4).position(|w| w == b"\r\n\r\n").is_some_and(|at| all.len() >= at + 4 + body)
    };
    while !whole(&all) {
        all.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn answers_over_a_socket_and_keeps_it_alive() {
    let running = start(office()).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let answer = head_and_body(&mut stream, 3).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    }
    let closed = running.exchange(b"GET /api/v1/report HTTP/1.0\r\n\r\n").await;
    assert!(closed.starts_with("HTTP/1.0 200 OK"), "{closed}");
    drop(stream);
    running.stop().await;
}

#[tokio::test]
async fn bad_requests_are_refused_and_the_server_goes_on() {
    let running = start(office()).await;
    let many_fields = "x: 1\r\n".repeat(MAX_FIELDS);
    let bad = [
        b"nonsense\r\n\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many_fields}\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(2 * MAX_HEAD)).into_bytes(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
    ];
    for bytes in bad {
        let answer = running.exchange(&bytes).await;
        let refused = answer.starts_with("HTTP/1.1 4") || answer.is_empty();
        assert!(refused, "{:?} got {answer}", String::from_utf8_lossy(&bytes[..bytes.len().min(40)]));
    }
    let fine =
        running.exchange(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
    running.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_bound_are_turned_away_and_their_slots_come_back() {
    let running = start(office()).await;
    let mut held = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = running.connect().await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert!(head_and_body(&mut stream, 3).await.starts_with("HTTP/1.1 200"));
        held.push(stream);
    }
    let answer = rest(&mut running.connect().await).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("{\"error\":\"too many connections\"}\n"),
        "{answer}"
    );
    let declared: usize =
        answer.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
    assert_eq!(declared, answer.split("\r\n\r\n").nth(1).unwrap().len());
    drop(held);
    // The slots come back as the server notices the ends; each try is an exchange, not a wait.
    let mut answer = String::new();
    for _ in 0..1000 {
        answer =
            running.exchange(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
    }
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_the_listener() {
    let running = start(office()).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    head_and_body(&mut stream, 3).await;
    let address = running.address;
    running.stop().await;
    assert_eq!(rest(&mut stream).await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_no_whole_head_is_dropped() {
    let running = start(office()).await;
    // Time moves by itself once nothing else is left to do.
    let answer = running.exchange(b"GET / HTTP/1.1\r\nhost: local").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_over_the_socket_ends_by_itself() {
    let running = start(office()).await;
    let ask = b"POST /api/v1/mirror/pause?for=10m HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = running.exchange(ask).await;
    assert!(answer.contains("\"paused\":true"), "{answer}");
    assert!(running.office.switches.is_paused());
    tokio::time::advance(Duration::from_secs(601)).await;
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    assert!(!running.office.switches.is_paused());
    running.stop().await;
}

#[tokio::test]
async fn a_hung_report_does_not_hold_up_a_probe_on_another_connection() {
    let (hold, waits) = std::sync::mpsc::sync_channel::<()>(0);
    let (call, called) = oneshot::channel();
    let (waits, call) = (std::sync::Mutex::new(waits), std::sync::Mutex::new(Some(call)));
    let running = start(office().report(move || {
        if let Some(call) = call.lock().unwrap().take() {
            let _ = call.send(());
        }
        let _ = waits.lock().unwrap().recv();
        json!({"late": true})
    }))
    .await;
    let mut slow = running.connect().await;
    slow.write_all(b"GET /api/v1/report HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    called.await.unwrap();
    let probe =
        running.exchange(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(probe.starts_with("HTTP/1.1 200"), "{probe}");
    drop(hold);
    assert!(rest(&mut slow).await.contains("\"late\":true"));
    running.stop().await;
}
