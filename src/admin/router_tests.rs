//! Limits and manners of the router as a whole.
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::advance;

use super::super::fixture::{ask, get, office, post, request, text};
use super::super::limits::MAX_VIEWS;
use super::*;

/// A desk whose report hangs until the sender is dropped; the receiver hears of each call.
fn hanging() -> (Arc<Desk>, SyncSender<()>, Receiver<()>) {
    let (hold, waits) = sync_channel::<()>(0);
    let (call, called) = sync_channel(64);
    let waits = Mutex::new(waits);
    let desk = office().report(move || {
        let _ = call.try_send(());
        let _ = waits.lock().unwrap().recv();
        json!({})
    });
    (desk.desk(), hold, called)
}

#[tokio::test]
async fn unknown_paths_are_json_and_wrong_methods_name_the_right_ones() {
    let desk = office().desk();
    let (status, body) = get(&desk, "/nothing/%3Chere%3E").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(serde_json::from_str::<Value>(&body).unwrap()["error"].is_string());
    for (method, path, allowed) in [
        ("POST", "/healthz", "GET,HEAD"),
        ("DELETE", "/api/v1/report", "GET,HEAD"),
        ("GET", "/-/reload", "POST"),
        ("PUT", "/api/v1/mirror/pause", "POST"),
    ] {
        let response = ask(&desk, request(method, path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!(response.headers()["allow"], allowed, "{method} {path}");
        let (_, body) = text(response).await;
        assert!(serde_json::from_str::<Value>(&body).unwrap()["error"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let desk = office().desk();
    for path in ["/", "/healthz", "/metrics", "/config", "/api/v1/report"] {
        let response = ask(&desk, request("HEAD", path).body(Body::empty()).unwrap()).await;
        assert_eq!(text(response).await, (StatusCode::OK, String::new()), "{path}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_guarding_fields() {
    let desk = office().desk();
    for (method, path) in
        [("GET", "/"), ("GET", "/healthz"), ("GET", "/no"), ("POST", "/"), ("POST", "/-/reload")]
    {
        let response = ask(&desk, request(method, path).body(Body::empty()).unwrap()).await;
        let fields = response.headers();
        assert_eq!(fields["x-content-type-options"], "nosniff", "{method} {path}");
        assert_eq!(fields["cache-control"], "no-store", "{method} {path}");
        assert_eq!(fields["x-frame-options"], "DENY", "{method} {path}");
        assert_eq!(fields["cross-origin-resource-policy"], "same-origin", "{method} {path}");
        let policy = fields["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a_body_over_the_bound_is_refused() {
    let desk = office().desk();
    let body = format!("{{\"for\": \"10m{}\"}}", " ".repeat(MAX_BODY));
    let (status, answer) = post(&desk, "/api/v1/mirror/pause", &body).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer["error"].is_string());
    assert!(!desk.office.switches.is_paused());
}

#[tokio::test]
async fn hung_views_hold_up_nothing_but_themselves() {
    let (desk, hold, called) = hanging();
    let mut asking = JoinSet::new();
    for _ in 0..MAX_VIEWS {
        let desk = desk.clone();
        asking.spawn(async move { get(&desk, "/api/v1/report").await.0 });
    }
    // The runtime must turn for the requests to start: wait for their calls from another thread.
    let begun = tokio::task::spawn_blocking(move || (0..MAX_VIEWS).all(|_| called.recv().is_ok()));
    assert!(begun.await.unwrap());
    assert_eq!(get(&desk, "/healthz").await.0, StatusCode::OK);
    assert_eq!(get(&desk, "/metrics").await.0, StatusCode::OK);
    assert_eq!(post(&desk, "/api/v1/mirror/pause", "").await.0, StatusCode::OK);
    let (status, body) = get(&desk, "/config").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "views are bounded, and refused at once: {body}");
    drop(hold);
    while let Some(status) = asking.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    assert_eq!(get(&desk, "/config").await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_given_up() {
    let (desk, hold, _called) = hanging();
    let mut asking = JoinSet::new();
    let asked = desk.clone();
    asking.spawn(async move { get(&asked, "/api/v1/report").await });
    while desk.views.available_permits() == MAX_VIEWS {
        tokio::task::yield_now().await;
    }
    advance(REQUEST_TIMEOUT + Duration::from_millis(1)).await;
    let (status, body) = asking.join_next().await.unwrap().unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("too long"), "{body}");
    assert_eq!(desk.views.available_permits(), MAX_VIEWS - 1, "the hung thread still counts");
    drop(hold);
}

#[tokio::test]
async fn requests_beyond_the_bound_are_refused_at_once_and_probes_are_not() {
    let desk = office().desk();
    let router = router(desk.clone());
    let mut asking = JoinSet::new();
    // Bodies that never come keep each request in its handler.
    let mut uploads = Vec::new();
    for _ in 0..MAX_REQUESTS {
        let (upload, body) = tokio::io::duplex(16);
        uploads.push(upload);
        let body = Body::from_stream(futures_util::stream::unfold(body, |mut body| async move {
            let mut byte = [0_u8; 1];
            let read = tokio::io::AsyncReadExt::read(&mut body, &mut byte).await.ok()?;
            (read > 0).then(|| (Ok::<_, std::io::Error>(byte.to_vec()), body))
        }));
        let asked = request("POST", "/api/v1/mirror/resume").body(body).unwrap();
        let router = router.clone();
        asking.spawn(async move { tower::ServiceExt::oneshot(router, asked).await.unwrap().status() });
    }
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    let ask = |path: &str| {
        let asked = request("GET", path).body(Body::empty()).unwrap();
        let router = router.clone();
        async move { text(tower::ServiceExt::oneshot(router, asked).await.unwrap()).await }
    };
    let (status, body) = ask("/config").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("too many"), "{body}");
    assert_eq!(ask("/healthz").await.0, StatusCode::OK);
    drop(uploads);
    while let Some(status) = asking.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    assert_eq!(ask("/config").await.0, StatusCode::OK);
}
