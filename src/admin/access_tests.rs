//! Strangers are refused: no token, another host, another origin.
#![allow(clippy::unwrap_used)]

use axum::body::Body;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{Request, StatusCode};

use super::super::fixture::{ask, office, request, text};
use super::*;

async fn status(desk: &Arc<Desk>, request: Request<Body>) -> StatusCode {
    ask(desk, request).await.status()
}

fn with(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path);
    fields.iter().fold(builder, |b, (k, v)| b.header(*k, *v)).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_token_is_asked_for_everywhere_but_at_the_probes() {
    let desk = office().token("s3cret").desk();
    let guarded = [
        "/",
        "/metrics",
        "/config",
        "/api/v1/report",
        "/api/v1/differences",
        "/api/v1/samples/known-1",
        "/no",
    ];
    for path in guarded {
        let response = ask(&desk, with("GET", path, &[("host", "umbrage.example:9901")])).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        let schemes: Vec<_> = response.headers().get_all(WWW_AUTHENTICATE).iter().collect();
        assert_eq!(schemes.len(), 2, "Bearer for machines, Basic so that browsers ask");
        let (_, body) = text(response).await;
        assert!(!body.contains("s3cret") && body.contains("error"), "{body}");
    }
    for path in
        ["/api/v1/mirror/pause", "/api/v1/mirror/resume", "/api/v1/mirror/percent?percent=1", "/-/reload"]
    {
        assert_eq!(
            status(&desk, with("POST", path, &[("host", "h")])).await,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    assert!(!desk.office.switches.is_paused());
    desk.office.ready.set_ready();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(status(&desk, with("GET", path, &[("host", "10.0.0.1")])).await, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_token_opens_and_nothing_like_it_does() {
    let desk = office().token("s3cret").desk();
    let get = |field: &str| with("GET", "/metrics", &[("host", "umbrage.example"), ("authorization", field)]);
    for good in ["Bearer s3cret", "bearer s3cret", "Basic YW55Ym9keTpzM2NyZXQ="] {
        assert_eq!(status(&desk, get(good)).await, StatusCode::OK, "{good}");
    }
    for bad in
        ["Bearer s3cre", "Bearer s3cret2", "Bearer S3CRET", "Bearer ", "Bearer", "s3cret", "Basic czNjcmV0"]
    {
        assert_eq!(status(&desk, get(bad)).await, StatusCode::UNAUTHORIZED, "{bad}");
    }
    let two = [("host", "h"), ("authorization", "Bearer s3cret"), ("authorization", "Bearer other")];
    assert_eq!(status(&desk, with("GET", "/metrics", &two)).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_rebound_name_is_refused_where_there_is_no_token() {
    let desk = office().desk();
    for good in
        ["127.0.0.1:9901", "localhost", "LOCALHOST:1", "[::1]:9901", "[::1]", "10.1.2.3", "a.localhost:9901"]
    {
        assert_eq!(
            status(&desk, with("GET", "/api/v1/report", &[("host", good)])).await,
            StatusCode::OK,
            "{good}"
        );
    }
    let evil = [
        "evil.example",
        "evil.example:9901",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:99999",
        "127.0.0.1:",
        "[::1",
        "[::1]x",
        "[evil]:1",
        "evil@127.0.0.1",
        "notlocalhost",
        "",
    ];
    for bad in evil {
        let asked = with("GET", "/api/v1/report", &[("host", bad)]);
        assert_eq!(status(&desk, asked).await, StatusCode::MISDIRECTED_REQUEST, "{bad}");
    }
    let absolute = with("GET", "http://evil.example/api/v1/report", &[("host", "127.0.0.1")]);
    assert_eq!(status(&desk, absolute).await, StatusCode::MISDIRECTED_REQUEST);
    let two = with("GET", "/", &[("host", "127.0.0.1"), ("host", "evil.example")]);
    assert_eq!(status(&desk, two).await, StatusCode::BAD_REQUEST);
    let old = with("GET", "/api/v1/report", &[]);
    assert_eq!(status(&desk, old).await, StatusCode::OK, "HTTP/1.0 without a Host is no browser");
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let desk = office().desk();
    let post = |fields: &[(&str, &str)]| {
        let mut all = vec![("host", "127.0.0.1:9901")];
        all.extend_from_slice(fields);
        with("POST", "/api/v1/mirror/pause", &all)
    };
    let foreign: [&[(&str, &str)]; 9] = [
        &[("origin", "http://evil.example")],
        &[("origin", "http://127.0.0.1:8080")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", "file://127.0.0.1:9901")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:9901")],
        &[("origin", "http://127.0.0.1:9901"), ("origin", "http://evil.example")],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")],
    ];
    for fields in foreign {
        assert_eq!(status(&desk, post(fields)).await, StatusCode::FORBIDDEN, "{fields:?}");
        assert!(!desk.office.switches.is_paused(), "{fields:?}");
    }
    let own: [&[(&str, &str)]; 3] = [
        &[],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:9901")],
        &[("sec-fetch-site", "none")],
    ];
    for fields in own {
        desk.office.switches.resume();
        assert_eq!(status(&desk, post(fields)).await, StatusCode::OK, "{fields:?}");
        assert!(desk.office.switches.is_paused(), "{fields:?}");
    }
}

#[tokio::test]
async fn a_foreign_page_with_a_token_kept_by_the_browser_is_refused_too() {
    let desk = office().token("s3cret").desk();
    let fields = [("host", "h"), ("authorization", "Basic OnMzY3JldA=="), ("sec-fetch-site", "cross-site")];
    assert_eq!(status(&desk, with("POST", "/-/reload", &fields)).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn requests_of_the_fixture_are_let_in() {
    let desk = office().desk();
    assert_eq!(status(&desk, request("GET", "/").body(Body::empty()).unwrap()).await, StatusCode::OK);
}
