//! What each call changes, answers and refuses.
#![allow(clippy::unwrap_used)]

use super::super::fixture::{get, office, post};
use super::*;

fn shares_of(desk: &Desk) -> Vec<f64> {
    desk.office.switches.policies().iter().map(|p| p.percent().percent()).collect()
}

#[tokio::test]
async fn pause_and_resume_answer_the_state() {
    let desk = office().desk();
    let (status, answer) = post(&desk, "/api/v1/mirror/pause", "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["paused"], true);
    assert_eq!(answer["resumes_in_seconds"], Value::Null);
    assert_eq!(answer["routes"][0], json!({"route": "orders", "percent": 25.0, "configured": 25.0}));
    assert!(desk.office.switches.is_paused());
    let (_, answer) = post(&desk, "/api/v1/mirror/resume", "").await;
    assert_eq!(answer["paused"], false);
    assert!(!desk.office.switches.is_paused());
}

#[tokio::test(start_paused = true)]
async fn a_pause_takes_its_length_from_the_query_or_from_a_body() {
    let desk = office().desk();
    for (path, body) in [("/api/v1/mirror/pause?for=10m", ""), ("/api/v1/mirror/pause", "{\"for\": \"10m\"}")]
    {
        let (status, answer) = post(&desk, path, body).await;
        assert_eq!(
            (status, answer["resumes_in_seconds"].as_f64()),
            (StatusCode::OK, Some(600.0)),
            "{path} {body}"
        );
    }
}

#[tokio::test]
async fn bad_pauses_change_nothing() {
    let desk = office().desk();
    let bad = [
        ("?for=", ""),
        ("?for=ten", ""),
        ("?for=0s", ""),
        ("?for=31d", ""),
        ("?for=10", ""),
        ("?form=10m", ""),
        ("", "{\"for\": 10}"),
        ("", "{\"for\": \"10m\""),
        ("", "[]x"),
        ("", "{\"fro\": \"10m\"}"),
        ("?for=1m", "{}"),
        ("?for=99999999999999999999y", ""),
        ("", "\u{0}"),
    ];
    for (query, body) in bad {
        let (status, answer) = post(&desk, &format!("/api/v1/mirror/pause{query}"), body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query} {body}: {answer}");
        assert!(answer["error"].is_string(), "{query} {body}");
    }
    assert!(!desk.office.switches.is_paused());
}

#[tokio::test]
async fn percent_changes_one_route_or_all() {
    let desk = office().desk();
    let (status, answer) =
        post(&desk, "/api/v1/mirror/percent", "{\"percent\": 50, \"route\": \"orders\"}").await;
    assert_eq!((status, &answer["changed"]), (StatusCode::OK, &json!(1)));
    assert_eq!(shares_of(&desk), [50.0, 5.0]);
    assert_eq!(answer["routes"][0]["configured"], 25.0);
    let (_, answer) = post(&desk, "/api/v1/mirror/percent?percent=0.0001", "").await;
    assert_eq!(answer["changed"], json!(2));
    assert_eq!(shares_of(&desk), [0.0001, 0.0001]);
    for (percent, parts) in [("0", 0.0), ("100", 100.0), ("33.3333", 33.3333)] {
        let (status, _) =
            post(&desk, &format!("/api/v1/mirror/percent?percent={percent}&route=default"), "").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(shares_of(&desk), [0.0001, parts]);
    }
}

#[tokio::test]
async fn bad_percents_change_nothing() {
    let desk = office().desk();
    let bad = [
        "percent=101",
        "percent=-1",
        "percent=NaN",
        "percent=inf",
        "percent=0.00001",
        "percent=5%25",
        "percent=",
        "",
        "percent=5&percent=6",
        "percent=5&rout=orders",
        "route=orders",
    ];
    for query in bad {
        let (status, answer) = post(&desk, &format!("/api/v1/mirror/percent?{query}"), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {answer}");
    }
    for body in ["{}", "{\"percent\": \"5\"}", "{\"percent\": 1e400}", "{\"percent\": null}", "5"] {
        let (status, answer) = post(&desk, "/api/v1/mirror/percent", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
    }
    let (status, answer) = post(&desk, "/api/v1/mirror/percent?percent=5&route=none", "").await;
    assert_eq!((status, &answer["error"]), (StatusCode::NOT_FOUND, &json!("no route is named 'none'")));
    let long = format!("/api/v1/mirror/percent?percent=5&route={}", "x".repeat(MAX_PARAMETER + 1));
    assert_eq!(post(&desk, &long, "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(shares_of(&desk), [25.0, 5.0]);
}

/// What is logged while `ask` runs.
async fn logged(ask: impl Future) -> String {
    #[derive(Clone, Default)]
    struct Page(Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let writer = Page::default();
    let shared = writer.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || shared.clone()).finish();
    // While there is just one dispatcher, a line that another test's thread comes to first is held for never wanted: the
    // one dispatcher is looked up on that thread. With two, all are asked.
    let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let guard = tracing::subscriber::set_default(subscriber);
    ask.await;
    drop(guard);
    let bytes = writer.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn every_change_is_logged_with_its_numbers() {
    let desk = office().desk();
    let text = logged(async {
        post(&desk, "/api/v1/mirror/pause?for=10m", "").await;
        post(&desk, "/api/v1/mirror/percent?percent=50&route=orders", "").await;
        post(&desk, "/api/v1/mirror/resume", "").await;
        post(&desk, "/-/reload", "").await;
    })
    .await;
    let expected = [
        "INFO umbrage::admin::mirror: mirroring paused paused=true for_seconds=600.0",
        "mirrored share changed percent=50.0 route=\"orders\" routes=1 before=\"orders=25\"",
        "mirroring resumed paused=false",
        "configuration reloaded changed=0 needs_restart=0",
    ];
    for line in expected {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    assert_eq!(text.lines().count(), expected.len(), "{text}");
}

#[tokio::test]
async fn nothing_changes_by_looking() {
    let desk = office().desk();
    for path in
        ["/api/v1/mirror/pause", "/api/v1/mirror/resume", "/api/v1/mirror/percent?percent=1", "/-/reload"]
    {
        assert_eq!(get(&desk, path).await.0, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    assert!(!desk.office.switches.is_paused());
    assert_eq!(shares_of(&desk), [25.0, 5.0]);
}
