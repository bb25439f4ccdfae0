//! Evidence of one epoch never mixes with another's, and live's decisions add up over restarts and reloads.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::evidence::Seen;
use crate::gate::Bounds;
use crate::model::clock;
use crate::model::{Decision, Incomparable, Outcome, Refusal, Verdict};
use crate::records::{self, Reader};
use crate::telemetry::Metrics;

fn gate() -> Arc<Gate> {
    let bounds = Bounds {
        max_in_flight: 1,
        max_per_second: 1,
        burst: std::time::Duration::from_millis(100),
        memory: 1,
    };
    Gate::new(bounds, clock::now()).0
}

fn epoch(number: u64, key: &str) -> Epoch {
    Epoch { number, key: key.into(), started_unix_ms: 1, version: None }
}

fn ledger(tally: Tally, gate: &Arc<Gate>) -> Ledger {
    Ledger::new(tally, Limits::default(), gate.clone(), Sink::broken(&Metrics::new()))
}

fn fresh(gate: &Arc<Gate>) -> Ledger {
    ledger(Tally::new(epoch(1, "one"), Limits::default()), gate)
}

fn fold(ledger: &Ledger, key: &str) {
    let seen = Seen { status: Some(200), outcome: Outcome::Answered, first_byte: None, total: None };
    let comparison = Comparison {
        verdict: Verdict::Match,
        reason: None,
        ..Comparison::incomparable(Incomparable::Memory)
    };
    let observation = Observation {
        route: "r",
        endpoint: "GET /",
        stable: seen,
        shadow: seen,
        comparison: &comparison,
        control: None,
    };
    ledger.fold(key, &observation, &[]);
}

fn count(gate: &Gate, mirrored: u64, refused: u64) {
    (0..mirrored).for_each(|_| gate.decisions.count(Decision::Mirrored));
    (0..refused).for_each(|_| gate.decisions.count(Decision::Refused(Refusal::Rate)));
}

fn decisions(ledger: &Ledger) -> (u64, u64) {
    let decisions = ledger.report().coverage.decisions;
    let of = |label: &str| decisions.get(label).copied().unwrap_or(0);
    (of("mirrored"), of("rate"))
}

#[test]
fn a_pair_of_another_epoch_is_not_folded_in() {
    let ledger = fresh(&gate());
    fold(&ledger, "one");
    fold(&ledger, "two");
    assert_eq!(ledger.report().coverage.compared, 1);
    assert_eq!(ledger.report().coverage.incomparable["epoch_ended"], 1, "and it is said");
    assert!(ledger.begin("two", Some("v2"), 5, &RuleNames::default()));
    fold(&ledger, "one");
    assert_eq!(ledger.report().coverage.compared, 0, "it was asked under the old rules");
    fold(&ledger, "two");
    let report = ledger.report();
    assert_eq!((report.epoch.number, report.coverage.compared), (2, 1));
    assert_eq!((report.epoch.version.as_deref(), report.epoch.started_unix_ms), (Some("v2"), 5));
}

#[test]
fn the_same_key_begins_nothing() {
    let ledger = fresh(&gate());
    fold(&ledger, "one");
    assert!(!ledger.begin(
        "one",
        Some("ignored"),
        99,
        &RuleNames { written: vec!["header:x-a".to_owned()], ..RuleNames::default() }
    ));
    let report = ledger.report();
    assert_eq!((report.epoch.number, report.epoch.started_unix_ms, report.coverage.compared), (1, 1, 1));
    assert!(report.rules.iter().any(|rule| rule.rule == "header:x-a"), "{:?}", report.rules);
}

#[test]
fn decisions_are_those_since_the_epoch_began() {
    let gate = gate();
    count(&gate, 100, 100);
    let ledger = fresh(&gate);
    assert_eq!(decisions(&ledger), (0, 0), "what was decided before is of no epoch");
    count(&gate, 3, 1);
    assert_eq!(decisions(&ledger), (3, 1));
    assert_eq!(decisions(&ledger), (3, 1), "looking changes nothing");
    ledger.begin("two", None, 2, &RuleNames::default());
    assert_eq!(decisions(&ledger), (3, 0), "what has not ended ends in the new one; a refusal has ended");
    count(&gate, 2, 0);
    assert_eq!(decisions(&ledger), (5, 0));
    assert_eq!(ledger.report().coverage.requests, 5);
}

#[test]
fn a_restart_goes_on_from_what_was_stored() {
    let stored = {
        let gate = gate();
        let mut tally = Tally::new(epoch(4, "one"), Limits::default());
        tally.set_decisions(BTreeMap::from([("mirrored".to_owned(), 10), ("paused".to_owned(), 7)]));
        let ledger = ledger(tally, &gate);
        count(&gate, 1, 2);
        assert_eq!(decisions(&ledger), (11, 2));
        ledger.flush();
        ledger.book().tally.clone()
    };
    // The next process counts from 0 again.
    let gate = gate();
    let ledger = ledger(stored, &gate);
    assert_eq!(decisions(&ledger), (11, 2));
    count(&gate, 5, 0);
    ledger.flush();
    ledger.flush();
    assert_eq!(decisions(&ledger), (16, 2), "keeping it twice adds nothing");
    assert_eq!(ledger.report().coverage.decisions["paused"], 7, "what this process never decided stays");
    let coverage = ledger.report().coverage;
    assert_eq!(
        coverage.incomparable["shutdown"], 11,
        "what the first process had under way was lost with it"
    );
    ledger.begin("two", None, 2, &RuleNames::default());
    assert_eq!(decisions(&ledger), (5, 0), "what was carried over belongs to the old epoch");
}

/// The laws within one report, once nothing is under way.
#[track_caller]
fn adds_up(coverage: &crate::evidence::report::Coverage) {
    let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
    assert_eq!(coverage.requests, sum(&coverage.decisions));
    assert_eq!(coverage.decisions.get("mirrored").copied().unwrap_or(0), sum(&coverage.outcomes));
    assert_eq!(sum(&coverage.outcomes), coverage.compared + sum(&coverage.incomparable));
}

#[test]
fn in_either_epoch_each_mirrored_request_has_its_end() {
    let gate = gate();
    let ledger = fresh(&gate);
    count(&gate, 5, 2);
    fold(&ledger, "one");
    fold(&ledger, "one");
    // An end that is counted before its decision, as may happen on another thread.
    let lost = Lost { shadow: Outcome::Reset, control: None, reason: Incomparable::Shutdown };
    let closed = |ledger: &Ledger| {
        let mut book = ledger.book();
        let before = close(&mut book, gate.decisions.snapshot());
        (Report::of(&book.tally).coverage, before)
    };
    let (coverage, before) = closed(&ledger);
    adds_up(&coverage);
    assert_eq!((coverage.decisions["mirrored"], coverage.decisions["rate"], before["mirrored"]), (2, 2, 2));

    ledger.begin("two", None, 2, &RuleNames::default());
    (0..3).for_each(|_| fold(&ledger, "one"));
    adds_up(&ledger.report().coverage);
    assert_eq!(ledger.report().coverage.incomparable["epoch_ended"], 3);
    ledger.lose(lost);
    ledger.begin("three", None, 3, &RuleNames::default());
    count(&gate, 1, 0);
    let report = ledger.report();
    assert_eq!(report.coverage.decisions.get("mirrored"), None, "its end was counted in the epoch before");
    adds_up(&report.coverage);
}

#[test]
fn a_rule_that_selects_places_and_hides_nothing_has_matched() {
    let ledger = fresh(&gate());
    let seen = Seen { status: Some(200), outcome: Outcome::Answered, first_byte: None, total: None };
    let comparison = Comparison {
        verdict: Verdict::Match,
        reason: None,
        selected: vec![3],
        ..Comparison::incomparable(Incomparable::Memory)
    };
    let observation = Observation {
        route: "r",
        endpoint: "GET /",
        stable: seen,
        shadow: seen,
        comparison: &comparison,
        control: None,
    };
    ledger.fold("one", &observation, &["$.a".to_owned()]);
    let rules = ledger.report().rules;
    assert_eq!(rules.iter().map(|rule| (rule.hidden, rule.matched)).collect::<Vec<_>>(), [(0, 3)]);
}

#[test]
fn a_panic_in_the_middle_of_a_fold_does_not_end_the_evidence() {
    let ledger = fresh(&gate());
    fold(&ledger, "one");
    let poisoned = std::thread::scope(|scope| {
        let held = scope.spawn(|| {
            let _book = ledger.book();
            std::panic::resume_unwind(Box::new("a bug"));
        });
        held.join().is_err()
    });
    assert!(poisoned);
    fold(&ledger, "one");
    assert_eq!(ledger.report().coverage.compared, 2);
}

fn stored(dir: &Path, number: u64) -> (Vec<u64>, String) {
    let reader = Reader::open(dir).unwrap();
    let rows = reader.tallies(number).unwrap();
    (rows.iter().map(|row| row.compared).collect(), reader.coverage(number).unwrap().unwrap_or_default())
}

#[test]
fn what_the_old_epoch_came_to_is_stored_when_the_new_one_begins() {
    let folder = tempfile::tempdir().unwrap();
    let settings = records::Settings {
        dir: folder.path().join("data"),
        max_size: 64 << 20,
        max_age: Duration::MAX,
        samples_per_signature: 1,
    };
    let soon = || clock::now() + Duration::from_mins(1);
    let (sink, writer) = records::start(&settings, &Metrics::new()).unwrap();
    let gate = gate();
    let tally = Tally::new(epoch(1, "one"), Limits::default());
    let ledger = Ledger::new(tally, Limits::default(), gate.clone(), sink.clone());
    fold(&ledger, "one");
    count(&gate, 2, 0);
    ledger.begin("two", None, 2, &RuleNames::default());
    fold(&ledger, "two");
    fold(&ledger, "two");
    ledger.flush();
    assert!(sink.flush(soon()));
    let (compared, coverage) = stored(&settings.dir, 1);
    assert_eq!(compared, [1]);
    assert!(coverage.contains("\"mirrored\":1"), "{coverage}");
    assert_eq!(stored(&settings.dir, 2).0, [2]);
    assert_eq!(Reader::open(&settings.dir).unwrap().latest_epoch().unwrap().unwrap().key, "two");
    drop((ledger, sink));
    assert!(writer.finish(soon()));
}
