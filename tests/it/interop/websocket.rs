//! A websocket client and server of others: many small messages, one large one, compression, pings, a close with a code.

use std::time::Duration;

use super::tool::{Script, python_with_packages};
use crate::support::proxy;

/// Small messages echoed; `UMBRAGE_FRAMES` has more of them sent.
const FRAMES: &str = "20000";

/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn messages_of_every_size_come_back_whole_and_in_order() {
    let Some(python) = python_with_packages() else { return };
    let frames = std::env::var("UMBRAGE_FRAMES").unwrap_or_else(|_| FRAMES.to_owned());
    let mut script = Script::start(&python, "websocket.py", &[&frames, "64"]);
    let proxy = proxy().stable_url(&format!("http://127.0.0.1:{}", script.says())).start();
    script.tell(&proxy.addr().port().to_string());
    assert_eq!(script.says_within(PATIENCE), "well");
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "101")]), 3.0);
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
}
