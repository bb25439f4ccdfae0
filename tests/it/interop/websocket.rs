//! A websocket client and server of others: many small messages, one large one, compression, pings, a close with a code.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::tool::python_with_packages;
use crate::support::{Proxy, ProxyBuilder, proxy};

/// Small messages echoed; `UMBRAGE_FRAMES` has more of them sent.
const FRAMES: &str = "20000";

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a script that has a server and a client of its own, with the proxy between them.
fn meet(script: &str, [frames, mib]: [&str; 2], proxy: ProxyBuilder) -> Option<Proxy> {
    let python = python_with_packages()?;
    let script = format!("{}/tests/it/interop/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("timeout");
    command.arg("600").arg(python).args([&script, frames, mib]);
    let mut child = Ended(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut said = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let port = said.next().expect("it says its port").unwrap();
    let proxy = proxy.stable_url(&format!("http://127.0.0.1:{port}")).start();
    writeln!(child.0.stdin.take().unwrap(), "{}", proxy.addr().port()).unwrap();
    assert_eq!(said.next().and_then(Result::ok).as_deref(), Some("well"));
    Some(proxy)
}

#[test]
fn messages_of_every_size_come_back_whole_and_in_order() {
    let frames = std::env::var("UMBRAGE_FRAMES").unwrap_or_else(|_| FRAMES.to_owned());
    let Some(proxy) = meet("websocket.py", [&frames, "64"], proxy()) else { return };
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "101")]), 3.0);
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
}

#[test]
fn over_http2_a_server_that_knows_http1_alone_is_reached_by_an_extended_connect() {
    let builder = proxy().with("listen", "extended_connect = true");
    // One after the other: each waits for the one before it.
    let Some(proxy) = meet("websocket_http2.py", ["2000", "8"], builder) else { return };
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("method", "CONNECT"), ("code", "200")]), 1.0);
    assert_eq!(page.sum("umbrage_leg_requests_total", &[("leg", "stable"), ("code", "101")]), 1.0);
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
}
