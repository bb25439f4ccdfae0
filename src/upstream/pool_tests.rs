//! Connections are reused, bounded, aged out, and never kept when they cannot be trusted.
#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};

use super::*;
use crate::upstream::SendError;
use crate::upstream::fixture::{Act, backend, deaf, leg as settings, nobody, ok, on_one_thread, until};

type Nothing = Empty<Bytes>;

fn pool(port: u16) -> (Rc<Pool<Nothing>>, Metrics) {
    let metrics = Metrics::new();
    (Pool::new(Leg::Shadow, Arc::new(settings(port)), &metrics), metrics)
}

/// The one address of a leg that has one.
fn only(pool: &Pool<Nothing>) -> Rc<Endpoint<Nothing>> {
    pool.endpoints.borrow()[0].clone()
}

fn request() -> Request<Nothing> {
    Request::builder().uri("/").header("host", "a").body(Nothing::new()).unwrap()
}

/// One whole exchange; its connection goes back.
async fn exchange(pool: &Rc<Pool<Nothing>>) -> bool {
    let mut lease = pool.checkout().await.unwrap();
    let reused = lease.is_reused();
    let response = lease.send(request()).await.unwrap();
    response.into_body().collect().await.unwrap();
    lease.give_back(clock::now());
    reused
}

fn gauge(metrics: &Metrics, series: &str) -> String {
    let page = metrics.render();
    let value = page.lines().find_map(|line| line.strip_prefix(&format!("umbrage_{series} ")));
    value.unwrap_or("none").to_owned()
}

fn connections(metrics: &Metrics) -> (String, String) {
    let of = |state| gauge(metrics, &format!("leg_connections{{leg=\"shadow\",state=\"{state}\"}}"));
    (of("active"), of("idle"))
}

fn connects(metrics: &Metrics, result: &str) -> String {
    gauge(metrics, &format!("leg_connects_total{{leg=\"shadow\",result=\"{result}\"}}"))
}

#[test]
fn a_connection_that_was_given_back_is_used_again() {
    on_one_thread(async {
        let (port, log) = backend(vec![vec![ok("a"), ok("b"), ok("c"), Act::Hang]]).await;
        let (pool, metrics) = pool(port);
        let reused = [exchange(&pool).await, exchange(&pool).await, exchange(&pool).await];
        assert_eq!(reused, [false, true, true]);
        assert!(log.borrow().iter().all(|(n, _)| *n == 0), "{log:?}");
        assert_eq!(connects(&metrics, "ok"), "1");
        assert_eq!(connections(&metrics), ("0".into(), "1".into()));
        assert_eq!(gauge(&metrics, "leg_up{leg=\"shadow\"}"), "1");
    });
}

#[test]
fn a_lease_that_is_dropped_closes_its_connection() {
    on_one_thread(async {
        let (port, _) = backend(vec![vec![ok("a"), Act::Hang]]).await;
        let (pool, metrics) = pool(port);
        let lease = pool.checkout().await.unwrap();
        assert_eq!(connections(&metrics), ("1".into(), "0".into()));
        drop(lease);
        assert_eq!(connections(&metrics), ("0".into(), "0".into()));
        assert!(only(&pool).idle.borrow().is_empty());
    });
}

#[test]
fn no_more_is_kept_than_the_bound() {
    on_one_thread(async {
        let (port, _) = backend(vec![vec![ok(""), Act::Hang]; 6]).await;
        let (pool, metrics) = pool(port);
        let mut leases = Vec::new();
        for _ in 0..6 {
            leases.push(pool.connect().await.unwrap());
        }
        assert_eq!(connections(&metrics), ("6".into(), "0".into()));
        for lease in leases {
            lease.give_back(clock::now());
        }
        assert_eq!(only(&pool).idle.borrow().len(), 4, "max_idle");
        assert_eq!(connections(&metrics), ("0".into(), "4".into()));
    });
}

#[test]
fn what_was_idle_for_too_long_is_closed_and_the_youngest_is_used_first() {
    on_one_thread(async {
        let (port, log) = backend(vec![vec![ok(""), Act::Hang], vec![ok(""), Act::Hang]]).await;
        let (pool, metrics) = pool(port);
        let (first, second) = (pool.connect().await.unwrap(), pool.connect().await.unwrap());
        first.give_back(clock::now());
        second.give_back(clock::now());
        let since = |n: usize| only(&pool).idle.borrow()[n].since;
        let idle_timeout = pool.settings().idle_timeout;
        pool.sweep(since(0) + idle_timeout - Duration::from_nanos(1));
        assert_eq!(only(&pool).idle.borrow().len(), 2);
        only(&pool).idle.borrow_mut()[1].since = since(0) + Duration::from_secs(1);
        pool.sweep(since(0) + idle_timeout);
        assert_eq!(only(&pool).idle.borrow().len(), 1, "only the older one is too old");
        assert_eq!(connections(&metrics).1, "1");
        assert!(exchange(&pool).await);
        assert_eq!(log.borrow()[0].0, 1, "the younger one is left");
        pool.sweep(clock::now() + idle_timeout);
        assert_eq!(connections(&metrics).1, "0");
    });
}

#[test]
fn a_retired_pool_closes_what_is_idle_and_keeps_nothing() {
    on_one_thread(async {
        let (port, _) = backend(vec![vec![ok(""), Act::Hang], vec![ok(""), Act::Hang]]).await;
        let (pool, metrics) = pool(port);
        let (first, second) = (pool.connect().await.unwrap(), pool.connect().await.unwrap());
        first.give_back(clock::now());
        pool.retire();
        assert_eq!(connections(&metrics), ("1".into(), "0".into()));
        second.give_back(clock::now());
        assert_eq!(
            connections(&metrics),
            ("0".into(), "0".into()),
            "a request that was under way ends, no more"
        );
    });
}

#[test]
fn a_connection_that_the_backend_closed_is_not_handed_out() {
    on_one_thread(async {
        let (port, _) = backend(vec![vec![ok("a")], vec![ok("b"), Act::Hang]]).await;
        let (pool, metrics) = pool(port);
        exchange(&pool).await;
        until(|| only(&pool).idle.borrow().iter().all(|idle| idle.connection.sender.is_closed())).await;
        assert!(!exchange(&pool).await, "a new one was made");
        assert_eq!(connects(&metrics, "ok"), "2");
        assert_eq!(connections(&metrics), ("0".into(), "1".into()));
    });
}

#[test]
fn what_came_behind_an_answer_is_not_the_answer_to_the_next_request_however_soon_it_is_sent() {
    on_one_thread(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (pool, _) = pool(listener.local_addr().unwrap().port());
        let answering = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                peer.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            (peer, listener)
        });
        exchange(&pool).await;
        let (mut peer, _listener) = answering.join().unwrap();
        peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nexcess").unwrap();
        // The connection's own task has not run since.
        assert!(!pool.checkout().await.unwrap().is_reused());
    });
}

#[test]
fn a_stale_connection_gives_the_request_back_unwritten() {
    on_one_thread(async {
        let (port, log) = backend(vec![vec![]]).await;
        let (pool, _) = pool(port);
        let mut lease = pool.connect().await.unwrap();
        until(|| lease.is_closed()).await;
        let mut sent = request();
        sent.headers_mut().insert("x-mine", http::HeaderValue::from_static("1"));
        let Err(SendError::Unsent(back)) = lease.send(sent).await else { panic!("it was written") };
        assert_eq!(back.headers()["x-mine"], "1");
        assert!(log.borrow().is_empty());
        lease.give_back(clock::now());
        assert!(only(&pool).idle.borrow().is_empty(), "a closed connection is not kept");
    });
}

#[test]
fn a_leg_that_cannot_be_reached_is_said_so() {
    on_one_thread(async {
        let (refusing, metrics) = pool(nobody().await);
        let error = refusing.checkout().await.err().unwrap();
        assert_eq!((error.label(), connects(&metrics, "error").as_str()), ("connect_error", "1"));
        assert_eq!(gauge(&metrics, "leg_up{leg=\"shadow\"}"), "0");
        assert_eq!(connections(&metrics).0, "0");

        let metrics = Metrics::new();
        let (port, _held) = deaf().await;
        let hasty = Settings { connect_timeout: Duration::from_millis(20), ..settings(port) };
        let hasty: Rc<Pool<Nothing>> = Pool::new(Leg::Shadow, Arc::new(hasty), &metrics);
        let error = hasty.checkout().await.err().unwrap();
        assert_eq!((error.label(), connects(&metrics, "timeout").as_str()), ("connect_timeout", "1"));
    });
}

#[test]
fn a_pool_that_goes_takes_its_gauge_along() {
    on_one_thread(async {
        let (port, _) = backend(vec![vec![ok(""), Act::Hang]]).await;
        let (pool, metrics) = pool(port);
        exchange(&pool).await;
        assert_eq!(connections(&metrics).1, "1");
        drop(pool);
        assert_eq!(connections(&metrics), ("0".into(), "0".into()));
    });
}

/// A pool of a leg with these ports, asked in turn.
fn many(ports: &[u16], change: impl FnOnce(&mut Settings)) -> (Rc<Pool<Nothing>>, Metrics) {
    let origins = ports.iter().map(|port| settings(*port).origins.remove(0)).collect();
    let mut settings = Settings { origins, ..settings(ports[0]) };
    change(&mut settings);
    let metrics = Metrics::new();
    (Pool::new(Leg::Shadow, Arc::new(settings), &metrics), metrics)
}

#[test]
fn an_address_that_takes_long_is_overtaken_by_the_next() {
    on_one_thread(async {
        let (slow, _held) = deaf().await;
        let (quick, _) = backend(vec![vec![ok("a"), Act::Hang]]).await;
        let (pool, metrics) = many(&[slow, quick], |_| {});
        let lease = pool.connect().await.unwrap();
        assert_eq!(connects(&metrics, "ok"), "1", "one request, one connection made");
        drop(lease);
        assert_eq!(connections(&metrics), ("0".into(), "0".into()));
    });
}

#[test]
fn an_address_that_refuses_is_passed_over_and_all_that_refuse_are_an_error() {
    on_one_thread(async {
        let (alive, _) = backend(vec![vec![ok("a"), Act::Hang]]).await;
        let (pool, _) = many(&[nobody().await, alive], |_| {});
        assert!(pool.connect().await.is_ok());
        let (pool, metrics) = many(&[nobody().await, nobody().await], |_| {});
        let error = pool.connect().await.err().unwrap();
        assert_eq!((error.label(), connects(&metrics, "error").as_str()), ("connect_error", "1"));
        assert_eq!(pool.slots.taken(), 0, "its place is free again");
    });
}

#[test]
fn a_lease_goes_on_with_a_new_connection_in_its_own_place() {
    on_one_thread(async {
        let (port, log) = backend(vec![vec![], vec![ok("b"), Act::Hang]]).await;
        let (pool, metrics) = many(&[port], |s| s.max_connections = 1);
        let mut lease = pool.connect().await.unwrap();
        until(|| lease.is_closed()).await;
        assert!(matches!(lease.send(request()).await, Err(SendError::Unsent(_))));
        let mut lease = lease.reconnect().await.unwrap();
        assert!(!lease.is_reused(), "what fails now fails for good");
        lease.send(request()).await.unwrap();
        assert_eq!((log.borrow().len(), pool.slots.taken()), (1, 1));
        assert_eq!(connections(&metrics).0, "1");
        drop(lease);
        assert_eq!((pool.slots.taken(), connections(&metrics).0.as_str()), (0, "0"));
    });
}

#[test]
fn an_idle_connection_to_one_address_makes_room_for_one_to_another() {
    on_one_thread(async {
        let (first, _) = backend(vec![vec![ok(""), Act::Hang]]).await;
        let (second, _) = backend(vec![vec![ok(""), Act::Hang]]).await;
        let (pool, metrics) = many(&[first, second], |s| s.max_connections = 1);
        assert!(!exchange(&pool).await);
        assert!(!exchange(&pool).await);
        assert_eq!(connections(&metrics), ("0".into(), "1".into()), "never more than one is open");
    });
}

#[test]
fn an_address_that_is_no_longer_one_keeps_no_connection() {
    on_one_thread(async {
        let (first, log) = backend(vec![vec![ok(""), Act::Hang]]).await;
        let (second, _) = backend(vec![vec![ok(""), Act::Hang]]).await;
        let (pool, metrics) = many(&[first], |s| s.origins[0].host = "a.test".into());
        let error = pool.checkout().await.err().unwrap();
        assert_eq!(error.label(), "resolve");
        let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        pool.book.replace(0, &[address(first)]);
        exchange(&pool).await;
        let held = pool.checkout().await.unwrap();
        pool.book.replace(0, &[address(second)]);
        assert!(!exchange(&pool).await, "a new one to the new address");
        assert_eq!(connections(&metrics), ("1".into(), "1".into()));
        held.give_back(clock::now());
        assert_eq!(connections(&metrics), ("0".into(), "1".into()), "nothing of the old one is kept");
        assert_eq!(log.borrow().len(), 1);
    });
}

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nbehind";

#[test]
fn a_connection_that_switches_hands_its_stream_over_and_is_never_kept() {
    on_one_thread(async {
        let (port, _log) = backend(vec![vec![Act::Answer(SWITCH.to_owned()), Act::Hang]]).await;
        let (pool, metrics) = pool(port);
        let mut lease = pool.checkout().await.unwrap();
        lease.may_switch();
        assert_eq!(lease.send(request()).await.unwrap().status(), 101);
        let mut switched = lease.switched().await.expect("the stream");
        assert_eq!(&switched.read[..], b"behind");
        tokio::io::AsyncWriteExt::write_all(&mut switched.io, b"on").await.expect("it is open");
        assert!(lease.switched().await.is_none(), "it is handed over once");
        assert_eq!(
            connections(&metrics),
            ("1".into(), "0".into()),
            "in use for as long as the lease is held"
        );
        lease.give_back(clock::now());
        assert_eq!(connections(&metrics), ("0".into(), "0".into()));
    });
}

#[test]
fn without_having_been_asked_for_a_switch_closes_the_connection() {
    on_one_thread(async {
        let (port, _log) = backend(vec![vec![Act::Answer(SWITCH.to_owned()), Act::Hang]]).await;
        let (pool, metrics) = pool(port);
        let mut lease = pool.checkout().await.unwrap();
        assert_eq!(lease.send(request()).await.unwrap().status(), 101);
        assert!(lease.switched().await.is_none());
        lease.give_back(clock::now());
        assert_eq!(connections(&metrics), ("0".into(), "0".into()));
    });
}

#[test]
fn a_connection_that_might_have_switched_and_did_not_is_kept() {
    on_one_thread(async {
        let (port, _log) = backend(vec![vec![ok("a"), ok("b"), Act::Hang]]).await;
        let (pool, _metrics) = pool(port);
        let mut lease = pool.checkout().await.unwrap();
        lease.may_switch();
        lease.send(request()).await.unwrap().into_body().collect().await.unwrap();
        lease.give_back(clock::now());
        assert!(exchange(&pool).await, "the next request takes it");
    });
}
