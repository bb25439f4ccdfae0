//! Pause, resume, percent: what changes the mirroring, each change logged with its numbers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Problem, json_answer};
use super::desk::Desk;
use super::input::Input;
use super::limits::{MAX_PARAMETER, MAX_PAUSE};
use super::pause;
use crate::model::Ppm;

/// Arguments of a pause.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseInput {
    /// How long, as in the config: `10m`.
    #[serde(rename = "for")]
    length: Option<String>,
}

/// A call without arguments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoInput {}

/// Arguments of percent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PercentInput {
    percent: f64,
    route: Option<String>,
}

pub(super) async fn pause(
    State(desk): State<Arc<Desk>>,
    Input(input): Input<PauseInput>,
) -> Result<Response, Problem> {
    let length = input.length.as_deref().map(pause_length).transpose()?;
    pause::begin(&desk, length);
    // Without an end, the field is left out.
    tracing::info!(paused = true, for_seconds = length.map(|l| l.as_secs_f64()), "mirroring paused");
    Ok(json_answer(StatusCode::OK, &state(&desk)))
}

pub(super) async fn resume(State(desk): State<Arc<Desk>>, Input(NoInput {}): Input<NoInput>) -> Response {
    pause::end(&desk);
    tracing::info!(paused = false, "mirroring resumed");
    json_answer(StatusCode::OK, &state(&desk))
}

pub(super) async fn percent(
    State(desk): State<Arc<Desk>>,
    Input(input): Input<PercentInput>,
) -> Result<Response, Problem> {
    let percent = Ppm::from_percent(input.percent).ok_or_else(|| {
        Problem::bad_request(format!("percent is {}; it goes from 0 to 100, down to 0.0001", input.percent))
    })?;
    let route = input.route.as_deref().map(bounded).transpose()?;
    let before = shares(&desk, route);
    let changed = desk
        .office
        .switches
        .set_percent(route, percent)
        .map_err(|unknown| Problem::new(StatusCode::NOT_FOUND, unknown.to_string()))?;
    let percent = percent.percent();
    tracing::info!(percent, route = route.unwrap_or("*"), routes = changed, before, "mirrored share changed");
    let mut answer = state(&desk);
    answer["changed"] = json!(changed);
    Ok(json_answer(StatusCode::OK, &answer))
}

/// What is mirrored now: `{paused, resumes_in_seconds, routes[{route, percent, configured}]}`.
pub(super) fn state(desk: &Desk) -> Value {
    let policies = desk.office.switches.policies();
    let routes: Vec<Value> = policies
        .iter()
        .map(|p| json!({"route": &*p.route, "percent": p.percent().percent(), "configured": p.configured.percent()}))
        .collect();
    json!({
        "paused": desk.office.switches.is_paused(),
        "resumes_in_seconds": pause::remaining(desk).map(|d| d.as_secs_f64().ceil()),
        "routes": routes,
    })
}

/// The shares in force of the routes meant, for the log: `orders=5 users=1`.
fn shares(desk: &Desk, route: Option<&str>) -> String {
    let policies = desk.office.switches.policies();
    let meant = policies.iter().filter(|p| route.is_none_or(|name| *p.route == *name));
    let shown: Vec<String> = meant.map(|p| format!("{}={}", p.route, p.percent().percent())).collect();
    shown.join(" ")
}

fn pause_length(text: &str) -> Result<Duration, Problem> {
    let length = humantime::parse_duration(bounded(text)?)
        .map_err(|e| Problem::bad_request(format!("for is no duration such as 10m: {e}")))?;
    if length.is_zero() || length > MAX_PAUSE {
        let most = humantime::format_duration(MAX_PAUSE);
        return Err(Problem::bad_request(format!("for is more than nothing and at most {most}")));
    }
    Ok(length)
}

fn bounded(text: &str) -> Result<&str, Problem> {
    let fits = text.len() <= MAX_PARAMETER;
    fits.then_some(text).ok_or_else(|| Problem::bad_request("an argument is too long"))
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
