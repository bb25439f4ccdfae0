//! Secrets pass through to both backends and are seen nowhere else: no page, no file of the store, no log.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{PATIENCE, Running};
use crate::support::{ProxyBuilder, Server, client, eventually, proxy, server};

const JSON: (&str, &str) = ("content-type", "application/json");

/// What must never be seen, wherever it came in.
const SECRETS: [&str; 9] = [
    "s3cret-bearer-token",
    "s3cret-cookie-value",
    "s3cret-set-cookie",
    "s3cret-shadow-cookie",
    "s3cret-card-number",
    "s3cret-query-token",
    "s3cret@mail.example",
    "s3cret-shadow@mail.example",
    "s3cret-request@mail.example",
];

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap();
    let read = |path: &Path| std::fs::read(path).unwrap_or_default();
    entries.map(|e| e.unwrap().path()).map(|p| (p.display().to_string(), read(&p))).collect()
}

fn assert_clean(place: &str, bytes: &[u8]) {
    for secret in SECRETS {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} stands in {place}");
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn body(email: &str, n: u32) -> String {
    format!(r#"{{"user":{{"email":"{email}"}},"n":{n}}}"#)
}

/// Two backends that answer with secrets of their own.
fn backends() -> (Server, Server, ProxyBuilder) {
    let cookie = |value: &str| format!("session={value}; Path=/; HttpOnly");
    let (one, two) = (cookie("s3cret-set-cookie"), cookie("s3cret-shadow-cookie"));
    let fields = [JSON, ("set-cookie", &one), ("x-card", "s3cret-card-number")];
    let stable = server().answers(200, &fields, body("s3cret@mail.example", 1)).start();
    let fields = [JSON, ("set-cookie", &two), ("x-card", "other"), ("authorization", "s3cret-bearer-token")];
    let shadow = server().answers(500, &fields, body("s3cret-shadow@mail.example", 2)).start();
    let builder = proxy()
        .stable(&stable)
        .shadow(&shadow)
        .percent(100.0)
        .with("mirror", "methods = [\"GET\", \"POST\"]")
        .with("compare", "redact = [\"$.user.email\", \"header:x-card\"]");
    (stable, shadow, builder)
}

/// Three requests full of secrets, until their samples are stored; gives the samples.
fn mirrored(running: &Running) -> Vec<Value> {
    let headers = [
        ("authorization", "Bearer s3cret-bearer-token"),
        ("cookie", "a=1; session=s3cret-cookie-value"),
        ("x-card", "s3cret-card-number"),
        JSON,
    ];
    let mut client = client(running.address);
    for _ in 0..3 {
        let sent = body("s3cret-request@mail.example", 0);
        let got = client
            .request("POST", "/users/7?token=s3cret-query-token&page=2", &headers, sent)
            .read_response();
        assert!(got.text().contains("s3cret@mail.example"), "the client gets what stable said");
    }
    let list = || json(&running.ask_admin("GET", "/api/v1/differences").1)["samples"].clone();
    eventually(PATIENCE, "samples", || list().as_array().is_some_and(|samples| samples.len() > 3));
    list().as_array().unwrap().clone()
}

#[test]
fn secrets_reach_no_page_no_file_and_no_log() {
    let (_stable, shadow, builder) = backends();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("umbrage.toml");
    std::fs::write(&file, builder.toml(dir.path())).unwrap();
    let mut running = Running::start_talkative(&file);
    let samples = mirrored(&running);
    let copies = shadow.requests();
    assert!(copies.iter().all(|copy| copy.header("authorization") == Some("Bearer s3cret-bearer-token")));

    for path in ["/", "/metrics", "/config", "/api/v1/report", "/api/v1/differences"] {
        assert_clean(path, running.ask_admin("GET", path).1.as_bytes());
    }
    for sample in &samples {
        let path = format!("/api/v1/samples/{}", sample["id"].as_str().unwrap());
        let (status, text) = running.ask_admin("GET", &path);
        assert_eq!(status, 200);
        assert_clean("a sample", text.as_bytes());
        assert_tells(&json(&text));
    }
    for (name, bytes) in files(&dir.path().join("data")) {
        assert_clean(&name, &bytes);
    }

    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(Duration::from_secs(20)), 0);
    let files = files(&dir.path().join("data"));
    let database = files.iter().find(|(name, _)| name.ends_with("umbrage.db")).expect("a database");
    assert!(database.1.windows(9).any(|w| w == b"redacted:"), "the samples are in the file itself");
    for (name, bytes) in &files {
        assert_clean(name, bytes);
    }
    assert!(running.log().contains("stopped"));
    assert_clean("the log", running.log().as_bytes());
}

/// A sample still tells what can be told: what was asked, and which hidden values are equal.
fn assert_tells(sample: &Value) {
    assert!(sample["request"]["line"].as_str().unwrap().contains("page=2"), "{sample:#}");
    let card = |leg: &str| {
        let fields = sample[leg]["headers"].as_array().unwrap();
        let found = fields.iter().find(|field| field[0] == "x-card");
        found.unwrap_or_else(|| panic!("no card in {sample:#}"))[1].as_str().unwrap().to_owned()
    };
    assert!(card("request").starts_with("redacted:"), "{sample:#}");
    assert_eq!(card("request"), card("stable"), "equal values stay equal");
    assert_ne!(card("stable"), card("shadow"));
    assert!(sample["stable"]["body"]["text"].as_str().unwrap().contains("\"n\":1"), "{sample:#}");
}
