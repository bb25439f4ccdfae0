//! nginx and `HAProxy` in front of Umbrage, and as its stable and shadow, in every way in which people have them there.

use std::net::SocketAddr;
use std::path::Path;

use super::tool::{Elsewhere, tool};
use crate::support::{Page, Proxy, ProxyBuilder, RecordedRequest, client, proxy, server};

/// One program: how it is configured from its own address and the part that is particular, and how it is started.
struct Program {
    name: &'static str,
    config: fn(SocketAddr, &str) -> String,
    args: fn(&str, &str) -> Vec<String>,
}

const NGINX: Program = Program {
    name: "nginx",
    config: |address, particular| nginx(address, "", particular),
    args: |file, folder| ["-c", file, "-p", folder, "-e", "stderr"].map(str::to_owned).to_vec(),
};

fn nginx(address: SocketAddr, how: &str, particular: &str) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = kinds.map(|kind| format!("{kind}_temp_path {kind};")).concat();
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr error;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; {folders} server {{ listen {address} reuseport{how}; {particular} }}\n"
    )
}

const HAPROXY: Program = Program {
    name: "haproxy",
    config: |address, particular| {
        format!(
            "global\n maxconn 256\ndefaults\n mode http\n timeout client 30s\n timeout server 30s\n timeout connect 5s\n\
             frontend in\n bind {address}{particular}\n"
        )
    },
    args: |file, _| ["-db", "-q", "-f", file].map(str::to_owned).to_vec(),
};

impl Program {
    fn start(&self, path: &Path, particular: &str) -> Elsewhere {
        Elsewhere::start(path, |address| (self.config)(address, particular), self.args)
    }
}

/// A way in which one stands in front.
struct Front {
    program: Program,
    /// Its particular part, before an Umbrage at this address.
    before: fn(SocketAddr) -> String,
    /// What Umbrage is told.
    change: fn(ProxyBuilder) -> ProxyBuilder,
    /// What is then seen of the fifty requests, by Umbrage and by stable.
    seen: fn(&Page, &[RecordedRequest]),
}

const FRONTS: [Front; 4] = [
    Front {
        program: NGINX,
        before: |umbrage| {
            format!(
                "location / {{ proxy_pass http://umbrage; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
                 proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; \
                 proxy_request_buffering off; proxy_buffering off; }} }}\n\
                 upstream umbrage {{ server {umbrage}; keepalive 8; }}"
            )
        },
        change: |builder| builder.with("listen", "trusted_proxies = [\"127.0.0.1\"]"),
        seen: |page, requests| {
            assert_eq!(page.sum("umbrage_client_connections_total", &[]), 1.0, "one for fifty requests");
            let forwarded = |r: &RecordedRequest| r.header("x-forwarded-for") == Some("127.0.0.1, 127.0.0.1");
            assert!(requests.iter().all(forwarded));
        },
    },
    // With health checks, which find us well.
    Front {
        program: HAPROXY,
        before: |umbrage| {
            format!(
                "\n default_backend umbrage\nbackend umbrage\n option httpchk\n \
                 http-check send meth GET uri /health ver HTTP/1.1 hdr Host checks\n http-check expect status 200\n \
                 http-reuse always\n server umbrage {umbrage} check inter 100ms rise 1 fall 1"
            )
        },
        change: |builder| builder,
        seen: |_, requests| assert!(requests.iter().any(|request| request.target == "/health")),
    },
    // By HTTP/2 with prior knowledge.
    Front {
        program: HAPROXY,
        before: |umbrage| {
            format!("\n default_backend umbrage\nbackend umbrage\n server umbrage {umbrage} proto h2")
        },
        change: |builder| builder,
        seen: |page, _| {
            let two = page.sum("umbrage_client_connections_total", &[("protocol", "http2")]);
            assert!(two >= 1.0, "HTTP/2 was spoken");
        },
    },
    // As a balancer of bytes that says who is behind it.
    Front {
        program: HAPROXY,
        before: |umbrage| {
            format!(
                "\n mode tcp\n default_backend umbrage\nbackend umbrage\n mode tcp\n server umbrage {umbrage} send-proxy-v2"
            )
        },
        change: |builder| builder.with("listen", "proxy_protocol = true"),
        seen: |page, requests| {
            assert_eq!(page.sum("umbrage_client_connections_total", &[("protocol", "http1")]), 1.0);
            assert!(requests.iter().all(|request| request.header("x-forwarded-for") == Some("127.0.0.1")));
        },
    },
];

#[test]
fn in_front_they_pass_requests_on_and_keep_their_connections_to_us() {
    for front in FRONTS {
        let Some(path) = tool(front.program.name) else { continue };
        let stable = server().echoes().start();
        let proxy = (front.change)(proxy().stable(&stable)).start();
        let elsewhere = front.program.start(&path, &(front.before)(proxy.addr()));
        let mut client = client(elsewhere.address);
        for number in 0..50 {
            let body = "y".repeat(number * 1000);
            let target = format!("/{number}");
            let response = client.request("POST", &target, &[], &body).read_response();
            assert_eq!((response.status, response.header("x-target")), (200, Some(target.as_str())));
            assert_eq!(response.text(), body);
        }
        drop((client, elsewhere));
        let page = proxy.assert_laws();
        assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
        (front.seen)(&page, &stable.requests());
    }
}

/// A way in which one is a leg.
struct Behind {
    program: Program,
    /// Its particular part: it answers `/same` with `same` and everything else with this word.
    says: fn(&str) -> String,
    /// What Umbrage is told of it.
    leg: &'static str,
}

const BEHINDS: [Behind; 3] = [
    // It closes after ten requests.
    Behind {
        program: NGINX,
        says: |word| {
            format!(
                "keepalive_requests 10; location /same {{ return 200 same; }} location / {{ return 200 {word}; }} }}"
            )
        },
        leg: "protocol = \"http1\"",
    },
    Behind { program: HAPROXY, says: |word| returning("", word), leg: "protocol = \"http1\"" },
    Behind { program: HAPROXY, says: |word| returning(" proto h2", word), leg: "protocol = \"http2\"" },
];

fn returning(bind: &str, word: &str) -> String {
    let answer = "http-request return status 200 content-type text/plain string";
    format!("{bind}\n {answer} same if {{ path /same }}\n {answer} {word}")
}

#[test]
fn behind_they_are_stable_and_shadow() {
    for behind in BEHINDS {
        let Some(path) = tool(behind.program.name) else { continue };
        let [stable, shadow] = ["old", "new"].map(|word| behind.program.start(&path, &(behind.says)(word)));
        let proxy = proxy().stable_url(&stable.url()).shadow_url(&shadow.url()).percent(100.0);
        let proxy = proxy.with("stable", behind.leg).with("shadow", behind.leg).start();
        half_of_it_differs(&proxy);
    }
}

fn half_of_it_differs(proxy: &Proxy) {
    let mut client = proxy.client();
    for _ in 0..25 {
        assert_eq!(client.get("/same").read_response().text(), "same");
        assert_eq!(client.get("/other").read_response().text(), "old");
    }
    proxy.compared(50);
    let page = proxy.assert_laws();
    for verdict in ["match", "mismatch"] {
        let seen = page.sum("umbrage_comparisons_total", &[("leg", "shadow"), ("verdict", verdict)]);
        assert_eq!(seen, 25.0, "{verdict}");
    }
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
}

/// As they are told of the client by the PROXY protocol; they answer with what they were told, and what they know besides.
const TOLD: [(Program, &str); 2] = [
    (
        Program { config: |address, particular| nginx(address, " proxy_protocol", particular), ..NGINX },
        "location / { return 200 \
         '$proxy_protocol_addr:$proxy_protocol_port to $proxy_protocol_server_port by $connection'; } }",
    ),
    (
        HAPROXY,
        " accept-proxy\n http-request return status 200 content-type text/plain \
         lf-string \"%[src]:%[src_port] to %[dst_port] by -\"",
    ),
];

#[test]
fn behind_they_learn_the_client_from_the_header_of_each_version() {
    for (program, particular) in TOLD {
        let Some(path) = tool(program.name) else { continue };
        let stable = program.start(&path, particular);
        for version in ["v1", "v2"] {
            let proxy = proxy()
                .stable_url(&stable.url())
                .with("stable", &format!("proxy_protocol = \"{version}\""))
                .with("stable", "health = { path = \"/\", interval = \"50ms\" }")
                .with("listen", "workers = 1")
                .start();
            tells_each_client_apart(&proxy, &format!("{} {version}", program.name));
            let page = proxy.metrics_when("it was found well", |page| {
                page.sum("umbrage_leg_up", &[("leg", "stable")]) == 1.0
            });
            assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
            proxy.assert_laws();
        }
    }
}

fn tells_each_client_apart(proxy: &Proxy, how: &str) {
    let mut clients = [proxy.client(), proxy.client()];
    let told: Vec<String> = (0..20)
        .map(|n| {
            let client = &mut clients[n % 2];
            let text = client.get("/").read_response().text();
            let (named, connection) = text.split_once(" by ").expect("its own words");
            assert_eq!(named, format!("{} to {}", client.local_addr(), proxy.addr().port()), "{how}");
            connection.to_owned()
        })
        .collect();
    assert!((2..20).all(|n| told[n] == told[n % 2]), "{how}: {told:?}");
    assert!(told[0] != told[1] || told[0] == "-", "{how}: {told:?}");
}
