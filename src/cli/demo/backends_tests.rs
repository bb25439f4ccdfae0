//! The servers as their clients have them, and the customers who ask them.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::super::clients::{Clients, Plan};
use super::*;

fn exchange(backend: &Backend, request: &str) -> String {
    let mut stream = TcpStream::connect(backend.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(backend: &Backend, path: &str) -> String {
    exchange(backend, &format!("GET {path} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n"))
}

#[test]
fn old_and_rewrite_answer_as_they_should() {
    let backends = [Edition::Old, Edition::Rewrite].map(|edition| Backend::start(edition, 1).unwrap());
    let orders = backends.each_ref().map(|backend| get(backend, "/orders/7"));
    assert!(orders.iter().all(|order| order.starts_with("HTTP/1.1 200 OK\r\n")), "{orders:?}");
    assert!(orders.iter().all(|order| order.contains("content-type: application/json\r\n")), "{orders:?}");
    assert!(orders[0].contains(r#""total":12.49"#), "{}", orders[0]);
    assert!(orders[1].contains(r#""total":"12.49""#), "{}", orders[1]);
    let lists = backends.each_ref().map(|backend| get(backend, "/orders?page=2"));
    assert!(lists[0].contains("cache-control: private, max-age=60\r\n"), "{}", lists[0]);
    assert!(lists[1].contains("cache-control: no-store\r\n"), "{}", lists[1]);
    assert!(get(&backends[0], "/").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_body_beyond_the_bound_is_refused() {
    let backend = Backend::start(Edition::Old, 1).unwrap();
    let length = MAX_BODY + 1;
    let head = format!(
        "POST /orders HTTP/1.1\r\nhost: demo\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    let answer = exchange(&backend, &(head + &" ".repeat(length)));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn what_is_no_request_ends_its_connection_only() {
    let backend = Backend::start(Edition::Old, 1).unwrap();
    let answer = exchange(&backend, "\u{1}\u{2}\u{3}\r\n\r\n");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(get(&backend, "/orders/7").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_dropped_backend_is_gone_with_its_connections() {
    let backend = Backend::start(Edition::Old, 1).unwrap();
    let address = backend.address();
    let mut idle = TcpStream::connect(address).unwrap();
    get(&backend, "/orders/7");
    drop(backend);
    assert!(TcpStream::connect(address).is_err());
    idle.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let rest = idle.read(&mut [0]);
    assert!(
        rest.as_ref().map_or_else(|e| e.kind() == io::ErrorKind::ConnectionReset, |n| *n == 0),
        "{rest:?}"
    );
}

fn plan(to: SocketAddr, bound: Duration) -> Plan {
    Plan { to, seed: 1, rate: 200, bound }
}

#[test]
fn customers_ask_until_their_time_is_up_and_every_answer_is_counted() {
    let backend = Backend::start(Edition::Old, 1).unwrap();
    let clients = Clients::start(plan(backend.address(), Duration::from_millis(300))).unwrap();
    let seen = clients.seen().clone();
    clients.wait();
    let (answered, failed) = seen.counts();
    assert!((1..=60).contains(&answered), "{answered}: no more than the rate allows");
    assert_eq!(failed, 0);
}

#[test]
fn an_address_where_nobody_listens_is_counted_as_failures() {
    let gone = Backend::start(Edition::Old, 1).unwrap().address();
    let clients = Clients::start(plan(gone, Duration::from_millis(200))).unwrap();
    let seen = clients.seen().clone();
    clients.wait();
    let (answered, failed) = seen.counts();
    assert_eq!(answered, 0);
    assert!(failed > 0);
}

#[test]
fn dropped_customers_end_long_before_their_time() {
    let backend = Backend::start(Edition::Old, 1).unwrap();
    let clients = Clients::start(plan(backend.address(), Duration::from_hours(1))).unwrap();
    let seen = clients.seen().clone();
    drop(clients);
    assert_eq!(seen.counts().1, 0, "what was asked was waited for");
}
