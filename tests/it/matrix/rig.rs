//! What must hold while a leg ails, once the clients have left, and when the leg is well again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::ailing::{Ailing, well};
use super::traffic;
use crate::process::Running;
use crate::support::{Deadline, PATIENCE, Page, client, eventually, laws, proxy};

/// Requests that every fault of the shadow meets, and of control, which is asked in the same way.
const REQUESTS: [(&str, usize); 2] = [("shadow", 2000), ("control", 500)];

/// Threads that the back office reads files with; they come and go.
const PASSING_THREADS: usize = 2;

/// How long an exchange with the sick leg may take.
const TIMEOUT: Duration = Duration::from_millis(300);

/// `mirror.memory`.
const MEMORY_MIB: usize = 16;

/// What may come on top of it: heads, read buffers, what the allocator keeps.
const BESIDE_MIB: usize = 16;

/// Within which a leg that is well again is asked again; twice that on a machine that has more to do.
const RECOVERY: Duration = Duration::from_secs(5);

/// Between two looks at the metrics.
const LOOK: Duration = Duration::from_millis(50);

/// Labels that a machine without time makes of any exchange.
const BUSY: [&str; 3] = ["timeout", "connect_timeout", "expired"];

/// What the process holds that is no connection.
#[derive(Clone, Copy)]
struct Level {
    descriptors: f64,
    threads: usize,
    peak_kib: usize,
}

/// Everything, with `ailing` as the leg that is sick.
pub fn endures(leg: &str, ailing: Ailing) {
    let (stable, shadow) = (well().start(), well().start());
    let keys = [
        ("mirror", "methods = [\"GET\", \"POST\"]".to_owned()),
        ("mirror", "max_per_second = 1000000".to_owned()),
        ("mirror", "max_in_flight = 64".to_owned()),
        ("mirror", format!("memory = \"{MEMORY_MIB}MiB\"")),
        ("mirror", "max_drain = \"256KiB\"".to_owned()),
        // Without giving way: on a busy machine the plane would else answer nothing within its own deadline.
        ("mirror", "nice = 0".to_owned()),
        ("shadow", format!("timeout = \"{}ms\"", TIMEOUT.as_millis())),
        // So that many meet the fault before the leg is left alone. How long it is left alone is as everybody has it.
        ("breaker", "failures = 200".to_owned()),
        ("breaker", "min_requests = 400".to_owned()),
    ];
    let built = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let built = if leg == "control" { built.control(100.0) } else { built };
    let built = keys.iter().fold(built, |built, (section, line)| built.with(section, line));
    let built = built.with(leg, &format!("url = {:?}", ailing.url));
    let built = ailing.keys.iter().fold(built, |built, line| built.with(leg, line));
    let dir = TempDir::new().expect("a folder");
    let config = dir.path().join("umbrage.toml");
    std::fs::write(&config, built.toml(dir.path())).expect("writes the config");
    let running = Running::start(&config);
    ailing.told.set(running.address).expect("told once");

    let requests = REQUESTS.iter().find(|(of, _)| *of == leg).expect("a leg that may be sick").1;
    // What serving alone takes.
    assert_eq!(running.ask_admin("POST", "/api/v1/mirror/pause").0, 200);
    traffic::run(running.address, 200);
    let before = settled(&running);
    assert_eq!(running.ask_admin("POST", "/api/v1/mirror/resume").0, 200);
    let times = while_it_ails(ailing.meanwhile, || traffic::run(running.address, requests));
    let median = times[times.len() / 2];
    assert!(median < TIMEOUT / 2, "clients wait for the {leg}: {median:?} at the median");

    let page = page_when_settled(&running);
    let sent = page.sum("umbrage_requests_total", &[]);
    assert!(sent >= requests as f64, "{sent}");
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), sent, "an answer that was no answer");
    assert_eq!(page.sum("umbrage_shadow_plane_panics_total", &[]), 0.0);
    named(&page, leg, ailing.outcomes);
    back_to(&running, before);
    let peak = running.peak_memory_kib() / 1024;
    let most = before.peak_kib / 1024 + MEMORY_MIB + BESIDE_MIB + ailing.beside_mib;
    println!("{leg}: median {median:?}, last {:?}, {peak} of {most} MiB", times.last());
    assert!(peak <= most, "{peak} MiB, where {most} are allowed");

    let _well = (ailing.cure)();
    taken_back(&running, leg);
    page_when_settled(&running);
}

/// Runs `clients` and, beside them, what happens to the leg.
fn while_it_ails<T: Send>(
    meanwhile: Option<(Duration, Box<dyn FnMut()>)>,
    clients: impl FnOnce() -> T + Send,
) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let _told = Told(&done);
            clients()
        });
        if let Some((every, mut turn)) = meanwhile {
            while !done.load(Ordering::Relaxed) {
                turn();
                let pause = Deadline::after(every);
                eventually(PATIENCE, "a pause", || pause.left().is_none() || done.load(Ordering::Relaxed));
            }
        }
        clients.join().expect("clients are content")
    })
}

/// Lets this much time pass, so that who asks again and again leaves the machine to those who are asked.
fn pause_unless(time: Duration, over: impl Fn() -> bool) {
    let pause = Deadline::after(time);
    eventually(PATIENCE, "a pause", || pause.left().is_none() || over());
}

/// Says at its end, however that comes, that it is over.
struct Told<'a>(&'a AtomicBool);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The metrics once nothing is under way and they add up.
#[track_caller]
fn page_when_settled(running: &Running) -> Page {
    let idle = ["umbrage_requests_in_flight", "umbrage_mirror_in_flight", "umbrage_mirror_buffered_bytes"];
    let deadline = Deadline::after(PATIENCE * 2);
    loop {
        let page = running.metrics();
        let held: Vec<_> = idle.iter().map(|gauge| page.sum(gauge, &[])).collect();
        let active = page.sum("umbrage_leg_connections", &[("state", "active")]);
        let clients = page.sum("umbrage_client_connections", &[]);
        let broken = laws(&page).err().unwrap_or_default();
        if held.iter().all(|value| *value == 0.0) && active == 0.0 && clients == 0.0 && broken.is_empty() {
            return page;
        }
        let state = format!("{idle:?} are {held:?}, {active} active, {clients} clients; {broken}");
        assert!(deadline.left().is_some(), "it does not come to rest: {state}");
        pause_unless(LOOK, || false);
    }
}

fn settled(running: &Running) -> Level {
    let page = page_when_settled(running);
    let connections = page.sum("umbrage_leg_connections", &[]);
    Level {
        descriptors: running.descriptors() as f64 - connections,
        threads: running.threads(),
        peak_kib: running.peak_memory_kib(),
    }
}

/// Descriptors and threads are what they were, idle connections to the legs apart.
#[track_caller]
fn back_to(running: &Running, before: Level) {
    eventually(PATIENCE, "descriptors and threads are back at their level", || {
        pause_unless(LOOK, || false);
        let now = settled(running);
        let back = now.descriptors <= before.descriptors && now.threads <= before.threads + PASSING_THREADS;
        if !back {
            println!("{} of {} descriptors", now.descriptors, before.descriptors);
            println!("{} of {} threads", now.threads, before.threads);
        }
        back
    });
}

/// What became of the exchanges with the leg is called by its name.
#[track_caller]
fn named(page: &Page, leg: &str, expected: &[&str]) {
    let outcomes = page.sum_by("umbrage_mirror_outcomes_total", &[("leg", leg)], "outcome");
    let seen: Vec<&str> =
        outcomes.iter().filter(|(_, count)| **count > 0.0).map(|(label, _)| label.as_str()).collect();
    println!("{outcomes:?}");
    assert!(expected.iter().any(|label| seen.contains(label)), "none of {expected:?} in {outcomes:?}");
    let wrong: Vec<_> =
        seen.iter().filter(|label| !expected.contains(label) && !BUSY.contains(label)).collect();
    assert!(wrong.is_empty(), "{wrong:?} in {outcomes:?}");
}

/// The leg is asked again, and its answers are again those of stable.
#[track_caller]
fn taken_back(running: &Running, leg: &str) {
    let matches =
        || running.metrics().sum("umbrage_comparisons_total", &[("leg", leg), ("verdict", "match")]);
    let before = matches();
    let since = Deadline::after(RECOVERY * 3);
    let mut client = client(running.address);
    eventually(RECOVERY * 2, &format!("the {leg} is asked again"), || {
        for _ in 0..10 {
            traffic::ask(&mut client, &[("/again", b"")]);
        }
        pause_unless(LOOK, || false);
        matches() >= before + 10.0
    });
    println!("{leg}: back after {:?}", (RECOVERY * 3).saturating_sub(since.left().unwrap_or_default()));
}
