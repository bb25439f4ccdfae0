//! What is only looked at: health, readiness, metrics, config, report, differences, samples, the page; and the reload.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::answer::{Problem, json_answer};
use super::desk::{Desk, on_thread};
use super::input::{Input, query};
use super::limits::{DEFAULT_DIFFERENCES, MAX_DIFFERENCES, MAX_PARAMETER};
use super::mirror::{self, NoInput};
use super::office::DifferencesQuery;
use super::page;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// Prometheus' text format.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub(super) async fn health() -> Response {
    ([(CONTENT_TYPE, TEXT)], "ok\n").into_response()
}

pub(super) async fn ready(State(desk): State<Arc<Desk>>) -> Response {
    let ready = &desk.office.ready;
    let status = if ready.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, TEXT)], format!("{}\n", ready.label())).into_response()
}

pub(super) async fn metrics(State(desk): State<Arc<Desk>>) -> Result<Response, Problem> {
    let office = desk.office.clone();
    let text = on_thread(&desk.scrapes, move || {
        (office.views.gauges)();
        office.metrics.render()
    });
    Ok(([(CONTENT_TYPE, METRICS)], text.await?).into_response())
}

pub(super) async fn config(State(desk): State<Arc<Desk>>) -> Result<Response, Problem> {
    let view = desk.office.views.config.clone();
    let text = on_thread(&desk.views, move || view()).await?;
    Ok(([(CONTENT_TYPE, TEXT)], text).into_response())
}

pub(super) async fn report(State(desk): State<Arc<Desk>>) -> Result<Response, Problem> {
    let view = desk.office.views.report.clone();
    on_thread(&desk.views, move || json_answer(StatusCode::OK, &view())).await
}

/// Query parameters of `/api/v1/differences`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DifferencesInput {
    endpoint: Option<String>,
    path: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn differences(State(desk): State<Arc<Desk>>, uri: Uri) -> Result<Response, Problem> {
    let input: DifferencesInput = query(&uri)?;
    let limit = input.limit.unwrap_or(DEFAULT_DIFFERENCES);
    if !(1..=MAX_DIFFERENCES).contains(&limit) {
        return Err(Problem::bad_request(format!("limit goes from 1 to {MAX_DIFFERENCES}")));
    }
    let long = |text: &Option<String>| text.as_ref().is_some_and(|t| t.len() > MAX_PARAMETER);
    if long(&input.endpoint) || long(&input.path) {
        return Err(Problem::bad_request("an argument is too long"));
    }
    let asked = DifferencesQuery { endpoint: input.endpoint, path: input.path, limit };
    let view = desk.office.views.differences.clone();
    on_thread(&desk.views, move || json_answer(StatusCode::OK, &view(&asked))).await
}

pub(super) async fn sample(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b':');
    if id.len() > 128 || !id.bytes().all(plain) {
        return Err(Problem::bad_request("that is no id of a sample"));
    }
    let view = desk.office.views.sample.clone();
    let answer = on_thread(&desk.views, move || view(&id).map(|sample| json_answer(StatusCode::OK, &sample)));
    answer
        .await?
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no such sample; old ones make room for new ones"))
}

pub(super) async fn index(State(desk): State<Arc<Desk>>) -> Result<Response, Problem> {
    let nonce = desk.nonce();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let view = desk.office.views.report.clone();
    let (mirror, state) = (mirror::state(&desk), desk.office.ready.label());
    let body = on_thread(&desk.views, move || page::render(&view(), &mirror, state, &nonce)).await?;
    let policy = HeaderValue::from_str(&policy)
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made safe"))?;
    Ok(([(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, policy)], body).into_response())
}

/// Reads the configuration again; 422 with its problems if it is refused.
pub(super) async fn reload(
    State(desk): State<Arc<Desk>>,
    Input(NoInput {}): Input<NoInput>,
) -> Result<Response, Problem> {
    let view = desk.office.views.reload.clone();
    let answer = on_thread(&desk.reloads, move || view()).await?;
    let (changed, needs_restart) = (answer.changed.len(), answer.needs_restart.len());
    if answer.applied {
        tracing::info!(changed, needs_restart, "configuration reloaded");
    } else {
        tracing::warn!(problems = answer.problems.as_deref().unwrap_or_default(), "reload refused");
    }
    let status = if answer.applied { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let value = serde_json::to_value(&answer)
        .map_err(|e| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
    Ok(json_answer(status, &value))
}

#[cfg(test)]
#[path = "views_tests.rs"]
mod tests;
