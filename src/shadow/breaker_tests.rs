//! When it trips, how long it rests, what it takes from a probe, and how it comes back.

use super::*;
use crate::model::clock;

const SECOND: Duration = Duration::from_secs(1);

fn settings() -> BreakerSettings {
    BreakerSettings {
        failures: 5,
        share: 0.5,
        window: 10 * SECOND,
        min_requests: 20,
        rest: SECOND,
        max_rest: 4 * SECOND,
        recovery: 10 * SECOND,
    }
}

/// A circuit at a time that the test moves.
struct Bench {
    circuit: Circuit,
    now: Cell<Instant>,
}

impl Bench {
    fn with(settings: BreakerSettings) -> Self {
        let circuit = Circuit::new(Leg::Shadow, Arc::new(Breaker::new(settings)));
        Bench { circuit, now: Cell::new(clock::now()) }
    }

    fn note(&self, outcome: Outcome) {
        self.circuit.note(self.circuit.switch.turn(), outcome, self.now.get());
    }

    fn notes(&self, outcome: Outcome, times: u32) {
        (0..times).for_each(|_| self.note(outcome));
    }

    fn pass(&self, time: Duration) -> BreakerState {
        self.now.set(self.now.get() + time);
        self.circuit.tick(self.now.get());
        self.state()
    }

    fn state(&self) -> BreakerState {
        self.circuit.switch.state()
    }

    /// How long it rests from now on, to 10 ms.
    fn rest(&self) -> Duration {
        let mut rested = Duration::ZERO;
        while self.state() == BreakerState::Resting {
            assert!(rested < 60 * SECOND, "it never tries again");
            let step = Duration::from_millis(10);
            self.pass(step);
            rested += step;
        }
        rested
    }
}

#[test]
fn it_trips_on_failures_in_a_row_and_not_one_earlier() {
    let bench = Bench::with(settings());
    bench.notes(Outcome::Timeout, 4);
    bench.note(Outcome::Answered);
    bench.notes(Outcome::Reset, 4);
    assert_eq!(bench.state(), BreakerState::Admitting);
    bench.note(Outcome::ConnectError);
    assert_eq!(bench.state(), BreakerState::Resting);
}

#[test]
fn it_trips_on_a_share_of_failures_in_the_window() {
    let bench = Bench::with(settings());
    for _ in 0..9 {
        bench.note(Outcome::Timeout);
        bench.note(Outcome::Answered);
    }
    bench.note(Outcome::Answered);
    assert_eq!(bench.state(), BreakerState::Admitting, "19 are too few to say");
    bench.note(Outcome::Timeout);
    assert_eq!(bench.state(), BreakerState::Resting);

    let bench = Bench::with(settings());
    for _ in 0..40 {
        bench.notes(Outcome::Answered, 2);
        bench.note(Outcome::Timeout);
        bench.pass(SECOND / 10);
    }
    assert_eq!(bench.state(), BreakerState::Admitting, "a third is not a half");
}

#[test]
fn what_left_the_window_is_forgotten() {
    let bench = Bench::with(settings());
    for _ in 0..4 {
        bench.notes(Outcome::Timeout, 4);
        bench.note(Outcome::Answered);
        bench.pass(11 * SECOND);
    }
    assert_eq!(bench.state(), BreakerState::Admitting);
    assert_eq!(bench.circuit.window.borrow().sum(), (5, 4));
}

#[test]
fn what_is_not_the_legs_doing_counts_for_nothing() {
    let bench = Bench::with(settings());
    for outcome in Outcome::ALL.iter().filter(|outcome| has_failed(**outcome).is_none()) {
        bench.notes(*outcome, 100);
    }
    assert_eq!(bench.state(), BreakerState::Admitting);
    assert_eq!(bench.circuit.window.borrow().sum(), (0, 0));
}

#[test]
fn its_rests_grow_to_the_longest_and_no_further() {
    let bench = Bench::with(settings());
    bench.notes(Outcome::Timeout, 5);
    for longest in [1, 2, 4, 4, 4] {
        let rest = bench.rest();
        let longest = longest * SECOND;
        let shortest = longest.mul_f64(0.75);
        assert!(
            rest >= shortest && rest <= longest + Duration::from_millis(10),
            "{rest:?} is not {longest:?}"
        );
        assert_eq!(bench.state(), BreakerState::Probing);
        bench.note(Outcome::Timeout);
        assert_eq!(bench.state(), BreakerState::Resting);
    }
}

#[test]
fn one_answer_brings_it_back_little_by_little() {
    let bench = Bench::with(settings());
    bench.notes(Outcome::Timeout, 5);
    bench.rest();
    bench.note(Outcome::Answered);
    assert_eq!(bench.state(), BreakerState::Recovering(Ppm::new(100_000)));
    assert_eq!(bench.pass(5 * SECOND), BreakerState::Recovering(Ppm::new(550_000)));
    assert_eq!(bench.pass(5 * SECOND), BreakerState::Admitting);
    bench.notes(Outcome::Timeout, 5);
    let rest = bench.rest();
    assert!(rest <= SECOND + Duration::from_millis(10), "it had recovered: {rest:?}");
}

#[test]
fn who_fails_again_while_it_recovers_rests_longer() {
    let bench = Bench::with(settings());
    bench.notes(Outcome::Timeout, 5);
    bench.rest();
    bench.note(Outcome::Answered);
    bench.pass(SECOND);
    bench.notes(Outcome::Timeout, 5);
    assert_eq!(bench.state(), BreakerState::Resting);
    assert!(bench.rest() > SECOND + SECOND / 4);
}

#[test]
fn what_was_sent_before_it_rested_says_nothing_of_what_comes_after() {
    let bench = Bench::with(settings());
    let before = bench.circuit.switch.turn();
    bench.notes(Outcome::Timeout, 5);
    let stale = |outcome| bench.circuit.note(before, outcome, bench.now.get());
    stale(Outcome::Timeout);
    bench.rest();
    stale(Outcome::Answered);
    assert_eq!(bench.state(), BreakerState::Probing, "an answer to an old request is no probe's");
    bench.note(Outcome::Answered);
    (0..100).for_each(|_| stale(Outcome::Timeout));
    assert!(matches!(bench.state(), BreakerState::Recovering(_)));
}

#[test]
fn none_in_a_row_switches_it_off() {
    let bench = Bench::with(BreakerSettings { failures: 0, ..settings() });
    bench.notes(Outcome::Timeout, 1000);
    assert_eq!(bench.state(), BreakerState::Admitting);
}
