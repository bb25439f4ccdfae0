//! The life of the process: it says where it is, drains when told to stop, reloads, and keeps its evidence through the
//! worst of ends.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{PATIENCE, Running, umbrage};
use crate::support::{
    Broken, ProxyBuilder, Server, answer, client, eventually, latch, proxy, report_laws, server, try_client,
};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn folder() -> TempDir {
    TempDir::new().unwrap()
}

fn write(dir: &Path, builder: &ProxyBuilder) -> PathBuf {
    let file = dir.join("umbrage.toml");
    std::fs::write(&file, builder.toml(dir)).unwrap();
    file
}

/// Two backends that disagree about everything, and the proxy between them.
fn disagreeing() -> (Server, Server, ProxyBuilder) {
    let stable = server().answers(200, &JSON, br#"{"id":1}"#).start();
    let shadow = server().answers(200, &JSON, br#"{"id":"1"}"#).start();
    let builder = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    (stable, shadow, builder)
}

#[test]
fn told_to_stop_it_finishes_what_is_in_flight_and_takes_nothing_new() {
    for signal in [Signal::TERM, Signal::INT] {
        let gate = latch();
        let waits = gate.clone();
        let stable = server()
            .answers_with(move |request| {
                let whole = answer(200, &[], "late");
                if request.target == "/held" { held(&waits) } else { whole }
            })
            .start();
        let dir = folder();
        let builder = proxy().stable(&stable).with("listen", "drain_timeout = \"20s\"");
        let mut running = Running::start(&write(dir.path(), &builder));
        assert_eq!(running.ask_admin("GET", "/readyz").0, 200);

        let mut idle = client(running.address);
        assert_eq!(idle.get("/idle").read_response().status, 200);
        let mut busy = client(running.address);
        busy.get("/held");
        gate.wait_until_reached(1);

        running.signal(signal);
        eventually(PATIENCE, "readiness turns red", || running.ask_admin("GET", "/readyz").0 == 503);
        assert_eq!(running.ask_admin("GET", "/healthz").0, 200);
        assert_eq!(idle.read_to_close(), b"");
        eventually(PATIENCE, "new connections are refused or closed", || {
            let Ok(mut late) = try_client(running.address) else { return true };
            late.try_send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n").is_err()
                || matches!(late.try_read_response(), Err(Broken::Closed | Broken::Reset))
        });

        gate.release();
        let answered = busy.read_response();
        assert_eq!((answered.status, answered.text().as_str()), (200, "late"));
        assert_eq!(running.exit_code(Duration::from_secs(20)), 0, "{}", running.log());
        assert!(stable.requests().iter().all(|request| request.target != "/late"));
        assert!(running.log().contains("stopped"), "{}", running.log());
    }
}

/// A whole answer, once the test says so.
fn held(gate: &crate::support::Latch) -> crate::support::RawResponse {
    crate::support::RawResponse::nothing()
        .then_waits_for(gate)
        .then_bytes("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
}

#[test]
fn requests_that_never_end_hold_the_end_up_no_longer_than_their_bound() {
    let stable = server()
        .answers_with(|request| match request.target.as_str() {
            "/silent" => crate::support::RawResponse::nothing().then_hangs(),
            "/half" => crate::support::RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                .then_hangs(),
            _ => answer(200, &[], ""),
        })
        .start();
    let shadow = server().never_answers().start();
    let dir = folder();
    let builder = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let builder = builder.with("listen", "drain_timeout = \"1s\"").with("shadow", "timeout = \"60s\"");
    let mut running = Running::start(&write(dir.path(), &builder));

    let mut silent = client(running.address);
    silent.get("/silent");
    let mut half = client(running.address);
    half.get("/half");
    let mut upload = client(running.address);
    upload.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    let mut head = client(running.address);
    head.send("GET /nobody-ends-this-he");
    stable.wait_for_heads(3, PATIENCE);
    shadow.wait_for_requests(2, PATIENCE);

    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(Duration::from_secs(4)), 0, "{}", running.log());
}

#[test]
fn who_asks_twice_does_not_wait() {
    let stable = server().never_answers().start();
    let dir = folder();
    let builder = proxy().stable(&stable).with("listen", "drain_timeout = \"60s\"");
    let mut running = Running::start(&write(dir.path(), &builder));
    let mut waiting = client(running.address);
    waiting.get("/");
    stable.wait_for_requests(1, PATIENCE);
    running.signal(Signal::TERM);
    running.wait_for_log("draining");
    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(Duration::from_secs(10)), 1, "{}", running.log());
}

#[test]
fn a_hangup_reads_the_config_again() {
    let (stable, shadow, builder) = disagreeing();
    let dir = folder();
    let file = write(dir.path(), &builder);
    let running = Running::start(&file);
    let reloads = |result: &str| running.metrics().sum("umbrage_config_reloads_total", &[("result", result)]);
    running.signal(Signal::HUP);
    eventually(PATIENCE, "one reload without a change", || reloads("unchanged") >= 1.0);

    // The watcher refuses it once and is content; the signal has it looked at again.
    std::fs::write(&file, "[listen]\nadress = 1\n").unwrap();
    eventually(PATIENCE, "the watcher refuses", || reloads("refused") >= 1.0);
    let before = reloads("refused");
    running.signal(Signal::HUP);
    eventually(PATIENCE, "the signal refuses", || reloads("refused") > before);
    running.wait_for_log("adress");
    running.get("/still");

    write(dir.path(), &builder.percent(0.0));
    running.signal(Signal::HUP);
    eventually(PATIENCE, "one reload in force", || reloads("applied") >= 1.0);
    let mirrored = shadow.requests().len();
    running.get("/after");
    eventually(PATIENCE, "it is decided", || {
        running.metrics().sum("umbrage_mirror_decisions_total", &[("decision", "not_sampled")]) >= 1.0
    });
    assert!(stable.requests().len() == 2 && mirrored <= 1, "{mirrored}");
    assert_eq!(shadow.requests().iter().filter(|request| request.target == "/after").count(), 0);
}

#[test]
fn a_taken_port_ends_it_with_the_key_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for section in ["listen", "admin"] {
        let stable = server().start();
        let dir = folder();
        let builder = proxy().stable(&stable).with(section, &format!("address = \"{address}\""));
        let file = write(dir.path(), &builder);
        let done = umbrage(dir.path(), &["run", "-c", file.to_str().unwrap()]);
        assert_eq!(done.code, 1, "{done:?}");
        let key = format!("{section}.address");
        assert!(done.err.contains(&key) && done.err.contains(&address.to_string()), "{done:?}");
        assert_eq!(done.out, "");
    }
}

#[test]
fn a_bad_config_ends_it_with_every_problem() {
    let dir = folder();
    let file = dir.path().join("umbrage.toml");
    std::fs::write(&file, "[listen]\naddress = \"nowhere\"\nworkerz = 3\n[stable]\nurl = \"ftp://x\"\n")
        .unwrap();
    let done = umbrage(dir.path(), &["run"]);
    assert_eq!(done.code, 78, "{done:?}");
    for part in ["umbrage.toml:2", "workerz", "ftp://x", "^"] {
        assert!(done.err.contains(part), "{part} is missing: {}", done.err);
    }
    assert!(!done.err.contains('\u{1b}'), "{}", done.err);
    let done = umbrage(dir.path(), &["run", "-c", "absent.toml"]);
    assert!(done.code == 78 && done.err.contains("absent.toml"), "{done:?}");
}

#[test]
fn without_a_file_a_few_flags_run_it() {
    let dir = folder();
    let done = umbrage(dir.path(), &["run", "--listen", "127.0.0.1:0"]);
    assert_eq!(done.code, 2, "{done:?}");
    let done = umbrage(dir.path(), &["run", "--listen", "127.0.0.1:0", "--stable", "nothing"]);
    assert_eq!(done.code, 78, "{done:?}");
}

/// The counts of a report that must survive.
fn kept(report: &Value) -> Value {
    let endpoints: Vec<Value> = report["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| serde_json::json!([e["endpoint"], e["compared"], e["mismatched"], e["fields"]]))
        .collect();
    let coverage = &report["coverage"];
    serde_json::json!([
        report["epoch"],
        endpoints,
        coverage["decisions"],
        coverage["outcomes"],
        coverage["compared"]
    ])
}

fn stored(dir: &Path) -> Option<Value> {
    let data = dir.join("data");
    let done = umbrage(dir, &["report", "--data", data.to_str().unwrap(), "--format", "json"]);
    (done.code == 0).then(|| serde_json::from_str(&done.out).unwrap())
}

#[test]
fn killed_once_its_store_is_up_to_date_it_loses_nothing() {
    let (_stable, _shadow, builder) = disagreeing();
    let dir = folder();
    let file = write(dir.path(), &builder);
    let mut running = Running::start(&file);
    for number in 0..40 {
        running.get(&format!("/things/{number}"));
        running.get("/list");
    }
    eventually(PATIENCE, "every pair is compared", || running.report()["coverage"]["compared"] == 80);
    let before = kept(&running.report());
    eventually(PATIENCE, "the store has them", || stored(dir.path()).is_some_and(|r| kept(&r) == before));
    running.kill();
    assert_eq!(kept(&stored(dir.path()).unwrap()), before);

    let running = Running::start(&file);
    assert_eq!(kept(&running.report()), before);
    running.get("/list");
    eventually(PATIENCE, "it goes on from there", || running.report()["coverage"]["compared"] == 81);
    assert_eq!(running.report()["epoch"], before[0]);
    assert_eq!(running.report()["coverage"]["decisions"]["mirrored"], 81);
}

#[test]
fn killed_in_the_middle_of_traffic_it_loses_no_more_than_the_last_two_seconds() {
    let (_stable, _shadow, builder) = disagreeing();
    let dir = folder();
    let file = write(dir.path(), &builder);
    let mut running = Running::start(&file);
    let (address, over, answered) = (running.address, AtomicBool::new(false), AtomicU64::new(0));
    let compared = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = client(address);
                while !over.load(Ordering::Relaxed) {
                    // The kill ends the connection, not the test.
                    let sent = client.try_send("GET /things/1 HTTP/1.1\r\nHost: x\r\n\r\n");
                    if sent.is_err() || client.try_read_response().is_err() {
                        return;
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        eventually(PATIENCE, "pairs", || {
            answered.load(Ordering::Relaxed) > 100
                && running.report()["coverage"]["compared"].as_u64().is_some_and(|n| n > 50)
        });
        let compared = running.report()["coverage"]["compared"].as_u64().unwrap();
        // What was compared by now is on the disk two seconds later, and a little more on a busy machine.
        let reader = umbrage::app::stored::report;
        let data = dir.path().join("data");
        eventually(Duration::from_secs(4), "the store follows", || {
            reader(&data).is_ok_and(|r| r.is_some_and(|r| r.coverage.compared >= compared))
        });
        running.kill();
        over.store(true, Ordering::Relaxed);
        compared
    });
    let running = Running::start(&file);
    let report = running.report();
    assert!(report["coverage"]["compared"].as_u64().unwrap() >= compared.max(1), "{report:#}");
    let endpoint = &report["endpoints"][0];
    assert_eq!(
        (&endpoint["endpoint"], &endpoint["compared"]),
        (&"GET /things/{id}".into(), &endpoint["mismatched"])
    );
    assert_eq!(report["coverage"]["compared"], endpoint["compared"]);
    // Tallies and coverage are rows of their own, and a kill may come between them: what is missing is said.
    report_laws(&report).unwrap();
    assert_eq!(running.ask_admin("GET", "/readyz").0, 200);
}

#[test]
fn without_a_place_for_its_records_it_serves_mirrors_and_compares() {
    let (_stable, _shadow, builder) = disagreeing();
    let dir = folder();
    std::fs::write(dir.path().join("data"), "a file where a folder is wanted").unwrap();
    let mut running = Running::start(&write(dir.path(), &builder));
    running.wait_for_log("without a store");
    for _ in 0..20 {
        assert_eq!(running.get("/things/1"), r#"{"id":1}"#);
    }
    eventually(PATIENCE, "every pair is compared", || running.report()["coverage"]["compared"] == 20);
    assert_eq!(running.report()["endpoints"][0]["mismatched"], 20);
    eventually(PATIENCE, "what is not stored is counted", || {
        running
            .metrics()
            .series("umbrage_records_total", &[])
            .any(|s| s.labels["result"] != "written" && s.value > 0.0)
    });
    assert!(running.metrics().sum("umbrage_records_total", &[("result", "written")]) < 1.0);
    let (status, differences) = running.ask_admin("GET", "/api/v1/differences");
    assert!(status == 200 && differences.contains("error"), "{status} {differences}");
    assert_eq!(running.ask_admin("GET", "/readyz").0, 200);
    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(Duration::from_secs(8)), 0);
    assert_eq!(std::fs::read(dir.path().join("data")).unwrap(), b"a file where a folder is wanted");
}

#[test]
fn with_a_full_disk_it_serves_mirrors_and_compares_and_says_so() {
    let stable = server().answers_with(|request| wide(request, "stable")).start();
    let shadow = server().answers_with(|request| wide(request, "shadow")).start();
    let builder = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let dir = folder();
    let mut running = Running::start_with_small_files(&write(dir.path(), &builder), 400);
    let mut sent = 0;
    let mut client = client(running.address);
    eventually(PATIENCE, "writes fail", || {
        for _ in 0..20 {
            sent += 1;
            let answer = client.get(&format!("/kinds/{sent}")).read_response();
            assert!(answer.status == 200 && answer.body.starts_with(b"{\"stable"));
        }
        running.metrics().sum("umbrage_records_total", &[("result", "failed")]) > 0.0
    });
    running.wait_for_log("records cannot be written");
    eventually(PATIENCE, "every mirrored request is compared", || {
        let page = running.metrics();
        let mirrored = page.sum("umbrage_mirror_decisions_total", &[("decision", "mirrored")]);
        mirrored > 0.0 && mirrored <= page.sum("umbrage_comparisons_total", &[("leg", "shadow")])
    });
    assert_eq!(running.ask_admin("GET", "/readyz").0, 200);
    assert!(running.report()["coverage"]["compared"].as_u64().unwrap() > 0);
    assert!(running.metrics().sum("umbrage_shadow_plane_panics_total", &[]) < 1.0);
    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(Duration::from_secs(10)), 0, "{}", running.log());
}

/// A JSON answer with a kind of difference for each request: samples that fill a store.
fn wide(request: &crate::support::RecordedRequest, value: &str) -> crate::support::RawResponse {
    let number: String = request.target.chars().filter(char::is_ascii_digit).collect();
    let mut body = format!("{{\"{value}\":1");
    for field in 0..8 {
        let _ = write!(body, ",\"f{number}_{field}\":\"{value}{}\"", "x".repeat(300));
    }
    answer(200, &JSON, body + "}")
}

#[test]
fn the_laws_hold_when_it_ends_with_mirrors_under_way() {
    let stable = server().answers(200, &JSON, br#"{"id":1}"#).start();
    let shadow = server().never_answers().start();
    let proxy =
        proxy().stable(&stable).shadow(&shadow).percent(100.0).with("shadow", "timeout = \"60s\"").start();
    let mut client = proxy.client();
    for _ in 0..20 {
        assert_eq!(client.get("/").read_response().status, 200);
    }
    shadow.wait_for_requests(20, PATIENCE);
    let (page, _dir) = proxy.drain();
    assert_eq!(crate::support::laws(&page), Ok(()));
    let outcomes = page.sum_by("umbrage_mirror_outcomes_total", &[("leg", "shadow")], "outcome");
    assert!(outcomes.values().sum::<f64>() >= 20.0 && !outcomes.contains_key("answered"), "{outcomes:?}");
    assert!(page.sum("umbrage_incomparable_total", &[("reason", "shutdown")]) >= 20.0);
}
