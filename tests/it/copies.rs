//! What a mirrored copy is, at the socket: marked where the client's own marks are not, to the host that was meant, with the
//! credentials and keys that were meant; sent once, whatever it is answered, and with no memory of the answer before.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::support::multiplexed::{multiplexed, request};
use crate::support::{
    Deadline, PATIENCE, ProxyBuilder, RawResponse, Server, answer, eventually, proxy, server, try_client,
};

fn rig(stable: &Server, shadow: &Server) -> ProxyBuilder {
    let built = proxy().stable(stable).shadow(shadow).percent(100.0);
    built
        .with("mirror", "max_per_second = 1000000")
        .with("mirror", "methods = [\"GET\", \"POST\"]")
        .with("mirror", "nice = 0")
}

fn says_x() -> Server {
    server().answers(200, &[], "x").start()
}

/// Everything that a backend may read as the mark.
fn marks(request: &crate::support::RecordedRequest) -> Vec<String> {
    let like = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-") == "umbrage-shadow";
    request
        .headers
        .iter()
        .filter(|(name, _)| like(name))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

#[test]
fn no_spelling_of_the_mark_reaches_stable_over_any_protocol() {
    for spelling in [
        "umbrage-shadow",
        "Umbrage-Shadow",
        "UMBRAGE-SHADOW",
        "Umbrage_Shadow",
        "umbrage.shadow",
        "umbrage_Shadow",
    ] {
        let (stable, shadow) = (says_x(), says_x());
        let proxy = rig(&stable, &shadow).start();
        let mut client = proxy.client();
        client.request("GET", "/one", &[(spelling, "1"), (spelling, "0")], "").read_response();
        let connection = format!("keep-alive, {spelling}");
        client.request("GET", "/two", &[("Connection", &connection), (spelling, "1")], "").read_response();
        let mut many = multiplexed(proxy.addr());
        let mut marked = request("GET", "/three");
        let name = http::HeaderName::from_bytes(spelling.as_bytes()).unwrap();
        marked.headers_mut().insert(name, http::HeaderValue::from_static("yes"));
        assert_eq!(many.ask(marked, b"", None).unwrap().status(), 200);
        assert_eq!(many.get("/four").status(), 200);
        let served = stable.wait_for_requests(4, PATIENCE);
        let reached: Vec<_> = served.iter().flat_map(marks).collect();
        assert!(reached.is_empty(), "{spelling}: {reached:?}");
        // What carried none is mirrored, and marked once.
        let copies = shadow.wait_for_requests(1, PATIENCE);
        proxy.assert_laws();
        assert_eq!(
            (copies[0].target.as_str(), marks(&copies[0])),
            ("/four", vec!["umbrage-shadow: 1".to_owned()])
        );
        assert_eq!((shadow.requests().len(), proxy.decided("marked")), (1, 3.0));
    }
}

/// What the shadow and control are told as Host under these policies, for a request to `shop.example:8080`.
fn hosts(policies: [&str; 2], shadow: &Server, control: &Server) -> [String; 2] {
    let stable = says_x();
    let proxy = rig(&stable, shadow).control_at(control, 100.0);
    let proxy = proxy.with("shadow", &format!("host = {:?}", policies[0]));
    let proxy = proxy.with("control", &format!("host = {:?}", policies[1])).start();
    let before = [shadow, control].map(|leg| leg.requests().len());
    let fields = [("host", "shop.example:8080")];
    assert_eq!(proxy.client().request("GET", "/", &fields, "").read_response().status, 200);
    let told = [(shadow, before[0]), (control, before[1])].map(|(leg, before)| {
        let copy = leg.wait_for_requests(before + 1, PATIENCE).remove(before);
        let hosts = copy.header_all("host");
        assert_eq!(hosts.len(), 1);
        hosts[0].to_owned()
    });
    assert_eq!(stable.requests()[0].header("host"), Some("shop.example:8080"));
    told
}

#[test]
fn each_leg_is_told_the_host_that_is_meant_for_it_with_its_port() {
    let (shadow, control) = (says_x(), says_x());
    let same = "shop.example:8080".to_owned();
    let at = |leg: &Server| leg.addr().to_string();
    assert_eq!(hosts(["preserve", "preserve"], &shadow, &control), [same.clone(), same.clone()]);
    assert_eq!(hosts(["upstream", "preserve"], &shadow, &control), [at(&shadow), same.clone()]);
    assert_eq!(hosts(["preserve", "upstream"], &shadow, &control), [same, at(&control)]);
    let literal = ["dark.example", "dark.example:81"];
    assert_eq!(hosts(literal, &shadow, &control), literal.map(str::to_owned));
    assert_eq!(hosts(["[2001:db8::1]:81", "[::1]"], &shadow, &control), ["[2001:db8::1]:81", "[::1]"]);
}

#[test]
fn a_leg_at_an_ipv6_address_is_told_it_in_brackets() {
    let well = || server().answers(200, &[], "x").start_v6();
    let (Some(shadow), Some(control)) = (well(), well()) else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    let expected = [&shadow, &control].map(|leg| format!("[::1]:{}", leg.addr().port()));
    assert_eq!(hosts(["upstream", "upstream"], &shadow, &control), expected);
}

#[test]
fn a_route_takes_the_credentials_off_its_copies_and_tells_the_legs_keys_apart() {
    let (stable, shadow, control) = (says_x(), says_x(), says_x());
    let routes = "[[route]]\nname = \"dark\"\nmatch = { path = \"/dark\" }\n\
                  mirror = { credentials = \"remove\", idempotency_suffix = \"-mirror\" }\n\
                  [[route]]\nname = \"rest\"\n";
    let proxy = rig(&stable, &shadow).control_at(&control, 100.0).routes(routes).start();
    let fields = [
        ("Authorization", "Basic eDp5"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Cookie", "a=1"),
        ("X-API-Key", "k"),
        ("X-Tenant", "7"),
        ("Idempotency-Key", "\"k1\""),
    ];
    let mut client = proxy.client();
    for (turn, path) in ["/rest", "/dark"].into_iter().enumerate() {
        assert_eq!(client.request("POST", path, &fields, "b").read_response().text(), "x");
        let seen =
            [&stable, &shadow, &control].map(|leg| leg.wait_for_requests(turn + 1, PATIENCE).remove(turn));
        let told = |name: &str| seen.each_ref().map(|request| request.header(name).map(str::to_owned));
        let all = |value: &str| [Some(value.to_owned()), Some(value.to_owned()), Some(value.to_owned())];
        for (name, value) in &fields[..4] {
            // Of one hop to the proxy before us; whether it reaches stable is not the copy's business.
            let live = seen[0].header(name).map(str::to_owned);
            assert!(live.is_some() || *name == "Proxy-Authorization", "{name}");
            let copied = if path == "/dark" { None } else { live.clone() };
            assert_eq!(told(name), [live, copied.clone(), copied], "{path} {name}: {value}");
        }
        assert_eq!(told("x-tenant"), all("7"));
        let keys = told("idempotency-key").map(Option::unwrap);
        let apart = ["\"k1\"", "\"k1-mirror-shadow\"", "\"k1-mirror-control\""];
        assert_eq!(keys, if path == "/dark" { apart } else { ["\"k1\""; 3] });
    }
}

#[test]
fn a_redirect_is_compared_as_it_is_and_not_followed() {
    let elsewhere = says_x();
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/next", elsewhere.url());
        let stable = says_x();
        let shadow = server().answers(status, &[("Location", to.as_str())], "").start();
        let proxy = rig(&stable, &shadow).start();
        assert_eq!(proxy.client().get("/").read_response().text(), "x");
        let page = proxy.compared(1);
        assert_eq!(page.sum("umbrage_differences_total", &[("part", "status")]), 1.0);
        let code = status.to_string();
        assert_eq!(page.sum("umbrage_leg_requests_total", &[("leg", "shadow"), ("code", &code)]), 1.0);
        proxy.assert_laws();
        assert_eq!((shadow.requests().len(), elsewhere.connections()), (1, 0));
        // The same redirect of both is a match.
        let both = [(); 2].map(|()| server().answers(status, &[("Location", "/next")], "").start());
        let proxy = rig(&both[0], &both[1]).start();
        assert_eq!(proxy.client().get("/").read_response().header("location"), Some("/next"));
        assert_eq!(proxy.compared(1).sum("umbrage_comparisons_total", &[("verdict", "match")]), 1.0);
        assert_eq!((both[0].requests().len(), both[1].requests().len()), (1, 1));
    }
}

#[test]
fn cookies_of_the_shadow_are_neither_passed_on_nor_kept() {
    let stable = says_x();
    let baking =
        || server().answers(200, &[("Set-Cookie", "dark=1; Path=/"), ("Set-Cookie", "other=2")], "x").start();
    let (shadow, control) = (baking(), baking());
    let proxy = rig(&stable, &shadow).control_at(&control, 100.0).start();
    let mut client = proxy.client();
    for turn in 0..5 {
        let own = format!("mine={turn}");
        let fields = [("Cookie", own.as_str())];
        let response =
            client.request("GET", "/", if turn % 2 == 0 { &[] } else { &fields }, "").read_response();
        assert!(response.header("set-cookie").is_none(), "{}", response.head_text());
        proxy.compared(turn + 1);
        for leg in [&stable, &shadow, &control] {
            let sent = leg.wait_for_requests(turn as usize + 1, PATIENCE).remove(turn as usize);
            let cookies = sent.header_all("cookie").join("; ");
            assert_eq!(cookies, if turn % 2 == 0 { "" } else { &own });
        }
    }
    proxy.assert_laws();
}

/// A shadow that asks the proxy again for whatever it is asked, without `Via` and mark: nobody can tell its requests from
/// a customer's, so only the bounds hold the circle.
#[test]
fn a_shadow_that_calls_back_as_a_stranger_is_held_by_the_bounds() {
    const AT_ONCE: f64 = 4.0;
    const PER_SECOND: f64 = 50.0;
    let told: Arc<OnceLock<SocketAddr>> = Arc::default();
    let address = told.clone();
    let stable = says_x();
    let shadow = server().answers_with(move |asked| {
        // Twice, so that without bounds each turn would double them.
        for _ in 0..2 {
            let Some(mut client) = address.get().and_then(|address| try_client(*address).ok()) else {
                return RawResponse::nothing().then_closes();
            };
            client.request("GET", &asked.target, &[], "");
            if client.try_read_response().is_err() {
                return RawResponse::nothing().then_closes();
            }
        }
        answer(200, &[], "x")
    });
    let shadow = shadow.start();
    let proxy = rig(&stable, &shadow)
        .with("mirror", &format!("max_in_flight = {AT_ONCE}"))
        .with("mirror", &format!("max_per_second = {PER_SECOND}"))
        .with("mirror", "burst = \"0s\"")
        .start();
    told.set(proxy.addr()).unwrap();
    let since = Deadline::after(PATIENCE);
    let mut client = proxy.client();
    let mut most: f64 = 0.0;
    eventually(PATIENCE, "many turns of the circle", || {
        assert_eq!(client.get("/").read_response().text(), "x");
        let page = crate::support::Page::parse(&proxy.ask_admin("GET", "/metrics", "").1);
        most = most.max(page.sum("umbrage_mirror_in_flight", &[]));
        page.sum("umbrage_mirror_decisions_total", &[("decision", "mirrored")]) >= PER_SECOND
            && page.sum("umbrage_mirror_decisions_total", &[("decision", "rate")]) > 0.0
    });
    let mirrored = proxy.decided("mirrored");
    let took = PATIENCE.saturating_sub(since.left().unwrap_or_default()) + Duration::from_millis(1);
    assert!(mirrored <= 1.0 + PER_SECOND * took.as_secs_f64(), "{mirrored} in {took:?}");
    assert!(most <= AT_ONCE, "{most} at once");
    // Whoever sees it stops it, and the circle ends with what is under way.
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "{}").0, 200);
    proxy.assert_laws();
    let asked = shadow.requests().len();
    assert_eq!(client.get("/").read_response().text(), "x");
    assert_eq!(shadow.requests().len(), asked);
}
