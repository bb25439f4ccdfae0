//! The gate under many threads, with a full and with a closed channel, and its switches.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use http::Method;
use tokio::sync::oneshot;

use super::fixture::{copied, experiment, policy};
use std::time::Duration;

use super::*;
use crate::model::clock;
use crate::model::{Decision, Ppm};

const THREADS: usize = 8;
const ROUNDS: usize = 2_000;

fn bounds(max_in_flight: usize, memory: usize) -> Bounds {
    Bounds { max_in_flight, max_per_second: u32::MAX, burst: Duration::from_millis(100), memory }
}

fn offer(gate: &Gate, experiment: &Arc<Experiment>) -> Offer {
    let now = clock::now();
    Offer {
        request: copied(Method::GET, "/", &[], ""),
        experiment: experiment.clone(),
        offered: now,
        stable: oneshot::channel().1,
        admission: gate.admit(10, now).unwrap(),
    }
}

#[test]
fn the_budget_holds_under_many_threads_and_comes_back() {
    const LIMIT: usize = 1_000;
    let budget = Arc::new(Budget::new(LIMIT));
    // What is really held, counted apart: after the permit is there and before it is given back.
    let (held, most, refused) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for n in 0..THREADS {
            let (budget, held, most, refused) = (&budget, &held, &most, &refused);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(n as u64);
                for _ in 0..ROUNDS {
                    let Some(mut permit) = budget.take(random.usize(1..400)) else {
                        refused.fetch_add(1, Ordering::SeqCst);
                        continue;
                    };
                    let more = random.usize(0..200);
                    let grown = permit.grow(more);
                    let mine = permit.bytes();
                    most.fetch_max(held.fetch_add(mine, Ordering::SeqCst) + mine, Ordering::SeqCst);
                    thread::yield_now();
                    held.fetch_sub(mine, Ordering::SeqCst);
                    if grown {
                        permit.shrink(more / 2);
                    }
                }
            });
        }
    });
    assert!(most.load(Ordering::SeqCst) <= LIMIT, "{most:?} bytes were held of {LIMIT}");
    assert!(refused.load(Ordering::SeqCst) > 0, "the limit was never felt, so nothing was tested");
    assert_eq!(budget.used(), 0);
}

#[test]
fn admission_holds_its_slots_under_many_threads_and_gets_them_back() {
    const SLOTS: usize = 3;
    let (gate, _offers) = Gate::new(bounds(SLOTS, 1 << 20), clock::now());
    let (held, over, felt) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    match gate.admit(7, clock::now()) {
                        Ok(admission) => {
                            if held.fetch_add(1, Ordering::SeqCst) >= SLOTS {
                                over.store(true, Ordering::SeqCst);
                            }
                            thread::yield_now();
                            held.fetch_sub(1, Ordering::SeqCst);
                            drop(admission);
                        }
                        Err(refusal) => {
                            assert!(matches!(refusal, Refusal::InFlight | Refusal::Rate), "{refusal:?}");
                            felt.store(true, Ordering::SeqCst);
                        }
                    }
                }
            });
        }
    });
    assert!(!over.load(Ordering::SeqCst), "more than {SLOTS} at once");
    assert!(felt.load(Ordering::SeqCst), "the bound was never felt, so nothing was tested");
    assert_eq!((gate.in_flight(), gate.budget.used()), (0, 0));
}

#[test]
fn a_full_channel_refuses_at_once_and_holds_nothing_of_the_offer() {
    let (gate, mut offers) = Gate::new(bounds(QUEUE * 2, 1 << 20), clock::now());
    gate.set_bounds(bounds(QUEUE * 2, 1 << 20));
    let experiment = Arc::new(experiment());
    for _ in 0..QUEUE {
        gate.deliver(offer(&gate, &experiment)).unwrap();
    }
    assert_eq!(gate.deliver(offer(&gate, &experiment)), Err(Refusal::QueueFull));
    assert_eq!((gate.in_flight(), gate.budget.used()), (QUEUE, QUEUE * 10));
    drop(offers.try_recv().unwrap());
    assert_eq!(gate.deliver(offer(&gate, &experiment)), Ok(()), "there is room again");
}

#[test]
fn a_closed_channel_is_a_shutdown() {
    let (gate, mut offers) = Gate::new(bounds(4, 100), clock::now());
    let experiment = Arc::new(experiment());
    offers.close();
    assert_eq!(gate.deliver(offer(&gate, &experiment)), Err(Refusal::Shutdown));
    drop(offers);
    assert_eq!(gate.deliver(offer(&gate, &experiment)), Err(Refusal::Shutdown));
    assert_eq!((gate.in_flight(), gate.budget.used()), (0, 0));
}

#[test]
fn new_bounds_hold_for_the_next_and_leave_what_is_under_way() {
    let (gate, _offers) = Gate::new(bounds(2, 100), clock::now());
    let now = clock::now();
    let (first, second) = (gate.admit(50, now).unwrap(), gate.admit(50, now).unwrap());
    let tighter =
        Bounds { max_in_flight: 1, max_per_second: 7, burst: Duration::from_millis(100), memory: 10 };
    gate.set_bounds(tighter);
    assert_eq!(gate.bounds(), tighter);
    assert_eq!((gate.in_flight(), gate.budget.used()), (2, 100));
    drop(first);
    assert_eq!(gate.admit(1, now).err(), Some(Refusal::InFlight));
    drop(second);
    assert_eq!(gate.admit(11, now).err(), Some(Refusal::Memory));
    assert!(gate.admit(10, now + Duration::from_secs(1)).is_ok());
}

#[test]
fn the_end_of_a_pause_does_not_end_a_later_one() {
    let switches = Switches::default();
    let first = switches.pause();
    assert!(switches.is_paused());
    let second = switches.pause();
    assert!(!switches.resume_from(first), "somebody paused since");
    assert!(switches.is_paused());
    assert!(switches.resume_from(second));
    assert!(!switches.is_paused());
    assert!(!switches.resume_from(second), "it is over already");
    let third = switches.pause();
    switches.resume();
    switches.pause();
    assert!(!switches.resume_from(third), "somebody resumed and paused since");
    assert!(switches.is_paused());
}

#[test]
fn draining_is_for_good_and_no_pause() {
    let switches = Switches::default();
    switches.drain();
    switches.resume();
    assert!(switches.is_draining() && !switches.is_paused());
}

#[test]
fn shares_are_set_by_route_or_for_all_and_unknown_routes_are_named() {
    let switches = Switches::default();
    let half = Ppm::from_percent(0.5).unwrap();
    assert_eq!(switches.set_percent(None, half), Ok(0), "no route yet");
    let (orders, users) = (policy("orders"), policy("users"));
    switches.install(vec![orders.clone(), users.clone()]);
    assert_eq!(switches.set_percent(Some("orders"), half), Ok(1));
    assert_eq!((orders.percent(), users.percent()), (half, users.configured));
    assert_eq!(switches.set_percent(None, Ppm::ALL), Ok(2));
    assert_eq!((orders.percent(), users.percent()), (Ppm::ALL, Ppm::ALL));
    let unknown = switches.set_percent(Some("order"), Ppm::ZERO).unwrap_err();
    assert_eq!(unknown.to_string(), "no route is named 'order'");
    assert_eq!(orders.percent(), Ppm::ALL, "nothing changed");
    assert_eq!(orders.configured.parts(), 50_000, "what the file says stays known");
}

#[test]
fn every_decision_is_counted_under_its_own_label() {
    let decisions = Decisions::default();
    assert!(decisions.snapshot().is_empty(), "what never happened is not shown");
    decisions.count(Decision::Mirrored);
    for (n, refusal) in Refusal::ALL.iter().enumerate() {
        (0..n + 2).for_each(|_| decisions.count(Decision::Refused(*refusal)));
    }
    let snapshot = decisions.snapshot();
    assert_eq!(snapshot.len(), Refusal::ALL.len() + 1);
    assert_eq!(snapshot["mirrored"], 1);
    for (n, refusal) in Refusal::ALL.iter().enumerate() {
        assert_eq!(snapshot[refusal.label()], n as u64 + 2, "{refusal:?}");
    }
}
