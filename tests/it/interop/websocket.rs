//! A websocket client and server of others: many small messages, one large one, compression, pings, a close with a code.

use std::time::Duration;

use super::tool::{Script, python_with_packages};
use crate::support::{Proxy, ProxyBuilder, proxy};

/// Small messages echoed; `UMBRAGE_FRAMES` has more of them sent.
const FRAMES: &str = "20000";

/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs a script that has a server and a client of its own, with the proxy between them.
fn meet(name: &str, sizes: [&str; 2], proxy: ProxyBuilder) -> Option<Proxy> {
    let python = python_with_packages()?;
    let mut script = Script::start(&python, name, &sizes);
    let proxy = proxy.stable_url(&format!("http://127.0.0.1:{}", script.says())).start();
    script.tell(&proxy.addr().port().to_string());
    assert_eq!(script.says_within(PATIENCE), "well");
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
