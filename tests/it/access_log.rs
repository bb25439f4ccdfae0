//! The access log: a line for each request, whatever it came to; in nobody's way when nobody reads, or there is no room.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::Running;
use crate::support::{
    PATIENCE, Page, Proxy, ProxyBuilder, Server, answer, by_hand, client, dead_address, eventually, latch,
    proxy, server,
};
use crate::upgrades::{CONSENT, HANDSHAKE};

fn logging(builder: ProxyBuilder, path: &Path) -> ProxyBuilder {
    builder.with("listen", &format!("access_log = {:?}", path.display().to_string()))
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(parse).collect()
}

fn count(page: &Page, result: &str) -> f64 {
    page.sum("umbrage_records_total", &[("sink", "access_log"), ("result", result)])
}

/// A proxy over these backends with a log, what is asked of it, and the lines that come of that.
fn logged(builder: ProxyBuilder, ask: impl FnOnce(&Proxy)) -> Vec<Value> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("access.log");
    let proxy = logging(builder, &path).start();
    ask(&proxy);
    let page = proxy.assert_laws();
    let (last, _dir) = proxy.drain();
    let lines = lines(&path);
    assert_eq!(page.sum("umbrage_requests_total", &[]), lines.len() as f64, "a line for each request");
    assert_eq!(count(&last, "written"), lines.len() as f64);
    lines
}

fn backends() -> (Server, Server) {
    (server().echoes().start(), server().echoes().start())
}

#[test]
fn a_request_is_a_line_with_everything_that_is_known_of_it() {
    let (stable, shadow) = backends();
    let trust = "trusted_proxies = [\"127.0.0.0/8\"]";
    let builder = proxy().stable(&stable).shadow(&shadow).percent(100.0).with("listen", trust);
    let lines = logged(builder, |proxy| {
        let mut client = proxy.client();
        let fields = [
            ("x-request-id", "id-1"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ];
        client.request("GET", "/a?token=s3cret", &fields, "").read_response();
        client.request("POST", "/b", &[], "12345").read_response();
    });
    let (get, post) = (&lines[0], &lines[1]);
    for (name, value) in [
        ("client", Value::from("127.0.0.1")),
        ("method", "GET".into()),
        ("path", "/a".into()),
        ("protocol", "HTTP/1.1".into()),
        ("route", "default".into()),
        ("status", 200.into()),
        ("bytes_in", 0.into()),
        ("bytes_out", 0.into()),
        ("decision", "mirrored".into()),
        ("request_id", "id-1".into()),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736".into()),
        ("error", Value::Null),
    ] {
        assert_eq!(get[name], value, "{name} in {get}");
    }
    let millis = |name: &str| get[name].as_f64().unwrap_or_else(|| panic!("{name} in {get}"));
    assert!(millis("stable_first_byte_ms") <= millis("stable_ms"), "{get}");
    assert!(millis("stable_ms") <= millis("duration_ms"), "{get}");
    let time = get["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "RFC 3339: {time}");
    assert_eq!((&post["bytes_in"], &post["bytes_out"]), (&5.into(), &5.into()), "{post}");
    assert_eq!((&post["decision"], &post["trace_id"]), (&"method".into(), &Value::Null));
    assert_eq!(post["request_id"].as_str().map(str::len), Some(36));
    assert!(lines.iter().all(|line| !line.to_string().contains("s3cret")));
}

#[test]
fn the_query_is_there_where_it_was_asked_for_and_follows_a_reload() {
    let (stable, _) = backends();
    let lines = logged(proxy().stable(&stable), |proxy| {
        proxy.client().get("/a?b=1").read_response();
        proxy.rewrite(|builder| builder.with("listen", "access_log_query = true"));
        // The file that is rewritten has no access log any more, which waits for a restart.
        let (status, told) = proxy.ask_admin("POST", "/-/reload", "{}");
        assert_eq!(status, 200, "{told}");
        proxy.client().get("/a?b=2").read_response();
    });
    assert_eq!((&lines[0]["path"], &lines[1]["path"]), (&"/a".into(), &"/a?b=2".into()));
}

#[test]
fn what_was_not_served_is_a_line_with_its_fault() {
    let dead = dead_address();
    let refused = logged(proxy().stable_url(&format!("http://{}", dead.addr())), |proxy| {
        proxy.client().get("/").read_response();
        proxy.client().request("TRACE", "/", &[], "").read_response();
        proxy.client().request("GET", "/", &[("Expect", "a-pony")], "").read_response();
        proxy.client().request("HEAD", "/", &[], "").read_response();
    });
    let faults: Vec<(u64, &str, &str)> = refused
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or_default();
            (line["status"].as_u64().unwrap(), text("error"), text("decision"))
        })
        .collect();
    let unreached = (502, "stable; connect_error", "not_sampled");
    assert_eq!(
        faults,
        [unreached, (405, "client; trace", "method"), (417, "client; expectation", "no_route"), unreached]
    );
    assert!(refused.iter().all(|line| line["stable_ms"].is_null()));

    let cut = server().answers_with(|_| answer(200, &[("Content-Length", "9")], "abc").then_closes()).start();
    let lines = logged(proxy().stable(&cut), |proxy| {
        let _ = proxy.client().get("/").try_read_response();
    });
    assert_eq!((&lines[0]["error"], &lines[0]["status"]), (&"stable; truncated".into(), &200.into()));
    assert_eq!(lines[0]["bytes_out"], 3);
}

#[test]
fn a_client_that_left_is_a_line_with_499() {
    let open = latch();
    let (stable, shadow) = (server().waits_for(&open).start(), server().start());
    let lines = logged(proxy().stable(&stable).shadow(&shadow).percent(100.0), |proxy| {
        let mut leaving = proxy.client();
        leaving.get("/slow");
        stable.wait_for_requests(1, PATIENCE);
        drop(leaving);
        proxy.metrics_when("the client is gone", |page| {
            page.sum("umbrage_requests_total", &[("code", "499")]) == 1.0
        });
        open.release();
    });
    let line = &lines[0];
    assert_eq!(
        (&line["status"], &line["error"], &line["decision"]),
        (&499.into(), &"client; aborted".into(), &"mirrored".into())
    );
}

#[test]
fn what_a_client_puts_in_breaks_no_line() {
    let (stable, _) = backends();
    let id = "\"},{\"forged\":\"1";
    let target = "/\"},{\"forged\":1,\"a\":\"{x}|^\\u0041\\";
    let keep = proxy().stable(&stable).with("listen", "request_id = \"keep\"");
    let lines = logged(keep.with("listen", "access_log_query = true"), |proxy| {
        let mut client = proxy.client();
        for (target, id) in [(target, id), ("/?q='%00", "$(reboot)<b>"), ("/", "\u{e9}\u{fe}")] {
            let response = client.request("GET", target, &[("x-request-id", id)], "").read_response();
            assert_eq!(response.status, 200, "{target} {id}: {}", response.text());
        }
        client.request("P'OST", "/", &[], "").read_response();
    });
    assert_eq!(lines[0]["path"], target);
    for line in &lines {
        assert_eq!(line.as_object().unwrap().len(), 16, "{line}");
        assert!(line.get("forged").is_none());
        assert_eq!(line["request_id"].as_str().map(str::len), Some(36), "a hostile id is replaced: {line}");
    }
}

#[test]
fn a_full_disk_is_counted_and_serving_goes_on() {
    let (stable, _) = backends();
    let proxy = logging(proxy().stable(&stable), Path::new("/dev/full")).start();
    let mut client = proxy.client();
    for n in 0..50 {
        assert_eq!(client.get(&format!("/{n}")).read_response().status, 200);
    }
    proxy.metrics_when("lines that failed", |page| count(page, "failed") == 50.0);
    assert_eq!(count(&proxy.assert_laws(), "written"), 0.0);
}

/// More than may wait, on one connection.
const FLOOD: usize = 5_000;

#[test]
fn a_log_that_nobody_reads_drops_lines_and_delays_no_request() {
    let (stable, _) = backends();
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let proxy = logging(proxy().stable(&stable), &pipe).start();
    let mut client = proxy.client();
    for _ in 0..FLOOD / 100 {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100));
        for _ in 0..100 {
            assert_eq!(client.read_response().status, 200);
        }
    }
    let page = proxy.assert_laws();
    let dropped = count(&page, "dropped");
    assert!(dropped > 0.0 && dropped < FLOOD as f64, "{dropped}");
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
        text.lines().count()
    });
    let (last, _dir) = proxy.drain();
    let read = reading.join().unwrap() as f64;
    assert_eq!(
        (count(&last, "written"), count(&last, "written") + count(&last, "dropped")),
        (read, FLOOD as f64)
    );
}

/// A process with this config over this stable.
fn process(stable: &Server, dir: &TempDir, log: &str) -> Running {
    let config = dir.path().join("umbrage.toml");
    let builder = proxy().stable(stable).with("listen", &format!("access_log = {log:?}"));
    std::fs::write(&config, builder.toml(dir.path())).unwrap();
    Running::start(&config)
}

#[test]
fn a_log_that_was_moved_away_is_made_anew_at_sighup() {
    let (stable, _) = backends();
    let dir = TempDir::new().unwrap();
    let (path, moved) = (dir.path().join("access.log"), dir.path().join("access.log.1"));
    let mut running = process(&stable, &dir, path.to_str().unwrap());
    let mut asking = client(running.address);
    asking.get("/one").read_response();
    eventually(PATIENCE, "the first line", || lines(&path).len() == 1);
    std::fs::rename(&path, &moved).unwrap();
    asking.get("/two").read_response();
    eventually(PATIENCE, "the second line, where the file is now", || lines(&moved).len() == 2);
    running.signal(Signal::HUP);
    eventually(PATIENCE, "the new file, without another request", || path.exists());
    asking.get("/three").read_response();
    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(PATIENCE), 0);
    let paths = |path| lines(path).into_iter().map(|line| line["path"].clone()).collect::<Vec<_>>();
    assert_eq!((paths(&moved), paths(&path)), (vec!["/one".into(), "/two".into()], vec!["/three".into()]));
}

#[test]
fn standard_output_has_the_lines_and_nothing_else() {
    let (stable, _) = backends();
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("umbrage.toml");
    let builder = proxy().stable(&stable).with("listen", "access_log = \"stdout\"");
    std::fs::write(&config, builder.toml(dir.path())).unwrap();
    let out = dir.path().join("stdout");
    let mut running = Running::start_into(&config, File::create(&out).unwrap());
    let mut asking = client(running.address);
    for n in 0..20 {
        asking.get(&format!("/{n}")).read_response();
    }
    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(PATIENCE), 0);
    let paths: Vec<Value> = lines(&out).into_iter().map(|line| line["path"].clone()).collect();
    assert_eq!(paths, (0..20).map(|n| Value::from(format!("/{n}"))).collect::<Vec<_>>());
}

#[test]
fn without_a_log_there_is_none_and_turning_it_on_waits_for_a_restart() {
    let (stable, _) = backends();
    let proxy = proxy().stable(&stable).start();
    proxy.client().get("/").read_response();
    let path = proxy.dir().join("access.log");
    proxy.rewrite(|builder| logging(builder, &path));
    let (_, told) = proxy.ask_admin("POST", "/-/reload", "{}");
    assert!(told.contains("listen.access_log"), "{told}");
    proxy.client().get("/").read_response();
    let page = proxy.assert_laws();
    assert!(!path.exists());
    assert_eq!(count(&page, "written") + count(&page, "dropped") + count(&page, "failed"), 0.0);
}

#[test]
fn a_tunnel_is_one_line_when_it_ends_with_who_broke_it() {
    for (breaks, error) in
        [(None, None), (Some(true), Some("stable; reset")), (Some(false), Some("client; aborted"))]
    {
        let backend = by_hand();
        let lines = logged(proxy().stable_url(&backend.url()), |proxy| {
            let mut client = proxy.client();
            client.send(HANDSHAKE);
            let mut stable = backend.accept();
            stable.read_head();
            stable.send(CONSENT);
            client.read_head();
            match breaks {
                Some(true) => stable.abort(),
                Some(false) => client.abort(),
                None => {}
            }
        });
        assert_eq!((&lines[0]["status"], lines[0]["error"].as_str()), (&101.into(), error), "{lines:?}");
    }
}
