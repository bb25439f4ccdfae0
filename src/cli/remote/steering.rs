//! `umbrage ctl`: pause, resume, percent, reload on a running umbrage; one readable line for each.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, Target, visible};
use super::{FAILED, FINE, USAGE};
use crate::admin::limits::MAX_PAUSE;
use crate::model::Ppm;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stop mirroring, for a while or until it is resumed.
    Pause {
        /// How long; `None` for no end.
        length: Option<Duration>,
    },
    /// Take mirroring up again.
    Resume,
    /// Change the mirrored share.
    Percent {
        /// The share.
        percent: Ppm,
        /// One route; `None` for all.
        route: Option<String>,
    },
    /// Read the configuration again.
    Reload,
}

/// Does it and says what the proxy answered: to `out` what was done, to `err` why it was not. Gives the exit code.
pub fn run(
    admin: &str,
    token: Option<&str>,
    action: &Action,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let refused = |err: &mut dyn Write, code: u8, line: &str| {
        let _ = writeln!(err, "umbrage ctl: {line}");
        code
    };
    let target = match Target::parse(admin, token) {
        Ok(target) => target,
        Err(error) => return refused(err, USAGE, &format!("--admin: {error}")),
    };
    if let Err(line) = check(action) {
        return refused(err, USAGE, &line);
    }
    match ask(&target, action) {
        Ok(line) => {
            let _ = writeln!(out, "{line}");
            FINE
        }
        Err(line) => refused(err, FAILED, &line),
    }
}

fn check(action: &Action) -> Result<(), String> {
    match action {
        Action::Pause { length: Some(length) } if length.is_zero() || *length > MAX_PAUSE => {
            let most = humantime::format_duration(MAX_PAUSE);
            Err(format!("--for is more than nothing and at most {most}"))
        }
        _ => Ok(()),
    }
}

fn ask(target: &Target, action: &Action) -> Result<String, String> {
    let asked = match action {
        Action::Pause { length: None } => target.post("/api/v1/mirror/pause", &json!({})),
        Action::Pause { length: Some(length) } => target
            .post("/api/v1/mirror/pause", &json!({"for": humantime::format_duration(*length).to_string()})),
        Action::Resume => target.post("/api/v1/mirror/resume", &json!({})),
        Action::Percent { percent, route: None } => {
            target.post("/api/v1/mirror/percent", &json!({"percent": percent.percent()}))
        }
        Action::Percent { percent, route: Some(route) } => {
            target.post("/api/v1/mirror/percent", &json!({"percent": percent.percent(), "route": route}))
        }
        Action::Reload => target.post("/-/reload", &json!({})),
    };
    let answer = asked.map_err(|e| e.to_string())?;
    match action {
        Action::Pause { .. } => answer.success().map(|state| paused(&state)),
        Action::Resume => answer.success().map(|state| format!("mirroring resumed: {}", shares(&state))),
        Action::Percent { .. } => answer.success().map(|state| changed(&state)),
        Action::Reload => reloaded(answer),
    }
}

fn paused(state: &Value) -> String {
    match state["resumes_in_seconds"].as_f64().and_then(|s| Duration::try_from_secs_f64(s.ceil()).ok()) {
        Some(left) => {
            format!("mirroring paused; it resumes by itself in {}", humantime::format_duration(left))
        }
        None => "mirroring paused until 'umbrage ctl resume'".to_owned(),
    }
}

/// The shares in force, and whether they are in effect.
fn changed(state: &Value) -> String {
    let held = if state["paused"] == true { "; mirroring is paused" } else { "" };
    format!("from the next request on: {}{held}", shares(state))
}

/// `orders 25 %, default 5 %`; the first few of many.
fn shares(state: &Value) -> String {
    const SHOWN: usize = 12;
    let routes = state["routes"].as_array().map_or(&[][..], Vec::as_slice);
    let share = |r: &Value| {
        let percent = r["percent"].as_f64().map_or_else(|| "?".to_owned(), |p| p.to_string());
        format!("{} {percent} %", visible(r["route"].as_str().unwrap_or("?")))
    };
    let mut shown: Vec<String> = routes.iter().take(SHOWN).map(share).collect();
    match routes.len() {
        0 => shown.push("no route".to_owned()),
        n if n > SHOWN => shown.push(format!("and {} more", n - SHOWN)),
        _ => {}
    }
    shown.join(", ")
}

fn reloaded(answer: Answer) -> Result<String, String> {
    if answer.status == 422 {
        let problems = answer.body["problems"].as_str().unwrap_or("no reason was given");
        let problems = visible(problems.trim_end());
        return Err(format!("reload refused, the old configuration stays in force:\n{problems}"));
    }
    let body = answer.success()?;
    let names = |key: &str| {
        let names = body[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(visible).collect::<Vec<_>>().join(", ")
    };
    let (changed, restart) = (names("changed"), names("needs_restart"));
    let mut line = match changed.as_str() {
        "" => "configuration read again; nothing changed that takes effect now".to_owned(),
        changed => format!("configuration reloaded; changed: {changed}"),
    };
    if body["epoch_began"] == true {
        line.push_str("; a new epoch of evidence begins");
    }
    if !restart.is_empty() {
        line.push_str("; takes effect after a restart: ");
        line.push_str(&restart);
    }
    Ok(line)
}

#[cfg(test)]
#[path = "steering_tests.rs"]
mod tests;
