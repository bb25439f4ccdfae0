//! A leg behind TLS is asked only if it proves who it is, and whatever goes wrong with it has a name.

use std::fs;

use tempfile::TempDir;

use crate::support::*;

/// A folder with an authority's certificate, and the keys that name it.
struct Trust {
    authority: Authority,
    dir: TempDir,
}

impl Trust {
    fn new() -> Self {
        let (authority, dir) = (Authority::new(), TempDir::new().unwrap());
        fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        Trust { authority, dir }
    }

    fn identity(&self) -> Identity {
        self.authority.signs(&["127.0.0.1", "localhost"])
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// The line of a leg that believes this authority, with more keys.
    fn line(&self, more: &str) -> String {
        format!("tls = {{ ca = {:?}{more} }}", self.path("ca.pem"))
    }

    fn proxy(&self, stable: &Modern) -> ProxyBuilder {
        proxy()
            .with("listen", "workers = 1")
            .stable_url(&stable.url())
            .with("stable", &self.line(""))
            // A machine that is busy with other tests takes its time for a handshake.
            .with("stable", "connect_timeout = \"10s\"")
    }
}

fn get(proxy: &Proxy) -> Response {
    let mut client = proxy.client();
    client.request("GET", "/a?b=c", &[("host", "shop.example")], b"");
    client.read_response()
}

fn guilty(response: &Response) -> (u16, String) {
    (response.status, response.header("umbrage-error").unwrap_or_default().to_owned())
}

#[test]
fn a_leg_that_proves_its_name_is_asked_in_the_version_that_both_like_best() {
    let trust = Trust::new();
    for (offers, protocol, spoken) in [
        (&["h2", "http/1.1"][..], "", http::Version::HTTP_2),
        (&["h2", "http/1.1"], "protocol = \"http1\"", http::Version::HTTP_11),
        (&["http/1.1"], "", http::Version::HTTP_11),
        (&[], "", http::Version::HTTP_11),
        (&["h2"], "protocol = \"http2\"", http::Version::HTTP_2),
    ] {
        let stable = modern().tls(&trust.identity(), offers).start();
        let builder = trust.proxy(&stable);
        let proxy = if protocol.is_empty() { builder } else { builder.with("stable", protocol) }.start();
        for _ in 0..3 {
            let response = get(&proxy);
            assert_eq!((response.status, response.text().as_str()), (200, "hello"), "{offers:?} {protocol}");
        }
        let seen = stable.seen();
        assert!(seen.iter().all(|s| s.version == spoken && s.connection == 0), "{offers:?} {seen:#?}");
        assert_eq!(seen[0].uri.path_and_query().unwrap(), "/a?b=c");
        proxy.assert_laws();
    }
}

#[test]
fn a_certificate_for_another_name_or_by_a_stranger_is_refused() {
    let trust = Trust::new();
    let elsewhere = modern().tls(&trust.authority.signs(&["other.example"]), &["h2"]).start();
    let strange = modern().tls(&Authority::new().signs(&["127.0.0.1"]), &["h2"]).start();
    for stable in [&elsewhere, &strange] {
        let proxy = trust.proxy(stable).start();
        assert_eq!(guilty(&get(&proxy)), (502, "stable; tls".to_owned()));
        assert!(stable.seen().is_empty());
        let page = proxy.assert_laws();
        assert_eq!(page.sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", "tls")]), 1.0);
    }
    // The same one, believed under the name that it has.
    let named = trust.line(", server_name = \"other.example\"");
    let proxy = trust.proxy(&elsewhere).with("stable", &named).start();
    assert_eq!(get(&proxy).status, 200);
    // And a stranger, believed blindly.
    let blind = "tls = { insecure_skip_verify = true }";
    let proxy = trust.proxy(&strange).with("stable", blind).start();
    assert_eq!(get(&proxy).status, 200);
    let (_, shown) = proxy.ask_admin("GET", "/config", "");
    assert!(shown.contains("insecure_skip_verify = true"), "{shown}");
}

#[test]
fn a_leg_that_wants_to_know_us_is_shown_our_certificate() {
    let trust = Trust::new();
    let stable = modern().mutual_tls(&trust.identity(), &trust.authority).start();
    let refused = trust.proxy(&stable).start();
    let (status, error) = guilty(&get(&refused));
    assert_eq!(status, 502, "{error}");
    let own = trust.authority.signs(&["umbrage"]);
    fs::write(trust.path("own.pem"), &own.cert).unwrap();
    fs::write(trust.path("own.key"), &own.key).unwrap();
    let line =
        trust.line(&format!(", cert = {:?}, key = {:?}", trust.path("own.pem"), trust.path("own.key")));
    let proxy = trust.proxy(&stable).with("stable", &line).start();
    assert_eq!(get(&proxy).status, 200);
    assert!(!proxy.ask_admin("GET", "/config", "").1.contains("PRIVATE"), "the key is never shown");
}

#[test]
fn a_second_connection_takes_up_the_first_session() {
    let trust = Trust::new();
    let stable = modern().tls(&trust.identity(), &["http/1.1"]).start();
    let proxy = trust.proxy(&stable).with("stable", "max_idle = 0").start();
    for _ in 0..4 {
        assert_eq!(get(&proxy).status, 200);
    }
    assert_eq!(stable.connections(), 4);
    assert!(stable.resumed() >= 1, "no session was resumed");
}

#[test]
fn what_is_no_tls_or_hangs_in_the_handshake_is_told_in_time() {
    let trust = Trust::new();
    let secured = |url: String| {
        proxy()
            .stable_url(&url.replace("http://", "https://"))
            .with("stable", &trust.line(""))
            .with("stable", "connect_timeout = \"300ms\"")
    };
    let deaf = server().accepts_never_reads().start();
    assert_eq!(guilty(&get(&secured(deaf.url()).start())), (504, "stable; connect_timeout".to_owned()));
    let clear = by_hand();
    let proxy = secured(clear.url()).with("stable", "connect_timeout = \"10s\"").start();
    let mut client = proxy.client();
    client.get("/");
    clear.accept().send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").half_close();
    assert_eq!(guilty(&client.read_response()), (502, "stable; tls".to_owned()));
    let proxy = secured(clear.url()).with("stable", "connect_timeout = \"10s\"").start();
    let mut client = proxy.client();
    client.get("/");
    clear.accept().half_close();
    assert_eq!(
        guilty(&client.read_response()),
        (502, "stable; tls".to_owned()),
        "it closed in the handshake"
    );
    let old = modern().tls(&trust.identity(), &["http/1.1"]).start();
    let proxy = trust.proxy(&old).with("stable", "protocol = \"http2\"").start();
    let (status, error) = guilty(&get(&proxy));
    assert_eq!((status, error.as_str()), (502, "stable; tls"), "it offers no HTTP/2");
}

#[test]
fn the_shadow_is_reached_by_tls_too_and_its_faults_are_outcomes() {
    let trust = Trust::new();
    let stable = server().answers(200, &[], "hello").start();
    let shadow = modern().tls(&trust.identity(), &["h2"]).start();
    let good = proxy()
        .stable(&stable)
        .shadow_url(&shadow.url())
        .with("shadow", &trust.line(""))
        .with("shadow", "connect_timeout = \"10s\"")
        .with("shadow", "timeout = \"60s\"")
        .percent(100.0)
        .start();
    assert_eq!(get(&good).status, 200);
    let page = good.compared(1);
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "match")]), 1.0, "{}", good.report());
    assert_eq!(shadow.seen()[0].headers["umbrage-shadow"], "1");
    good.assert_laws();

    let strange = Trust::new();
    let bad = proxy()
        .stable(&stable)
        .shadow_url(&shadow.url())
        .with("shadow", &strange.line(""))
        .with("shadow", "connect_timeout = \"10s\"")
        .with("shadow", "timeout = \"60s\"")
        .percent(100.0)
        .start();
    assert_eq!(get(&bad).status, 200);
    let page = bad.compared(1);
    assert_eq!(page.sum("umbrage_mirror_outcomes_total", &[("outcome", "connect_error")]), 1.0);
    bad.assert_laws();
    assert_eq!(shadow.seen().len(), 1, "nothing was sent to it");
}

#[test]
fn a_certificate_that_was_renewed_in_place_is_read_by_a_reload() {
    let trust = Trust::new();
    let other = Authority::new();
    let stable = modern().tls(&other.signs(&["127.0.0.1"]), &["h2"]).start();
    let proxy = trust.proxy(&stable).start();
    assert_eq!(get(&proxy).status, 502);
    fs::write(trust.path("ca.pem"), other.pem()).unwrap();
    let (status, answer) = proxy.ask_admin("POST", "/-/reload", "");
    assert_eq!(status, 200, "{answer}");
    assert_eq!(get(&proxy).status, 200);
}

#[test]
fn a_request_that_may_leave_http_goes_over_http1_though_the_leg_likes_http2_better() {
    let trust = Trust::new();
    let stable = modern().tls(&trust.identity(), &["h2", "http/1.1"]).start();
    let proxy = trust.proxy(&stable).start();
    assert_eq!(get(&proxy).status, 200);
    let mut client = proxy.client();
    let fields = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    client.request("GET", "/socket", &fields, b"");
    assert_eq!(client.read_response().status, 200, "it declines");
    assert_eq!(get(&proxy).status, 200);
    let seen = stable.seen();
    let versions: Vec<_> = seen.iter().map(|seen| seen.version).collect();
    assert_eq!(versions, [http::Version::HTTP_2, http::Version::HTTP_11, http::Version::HTTP_2]);
    assert_eq!(seen[1].headers["upgrade"], "websocket");
}
