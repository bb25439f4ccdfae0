//! Names are found and followed, health is asked for and told, and the thread ends.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use super::*;
use crate::upstream::fixture::leg;
use crate::upstream::{Health, Origin};

fn named(host: &str, port: u16) -> Arc<Settings> {
    let authority = format!("{host}:{port}").parse().unwrap();
    let origin = Origin { secure: false, host: host.to_owned(), port, authority };
    Arc::new(Settings { origins: vec![origin], ..leg(port) })
}

fn metric(metrics: &Metrics, series: &str) -> Option<String> {
    let page = metrics.render();
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
}

/// Waits for what another thread does.
fn eventually(what: &str, so: impl Fn() -> bool) {
    let begun = crate::model::clock::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::yield_now();
    }
}

/// Answers every connection with the status in force; counts them.
struct Backend {
    port: u16,
    status: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
}

fn backend() -> Backend {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (status, asked) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicUsize::new(0)));
    let (told, seen) = (status.clone(), asked.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), told.load(Ordering::SeqCst));
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    Backend { port, status, asked }
}

fn answer(mut stream: TcpStream, status: u16) {
    let mut head = Vec::new();
    let mut piece = [0; 512];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(n) if n > 0 => head.extend_from_slice(&piece[..n]),
            _ => return,
        }
    }
    assert!(head.starts_with(b"GET /healthz?deep=1 HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&head));
    let _ = stream.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes());
}

#[test]
fn a_name_is_resolved_before_it_is_served() {
    let scout = Scout::start(Metrics::new()).unwrap();
    let settings = named("localhost", 9001);
    scout.watch(&[(Leg::Stable, settings.clone()), (Leg::Control, settings.clone())]);
    let entries = settings.book().entries().clone();
    assert!(!entries.is_empty());
    assert!(entries.iter().all(|e| e.address.ip().is_loopback() && e.address.port() == 9001), "{entries:?}");
}

#[test]
fn a_name_that_has_no_address_holds_nobody_up_for_long() {
    let scout = Scout::start(Metrics::new()).unwrap();
    let settings = named("no-such-name.invalid", 9001);
    let begun = crate::model::clock::now();
    scout.watch(&[(Leg::Stable, settings.clone())]);
    assert!(begun.elapsed() < FIRST_ANSWER * 3);
    assert!(settings.book().entries().is_empty());
}

#[test]
fn what_is_known_of_a_leg_that_stays_is_kept() {
    let scout = Scout::start(Metrics::new()).unwrap();
    let (old, new) = (named("localhost", 9001), named("localhost", 9001));
    scout.watch(&[(Leg::Stable, old.clone())]);
    scout.watch(&[(Leg::Stable, new.clone()), (Leg::Shadow, named("localhost", 9002))]);
    assert!(Arc::ptr_eq(old.book(), new.book()));
    let again = named("localhost", 9001);
    scout.watch(&[(Leg::Shadow, named("localhost", 9002))]);
    scout.watch(&[(Leg::Stable, again.clone())]);
    assert!(!Arc::ptr_eq(old.book(), again.book()), "of what was not watched nothing is known");
    assert!(!again.book().entries().is_empty());
}

#[test]
fn an_address_that_does_not_answer_well_is_taken_out_and_brought_back() {
    let metrics = Metrics::new();
    let scout = Scout::start(metrics.clone()).unwrap();
    let backend = backend();
    let health = Health {
        path: "/healthz?deep=1".parse().unwrap(),
        interval: Duration::from_millis(10),
        timeout: Duration::from_secs(5),
        healthy_after: 2,
        unhealthy_after: 3,
    };
    let settings = Arc::new(Settings { health: Some(health), ..leg(backend.port) });
    scout.watch(&[(Leg::Shadow, settings.clone())]);
    let up = || metric(&metrics, "umbrage_leg_up{leg=\"shadow\"}");
    eventually("it is up", || up().as_deref() == Some("1"));
    backend.status.store(500, Ordering::SeqCst);
    eventually("it is taken out", || !settings.book().entries()[0].healthy);
    eventually("and told", || up().as_deref() == Some("0"));
    backend.status.store(302, Ordering::SeqCst);
    eventually("it is back", || settings.book().entries()[0].healthy);
    eventually("and told", || up().as_deref() == Some("1"));
    assert!(backend.asked.load(Ordering::SeqCst) >= 5, "three bad and two good ones change it");
}
