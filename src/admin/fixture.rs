//! An office for the tests: quiet views, each replaceable.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::desk::Desk;
use super::office::{Office, Readiness, ReloadAnswer, Views};
use super::router::router;
use super::settings::Settings;
use crate::gate::{Policy, PolicySettings, SampleBy, Switches};
use crate::model::Ppm;
use crate::telemetry::Metrics;

/// Builds an [`Office`].
pub(crate) struct OfficeFixture {
    pub(super) views: Views,
    token: Option<String>,
}

/// An office without a token, with the routes `orders` (25 %) and `default` (5 %).
pub(crate) fn office() -> OfficeFixture {
    let views = Views {
        report: Arc::new(|| json!({"schema": 1, "coverage": {"requests": 0}, "endpoints": []})),
        differences: Arc::new(|q| json!({"endpoint": q.endpoint, "path": q.path, "limit": q.limit})),
        sample: Arc::new(|id| (id == "known-1").then(|| json!({"id": id}))),
        config: Arc::new(|| "[admin]\ntoken = \"***\"\n".to_owned()),
        reload: Arc::new(|| ReloadAnswer { applied: true, ..ReloadAnswer::default() }),
        gauges: Arc::new(|| {}),
    };
    OfficeFixture { views, token: None }
}

impl OfficeFixture {
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn report(mut self, report: impl Fn() -> Value + Send + Sync + 'static) -> Self {
        self.views.report = Arc::new(report);
        self
    }

    pub(crate) fn reload(mut self, answer: ReloadAnswer) -> Self {
        self.views.reload = Arc::new(move || answer.clone());
        self
    }

    pub(crate) fn build(self) -> Arc<Office> {
        let switches = Arc::new(Switches::default());
        switches.install(vec![Arc::new(policy("orders", 25.0)), Arc::new(policy("default", 5.0))]);
        Arc::new(Office {
            metrics: Metrics::new(),
            switches,
            ready: Arc::new(Readiness::default()),
            settings: Settings { address: SocketAddr::from(([127, 0, 0, 1], 0)), token: self.token },
            views: self.views,
        })
    }

    pub(super) fn desk(self) -> Arc<Desk> {
        Arc::new(Desk::new(self.build()))
    }
}

fn policy(route: &str, percent: f64) -> Policy {
    Policy::new(PolicySettings {
        has_shadow: true,
        route: route.into(),
        percent: Ppm::from_percent(percent).unwrap_or(Ppm::ZERO),
        sample_by: SampleBy::Random,
        seed: 1,
        methods: Vec::new(),
        max_body: 1,
        max_capture: 1,
    })
}

/// One request to the router, without a socket.
pub(super) async fn ask(desk: &Arc<Desk>, request: Request<Body>) -> Response {
    match router(desk.clone()).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

pub(super) async fn get(desk: &Arc<Desk>, path: &str) -> (StatusCode, String) {
    text(ask(desk, request("GET", path).body(Body::empty()).unwrap()).await).await
}

pub(super) async fn post(desk: &Arc<Desk>, path: &str, body: &str) -> (StatusCode, Value) {
    let request = request("POST", path).body(Body::from(body.to_owned())).unwrap();
    let (status, text) = text(ask(desk, request).await).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

pub(super) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("host", "127.0.0.1:9901")
}

pub(super) async fn text(response: Response) -> (StatusCode, String) {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.status, String::from_utf8_lossy(&bytes).into_owned())
}
