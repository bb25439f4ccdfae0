//! Phrases that text and Markdown share.

use std::collections::BTreeMap;

use super::{figure, plain};
use crate::evidence::report::{Coverage, Field, Guard, Report, Rule, Tripped};
use crate::evidence::tally::MIRRORED;

/// What stands in place of a table that would be empty.
pub const NOTHING: &str = "Nothing compared yet.";

/// Longest sentence, in characters.
const MAX_SENTENCE: usize = 240;

/// `epoch 3, version 2026-11-22.3`.
pub fn epoch(report: &Report) -> String {
    match &report.epoch.version {
        Some(version) => format!("epoch {}, version {}", report.epoch.number, plain(version)),
        None => format!("epoch {}", report.epoch.number),
    }
}

/// `"12" → 12`, with the values as they were trimmed.
pub fn example(field: &Field) -> String {
    let Some(example) = &field.example else { return String::new() };
    match (&example.stable, &example.shadow) {
        (Some(stable), Some(shadow)) => format!("{} → {}", plain(stable), plain(shadow)),
        (Some(stable), None) => format!("{} → nothing", plain(stable)),
        (None, Some(shadow)) => format!("nothing → {}", plain(shadow)),
        (None, None) => plain(&example.pointer),
    }
}

/// `12 % (noise 0 %)`.
pub fn shares(field: &Field) -> String {
    match field.noise_share {
        Some(noise) => format!("{} (noise {})", figure::percent(field.share), figure::percent(Some(noise))),
        None => figure::percent(field.share),
    }
}

/// The coverage, a line for each question.
pub fn coverage(coverage: &Coverage) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let mirrored = coverage.decisions.get(MIRRORED).copied().unwrap_or(0);
    lines.push(("Requests", share(coverage.requests, mirrored, "mirrored")));
    let refused = but(&coverage.decisions, MIRRORED);
    if !refused.is_empty() {
        lines.push(("Not mirrored", refused));
    }
    for (title, outcomes) in [("Shadow", &coverage.outcomes), ("Control", &coverage.control_outcomes)] {
        if !outcomes.is_empty() {
            lines.push((title, but(outcomes, "")));
        }
    }
    lines.push(("Compared", share(coverage.compared, coverage.mismatched, "differ")));
    let reasons = but(&coverage.incomparable, "");
    lines.push(("Incomparable", if reasons.is_empty() { "none".to_owned() } else { reasons }));
    if let Some(bound) = coverage.mismatch_rate_if_lost_differ {
        let lost = figure::count(coverage.lost);
        let rate = figure::rate(Some(bound));
        lines.push(("Worst case", format!("{rate} differ if every lost pair does ({lost} lost)")));
    }
    lines
}

/// What holds for every pair, what rules hid, and those that matched nothing.
pub fn rules(rules: &[Rule], compared: u64) -> Vec<(&'static str, String)> {
    let (standing, counted): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(|rule| rule.standing);
    let (used, idle): (Vec<&Rule>, Vec<&Rule>) =
        counted.into_iter().partition(|rule| rule.matched.saturating_add(rule.hidden) > 0);
    let mut lines: Vec<_> = standing.iter().map(|rule| ("Always", sentence(&rule.rule))).collect();
    for rule in used {
        let (hidden, matched) = (figure::count(rule.hidden), figure::count(rule.matched));
        lines.push((
            "Rule",
            format!("{} hid {hidden} differences (places selected: {matched})", plain(&rule.rule)),
        ));
    }
    for rule in idle.into_iter().filter(|_| compared > 0) {
        let pairs = figure::count(compared);
        lines.push((
            "Rule",
            format!("{} matched nothing that had to be compared in {pairs} pairs", plain(&rule.rule)),
        ));
    }
    lines
}

/// What guards do; nothing where they never did anything.
pub fn guard(guard: Option<&Guard>) -> Option<(&'static str, String)> {
    let guard = guard.filter(|guard| guard.paused || guard.pauses > 0)?;
    let times = match guard.pauses {
        1 => "once".to_owned(),
        pauses => format!("{} times", figure::count(pauses)),
    };
    if !guard.paused {
        return Some(("Guard", format!("stopped the mirroring {times}, and does not now")));
    }
    let by: Vec<String> = guard.by.iter().map(tripped).collect();
    Some(("Guard", format!("NOTHING IS MIRRORED because of {} (stopped {times})", by.join(", "))))
}

/// `loop_delay 0.0731 (bound 0.05)`, in base units as in the metrics.
fn tripped(tripped: &Tripped) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.4}"));
    format!("{} {} (bound {})", plain(&tripped.guard), number(tripped.reading), number(tripped.bound))
}

/// A sentence of ours with names of foreign origin in it; longer than what [`plain`] shows, and no longer than two lines.
pub fn sentence(text: &str) -> String {
    let words: Vec<String> = text.split(' ').map(plain).collect();
    let shown = words.join(" ");
    match shown.char_indices().nth(MAX_SENTENCE) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

fn share(all: u64, part: u64, what: &str) -> String {
    #[allow(clippy::cast_precision_loss)]
    let percent = (all > 0).then(|| part as f64 / all as f64);
    let (all, part) = (figure::count(all), figure::count(part));
    match percent {
        Some(_) => format!("{all}, of which {part} {what} ({})", figure::percent(percent)),
        None => all,
    }
}

/// `in_flight 5, queue_full 2`, most frequent first.
fn but(counts: &BTreeMap<String, u64>, except: &str) -> String {
    let mut counts: Vec<(&str, u64)> = counts.iter().map(|(label, count)| (label.as_str(), *count)).collect();
    counts.retain(|(label, count)| *label != except && *count > 0);
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let shown: Vec<String> =
        counts.iter().map(|(label, n)| format!("{} {}", plain(label), figure::count(*n))).collect();
    shown.join(", ")
}
