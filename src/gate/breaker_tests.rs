//! What live sees of a breaker: how many get through, and that a place for a probe is never lost.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::gate::fixture::{experiment, leg};

fn settings() -> BreakerSettings {
    BreakerSettings {
        failures: 10,
        share: 0.5,
        window: Duration::from_secs(10),
        min_requests: 20,
        rest: Duration::from_millis(500),
        max_rest: Duration::from_secs(2),
        recovery: Duration::from_secs(5),
    }
}

fn admitted(breaker: &Arc<Breaker>, of: usize) -> usize {
    (0..of).filter(|_| breaker.admit().is_ok()).count()
}

#[test]
fn as_many_get_through_as_it_says() {
    let breaker = Arc::new(Breaker::new(settings()));
    assert_eq!((breaker.state(), admitted(&breaker, 100)), (BreakerState::Admitting, 100));
    breaker.turn_to(BreakerState::Resting, true);
    assert_eq!((breaker.state(), admitted(&breaker, 100)), (BreakerState::Resting, 0));
    assert_eq!(breaker.admit().err(), Some(Refusal::BreakerOpen));
    let tenth = BreakerState::Recovering(Ppm::new(100_000));
    breaker.turn_to(tenth, true);
    assert_eq!(breaker.state(), tenth);
    // 1,000 ± 5 standard deviations of 30.
    assert!((850..1150).contains(&admitted(&breaker, 10_000)));
    breaker.turn_to(BreakerState::Recovering(Ppm::ALL), false);
    assert!(matches!(breaker.state(), BreakerState::Recovering(_)), "the last step is a step of its own");
}

#[test]
fn one_probe_at_a_time_and_the_next_when_it_came_to_nothing() {
    let breaker = Arc::new(Breaker::new(settings()));
    breaker.turn_to(BreakerState::Probing, true);
    let probe = breaker.admit().unwrap();
    assert_eq!(admitted(&breaker, 100), 0);
    drop(probe);
    let second = breaker.admit().unwrap();
    // It failed, the shadow rested, and another one is out: the end of the old one makes no room for a third.
    breaker.turn_to(BreakerState::Resting, true);
    breaker.turn_to(BreakerState::Probing, true);
    let third = breaker.admit().unwrap();
    drop(second);
    assert_eq!(admitted(&breaker, 100), 0);
    drop(third);
    assert!(breaker.admit().is_ok());
}

#[test]
fn many_threads_get_one_probe_among_them() {
    let breaker = Arc::new(Breaker::new(settings()));
    breaker.turn_to(BreakerState::Probing, true);
    let probes: Vec<Pass> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| breaker.admit().ok())).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(probes.len(), 1);
}

#[test]
fn a_pass_knows_its_turn() {
    let breaker = Arc::new(Breaker::new(settings()));
    let early = breaker.admit().unwrap();
    breaker.turn_to(BreakerState::Resting, true);
    breaker.turn_to(BreakerState::Recovering(Ppm::HALF), true);
    breaker.turn_to(BreakerState::Admitting, false);
    let late = breaker.admit().unwrap();
    assert!(early.turn() < late.turn());
    assert_eq!(late.turn(), breaker.turn());
}

fn toward(port: u16, route: &str) -> Arc<Experiment> {
    Arc::new(Experiment { shadow: Arc::new(leg(port)), route: route.into(), ..experiment() })
}

#[test]
fn routes_to_one_address_share_a_breaker_and_a_reload_keeps_it() {
    let breakers = Breakers::default();
    let first = [toward(1, "a"), toward(1, "b"), toward(2, "c")];
    breakers.attach(&first, settings());
    let of = |experiment: &Arc<Experiment>| experiment.breaker.get().unwrap().clone();
    assert!(Arc::ptr_eq(&of(&first[0]), &of(&first[1])) && !Arc::ptr_eq(&of(&first[0]), &of(&first[2])));
    of(&first[0]).turn_to(BreakerState::Resting, true);
    let again = [toward(1, "a")];
    breakers.attach(&again, BreakerSettings { failures: 3, ..settings() });
    assert!(Arc::ptr_eq(&of(&again[0]), &of(&first[0])), "who rests goes on resting");
    assert_eq!(of(&again[0]).settings().failures, 3);
    assert_eq!(
        breakers.states(),
        [(Arc::from("a"), BreakerState::Resting)],
        "what is not named is forgotten"
    );
    assert_eq!(again[0].pass().err(), Some(Refusal::BreakerOpen));
}

#[test]
fn an_experiment_that_the_gate_was_never_told_of_is_let_through() {
    assert!(matches!(experiment().pass(), Ok(None)));
}
