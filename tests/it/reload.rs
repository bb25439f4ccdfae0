//! A new configuration in place of the old: seen by itself, in force for the next request, refused as a whole, and never
#![allow(clippy::float_cmp, reason = "counts are small whole numbers")]

//! in the way of a client.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, Proxy, ProxyBuilder, Server, client, eventually, proxy, server};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

pub(super) fn backends() -> (Server, Server) {
    let stable = server().answers(200, &JSON, br#"{"id":1,"at":1}"#).start();
    (stable, server().answers(200, &JSON, br#"{"id":"1","at":2}"#).start())
}

fn reloads(proxy: &Proxy, result: &str) -> f64 {
    proxy.metrics().sum("umbrage_config_reloads_total", &[("result", result)])
}

/// As an editor or a tool does it: whole or not at all.
fn replace(file: &Path, text: &str) {
    let draft = file.with_extension("draft");
    std::fs::write(&draft, text).unwrap();
    std::fs::rename(draft, file).unwrap();
}

fn ask(proxy: &Proxy) -> (u16, Value) {
    let (status, body) = proxy.ask_admin("POST", "/-/reload", "{}");
    (status, serde_json::from_str(&body).unwrap())
}

/// Puts one of `variants` after the other into the file until a reload that was asked for saw it before the watcher did.
fn reload_with(proxy: &Proxy, mut variant: impl FnMut(usize) -> ProxyBuilder) -> Value {
    for n in 0..20 {
        replace(&proxy.config_file(), &variant(n).toml(proxy.dir()));
        let (status, answer) = ask(proxy);
        assert_eq!((status, &answer["applied"]), (200, &true.into()), "{answer}");
        if answer["changed"] != serde_json::json!([]) {
            return answer;
        }
    }
    panic!("the watcher was always first");
}

/// Puts this in force, whoever sees it first.
pub(super) fn put(proxy: &Proxy, builder: &ProxyBuilder) {
    replace(&proxy.config_file(), &builder.toml(proxy.dir()));
    let (status, answer) = ask(proxy);
    assert_eq!(status, 200, "{answer}");
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// What `/api/v1/mirror/percent` says of the share in force; a change of nothing.
fn shares(proxy: &Proxy) -> Vec<(String, f64)> {
    let (status, body) = proxy.ask_admin("POST", "/api/v1/mirror/resume", "{}");
    assert_eq!(status, 200, "{body}");
    let state: Value = serde_json::from_str(&body).unwrap();
    let route = |r: &Value| (r["route"].as_str().unwrap().to_owned(), r["percent"].as_f64().unwrap());
    state["routes"].as_array().unwrap().iter().map(route).collect()
}

#[test]
fn a_share_changed_in_the_file_holds_for_the_next_request_without_a_signal() {
    let (stable, shadow) = backends();
    let base = proxy().stable(&stable).shadow(&shadow);
    let proxy = base.clone().percent(0.0).start();
    let mut client = proxy.client();
    client.get("/1").read_response();
    proxy.rewrite(|builder| builder.percent(100.0));
    eventually(PATIENCE, "the watcher sees it", || reloads(&proxy, "applied") >= 1.0);
    client.get("/2").read_response();
    proxy.compared(1);
    assert_eq!(shadow.requests()[0].target, "/2");

    proxy.rewrite(|builder| builder.percent(0.0));
    eventually(PATIENCE, "the watcher sees it again", || shares(&proxy)[0].1 == 0.0);
    client.get("/3").read_response();
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "not_sampled")]), 2.0);
    assert_eq!((stable.requests().len(), shadow.requests().len()), (3, 1));
    assert_eq!(stable.connections(), 1, "a reload does not throw connections away that go on");
}

#[test]
fn the_swap_of_a_symlink_is_seen_as_kubernetes_makes_it() {
    let (stable, shadow) = backends();
    let base = proxy().stable(&stable).shadow(&shadow);
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("..1")).unwrap();
    symlink("..1", at("..data")).unwrap();
    symlink("..data/umbrage.toml", at("umbrage.toml")).unwrap();
    let old = at("..1");
    let (second, draft, data) = (at("..2"), at("..data_tmp"), at("..data"));
    let proxy = base.clone().percent(0.0).start_in(dir);
    assert!(old.join("umbrage.toml").is_file(), "the config lies behind the links");

    std::fs::create_dir(&second).unwrap();
    std::fs::write(second.join("umbrage.toml"), base.percent(100.0).toml(proxy.dir())).unwrap();
    symlink("..2", &draft).unwrap();
    std::fs::rename(&draft, &data).unwrap();
    std::fs::remove_dir_all(&old).unwrap();
    eventually(PATIENCE, "the watcher sees the swap", || reloads(&proxy, "applied") >= 1.0);
    assert_eq!(reloads(&proxy, "refused"), 0.0);
    proxy.client().get("/").read_response();
    proxy.compared(1);
}

#[test]
fn a_bad_file_changes_nothing_and_is_said() {
    let (stable, shadow) = backends();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    let good = std::fs::read_to_string(proxy.config_file()).unwrap();
    assert_eq!(proxy.metrics().value("umbrage_config_last_reload_successful", &[]), Some(1.0));
    let hash = hash_in_force(&proxy);
    let config = proxy.ask_admin("GET", "/config", "");

    let bad = good.replace("percent = 100", "percent = 101") + "\n[mirorr]\n";
    replace(&proxy.config_file(), &bad);
    let (status, said) = ask(&proxy);
    assert_eq!((status, &said["applied"]), (422, &false.into()));
    let problems = said["problems"].as_str().unwrap();
    for part in ["umbrage.toml:", "percent = 101", "mirorr", "mirror", "^"] {
        assert!(problems.contains(part), "{part} is missing:\n{problems}");
    }
    let page = proxy.metrics();
    assert_eq!(page.value("umbrage_config_last_reload_successful", &[]), Some(0.0));
    assert!(page.sum("umbrage_config_reloads_total", &[("result", "refused")]) >= 1.0);
    assert_eq!((hash_in_force(&proxy), proxy.ask_admin("GET", "/config", "")), (hash, config));
    assert_eq!(proxy.client().get("/").read_response().status, 200);
    proxy.compared(1);

    std::fs::remove_file(proxy.config_file()).unwrap();
    assert_eq!(ask(&proxy).0, 422);
    assert_eq!(proxy.client().get("/").read_response().status, 200);

    replace(&proxy.config_file(), &good);
    assert_eq!(ask(&proxy).0, 200);
    let page = proxy.assert_laws();
    assert_eq!(page.value("umbrage_config_last_reload_successful", &[]), Some(1.0));
    assert!(page.sum("umbrage_config_reloads_total", &[("result", "unchanged")]) >= 1.0);
    assert_eq!(page.sum("umbrage_config_reloads_total", &[("result", "applied")]), 0.0);
}

fn hash_in_force(proxy: &Proxy) -> Vec<String> {
    let page = proxy.metrics();
    let one = |value: f64| (value - 1.0).abs() < 0.5;
    let found =
        page.series("umbrage_config_info", &[]).filter(|s| one(s.value)).map(|s| s.labels["hash"].clone());
    found.collect()
}

#[test]
fn the_answer_names_what_changed_and_what_waits_for_a_restart() {
    let (stable, shadow) = backends();
    let base = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = base.clone().start();
    let said = reload_with(&proxy, |n| {
        let percent = 10.0 + f64::from(u32::try_from(n).unwrap());
        base.clone()
            .percent(percent)
            .with("listen", &format!("workers = {}", n + 3))
            .with("records", &format!("max_size = \"{}MiB\"", n + 2))
    });
    assert_eq!(names(&said["changed"]), ["mirror.percent"]);
    assert_eq!(names(&said["needs_restart"]), ["listen.workers", "records.max_size"]);
    assert_eq!(hash_in_force(&proxy).len(), 1);
    let said = ask(&proxy).1;
    assert_eq!((names(&said["changed"]).len(), &said["problems"]), (0, &Value::Null));
}

#[test]
fn a_key_that_waits_for_a_restart_is_named_until_it_waits_no_more() {
    let (stable, shadow) = backends();
    let base = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = base.clone().start();
    let threads = base.clone().with("listen", "workers = 5");
    put(&proxy, &threads);
    assert_eq!(names(&ask(&proxy).1["needs_restart"]), ["listen.workers"], "nothing new, and still waiting");
    put(&proxy, &threads.percent(50.0));
    assert_eq!(
        names(&ask(&proxy).1["needs_restart"]),
        ["listen.workers"],
        "something else, and still waiting"
    );
    put(&proxy, &base);
    let said = ask(&proxy).1;
    assert_eq!((names(&said["needs_restart"]).len(), names(&said["changed"]).len()), (0, 0), "as it was");
}

#[test]
fn a_share_that_a_command_set_yields_only_to_a_changed_one() {
    let (stable, shadow) = backends();
    let routes = |percent: u32| {
        format!(
            "[[route]]\nname = \"orders\"\nmatch = {{ path = \"/orders/{{id}}\" }}\nmirror = {{ percent = {percent} }}\n\n[[route]]\nname = \"rest\"\n"
        )
    };
    let base = proxy().stable(&stable).shadow(&shadow).percent(50.0).routes(&routes(50));
    let proxy = base.clone().start();
    let set = r#"{"percent": 0, "route": "orders"}"#;
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/percent", set).0, 200);
    let as_set = [("orders".to_owned(), 0.0), ("rest".to_owned(), 50.0)];
    assert_eq!(shares(&proxy), as_set);

    // Something else changes: who turned mirroring down must not have it turned up.
    put(&proxy, &base.clone().with("compare", "ignore = [\"$.at\"]"));
    assert_eq!(shares(&proxy), as_set);
    put(&proxy, &base.clone().percent(60.0));
    assert_eq!(shares(&proxy), [("orders".to_owned(), 0.0), ("rest".to_owned(), 60.0)]);
    proxy.client().get("/orders/1").read_response();
    eventually(PATIENCE, "it is decided", || proxy.decided("not_sampled") >= 1.0);
    assert!(shadow.requests().is_empty());

    put(&proxy, &base.percent(60.0).routes(&routes(100)));
    assert_eq!(shares(&proxy)[0], ("orders".to_owned(), 100.0));
    proxy.client().get("/orders/1").read_response();
    proxy.compared(1);
    proxy.assert_laws();
}

#[test]
fn a_pause_outlives_a_reload() {
    let (stable, shadow) = backends();
    let base = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = base.clone().start();
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "{}").0, 200);
    put(&proxy, &base.with("compare", "ignore = [\"$.at\"]"));
    proxy.client().get("/").read_response();
    eventually(PATIENCE, "it is decided", || proxy.decided("paused") >= 1.0);
    proxy.assert_laws();
    assert!(shadow.requests().is_empty());
}

#[test]
fn routes_come_and_go_while_clients_are_connected() {
    let (stable, shadow) = backends();
    let other = server().answers(200, &[], "other").start();
    let base = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = base.clone().start();
    let mut client = proxy.client();
    assert_eq!(client.get("/admin/1").read_response().status, 200);

    let orders = "[[route]]\nname = \"orders\"\nmatch = { path = \"/orders/{id}\" }\n";
    put(&proxy, &base.clone().routes(orders));
    assert_eq!(client.get("/orders/1").read_response().status, 200);
    assert_eq!(client.get("/admin/1").read_response().status, 404);

    let admin = format!(
        "{orders}[[route]]\nname = \"admin\"\nmatch = {{ path = \"/admin/{{*rest}}\" }}\nstable = {{ url = {:?} }}\n",
        other.url()
    );
    put(&proxy, &base.clone().routes(&admin));
    assert_eq!(client.get("/admin/1").read_response().text(), "other");
    put(&proxy, &base);
    assert_eq!(client.get("/admin/1").read_response().text(), r#"{"id":1,"at":1}"#);

    let page = proxy.assert_laws();
    let by_route = page.sum_by("umbrage_requests_total", &[], "route");
    assert_eq!(by_route.get("orders"), Some(&1.0), "{by_route:?}");
    assert_eq!(by_route.get("admin"), Some(&1.0), "{by_route:?}");
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "no_route")]), 1.0);
    assert_eq!(other.requests()[0].target, "/admin/1");
}

#[test]
fn a_route_that_is_gone_leaves_no_gauge_and_a_config_one_line() {
    let (stable, shadow) = backends();
    let base = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let route = |name: &str| format!("[[route]]\nname = \"{name}\"\nmatch = {{ path = \"/{name}\" }}\n");
    let proxy = base.clone().routes(&(route("orders") + &route("users"))).start();
    let routes = || {
        let page = crate::support::Page::parse(&proxy.ask_admin("GET", "/metrics", "").1);
        assert_eq!(page.series("umbrage_config_info", &[]).count(), 1);
        let gauges = ["umbrage_mirror_percent", "umbrage_mirror_paused"];
        gauges.map(|gauge| page.sum_by(gauge, &[], "route").into_keys().collect::<Vec<_>>())
    };
    assert_eq!(routes(), [["orders", "users"], ["orders", "users"]]);
    for n in 0..20 {
        put(&proxy, &base.clone().routes(&format!("{}# {n}\n", route("users"))));
    }
    assert_eq!(routes(), [["users"], ["users"]]);
    put(&proxy, &base);
    assert_eq!(routes(), [["default"], ["default"]]);
}

#[test]
fn no_client_notices_two_hundred_reloads() {
    let (stable, shadow) = backends();
    let base = proxy()
        .stable(&stable)
        .shadow(&shadow)
        .with("mirror", "max_per_second = 100000")
        // On a machine that is busy with other tests the shadow plane waits; what it gives up is not what is asked here.
        .with("shadow", "timeout = \"60s\"");
    let proxy = base.clone().percent(100.0).start();
    let (address, over, answered) = (proxy.addr(), AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..4 {
            let (over, answered) = (&over, &answered);
            scope.spawn(move || {
                let mut client = client(address);
                while !over.load(Ordering::Relaxed) {
                    let got = client.get(&format!("/things/{thread}")).read_response();
                    assert_eq!((got.status, got.text().as_str()), (200, r#"{"id":1,"at":1}"#));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let stop = Stop(&over);
        for n in 0..200_u32 {
            let percent = [100.0, 0.0, 50.0][n as usize % 3];
            let mut builder = base.clone().percent(percent);
            if n % 4 == 0 {
                builder = builder.with("shadow", &format!("version = \"v{n}\""));
            }
            if n % 5 == 0 {
                builder =
                    builder.routes("[[route]]\nname = \"things\"\nmatch = { path = \"/things/{id}\" }\n");
            }
            put(&proxy, &builder);
        }
        drop(stop);
    });
    let page = proxy.assert_laws();
    assert!(reloads(&proxy, "applied") >= 200.0 && reloads(&proxy, "refused") < 1.0);
    let requests = page.sum("umbrage_requests_total", &[("code", "200")]);
    assert_eq!(requests.to_string(), answered.load(Ordering::Relaxed).to_string());
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
    assert_eq!(stable.requests().len().to_string(), requests.to_string());
    assert_eq!(hash_in_force(&proxy).len(), 1);
    let written = page.sum("umbrage_mirror_outcomes_total", &[("leg", "shadow"), ("outcome", "answered")]);
    let outcomes = page.sum_by("umbrage_mirror_outcomes_total", &[("leg", "shadow")], "outcome");
    assert_eq!(shadow.requests().len().to_string(), written.to_string(), "{outcomes:?}");
    assert!(proxy.report()["epoch"]["number"].as_u64().unwrap() >= 50);
}

/// Ends the clients, also when the test fails before them.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
