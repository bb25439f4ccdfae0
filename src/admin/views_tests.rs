//! What each view answers.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use serde_json::{Value, json};

use super::super::fixture::{ask, get, office, post, request};
use super::super::office::ReloadAnswer;
use super::*;

#[tokio::test]
async fn health_is_always_and_readiness_follows_the_state() {
    let desk = office().desk();
    assert_eq!(get(&desk, "/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(get(&desk, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned()));
    desk.office.ready.set_ready();
    desk.office.switches.pause();
    assert_eq!(
        get(&desk, "/readyz").await,
        (StatusCode::OK, "ready\n".to_owned()),
        "never depends on the shadow"
    );
    desk.office.ready.set_draining();
    assert_eq!(get(&desk, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned()));
    assert_eq!(get(&desk, "/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_prometheus_text_with_gauges_set_just_before() {
    let mut fixture = office();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    fixture.views.gauges = Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let desk = fixture.desk();
    desk.office.metrics.build_info.with(["1.2.3"]).set(1.0);
    let response = ask(&desk, request("GET", "/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let (status, page) = super::super::fixture::text(response).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("umbrage_build_info{version=\"1.2.3\"} 1"), "{page}");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn config_report_and_samples_are_passed_on() {
    let desk = office().report(|| json!({"schema": 1, "big": 1})).desk();
    assert_eq!(get(&desk, "/config").await, (StatusCode::OK, "[admin]\ntoken = \"***\"\n".to_owned()));
    let (status, report) = get(&desk, "/api/v1/report").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(serde_json::from_str::<Value>(&report).unwrap(), json!({"schema": 1, "big": 1}));
    assert_eq!(
        get(&desk, "/api/v1/samples/known-1").await,
        (StatusCode::OK, "{\"id\":\"known-1\"}\n".to_owned())
    );
    assert_eq!(get(&desk, "/api/v1/samples/other").await.0, StatusCode::NOT_FOUND);
    for bad in ["%2e%2e%2fx", "a%00", "a%20b", &"x".repeat(129)] {
        assert_eq!(get(&desk, &format!("/api/v1/samples/{bad}")).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn differences_take_a_bounded_query() {
    let desk = office().desk();
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let (_, all) = get(&desk, "/api/v1/differences").await;
    assert_eq!(read(all), json!({"endpoint": null, "path": null, "limit": DEFAULT_DIFFERENCES}));
    let (_, some) =
        get(&desk, "/api/v1/differences?endpoint=GET+/a/%7Bid%7D&path=$.items%5B*%5D&limit=7").await;
    assert_eq!(read(some), json!({"endpoint": "GET /a/{id}", "path": "$.items[*]", "limit": 7}));
    let long = "x".repeat(MAX_PARAMETER + 1);
    let bad = [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "nope=1",
        &format!("endpoint={long}"),
        &format!("path={long}"),
    ];
    for query in bad {
        let (status, _) = get(&desk, &format!("/api/v1/differences?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_reload_answers_what_came_of_it() {
    let applied = ReloadAnswer {
        applied: true,
        changed: vec!["mirror.percent".to_owned()],
        needs_restart: vec!["listen.workers".to_owned()],
        epoch_began: false,
        problems: None,
    };
    let desk = office().reload(applied).desk();
    let whole = json!({"applied": true, "changed": ["mirror.percent"], "needs_restart": ["listen.workers"], "epoch_began": false, "problems": null});
    assert_eq!(post(&desk, "/-/reload", "").await, (StatusCode::OK, whole));
    assert_eq!(post(&desk, "/-/reload", "{}").await.0, StatusCode::OK);
    assert_eq!(post(&desk, "/-/reload?force=1", "").await.0, StatusCode::BAD_REQUEST);
    let refused =
        ReloadAnswer { problems: Some("line 3: unknown key".to_owned()), ..ReloadAnswer::default() };
    let desk = office().reload(refused).desk();
    let (status, answer) = post(&desk, "/-/reload", "").await;
    assert_eq!(
        (status, &answer["problems"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("line 3: unknown key"))
    );
}

#[tokio::test]
async fn a_view_that_panics_is_a_500_and_the_next_one_works() {
    let turns = AtomicUsize::new(0);
    let desk = office()
        .report(move || match turns.fetch_add(1, Ordering::Relaxed) {
            0..=7 => std::panic::resume_unwind(Box::new("a bug")),
            _ => json!({}),
        })
        .desk();
    for _ in 0..8 {
        assert_eq!(get(&desk, "/api/v1/report").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(get(&desk, "/api/v1/report").await.0, StatusCode::OK, "a panic must give its permit back");
}

#[tokio::test]
async fn the_page_allows_only_what_carries_its_nonce() {
    let desk = office().desk();
    let mut nonces = std::collections::HashSet::new();
    for _ in 0..2 {
        let response = ask(&desk, request("GET", "/").body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let (status, page) = super::super::fixture::text(response).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(page.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "one style, one script");
        assert!(nonces.insert(nonce), "a nonce served twice");
    }
}
