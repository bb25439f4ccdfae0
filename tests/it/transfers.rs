//! Bodies of any size and any slowness pass through a real process at the pace of their ends, in bounded memory.
#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::Running;
use crate::support::{Client, ProxyBuilder, RawResponse, Server, by_hand, client, proxy, server};
use crate::upgrades::{CONSENT, HANDSHAKE};

/// What the process may ever have resident, in KiB: its own size and what a few connections hold.
const MEMORY_KIB: usize = 64 << 10;

/// Bytes of a big body: many times [`MEMORY_KIB`].
const BIG: usize = 256 << 20;

/// Bytes written or read at once.
const PIECE: usize = 1 << 20;

/// How long nothing must move before it counts as stalled.
const STILL: Duration = Duration::from_millis(300);

/// A process, with a shadow that answers without end or with no shadow at all.
fn running(stable: &str, mirrored: bool) -> (TempDir, Running, Option<Server>) {
    let builder: ProxyBuilder = proxy().stable_url(stable);
    let shadow = mirrored.then(|| {
        let endless = RawResponse::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40));
        server().always(endless.then_endless(vec![b's'; 1 << 16])).start()
    });
    let builder = match &shadow {
        Some(shadow) => builder.shadow(shadow).percent(100.0).with("mirror", "methods = [\"GET\", \"POST\"]"),
        None => builder,
    };
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("umbrage.toml");
    std::fs::write(&file, builder.toml(dir.path())).unwrap();
    let running = Running::start(&file);
    (dir, running, shadow)
}

fn give(end: &Client, total: usize) {
    let piece = vec![b'x'; PIECE];
    for _ in 0..total / PIECE {
        end.stream().write_all(&piece).unwrap();
    }
}

fn take(end: &mut Client, total: usize) {
    for _ in 0..total / PIECE {
        end.read_past(PIECE);
    }
}

#[test]
fn big_bodies_pass_both_ways_in_small_memory_with_mirroring_off_and_on() {
    let backend = by_hand();
    for mirrored in [false, true] {
        let (_dir, running, _shadow) = running(&backend.url(), mirrored);
        let mut client = client(running.address);
        client.get("/download");
        let mut stable = backend.accept();
        stable.read_head();
        stable.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n"));
        client.read_head();
        thread::scope(|scope| {
            scope.spawn(|| give(&stable, BIG));
            take(&mut client, BIG);
        });
        drop(stable);

        let mut client = crate::support::client(running.address);
        client.send(format!("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {BIG}\r\n\r\n"));
        let mut stable = backend.accept();
        stable.read_head();
        thread::scope(|scope| {
            scope.spawn(|| give(&client, BIG));
            take(&mut stable, BIG);
        });
        stable.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(client.read_response().text(), "ok");
        let peak = running.peak_memory_kib();
        println!("mirrored: {mirrored}, at most {peak} KiB resident");
        assert!(peak < MEMORY_KIB, "{peak} KiB with mirroring {mirrored}");
    }
}

#[test]
fn clients_that_read_nothing_hold_bounded_memory() {
    const CLIENTS: usize = 20;
    let backend = by_hand();
    let (_dir, running, _shadow) = running(&backend.url(), false);
    let mut ends = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = client(running.address);
        client.get("/");
        let mut stable = backend.accept();
        stable.read_head();
        stable.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40));
        ends.push((client, stable));
    }
    let stalled = thread::scope(|scope| {
        let senders: Vec<_> = ends
            .iter_mut()
            .map(|(_, stable)| scope.spawn(|| stable.send_until_stalled(&[b'x'; 1 << 16], STILL)))
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).max().unwrap()
    });
    let peak = running.peak_memory_kib();
    println!("{CLIENTS} stalled after at most {stalled} bytes, at most {peak} KiB resident");
    assert!(peak < MEMORY_KIB, "{peak} KiB for {CLIENTS} clients that read nothing");
}

#[test]
fn tunnels_whose_ends_read_nothing_hold_bounded_memory() {
    const TUNNELS: usize = 20;
    let backend = by_hand();
    let (_dir, running, _shadow) = running(&backend.url(), false);
    let mut ends: Vec<Client> = Vec::new();
    for _ in 0..TUNNELS {
        let mut client = client(running.address);
        client.send(HANDSHAKE);
        let mut stable = backend.accept();
        stable.read_head();
        stable.send(CONSENT);
        client.read_head();
        ends.extend([client, stable]);
    }
    thread::scope(|scope| {
        for end in &mut ends {
            scope.spawn(|| end.send_until_stalled(&[b'x'; 1 << 16], STILL));
        }
    });
    let peak = running.peak_memory_kib();
    println!("{TUNNELS} tunnels stalled both ways, at most {peak} KiB resident");
    assert!(peak < MEMORY_KIB, "{peak} KiB for {TUNNELS} tunnels that nobody reads from");
}

#[test]
fn each_event_is_passed_on_before_the_next_is_made() {
    let backend = by_hand();
    let (_dir, running, _shadow) = running(&backend.url(), true);
    for framing in ["Transfer-Encoding: chunked", "X-Until: close"] {
        let mut client = client(running.address);
        client.get("/events");
        let mut stable = backend.accept();
        stable.read_head();
        stable.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framing}\r\n\r\n"));
        client.read_head();
        for number in 0..200 {
            // The client waits for this one before stable makes another: whoever keeps one back stops both.
            let event = format!("data: {number}\n\n");
            if framing.contains("chunked") {
                stable.send_chunk(&event);
            } else {
                stable.send(&event);
            }
            client.read_through(&event);
        }
    }
}

#[test]
fn each_piece_of_an_upload_is_answered_before_the_next_is_sent() {
    let backend = by_hand();
    let (_dir, running, _shadow) = running(&backend.url(), true);
    let mut client = client(running.address);
    client.send("POST /talk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut stable = backend.accept();
    stable.read_head();
    stable.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.read_head();
    for number in 0..200 {
        let (asked, answered) = (format!("<ask {number}>"), format!("<answer {number}>"));
        client.send_chunk(&asked);
        stable.read_through(&asked);
        stable.send_chunk(&answered);
        client.read_through(&answered);
    }
    client.send_last_chunk();
    stable.read_through("0\r\n\r\n");
    stable.send_last_chunk();
    client.read_through("0\r\n\r\n");
}
