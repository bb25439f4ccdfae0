//! Records and counters for the tests of this folder.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use super::bounds::Bounds;
use super::folder::Folder;
use super::record::{EpochRow, Excerpt, Sample, SampleMessage, TallyRow};
use super::store::Store;
use super::{Record, Settings};
use crate::model::clock::{self, Instant};
use crate::model::{Difference, Kind, Part, Severity};
use crate::telemetry::Metrics;

pub(super) fn settings(dir: &Path) -> Settings {
    Settings { dir: dir.join("data"), max_size: 64 << 20, max_age: Duration::MAX, samples_per_signature: 4 }
}

pub(super) fn store(dir: &Path, bounds: Bounds) -> Store {
    Store::open(Folder::hold(dir).unwrap(), bounds, 1).unwrap()
}

/// Far enough for a loaded machine, near enough for a test that hangs.
pub(super) fn soon() -> Instant {
    clock::now() + Duration::from_mins(1)
}

pub(super) fn epoch(number: u64, started_unix_ms: u64) -> Record {
    Record::Epoch(EpochRow {
        number,
        key: format!("key {number}"),
        started_unix_ms,
        version: Some("v1".into()),
    })
}

pub(super) fn tally(epoch: u64, endpoint: &str, data: &str) -> Record {
    Record::Tally(TallyRow {
        epoch,
        route: "orders".into(),
        endpoint: endpoint.into(),
        compared: 10,
        mismatched: 3,
        data: data.into(),
    })
}

pub(super) fn message(line: &str, body: &str) -> SampleMessage {
    SampleMessage {
        line: line.into(),
        headers: vec![("accept".into(), "a".into()), ("accept".into(), "b".into())],
        body: Excerpt { text: body.into(), length: Some(body.len() as u64), omitted: None },
        trailers: Vec::new(),
    }
}

pub(super) fn difference(path: &str, part: Part, stable: &str, shadow: &str) -> Difference {
    Difference {
        path: path.into(),
        pointer: String::new(),
        part,
        kind: Kind::Value,
        severity: Severity::Medium,
        stable: Some(stable.into()),
        shadow: Some(shadow.into()),
    }
}

/// Unlike any other sample for every `n`; the body is as long as asked.
pub(super) fn sample(n: u64, body: usize) -> Sample {
    Sample {
        id: format!("s{n}"),
        epoch: 1,
        route: "orders".into(),
        endpoint: "GET /orders/{id}".into(),
        signature: format!("body:$.f{n}:value"),
        slot: 0,
        taken_unix_ms: 1000 + n,
        request: message("GET /orders/1", ""),
        stable: message("200 OK", &"s".repeat(body)),
        shadow: message("200 OK", &"t".repeat(body)),
        control: n.is_multiple_of(2).then(|| message("200 OK", "c")),
        differences: vec![difference("$.price", Part::Body, "1", "\"1\"")],
    }
}

pub(super) fn sampled(sample: Sample) -> Record {
    Record::Sample(Box::new(sample))
}

/// Records counted under a result.
pub(super) fn counted(metrics: &Metrics, result: &str) -> u64 {
    let page = metrics.render();
    let label = format!("result=\"{result}\"");
    let line = page.lines().find(|l| l.starts_with("umbrage_records_total{") && l.contains(&label));
    line.map_or(0, |l| l.rsplit(' ').next().unwrap().parse().unwrap())
}

/// The gauge of waiting records.
pub(super) fn queue_length(metrics: &Metrics) -> f64 {
    let page = metrics.render();
    let line = page.lines().find(|l| l.starts_with("umbrage_record_queue_length{"));
    line.map_or(f64::NAN, |l| l.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Strings that have broken something somewhere.
pub(super) const MALICIOUS: [&str; 10] = [
    "'; DROP TABLE sample; --",
    "\" OR 1=1 --",
    "nul\0inside",
    "%s%n{}{0}$(id)`id`",
    "<script>alert(1)</script>",
    "line\nbreak\r\ttab\u{1b}[31m",
    "\u{202e}right to left \u{feff}bom \u{fffd} \u{10ffff}",
    "?1 :epoch @x $y",
    "\\u0000\\\\\"",
    "",
];
