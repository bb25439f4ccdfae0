//! wrk as a client: many connections, kept alive, as fast as they go, without one error.

use super::tool::{run, tool};
use crate::support::{proxy, server};

#[test]
fn two_seconds_at_full_load_have_no_error() {
    let Some(program) = tool("wrk") else { return };
    let stable = server().answers(200, &[], "x".repeat(1024)).start();
    let shadow = server().answers(200, &[], "x".repeat(1024)).start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(10.0).start();
    let url = format!("http://{}/", proxy.addr());
    let said = run(
        &program,
        &["--threads", "2", "--connections", "32", "--duration", "2s", "--timeout", "10s", &url],
    );
    println!("{}", said.out);
    assert!(said.out.contains("Requests/sec"), "{said:?}");
    for error in ["Socket errors", "Non-2xx"] {
        assert!(!said.out.contains(error), "{}", said.out);
    }
    let page = proxy.assert_laws();
    let answered = page.sum("umbrage_requests_total", &[("code", "200")]);
    assert!(answered > 100.0, "{answered}");
    // At its end wrk leaves what it has in flight.
    assert!(page.sum("umbrage_requests_total", &[]) - answered <= 32.0);
}
