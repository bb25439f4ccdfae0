//! wrk and h2load as clients: many connections, kept alive, as fast as they go, without one error.

use tempfile::TempDir;

use super::tool::{run, tool};
use crate::support::secure::authority;
use crate::support::{Proxy, ProxyBuilder, Server, proxy, server};

/// Two backends and what mirrors a tenth to one of them.
fn rig(change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> (Server, Server, Proxy) {
    let [stable, shadow] = ["stable", "shadow"].map(|_| server().answers(200, &[], "x".repeat(1024)).start());
    let proxy = change(proxy().stable(&stable).shadow(&shadow).percent(10.0)).start();
    (stable, shadow, proxy)
}

fn wrk(proxy: &Proxy, scheme: &str) {
    let Some(program) = tool("wrk") else { return };
    let url = format!("{scheme}://{}/", proxy.addr());
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

#[test]
fn two_seconds_at_full_load_have_no_error() {
    let (_stable, _shadow, proxy) = rig(|builder| builder);
    wrk(&proxy, "http");
}

#[test]
fn over_tls_neither_version_has_an_error_at_full_load() {
    let (authority, dir) = (authority(), TempDir::new().unwrap());
    let issued = authority.issue(dir.path(), "server", &["127.0.0.1"]);
    let (_stable, _shadow, proxy) =
        rig(|builder| builder.with("listen", &format!("tls = {{ {} }}", issued.toml())));
    wrk(&proxy, "https");
    let Some(program) = tool("h2load") else { return };
    let before = proxy.metrics().sum("umbrage_requests_total", &[("code", "200")]);
    let url = format!("https://{}/", proxy.addr());
    let said = run(&program, &["-n", "5000", "-c", "8", "-m", "50", "-T", "20", &url]);
    assert!(said.out.contains("5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout"), "{}", said.out);
    assert!(said.out.contains("Application protocol: h2"), "{}", said.out);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), before + 5000.0);
}
