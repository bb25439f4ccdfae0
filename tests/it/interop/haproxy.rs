//! `HAProxy` in front of Umbrage with its health checks, and as its stable.

use std::net::SocketAddr;
use std::path::Path;

use super::tool::{Elsewhere, tool};
use crate::support::{PATIENCE, client, eventually, proxy, server};

fn haproxy(program: &Path, config: impl FnOnce(SocketAddr) -> String) -> Elsewhere {
    let whole = |address| {
        format!(
            "global\n  maxconn 256\ndefaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\n{}",
            config(address)
        )
    };
    Elsewhere::start(program, whole, |file, _| ["-db", "-q", "-f", file].map(str::to_owned).to_vec())
}

#[test]
fn in_front_it_finds_us_well_and_passes_requests_on() {
    let Some(program) = tool("haproxy") else { return };
    let stable = server().echoes().start();
    let proxy = proxy().stable(&stable).start();
    let front = haproxy(&program, |address| {
        format!(
            "frontend in\n  bind {address}\n  default_backend umbrage\nbackend umbrage\n  option httpchk\n  \
             http-check send meth GET uri /health ver HTTP/1.1 hdr Host checks\n  http-check expect status 200\n  \
             http-reuse always\n  server umbrage {} check inter 100ms rise 1 fall 1\n",
            proxy.addr()
        )
    });
    eventually(PATIENCE, "some health checks", || {
        stable.requests().iter().filter(|request| request.target == "/health").count() >= 3
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
    drop((client, front));
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
}

#[test]
fn behind_it_is_stable() {
    let Some(program) = tool("haproxy") else { return };
    let stable = haproxy(&program, |address| {
        format!(
            "frontend in\n  bind {address}\n  http-request return status 200 content-type text/plain string well\n"
        )
    });
    let proxy = proxy().stable_url(&stable.url()).start();
    let mut client = proxy.client();
    for _ in 0..50 {
        assert_eq!(client.get("/").read_response().text(), "well");
    }
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
}

#[test]
fn behind_it_learns_the_client_from_the_header_of_each_version() {
    let Some(program) = tool("haproxy") else { return };
    let stable = haproxy(&program, |address| {
        format!(
            "frontend in\n  bind {address} accept-proxy\n  http-request return status 200 content-type text/plain \
             lf-string \"%[src]:%[src_port] to %[dst_port]\"\n"
        )
    });
    for version in ["v1", "v2"] {
        let proxy = proxy()
            .stable_url(&stable.url())
            .with("stable", &format!("proxy_protocol = \"{version}\""))
            .with("stable", "health = { path = \"/\", interval = \"50ms\" }")
            .start();
        let mut clients = [proxy.client(), proxy.client()];
        for n in 0..20 {
            let client = &mut clients[n % 2];
            let told = client.get("/").read_response().text();
            assert_eq!(told, format!("{} to {}", client.local_addr(), proxy.addr().port()), "{version}");
        }
        let page = proxy.metrics_when("it was found well", |page| {
            page.sum("umbrage_leg_up", &[("leg", "stable")]) == 1.0
        });
        assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
        proxy.assert_laws();
    }
}
