//! Who asked, which hops, which request and which trace: written on for every leg alike, and no stranger's word for it.

use crate::support::{
    PATIENCE, Proxy, ProxyBuilder, RecordedRequest, Response, Server, dead_address, proxy, server,
};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRUST: &str = "trusted_proxies = [\"127.0.0.0/8\"]";

fn named(instance: &str) -> ProxyBuilder {
    proxy().with("listen", &format!("instance = {instance:?}"))
}

/// What stable saw of one request, and what came back.
fn forwarded(builder: ProxyBuilder, method: &str, fields: &[(&str, &str)]) -> (RecordedRequest, Response) {
    let stable = server().start();
    let proxy = builder.stable(&stable).start();
    let response = proxy.client().request(method, "/", fields, "").read_response();
    assert_eq!(response.status, 200, "{}", response.text());
    proxy.assert_laws();
    (stable.wait_for_requests(1, PATIENCE).remove(0), response)
}

fn seen(builder: ProxyBuilder, fields: &[(&str, &str)]) -> RecordedRequest {
    forwarded(builder, "GET", fields).0
}

#[test]
fn every_leg_is_told_the_same_of_who_asked_and_each_its_own_parent() {
    let (stable, shadow, control) = (server().start(), server().start(), server().start());
    let proxy = named("a1").stable(&stable).shadow(&shadow).control_at(&control, 100.0).percent(100.0);
    let proxy = proxy.with("listen", TRUST).with("listen", "forwarded = \"both\"").start();
    let fields = [
        ("Host", "shop.example"),
        ("X-Forwarded-For", "192.0.2.7"),
        ("Via", "1.0 front"),
        ("X-Request-Id", "id-1"),
        ("Traceparent", PARENT),
        ("Tracestate", "a=1"),
    ];
    assert_eq!(proxy.client().request("GET", "/", &fields, "").read_response().status, 200);
    let legs: Vec<RecordedRequest> =
        [&stable, &shadow, &control].map(|leg| leg.wait_for_requests(1, PATIENCE).remove(0)).into();
    let port = proxy.addr().port().to_string();
    for leg in &legs {
        assert_eq!(leg.header_all("x-forwarded-for"), ["192.0.2.7, 127.0.0.1"]);
        assert_eq!(leg.header_all("x-forwarded-proto"), ["http"]);
        assert_eq!(leg.header_all("x-forwarded-host"), ["shop.example"]);
        assert_eq!(leg.header_all("x-forwarded-port"), [port.as_str()]);
        assert_eq!(leg.header_all("forwarded"), ["for=127.0.0.1;host=\"shop.example\";proto=http"]);
        assert_eq!(leg.header_all("via"), ["1.0 front, 1.1 umbrage-a1"]);
        assert_eq!(leg.header_all("x-request-id"), ["id-1"]);
        assert_eq!(leg.header_all("tracestate"), ["a=1"]);
        let parent = leg.header("traceparent").unwrap();
        assert!(parent.starts_with(&format!("00-{TRACE_ID}-")) && parent.ends_with("-01"), "{parent}");
    }
    let mut parents: Vec<&str> = legs.iter().map(|leg| leg.header("traceparent").unwrap()).collect();
    parents.push(PARENT);
    parents.sort_unstable();
    parents.dedup();
    assert_eq!(parents.len(), 4, "every leg and the client are spans of their own");
    proxy.assert_laws();
}

#[test]
fn a_made_id_is_the_same_for_stable_and_shadow_and_its_edits_are_of_the_copy_alone() {
    let (stable, shadow) = (server().start(), server().start());
    let rig = || named("a1").stable(&stable).shadow(&shadow).percent(100.0);
    let kept = rig().start();
    kept.client().get("/").read_response();
    let (one, two) = (stable.wait_for_requests(1, PATIENCE), shadow.wait_for_requests(1, PATIENCE));
    assert_eq!(one[0].header_all("x-request-id").len(), 1);
    assert_eq!(one[0].header_all("x-request-id"), two[0].header_all("x-request-id"));
    let edit =
        "headers = { remove = [\"x-request-id\", \"traceparent\"], set = { x-forwarded-for = \"edited\" } }";
    let edited = rig().with("mirror", edit).start();
    edited.client().request("GET", "/", &[("traceparent", PARENT)], "").read_response();
    let (one, two) = (stable.wait_for_requests(2, PATIENCE), shadow.wait_for_requests(2, PATIENCE));
    assert!(one[1].header("x-request-id").is_some() && one[1].header("traceparent").is_some());
    assert!(two[1].header("x-request-id").is_none() && two[1].header("traceparent").is_none());
    assert_eq!(
        (one[1].header("x-forwarded-for"), two[1].header("x-forwarded-for")),
        (Some("127.0.0.1"), Some("edited"))
    );
}

#[test]
fn no_spelling_of_a_claim_gets_past() {
    let claims = [
        ("X-Real-IP", "6.6.6.6"),
        ("True-Client-IP", "6.6.6.6"),
        ("X_Forwarded_For", "6.6.6.6"),
        ("X-Forwarded.For", "6.6.6.6"),
        ("X_FORWARDED_PROTO", "https"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Forwarded-Prefix", "/6.6.6.6"),
        ("x_request_id", "6.6.6.6"),
    ];
    let request = seen(named("a1"), &claims);
    assert!(
        !request.head_text().contains("6.6.6.6") && !request.head_text().contains("https"),
        "{}",
        request.head_text()
    );
    let believed = seen(named("a1").with("listen", TRUST), &claims);
    for (name, value) in claims {
        let alias = name.contains(['_', '.']);
        assert_eq!(believed.header(name), (!alias).then_some(value), "{name}");
    }
}

#[test]
fn the_protocol_that_a_request_came_by_stands_in_via() {
    let stable = server().start();
    let proxy = named("a1").stable(&stable).start();
    proxy.client().send("GET / HTTP/1.0\r\nVia: 1.0 fred\r\nConnection: via\r\n\r\n").read_response();
    assert_eq!(stable.wait_for_requests(1, PATIENCE)[0].header_all("via"), ["1.0 fred, 1.0 umbrage-a1"]);
}

#[test]
fn answers_have_via_only_where_it_is_wanted() {
    for (line, expected) in [
        ("via = \"requests\"", vec![]),
        ("via = \"both\"", vec!["1.1 umbrage-a1"]),
        ("via = \"off\"", vec![]),
    ] {
        let (request, response) = forwarded(named("a1").with("listen", line), "GET", &[]);
        assert_eq!(response.header_all("via"), expected, "{line}");
        assert_eq!(request.header("via").is_some(), line != "via = \"off\"", "{line}");
    }
}

/// Points a running proxy at another stable.
fn turn(proxy: &Proxy, url: &str) {
    proxy.rewrite(|builder| builder.stable_url(url));
    let (status, answer) = proxy.ask_admin("POST", "/-/reload", "{}");
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_circle_is_answered_508_and_two_in_a_row_are_none() {
    let stable = server().start();
    let second = proxy().stable(&stable).start();
    let first = proxy().stable_url(&format!("http://{}", second.addr())).start();
    assert_eq!(first.client().get("/").read_response().status, 200);
    let via = stable.wait_for_requests(1, PATIENCE)[0].header("via").unwrap().to_owned();
    let hops: Vec<&str> = via.split(", ").collect();
    assert!(hops.len() == 2 && hops[0] != hops[1], "each draws a name of its own: {via}");
    turn(&second, &format!("http://{}", first.addr()));
    let response = first.client().get("/").read_response();
    assert_eq!((response.status, response.header("umbrage-error")), (508, Some("stable; loop")));
    let page = first.assert_laws();
    assert_eq!(page.sum("umbrage_leg_errors_total", &[("reason", "loop")]), 1.0);
    second.assert_laws();
    assert_eq!(stable.requests().len(), 1);
}

#[test]
fn trace_is_answered_405_or_forwarded_without_credentials() {
    let stable = server().start();
    let closed = named("a1").stable(&stable).start();
    let response = closed.client().request("TRACE", "/", &[], "").read_response();
    assert_eq!((response.status, response.header("umbrage-error")), (405, Some("client; trace")));
    assert!(response.header("allow").unwrap().contains("OPTIONS"));
    assert_eq!(closed.decided("method"), 1.0);
    closed.assert_laws();
    assert!(stable.requests().is_empty());

    let open = named("a1").stable(&stable).with("listen", "trace_method = true").start();
    let fields = [("Authorization", "b"), ("Cookie", "c"), ("X-A", "1"), ("Max-Forwards", "2")];
    assert_eq!(open.client().request("TRACE", "/", &fields, "").read_response().status, 200);
    let request = stable.wait_for_requests(1, PATIENCE).remove(0);
    assert_eq!((request.header("authorization"), request.header("cookie")), (None, None));
    assert_eq!((request.header("x-a"), request.header("max-forwards")), (Some("1"), Some("1")));
    assert_eq!(open.client().request("TRACE", "/", &[], "body").read_response().status, 400);
    let last = [("Authorization", "b"), ("X-A", "1"), ("Max-Forwards", "0")];
    let response = open.client().request("TRACE", "/a?b", &last, "").read_response();
    assert_eq!((response.status, response.header("content-type")), (200, Some("message/http")));
    let text = response.text();
    assert!(text.starts_with("TRACE /a?b HTTP/1.1\r\n") && text.contains("x-a: 1\r\n"), "{text}");
    assert!(!text.contains("uthorization"), "{text}");
    open.assert_laws();
    assert_eq!(stable.requests().len(), 1);
}

#[test]
fn max_forwards_is_counted_down_and_its_end_is_answered_here() {
    let stable = server().start();
    let proxy = named("a1").stable(&stable).start();
    let mut client = proxy.client();
    for (sent, left) in [("3", "2"), ("1", "0")] {
        assert_eq!(client.request("OPTIONS", "*", &[("Max-Forwards", sent)], "").read_response().status, 200);
        assert_eq!(stable.requests().last().unwrap().header("max-forwards"), Some(left));
    }
    let response = client.request("OPTIONS", "*", &[("Max-Forwards", "0")], "").read_response();
    assert!(response.status == 200 && response.header("allow").is_some() && response.body.is_empty());
    assert_eq!(client.request("GET", "/", &[("Max-Forwards", "0")], "").read_response().status, 200);
    assert_eq!(stable.requests().last().unwrap().header("max-forwards"), Some("0"), "not for GET");
    assert_eq!(client.request("OPTIONS", "*", &[("Max-Forwards", "x")], "").read_response().status, 400);
    proxy.assert_laws();
    assert_eq!(stable.requests().len(), 3);
}

#[test]
fn whose_request_id_is_kept_is_a_matter_of_policy() {
    let keeps = |line: &str, trust: bool| {
        let builder = named("a1").with("listen", line);
        let builder = if trust { builder.with("listen", TRUST) } else { builder };
        let request = seen(builder, &[("X-Request-Id", "from-the-client")]);
        assert_eq!(request.header_all("x-request-id").len(), 1);
        request.header("x-request-id") == Some("from-the-client")
    };
    for (line, stranger, trusted) in [
        ("request_id = \"trusted\"", false, true),
        ("request_id = \"keep\"", true, true),
        ("request_id = \"make\"", false, false),
        ("request_id = \"off\"", true, true),
    ] {
        assert_eq!((keeps(line, false), keeps(line, true)), (stranger, trusted), "{line}");
    }
    let (request, response) = forwarded(named("a1"), "GET", &[]);
    let made = request.header("x-request-id").unwrap();
    assert!(made.len() == 36 && made.as_bytes()[14] == b'7', "{made}");
    assert_eq!(response.header("x-request-id"), None, "an answer of stable's is as it came");
}

#[test]
fn an_answer_of_our_own_says_which_request_it_was() {
    let dead = dead_address();
    let proxy = named("a1").with("listen", TRUST).stable_url(&format!("http://{}", dead.addr())).start();
    let response = proxy.client().request("GET", "/", &[("X-Request-Id", "id-1")], "").read_response();
    assert_eq!((response.status, response.header_all("x-request-id")), (502, vec!["id-1"]));
}

#[test]
fn traces_are_propagated_passed_or_taken_off_and_a_broken_one_is_none() {
    let trace = |line: &str, parents: &[&str]| {
        let mut fields: Vec<(&str, &str)> = parents.iter().map(|parent| ("traceparent", *parent)).collect();
        fields.push(("tracestate", "a=1"));
        let request = seen(named("a1").with("listen", line), &fields);
        let all = |name| request.header_all(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
        (all("traceparent"), all("tracestate"))
    };
    let (propagate, pass, off) = ("trace = \"propagate\"", "trace = \"pass\"", "trace = \"off\"");
    let nothing: (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    assert_eq!(trace(propagate, &[]), nothing, "no trace is begun");
    for broken in [&["00-nonsense"][..], &[PARENT, PARENT], &[&PARENT.to_uppercase()]] {
        assert_eq!(trace(propagate, broken), nothing, "{broken:?}");
    }
    let (parents, states) = trace(propagate, &[PARENT]);
    assert!(parents.len() == 1 && parents[0] != PARENT && states == ["a=1"], "{parents:?}");
    assert_eq!(trace(pass, &[PARENT]), (vec![PARENT.to_owned()], vec!["a=1".to_owned()]));
    assert_eq!(trace(pass, &["00-nonsense"]).0, ["00-nonsense"]);
    assert_eq!(trace(off, &[PARENT]), nothing);
}

/// Which of so many traces are mirrored at 50 %.
fn mirrored_traces(line: &str, count: usize) -> Vec<bool> {
    let (stable, shadow): (Server, Server) = (server().start(), server().start());
    let builder = named("a1").stable(&stable).shadow(&shadow).percent(50.0).with("listen", line);
    let proxy = builder.with("mirror", "sample_by = \"trace\"").start();
    let mut client = proxy.client();
    let taken = (0..count).map(|n| {
        let before = proxy.decided("mirrored");
        let parent = format!("00-{:032x}-00f067aa0ba902b7-01", n + 1);
        assert_eq!(client.request("GET", "/", &[("traceparent", &parent)], "").read_response().status, 200);
        proxy.decided("mirrored") > before
    });
    taken.collect()
}

#[test]
fn a_sample_by_trace_is_of_the_trace_that_came_whatever_becomes_of_it() {
    let expected = mirrored_traces("trace = \"propagate\"", 24);
    assert!(expected.iter().any(|t| *t) && !expected.iter().all(|t| *t), "{expected:?}");
    for line in ["trace = \"pass\"", "trace = \"off\"", "trace = \"propagate\""] {
        assert_eq!(mirrored_traces(line, 24), expected, "{line}");
    }
}

#[test]
fn what_is_written_follows_a_reload() {
    let stable = server().start();
    let proxy = named("a1").stable(&stable).start();
    let mut client = proxy.client();
    assert_eq!(client.get("/").read_response().status, 200);
    proxy.rewrite(|builder| {
        builder.with("listen", "instance = \"b2\"").with("listen", "forwarded = \"rfc7239\"")
    });
    assert_eq!(proxy.ask_admin("POST", "/-/reload", "{}").0, 200);
    assert_eq!(client.get("/").read_response().status, 200);
    let requests = stable.wait_for_requests(2, PATIENCE);
    assert_eq!(
        (requests[0].header("via"), requests[1].header("via")),
        (Some("1.1 umbrage-a1"), Some("1.1 umbrage-b2"))
    );
    assert!(requests[1].header("forwarded").is_some() && requests[1].header("x-forwarded-for").is_none());
}
