//! Chromium as a client: a page with everything that pages have, over TLS and HTTP/2.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::tool::{Script, python_with_packages, tool};
use crate::support::proxy;
use crate::support::secure::authority;

/// A cold start of a browser on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with a profile of its own; killed when dropped.
struct Browser {
    child: Child,
    _profile: TempDir,
}

impl Browser {
    fn open(program: &Path, url: &str) -> Browser {
        let profile = TempDir::new().unwrap();
        let mut command = Command::new(program);
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        // What it would ask of the network by itself.
        command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
        command.args(["--disable-extensions", "--no-proxy-server", "--ignore-certificate-errors"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(url);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Browser { child: command.spawn().expect("it starts"), _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_page_with_everything_comes_whole_over_http2() {
    let (Some(chromium), Some(python)) = (tool("chromium"), python_with_packages()) else { return };
    let (authority, dir) = (authority(), TempDir::new().unwrap());
    let issued = authority.issue(dir.path(), "server", &["localhost"]);
    let mut site = Script::start(&python, "browser/site.py", &[]);
    let ports = site.says();
    let (pages, sockets) = ports.split_once(' ').expect("two ports");
    let proxy = proxy()
        .with("listen", &format!("tls = {{ {} }}", issued.toml()))
        .stable_url(&format!("http://127.0.0.1:{pages}"))
        .shadow_url(&format!("http://127.0.0.1:{pages}"))
        .percent(100.0)
        .routes(&format!(
            "[[route]]\nname = \"sockets\"\nmatch = {{ path = \"/websocket\" }}\n\
             stable = {{ url = \"http://127.0.0.1:{sockets}\" }}\n[[route]]\nname = \"pages\"\n"
        ))
        .start();
    let browser = Browser::open(&chromium, &format!("https://localhost:{}/", proxy.addr().port()));
    let report: Value = serde_json::from_str(&site.says_within(PATIENCE)).unwrap();
    // Killed, it may break off what it has not read yet.
    let before = proxy.metrics();
    drop(browser);
    let expected = json!({
        "style": "rgb(1, 2, 3)",
        "images": 7 * 60,
        "json": "json",
        "compressed": 500_000,
        "upload": true,
        "form": true,
        "stream": "first second",
        "cookie": "crumb=sweet",
        "redirect": "/data.json",
        "conditional": 304,
        "missing": 404,
        "aborted": "AbortError",
        "websocket": "3,3,200000,4001",
        "events": "0,1,2",
        "protocols": ["h2"],
    });
    assert_eq!(report, expected);
    let mut errors = before.sum_by("umbrage_client_connection_errors_total", &[], "reason");
    // It connects in advance, and may give that up amid the handshake.
    errors.remove("tls_handshake");
    errors.retain(|_, count| *count > 0.0);
    assert!(errors.is_empty(), "{errors:?}");
    drop(site);
    proxy.assert_laws();
}
