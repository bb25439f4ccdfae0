//! curl as a client: both versions of HTTP/1, uploads with and without a known length, Expect, ranges, compression.

use std::io::Write as _;
use std::path::Path;

use super::tool::{Said, run, tool};
use crate::support::{Proxy, RecordedRequest, Server, answer, proxy, server};

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
    let dir = tempfile::TempDir::new().unwrap();
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
