//! One request as a line of JSON, always with the same members; what a client may put in cannot break it, and has a bound.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use http::Version;
use http::uri::PathAndQuery;

use super::note::{Ended, Entry};
use crate::model::{Decision, TraceContext};

/// Most bytes of a target, escaped: the line as a whole then stays below `telemetry::record_file::LINE_BYTES`.
const TARGET: usize = 1024;
/// Most bytes of any other text, escaped.
const TEXT: usize = 256;

/// The line, with its end.
pub(super) fn of(entry: &Entry, ended: &Ended<'_>) -> String {
    let mut line = String::with_capacity(512);
    let began = Duration::from_millis(ended.unix_millis).saturating_sub(ended.took);
    // To a string nothing fails to be written.
    let _ = write!(line, "{{\"time\":\"{}\"", humantime::format_rfc3339_millis(UNIX_EPOCH + began));
    let _ = write!(line, ",\"client\":\"{}\"", entry.client);
    text(&mut line, "method", Some(entry.method.as_str()), TEXT);
    let target = entry.target.path_and_query().filter(|_| entry.with_query).map(PathAndQuery::as_str);
    text(&mut line, "path", Some(target.unwrap_or_else(|| entry.target.path())), TARGET);
    text(&mut line, "protocol", Some(protocol(entry.protocol)), TEXT);
    text(&mut line, "route", Some(ended.route), TEXT);
    let _ = write!(line, ",\"status\":{}", ended.status);
    let _ = write!(line, ",\"bytes_in\":{},\"bytes_out\":{}", entry.note.received.get(), ended.sent);
    millis(&mut line, "duration_ms", Some(ended.took));
    millis(&mut line, "stable_first_byte_ms", entry.stable.and_then(|timing| timing.first_byte));
    millis(&mut line, "stable_ms", entry.stable.map(|timing| timing.total));
    text(&mut line, "decision", entry.note.decision.get().map(Decision::label), TEXT);
    text(&mut line, "request_id", entry.id.as_ref().and_then(|id| id.to_str().ok()), TEXT);
    text(&mut line, "trace_id", entry.trace.as_ref().map(TraceContext::id), TEXT);
    let error = entry.error.map(|(leg, reason)| format!("{leg}; {reason}"));
    text(&mut line, "error", error.as_deref(), TEXT);
    line.push_str("}\n");
    line
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 | Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

/// To the microsecond; `null` where there is none.
fn millis(line: &mut String, name: &str, took: Option<Duration>) {
    let _ = match took {
        Some(took) => write!(line, ",\"{name}\":{}.{:03}", took.as_millis(), took.subsec_micros() % 1000),
        None => write!(line, ",\"{name}\":null"),
    };
}

/// A text, escaped and cut at a bound, with `…` where it was; `null` where there is none.
fn text(line: &mut String, name: &str, value: Option<&str>, most: usize) {
    let Some(value) = value else {
        let _ = write!(line, ",\"{name}\":null");
        return;
    };
    let _ = write!(line, ",\"{name}\":\"");
    let bound = line.len() + most;
    for c in value.chars() {
        if line.len() >= bound {
            line.push('…');
            break;
        }
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            // Beyond what JSON asks: DEL and the C1 controls steer terminals too.
            c if c.is_control() => drop(write!(line, "\\u{:04x}", u32::from(c))),
            c => line.push(c),
        }
    }
    line.push('"');
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
