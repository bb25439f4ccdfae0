//! Each outcome and each verdict that is owed is counted once, whatever becomes of the task.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::model::Verdict;

struct Books {
    metrics: Metrics,
    draining: Rc<Cell<bool>>,
}

impl Books {
    fn new() -> Self {
        Books { metrics: Metrics::new(), draining: Rc::default() }
    }

    fn open(&self, control: bool) -> Account {
        let meters = Rc::new(Meters::new(self.metrics.clone(), "r".into()));
        Account::open(meters, self.metrics.clone(), self.draining.clone(), control)
    }

    /// Every line of the page whose series names all of these, added up.
    fn count(&self, family: &str, labels: &[&str]) -> u64 {
        let page = self.metrics.render();
        let lines = page.lines().filter(|line| line.starts_with(&format!("umbrage_{family}")));
        lines
            .filter(|line| labels.iter().all(|label| line.contains(&format!("\"{label}\""))))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    fn outcomes(&self, leg: &str, outcome: &str) -> u64 {
        self.count("mirror_outcomes_total{", &[leg, outcome])
    }
}

fn matching() -> Comparison {
    Comparison { verdict: Verdict::Match, reason: None, ..Comparison::incomparable(Incomparable::Memory) }
}

#[test]
fn what_is_settled_is_not_counted_again() {
    let books = Books::new();
    let account = books.open(false);
    for outcome in [Outcome::Answered, Outcome::Reset, Outcome::Answered] {
        account.ended(Leg::Shadow, outcome);
        account.compared(Leg::Shadow, &matching(), None);
    }
    drop(account);
    assert_eq!(books.outcomes("shadow", "answered"), 1);
    assert_eq!(books.count("mirror_outcomes_total{", &[]), 1);
    assert_eq!(books.count("comparisons_total{", &["shadow", "match"]), 1);
    assert_eq!(books.count("comparisons_total{", &[]), 1);
    assert_eq!(books.count("shadow_plane_panics_total", &[]), 0);
}

#[test]
fn control_owes_nothing_where_it_is_not_asked() {
    let books = Books::new();
    let account = books.open(false);
    account.ended(Leg::Control, Outcome::Answered);
    account.compared(Leg::Control, &matching(), None);
    account.ended(Leg::Shadow, Outcome::Answered);
    account.compared(Leg::Shadow, &matching(), None);
    drop(account);
    assert_eq!(books.outcomes("control", "answered"), 0);
    assert_eq!(books.count("comparisons_total{", &["control"]), 0);
}

#[test]
fn a_task_that_a_bug_ends_is_counted_as_panicked_on_both_legs() {
    let books = Books::new();
    let account = books.open(true);
    account.progress(Leg::Shadow).send_now();
    account.ended(Leg::Control, Outcome::Answered);
    drop(account);
    assert_eq!(books.count("shadow_plane_panics_total", &[]), 1, "one bug, not one for each leg");
    assert_eq!(books.outcomes("shadow", "panicked"), 1);
    assert_eq!((books.outcomes("control", "answered"), books.outcomes("control", "panicked")), (1, 0));
    assert_eq!(books.count("comparisons_total{", &["incomparable"]), 2);
    assert_eq!(books.count("incomparable_total{", &["panicked"]), 1, "reasons are those of shadow pairs");
}

#[test]
fn a_real_panic_is_counted_too() {
    let books = Books::new();
    let account = books.open(false);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _account = account;
        std::panic::resume_unwind(Box::new("a bug"));
    }));
    assert!(caught.is_err());
    assert_eq!(books.count("shadow_plane_panics_total", &[]), 1);
    assert_eq!(books.outcomes("shadow", "panicked"), 1);
}

#[test]
fn at_the_end_of_the_plane_what_was_written_is_told_from_what_was_not() {
    let books = Books::new();
    let account = books.open(true);
    books.draining.set(true);
    account.progress(Leg::Shadow).send_now();
    drop(account);
    assert_eq!(books.outcomes("shadow", "abandoned"), 1);
    assert_eq!(books.outcomes("control", "cancelled"), 1);
    assert_eq!(books.count("incomparable_total{", &["shutdown"]), 1);
    assert_eq!(books.count("shadow_plane_panics_total", &[]), 0);
}

proptest! {
    /// The law of section 8: for each leg that is asked, one outcome and one verdict.
    #[test]
    fn the_counts_add_up_in_any_order(
        steps in prop::collection::vec((any::<bool>(), any::<bool>(), 0..Outcome::ALL.len()), 0..8),
        control in any::<bool>(),
        draining in any::<bool>(),
    ) {
        let books = Books::new();
        let account = books.open(control);
        for (on_control, is_outcome, n) in steps {
            let leg = if on_control { Leg::Control } else { Leg::Shadow };
            if is_outcome {
                account.ended(leg, Outcome::ALL[n]);
            } else {
                account.compared(leg, &matching(), None);
            }
        }
        books.draining.set(draining);
        drop(account);
        for (leg, owed) in [("shadow", 1), ("control", u64::from(control))] {
            prop_assert_eq!(books.count("mirror_outcomes_total{", &[leg]), owed, "{}", leg);
            prop_assert_eq!(books.count("comparisons_total{", &[leg]), owed, "{}", leg);
        }
    }
}
