//! nginx in front of Umbrage, and as its stable and shadow.

use std::net::SocketAddr;
use std::path::Path;

use super::tool::{Elsewhere, tool};
use crate::support::{client, proxy, server};

/// One process at an address of ours, with these directives in its one server.
fn nginx(program: &Path, more: impl FnOnce(SocketAddr) -> (String, String)) -> Elsewhere {
    listening(program, "", more)
}

/// The same with words behind `listen`.
fn listening(program: &Path, how: &str, more: impl FnOnce(SocketAddr) -> (String, String)) -> Elsewhere {
    let config = |address| {
        let (outside, inside) = more(address);
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let folders = kinds.map(|kind| format!("{kind}_temp_path {kind};")).concat();
        format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr error;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off; {folders} {outside}\n\
             server {{ listen {address} reuseport{how}; {inside} }} }}\n"
        )
    };
    let args =
        |file: &str, folder: &str| ["-c", file, "-p", folder, "-e", "stderr"].map(str::to_owned).to_vec();
    Elsewhere::start(program, config, args)
}

#[test]
fn in_front_it_keeps_its_connections_to_us() {
    let Some(program) = tool("nginx") else { return };
    let stable = server().echoes().start();
    let proxy = proxy().stable(&stable).with("listen", "trusted_proxies = [\"127.0.0.1\"]").start();
    let front = nginx(&program, |_| {
        let upstream = format!("upstream umbrage {{ server {}; keepalive 8; }}", proxy.addr());
        let pass = "location / { proxy_pass http://umbrage; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
                    proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; \
                    proxy_request_buffering off; proxy_buffering off; }";
        (upstream, pass.to_owned())
    });
    let mut client = client(front.address);
    for number in 0..50 {
        let body = "y".repeat(number * 1000);
        let response = client.request("POST", &format!("/{number}"), &[], &body).read_response();
        assert_eq!(
            (response.status, response.header("x-target")),
            (200, Some(format!("/{number}").as_str()))
        );
        assert_eq!(response.text(), body);
    }
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_client_connections_total", &[]), 1.0, "one connection for fifty requests");
    assert!(stable.requests().iter().all(|r| r.header("x-forwarded-for") == Some("127.0.0.1, 127.0.0.1")));
}

#[test]
fn behind_it_is_stable_and_shadow() {
    let Some(program) = tool("nginx") else { return };
    let backend = |word: &'static str| {
        nginx(&program, |_| {
            let inside = format!(
                "keepalive_requests 10; location /same {{ return 200 same; }} location / {{ return 200 {word}; }}"
            );
            (String::new(), inside)
        })
    };
    let (stable, shadow) = (backend("old"), backend("new"));
    let proxy = proxy().stable_url(&stable.url()).shadow_url(&shadow.url()).percent(100.0).start();
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
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0, "also where it closes after ten requests");
}

#[test]
fn behind_it_learns_the_client_from_the_header_of_each_version() {
    let Some(program) = tool("nginx") else { return };
    for version in ["v1", "v2"] {
        let stable = listening(&program, " proxy_protocol", |_| {
            // What the header says, and who really connects.
            let told =
                "$proxy_protocol_addr:$proxy_protocol_port to $proxy_protocol_server_port from $remote_addr";
            (String::new(), format!("location / {{ return 200 '{told} by $connection'; }}"))
        });
        let proxy = proxy()
            .stable_url(&stable.url())
            .with("stable", &format!("proxy_protocol = \"{version}\""))
            .with("stable", "health = { path = \"/\", interval = \"50ms\" }")
            .with("listen", "workers = 1")
            .start();
        let mut clients = [proxy.client(), proxy.client()];
        let told: Vec<String> = (0..20)
            .map(|n| {
                let client = &mut clients[n % 2];
                let text = client.get("/").read_response().text();
                let (named, connection) = text.split_once(" by ").expect("its own words");
                let to = proxy.addr().port();
                assert_eq!(named, format!("{} to {to} from 127.0.0.1", client.local_addr()), "{version}");
                connection.to_owned()
            })
            .collect();
        assert!(told[0] != told[1] && (2..20).all(|n| told[n] == told[n % 2]), "{told:?}");
        let page = proxy.metrics_when("it was found well", |page| {
            page.sum("umbrage_leg_up", &[("leg", "stable")]) == 1.0
        });
        assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
        proxy.assert_laws();
    }
}
