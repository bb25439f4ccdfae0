//! gRPC as people have it (`grpcio`, both ends): every kind of call through an HTTP/2 leg, in the clear and over TLS, and
//! mirrored to a shadow that speaks it too.

use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;

use super::tool::{Script, python_with_packages};
use crate::process::{PATIENCE, Running};
use crate::support::secure::{Issued, authority};
use crate::support::{DeadAddress, Page, ProxyBuilder, dead_address, proxy};

/// A server of gRPC at an address of its own, which stays its own while it is stopped.
struct Peer {
    script: Script,
    address: DeadAddress,
    scheme: &'static str,
}

/// Starts a server that knows which leg it is.
fn peer(python: &Path, leg: &str, secure: Option<&Issued>) -> Peer {
    let address = dead_address();
    let port = address.addr().port().to_string();
    let files = secure.map(|issued| [&issued.cert, &issued.key].map(|file| file.display().to_string()));
    let mut args = vec![port.as_str(), leg];
    args.extend(files.iter().flatten().map(String::as_str));
    let mut script = Script::start(python, "grpc_server.py", &args);
    assert_eq!(script.says(), "ready");
    Peer { script, address, scheme: if secure.is_some() { "https" } else { "http" } }
}

impl Peer {
    fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address.addr())
    }

    /// What it has said once it has said `count` more lines, in no order.
    fn says(&mut self, count: usize) -> Vec<String> {
        let mut said: Vec<String> = (0..count).map(|_| self.script.says()).collect();
        said.sort();
        said
    }
}

/// A proxy in front of it. Every worker takes its share of patience from a machine that is busy with other tests.
fn before(stable: &Peer) -> ProxyBuilder {
    proxy()
        .stable_url(&stable.url())
        .with("stable", "protocol = \"http2\"")
        .with("stable", "connect_timeout = \"10s\"")
        .with("listen", "max_streams = 256")
}

/// The same with everything mirrored to the other.
fn beside(builder: ProxyBuilder, shadow: &Peer) -> ProxyBuilder {
    builder
        .shadow_url(&shadow.url())
        .percent(100.0)
        .with("shadow", "protocol = \"http2\"")
        .with("shadow", "connect_timeout = \"10s\"")
        .with("shadow", "timeout = \"30s\"")
        .with("mirror", "methods = [\"POST\"]")
        .with("mirror", "max_body = \"8MiB\"")
        .with("mirror", "max_in_flight = 512")
        .with("mirror", "max_per_second = 1000000")
        .with("compare", "max_body = \"8MiB\"")
}

/// Runs cases of the client to their end; how many calls they made.
fn calls(python: &Path, cases: &[&str], port: u16, root: Option<&str>) -> f64 {
    let port = port.to_string();
    let made = cases.iter().map(|case| {
        let args = [case, port.as_str()].into_iter().chain(root).collect::<Vec<_>>();
        made(&Script::start(python, "grpc_client.py", &args).says())
    });
    made.sum()
}

/// How many calls a client says to have made after all went well.
fn made(said: &str) -> f64 {
    said.strip_prefix("well ").and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("not well: {said}"))
}

fn no_error(page: &Page) {
    for errors in ["umbrage_leg_errors_total", "umbrage_client_connection_errors_total"] {
        assert_eq!(page.sum(errors, &[]), 0.0, "{errors}");
    }
}

/// What needs no other order than its own.
const CASES: [&str; 5] = ["every_kind", "errors", "metadata", "together", "turns"];

#[test]
fn calls_of_every_kind_pass_and_are_mirrored_in_the_clear() {
    let Some(python) = python_with_packages() else { return };
    let (stable, shadow) = (peer(&python, "stable", None), peer(&python, "shadow", None));
    let proxy = beside(before(&stable), &shadow).start();
    let made = calls(&python, &CASES, proxy.addr().port(), None);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200"), ("method", "POST")]), made);
    assert_eq!(
        page.sum("umbrage_mirror_outcomes_total", &[("leg", "shadow"), ("outcome", "answered")]),
        made
    );
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "match")]), made);
    no_error(&page);
}

#[test]
fn calls_of_every_kind_pass_and_are_mirrored_over_tls() {
    let Some(python) = python_with_packages() else { return };
    let (authority, dir) = (authority(), TempDir::new().unwrap());
    let issued = authority.issue(dir.path(), "server", &["127.0.0.1"]);
    let root = authority.root(dir.path(), "root").display().to_string();
    let (stable, shadow) = (peer(&python, "stable", Some(&issued)), peer(&python, "shadow", Some(&issued)));
    // ALPN chooses HTTP/2 at both ends.
    let builder = before(&stable).with("stable", &format!("tls = {{ ca = {root:?} }}"));
    let builder = beside(builder, &shadow).with("shadow", &format!("tls = {{ ca = {root:?} }}"));
    let proxy = builder.with("listen", &format!("tls = {{ {} }}", issued.toml())).start();
    let made = calls(&python, &CASES, proxy.addr().port(), Some(&root));
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200"), ("method", "POST")]), made);
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "match")]), made);
    no_error(&page);
}

#[test]
fn a_shadow_that_differs_in_its_trailers_alone_differs() {
    let Some(python) = python_with_packages() else { return };
    let (stable, shadow) = (peer(&python, "stable", None), peer(&python, "shadow", None));
    let proxy = beside(before(&stable), &shadow).start();
    let made = calls(&python, &["differ"], proxy.addr().port(), None);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "mismatch")]), made);
    let parts = |part| page.sum("umbrage_differences_total", &[("leg", "shadow"), ("part", part)]);
    assert_eq!(["trailer", "status", "header", "body"].map(parts), [made, 0.0, 0.0, 0.0]);
}

#[test]
fn a_deadline_and_a_cancel_reach_the_server() {
    let Some(python) = python_with_packages() else { return };
    let mut stable = peer(&python, "stable", None);
    let proxy = before(&stable).start();
    calls(&python, &["abandoned"], proxy.addr().port(), None);
    assert_eq!(stable.says(4), ["cancelled cancel", "cancelled deadline", "waits cancel", "waits deadline"]);
    proxy.assert_laws();
}

#[test]
fn a_drain_lets_a_stream_end_and_cuts_one_that_does_not() {
    let Some(python) = python_with_packages() else { return };
    let mut stable = peer(&python, "stable", None);
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("umbrage.toml");
    let config = before(&stable).with("listen", "drain_timeout = \"8s\"");
    std::fs::write(&file, config.toml(dir.path())).unwrap();
    let mut running = Running::start(&file);
    let port = running.address.port().to_string();
    let mut client = Script::start(&python, "grpc_client.py", &["drained", &port]);
    assert_eq!(client.says(), "both are open");
    running.signal(Signal::TERM);
    running.wait_for_log("drain");
    client.tell("it stops");
    assert_eq!(client.says(), "one is done");
    let said = client.says();
    assert!(said.starts_with("the other ended: "), "{said}");
    assert_eq!(made(&client.says()), 3.0);
    assert_eq!(running.exit_code(PATIENCE), 0);
    assert_eq!(stable.says(2), ["cancelled endless", "waits endless"]);
}

#[test]
fn a_server_that_comes_back_is_called_again() {
    let Some(python) = python_with_packages() else { return };
    let mut stable = peer(&python, "stable", None);
    let proxy = before(&stable).with("stable", "ejection = { failures = 0, rest = \"10s\" }").start();
    let port = proxy.addr().port().to_string();
    let mut client = Script::start(&python, "grpc_client.py", &["restarted", &port]);
    assert_eq!(client.says(), "called");
    stable.script.tell("stop");
    assert_eq!(stable.script.says(), "stopped");
    client.tell("it is gone");
    assert_eq!(client.says(), "refused");
    stable.script.tell("start");
    assert_eq!(stable.script.says(), "ready");
    client.tell("it is back");
    let calls = made(&client.says());
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "502")]), 1.0);
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), calls - 1.0);
}
