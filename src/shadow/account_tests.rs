//! Each outcome and each verdict that is owed is counted once, whatever becomes of the task.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::evidence::{Epoch, Limits, Seen, Tally};
use crate::gate::{Bounds, Gate};
use crate::model::{Verdict, clock};
use crate::records::Sink;

/// The books, with their ledger at epoch "now".
struct Desk(Books);

impl Desk {
    fn new() -> Self {
        let metrics = Metrics::new();
        let gate = Gate::new(
            Bounds {
                max_in_flight: 1,
                max_per_second: 1,
                burst: std::time::Duration::from_millis(100),
                memory: 1,
            },
            clock::now(),
        )
        .0;
        let tally = Tally::new(Epoch { key: "now".into(), ..Epoch::default() }, Limits::default());
        let ledger = Arc::new(Ledger::new(tally, Limits::default(), gate, Sink::broken(&metrics)));
        Desk(Books { metrics, ledger, draining: Rc::default() })
    }

    fn open(&self, control: bool) -> Account {
        let meters = Rc::new(Meters::new(self.0.metrics.clone(), "r".into()));
        Account::open(meters, self.0.clone(), control)
    }

    /// Every line of the page whose series names all of these, added up.
    fn count(&self, family: &str, labels: &[&str]) -> u64 {
        let page = self.0.metrics.render();
        let lines = page.lines().filter(|line| line.starts_with(&format!("umbrage_{family}")));
        lines
            .filter(|line| labels.iter().all(|label| line.contains(&format!("\"{label}\""))))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    fn outcomes(&self, leg: &str, outcome: &str) -> u64 {
        self.count("mirror_outcomes_total{", &[leg, outcome])
    }

    /// The report counts what the counters say.
    #[track_caller]
    fn agrees(&self) {
        let coverage = self.0.ledger.report().coverage;
        for (label, count) in &coverage.outcomes {
            assert_eq!(self.outcomes("shadow", label), *count, "{label}");
        }
        for (label, count) in &coverage.control_outcomes {
            assert_eq!(self.outcomes("control", label), *count, "{label}");
        }
        for (label, count) in &coverage.incomparable {
            assert_eq!(self.count("incomparable_total{", &[label]), *count, "{label}");
        }
        let verdicts = |verdict: &str| self.count("comparisons_total{", &["shadow", verdict]);
        assert_eq!(verdicts("match") + verdicts("mismatch"), coverage.compared);
        let outcomes: u64 = coverage.outcomes.values().sum();
        let incomparable: u64 = coverage.incomparable.values().sum();
        assert_eq!(outcomes, coverage.compared + incomparable);
        assert_eq!(verdicts("incomparable"), incomparable);
        assert_eq!(self.count("mirror_outcomes_total{", &["shadow"]), outcomes);
        assert_eq!(
            self.count("mirror_outcomes_total{", &["control"]),
            coverage.control_outcomes.values().sum::<u64>()
        );
    }
}

fn matching() -> Comparison {
    Comparison { verdict: Verdict::Match, reason: None, ..Comparison::incomparable(Incomparable::Memory) }
}

fn seen(outcome: Outcome) -> Seen {
    Seen { status: Some(200), outcome, first_byte: None, total: None }
}

/// Concludes a request whose legs ended as `ended` says; stable answered, and everything is alike.
fn conclude(account: &Account, epoch: &str, shadow: Outcome, control: Option<Outcome>) -> Option<u64> {
    let comparison = matching();
    let observation = Observation {
        route: "r",
        endpoint: "GET /",
        stable: seen(Outcome::Answered),
        shadow: seen(shadow),
        comparison: &comparison,
        control: control.map(|outcome| (seen(outcome), &comparison)),
    };
    account.conclude(epoch, &observation, &[], [None, None])
}

#[test]
fn what_is_settled_is_not_counted_again() {
    let desk = Desk::new();
    let account = desk.open(false);
    for outcome in [Outcome::Answered, Outcome::Reset, Outcome::Answered] {
        account.ended(Leg::Shadow, outcome);
        conclude(&account, "now", Outcome::Answered, None);
    }
    drop(account);
    assert_eq!(desk.outcomes("shadow", "answered"), 1);
    assert_eq!(desk.count("comparisons_total{", &["shadow", "match"]), 1);
    assert_eq!(desk.count("shadow_plane_panics_total", &[]), 0);
    desk.agrees();
}

#[test]
fn control_owes_nothing_where_it_is_not_asked() {
    let desk = Desk::new();
    let account = desk.open(false);
    account.ended(Leg::Control, Outcome::Answered);
    account.ended(Leg::Shadow, Outcome::Answered);
    drop(account);
    assert_eq!(desk.outcomes("control", "answered"), 0);
    assert_eq!(desk.count("comparisons_total{", &["control"]), 0);
    desk.agrees();
}

#[test]
fn a_pair_of_another_epoch_is_no_evidence_to_counters_and_report_alike() {
    let desk = Desk::new();
    let account = desk.open(true);
    account.ended(Leg::Shadow, Outcome::Answered);
    account.ended(Leg::Control, Outcome::Reset);
    assert_eq!(conclude(&account, "before", Outcome::Answered, Some(Outcome::Reset)), None);
    drop(account);
    assert_eq!(desk.count("incomparable_total{", &["epoch_ended"]), 1);
    assert_eq!(desk.count("comparisons_total{", &["control", "incomparable"]), 1);
    assert_eq!(desk.0.ledger.report().coverage.incomparable["epoch_ended"], 1);
    desk.agrees();
}

#[test]
fn a_task_that_a_bug_ends_is_counted_as_panicked_on_both_legs() {
    let desk = Desk::new();
    let account = desk.open(true);
    account.progress(Leg::Shadow).send_now();
    account.ended(Leg::Control, Outcome::Answered);
    drop(account);
    assert_eq!(desk.count("shadow_plane_panics_total", &[]), 1, "one bug, not one for each leg");
    assert_eq!(desk.outcomes("shadow", "panicked"), 1);
    assert_eq!((desk.outcomes("control", "answered"), desk.outcomes("control", "panicked")), (1, 0));
    assert_eq!(desk.count("comparisons_total{", &["incomparable"]), 2);
    assert_eq!(desk.count("incomparable_total{", &["panicked"]), 1, "reasons are those of shadow pairs");
    desk.agrees();
}

#[test]
fn a_real_panic_is_counted_too() {
    let desk = Desk::new();
    let account = desk.open(false);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _account = account;
        std::panic::resume_unwind(Box::new("a bug"));
    }));
    assert!(caught.is_err());
    assert_eq!(desk.count("shadow_plane_panics_total", &[]), 1);
    assert_eq!(desk.outcomes("shadow", "panicked"), 1);
    desk.agrees();
}

#[test]
fn at_the_end_of_the_plane_what_was_written_is_told_from_what_was_not() {
    let desk = Desk::new();
    let account = desk.open(true);
    desk.0.draining.set(true);
    account.progress(Leg::Shadow).send_now();
    drop(account);
    assert_eq!(desk.outcomes("shadow", "abandoned"), 1);
    assert_eq!(desk.outcomes("control", "cancelled"), 1);
    assert_eq!(desk.count("incomparable_total{", &["shutdown"]), 1);
    assert_eq!(desk.count("shadow_plane_panics_total", &[]), 0);
    desk.agrees();
}

proptest! {
    /// The laws of section 8: for each leg that is asked one outcome and one verdict, in the counters and in the report.
    #[test]
    fn the_counts_add_up_in_any_order(
        ended in [prop::option::of(0..Outcome::ALL.len()), prop::option::of(0..Outcome::ALL.len())],
        epoch in prop::option::of(any::<bool>()),
        control in any::<bool>(),
        draining in any::<bool>(),
    ) {
        let desk = Desk::new();
        let account = desk.open(control);
        let outcome = |at: usize| ended[at].map(|n| Outcome::ALL[n]);
        for (at, leg) in [Leg::Shadow, Leg::Control].into_iter().enumerate() {
            if let Some(outcome) = outcome(at) {
                account.ended(leg, outcome);
            }
        }
        // A pair is concluded when every leg that was asked has ended.
        if let (Some(current), Some(shadow), true) = (epoch, outcome(0), outcome(1).is_some() || !control) {
            conclude(&account, if current { "now" } else { "before" }, shadow, outcome(1).filter(|_| control));
        }
        desk.0.draining.set(draining);
        drop(account);
        for (leg, owed) in [("shadow", 1), ("control", u64::from(control))] {
            prop_assert_eq!(desk.count("mirror_outcomes_total{", &[leg]), owed, "{}", leg);
            prop_assert_eq!(desk.count("comparisons_total{", &[leg]), owed, "{}", leg);
        }
        desk.agrees();
    }
}

#[test]
fn a_stop_is_counted_by_what_the_legs_may_have_seen() {
    let desk = Desk::new();
    let unsent = desk.open(true);
    assert!(!unsent.written());
    unsent.stop();
    let sent = desk.open(true);
    sent.progress(Leg::Shadow).send_now();
    sent.ended(Leg::Control, Outcome::Answered);
    assert!(sent.written());
    sent.stop();
    assert_eq!((desk.outcomes("shadow", "cancelled"), desk.outcomes("shadow", "abandoned")), (1, 1));
    assert_eq!((desk.outcomes("control", "cancelled"), desk.outcomes("control", "answered")), (1, 1));
    assert_eq!(desk.count("incomparable_total{", &["stopped"]), 2);
    assert_eq!(desk.count("shadow_plane_panics_total", &[]), 0);
    desk.agrees();
}
