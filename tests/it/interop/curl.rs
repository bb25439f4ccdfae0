//! curl as a client: every version of HTTP in the clear and over TLS, uploads of every framing, Expect, ranges, compression.

use std::io::Write as _;
use std::path::Path;

use std::process::Command;

use tempfile::TempDir;

use super::tool::{Said, run, tool};
use crate::support::secure::authority;
use crate::support::{Proxy, RecordedRequest, Server, answer, chunked, latch, proxy, server};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn well(request: &RecordedRequest) -> crate::support::RawResponse {
    match request.target.as_str() {
        "/compressed" => answer(200, &[("content-encoding", "gzip")], gzip("inflated")),
        "/range" if request.header("range") == Some("bytes=2-4") => {
            answer(206, &[("content-range", "bytes 2-4/10")], "cde")
        }
        "/chunked" => chunked(200, &[], &[b"one", b"two"], &[]),
        "/moved" => answer(301, &[("location", "/plain")], ""),
        _ if request.method == "POST" || request.method == "PUT" => answer(200, &[], &request.body),
        _ => answer(200, &[], "plain"),
    }
}

fn rig() -> (Server, Server, Proxy) {
    let (stable, shadow) = (server().answers_with(well).start(), server().answers_with(well).start());
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    (stable, shadow, proxy)
}

fn curl(curl: &Path, proxy: &Proxy, path: &str, more: &[&str]) -> Said {
    let url = format!("http://{}{path}", proxy.addr());
    run(curl, &[&["--silent", "--show-error", "--fail", "--max-time", "30", &url], more].concat())
}

#[test]
fn both_versions_and_what_people_do_with_them() {
    let Some(program) = tool("curl") else { return };
    let (stable, _shadow, proxy) = rig();
    let ask = |path: &str, more: &[&str]| curl(&program, &proxy, path, more).out;
    assert_eq!(ask("/plain", &["--http1.0"]), "plain");
    assert_eq!(ask("/plain", &["--http1.1"]), "plain");
    assert_eq!(ask("/plain", &["--head"]).lines().next(), Some("HTTP/1.1 200 OK"));
    assert_eq!(ask("/compressed", &["--compressed"]), "inflated");
    assert_eq!(curl(&program, &proxy, "/compressed", &[]).bytes, gzip("inflated"), "not touched");
    assert_eq!(ask("/range", &["--range", "2-4"]), "cde");
    assert_eq!(ask("/moved", &["--location"]), "plain");
    assert_eq!(ask("/form", &["--data", "a=1&b=2"]), "a=1&b=2");
    let reused = ask(
        "/plain",
        &[
            "--write-out",
            " %{num_connects}",
            "--next",
            "--silent",
            &format!("http://{}/plain", proxy.addr()),
            "--write-out",
            " %{num_connects}",
        ],
    );
    assert_eq!(reused, "plain 1plain 0", "the second request takes the connection of the first");
    assert!(stable.requests().iter().all(|request| request.version == "HTTP/1.1"));
    proxy.assert_laws();
}

#[test]
fn uploads_arrive_whole_whatever_their_framing() {
    let Some(program) = tool("curl") else { return };
    let (stable, _shadow, proxy) = rig();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("upload");
    let body: Vec<u8> = (0..3_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(&file, &body).unwrap();
    let name = file.display().to_string();
    for more in [
        &["--upload-file", &name][..],
        // Above a megabyte curl expects a 100 (Continue) and would wait a second for it.
        &["--upload-file", &name, "--header", "Expect: 100-continue", "--expect100-timeout", "25"],
        &["--upload-file", &name, "--header", "Transfer-Encoding: chunked"],
        &["--upload-file", &name, "--http1.0"],
    ] {
        assert!(curl(&program, &proxy, "/upload", more).bytes == body, "{more:?}");
    }
    assert!(stable.requests().iter().all(|r| r.complete && r.body == body && r.header("expect").is_none()));
    proxy.assert_laws();
}

#[test]
fn every_version_is_spoken_in_the_clear_and_over_tls() {
    let Some(program) = tool("curl") else { return };
    let (authority, dir) = (authority(), TempDir::new().unwrap());
    let issued = authority.issue(dir.path(), "server", &["127.0.0.1"]);
    let root = authority.root(dir.path(), "root").display().to_string();
    let upload = dir.path().join("upload");
    std::fs::write(&upload, "z".repeat(300_000)).unwrap();
    let upload = upload.display().to_string();
    let (stable, _shadow, clear) = rig();
    let secure = proxy().stable(&stable).with("listen", &format!("tls = {{ {} }}", issued.toml())).start();
    for (scheme, proxy, choice, version) in [
        ("http", &clear, "--http1.0", "1"),
        ("http", &clear, "--http1.1", "1.1"),
        ("http", &clear, "--http2", "1.1"),
        ("http", &clear, "--http2-prior-knowledge", "2"),
        ("https", &secure, "--http1.0", "1"),
        ("https", &secure, "--http1.1", "1.1"),
        ("https", &secure, "--http2", "2"),
    ] {
        let ask = |path: &str, more: &[&str]| {
            let url = format!("{scheme}://{}{path}", proxy.addr());
            let always = ["-sS", "--fail", "--max-time", "30", "--cacert", &root, choice, &url];
            run(&program, &[&always, more].concat()).out
        };
        let way = format!("{scheme} {choice}");
        assert_eq!(ask("/plain", &["--write-out", " %{http_version}"]), format!("plain {version}"), "{way}");
        assert!(ask("/plain", &["--head"]).to_lowercase().contains("content-length: 5\r\n"), "{way}");
        assert_eq!(ask("/chunked", &[]), "onetwo", "{way}");
        assert_eq!(ask("/compressed", &["--compressed"]), "inflated", "{way}");
        assert_eq!(ask("/range", &["--range", "2-4"]), "cde", "{way}");
        assert_eq!(ask("/echo", &["--upload-file", &upload]).len(), 300_000, "{way}");
        let form = ask("/form", &["--form", "word=with words", "--form", &format!("file=@{upload}")]);
        assert!(form.contains("with words") && form.len() > 300_000, "{way}");
    }
    clear.assert_laws();
    let page = secure.assert_laws();
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
}

#[test]
fn chunks_go_out_as_such_and_not_to_http_1_0() {
    let Some(program) = tool("curl") else { return };
    let (_stable, _shadow, proxy) = rig();
    let said = curl(&program, &proxy, "/chunked", &["--http1.1", "--raw"]).out;
    assert_eq!(said, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    assert_eq!(curl(&program, &proxy, "/chunked", &["--http1.0", "--raw"]).out, "onetwo");
}

#[test]
fn a_client_that_runs_out_of_time_is_gone() {
    let Some(program) = tool("curl") else { return };
    let latch = latch();
    let stable = server().answers(200, &[], "late").waits_for(&latch).start();
    let proxy = proxy().stable(&stable).start();
    let url = format!("http://{}/", proxy.addr());
    let ended = Command::new(program).args(["-sS", "--max-time", "1", &url]).output().unwrap();
    assert_eq!(ended.status.code(), Some(28), "out of time: {ended:?}");
    proxy.metrics_when("nobody is served", |page| page.sum("umbrage_requests_in_flight", &[]) == 0.0);
    latch.release();
    proxy.assert_laws();
}

#[test]
fn its_header_of_the_proxy_protocol_is_read() {
    let Some(program) = tool("curl") else { return };
    let stable = server().echoes().start();
    let proxy = proxy().stable(&stable).with("listen", "proxy_protocol = true").start();
    curl(&program, &proxy, "/", &["--haproxy-protocol"]);
    assert_eq!(stable.requests()[0].header("x-forwarded-for"), Some("127.0.0.1"));
    proxy.assert_laws();
}
