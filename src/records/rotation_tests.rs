//! Uniform, bounded, repeatable.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::clock;

const PLENTY: u32 = u32::MAX;

fn rotation(slots: u32, seed: u64) -> Rotation {
    Rotation::new(slots, 2000, PLENTY, fastrand::Rng::with_seed(seed))
}

/// Which of `n` pairs are in the set at the end.
fn kept(rotation: &mut Rotation, n: usize) -> Vec<usize> {
    let now = clock::now();
    let mut set = vec![None; rotation.slots as usize];
    for pair in 0..n {
        if let Some(slot) = rotation.choose("r", "GET /", "body:$.a:value", now) {
            set[slot as usize] = Some(pair);
        }
    }
    set.into_iter().flatten().collect()
}

#[test]
#[allow(clippy::cast_precision_loss)]
fn every_pair_has_the_same_chance() {
    const RUNS: usize = 10_000;
    let (slots, pairs) = (4, 20);
    let mut times = vec![0usize; pairs];
    for seed in 0..RUNS {
        // The rate is not in play: a bucket that was never used has a second's worth.
        for pair in kept(&mut rotation(slots, seed as u64), pairs) {
            times[pair] += 1;
        }
    }
    let p = f64::from(slots) / pairs as f64;
    let (mean, sigma) = (RUNS as f64 * p, (RUNS as f64 * p * (1.0 - p)).sqrt());
    for (pair, times) in times.iter().enumerate() {
        assert!(
            (*times as f64 - mean).abs() < 4.0 * sigma,
            "pair {pair}: {times} instead of {mean} ± {sigma}"
        );
    }
}

#[test]
fn the_first_pairs_fill_the_set_in_order() {
    assert_eq!(kept(&mut rotation(5, 1), 5), [0, 1, 2, 3, 4]);
    assert_eq!(kept(&mut rotation(5, 1), 3), [0, 1, 2]);
    assert_eq!(kept(&mut rotation(5, 1), 1000).len(), 5);
    assert!(kept(&mut rotation(0, 1), 10).is_empty());
}

#[test]
fn a_seed_repeats_itself() {
    assert_eq!(kept(&mut rotation(5, 42), 1000), kept(&mut rotation(5, 42), 1000));
    assert_ne!(kept(&mut rotation(5, 42), 1000), kept(&mut rotation(5, 43), 1000));
}

#[test]
fn signatures_are_told_apart_by_all_their_parts() {
    let mut rotation = rotation(1, 1);
    let now = clock::now();
    for (route, endpoint, signature) in
        [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("", "ab", "c"), ("a", "b", "d")]
    {
        assert_eq!(rotation.choose(route, endpoint, signature, now), Some(0));
    }
    assert_eq!(rotation.signatures(), 5);
}

#[test]
fn the_number_of_signatures_is_bounded_and_known_ones_go_on() {
    let mut rotation = Rotation::new(4, 10, PLENTY, fastrand::Rng::with_seed(1));
    let now = clock::now();
    for n in 0..100 {
        assert_eq!(rotation.choose("r", "e", &n.to_string(), now).is_some(), n < 10);
    }
    assert_eq!((rotation.signatures(), rotation.refused()), (10, 90));
    assert_eq!(rotation.choose("r", "e", "3", now), Some(1));
    rotation.clear();
    assert_eq!(rotation.choose("r", "e", "99", now), Some(0), "a new epoch has room");
}

#[test]
fn new_samples_are_limited_in_rate() {
    let mut rotation = Rotation::new(1_000_000, 10, 10, fastrand::Rng::with_seed(1));
    let start = clock::now();
    let mut taken = |ms: u64, tries: usize| {
        let now = start + Duration::from_millis(ms);
        (0..tries).filter(|_| rotation.choose("r", "e", "s", now).is_some()).count()
    };
    assert_eq!(taken(0, 100), 10, "one second's worth at once");
    assert_eq!(taken(0, 100), 0);
    assert_eq!(taken(99, 100), 0);
    assert_eq!(taken(100, 100), 1);
    assert_eq!(taken(600, 100), 5);
    assert_eq!(taken(100, 100), 0, "a time that goes back gives nothing");
    assert_eq!(taken(3_600_000, 100), 10, "saved up to one second's worth");
    let mut none = Rotation::new(4, 10, 0, fastrand::Rng::with_seed(1));
    assert_eq!(none.choose("r", "e", "s", start), None);
}

#[test]
fn a_pair_that_the_rate_turns_away_does_not_count_as_seen() {
    let mut rotation = Rotation::new(3, 10, 1, fastrand::Rng::with_seed(1));
    let start = clock::now();
    let mut slots = Vec::new();
    for second in 0..3 {
        for _ in 0..1000 {
            slots.extend(rotation.choose("r", "e", "s", start + Duration::from_secs(second)));
        }
    }
    assert_eq!(slots, [0, 1, 2], "no place is left empty");
}
