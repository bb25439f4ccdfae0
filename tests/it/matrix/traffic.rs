//! What the customers do: kept-alive connections with GET, 64 KiB POST and pipelined pairs, every answer held to the byte.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::ailing::{body, fields};
use crate::support::{Client, Deadline, client};

/// Connections at once.
const CLIENTS: usize = 4;

/// How long one answer may take, on a machine that has more to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends so many requests in all; every answer's time, in order.
pub fn run(address: SocketAddr, requests: usize) -> Vec<Duration> {
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || converse(address, number, requests / CLIENTS)))
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client's answers are right")).collect()
    });
    times.sort_unstable();
    times
}

/// One connection's share, all over that connection.
fn converse(address: SocketAddr, number: usize, share: usize) -> Vec<Duration> {
    let mut client = client(address).patient_for(PATIENCE);
    let large = format!("{{\"pad\":\"{}\"}}", "0123456789abcdef".repeat(4096)).into_bytes();
    let mut times = Vec::new();
    let mut turn = 0;
    while times.len() < share {
        let [one, other] = ["a", "b"].map(|part| format!("/{number}/{turn}/{part}?q={part}"));
        let asked: &[(&str, &[u8])] = match turn % 16 {
            0 => &[(&one, &large)],
            8 => &[(&one, &large), (&other, b"")],
            2 | 6 | 10 | 14 => &[(&one, b""), (&other, b"")],
            _ => &[(&one, b"")],
        };
        times.extend(ask(&mut client, asked));
        turn += 1;
    }
    assert!(client.half_close().read_to_close().is_empty(), "bytes that nobody asked for");
    times
}

/// Sends these before the first answer is read; how long after that each was there.
pub fn ask(client: &mut Client, asked: &[(&str, &[u8])]) -> Vec<Duration> {
    let since = Deadline::after(PATIENCE);
    for (target, body) in asked {
        client.request(if body.is_empty() { "GET" } else { "POST" }, target, &[], body);
    }
    let answers = asked.iter().map(|(target, asked)| {
        let response = client.read_response();
        let body = body(target, asked);
        let [kind, place] = fields(target).map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!("HTTP/1.1 200 OK\r\n{kind}{place}Content-Length: {}\r\n\r\n", body.len());
        assert_eq!(response.head_text(), head);
        assert!(response.body == body, "{target}: {} bytes that are not its own", response.body.len());
        PATIENCE.saturating_sub(since.left().unwrap_or_default())
    });
    answers.collect()
}
