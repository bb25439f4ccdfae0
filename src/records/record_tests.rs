//! Bounds hold for whatever a record was made from.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::model::Part;
use crate::records::fixtures::{difference, epoch, message, sample, sampled, tally};

fn huge() -> Sample {
    let big = "ü".repeat(10_000);
    let mut leg = message(&big, &big);
    leg.headers = vec![(big.clone(), big.clone()); 3];
    leg.headers.extend((0..500).map(|n| (format!("n{n}"), "v".repeat(2000))));
    leg.trailers.clone_from(&leg.headers);
    leg.body.omitted = Some(big.clone());
    Sample {
        id: big.clone(),
        epoch: 1,
        route: big.clone(),
        endpoint: big.clone(),
        signature: big.clone(),
        slot: 0,
        taken_unix_ms: 0,
        request: leg.clone(),
        stable: leg.clone(),
        shadow: leg.clone(),
        control: Some(leg),
        differences: vec![difference(&big, Part::Body, &big, &big); 1000],
    }
}

#[test]
fn the_largest_sample_is_cut_until_it_fits() {
    let mut record = sampled(huge());
    record.bound();
    assert!(record.weight() <= Record::MAX, "{}", record.weight());
    let Record::Sample(mut cut) = record else { unreachable!() };
    assert_eq!(cut.differences.len(), MAX_DIFFERENCES);
    for leg in cut.messages() {
        assert!(leg.body.text.len() <= Excerpt::MAX);
        assert_eq!((leg.headers.len(), leg.trailers.len()), (MAX_FIELDS, MAX_TRAILERS));
        assert_eq!(leg.headers.last().unwrap().1, format!("{} more fields", 504 - MAX_FIELDS));
    }
}

#[test]
fn an_ordinary_sample_is_left_as_it_is() {
    let before = sampled(sample(2, 4000));
    let mut after = before.clone();
    after.bound();
    assert_eq!(before, after);
    let twice = {
        let mut record = sampled(huge());
        record.bound();
        let once = record.clone();
        record.bound();
        (once, record)
    };
    assert!(twice.0 == twice.1, "cutting again cuts nothing");
}

#[test]
fn a_weight_is_never_below_the_strings() {
    assert!(epoch(1, 2).weight() >= "key 1v1".len());
    assert!(tally(1, "GET /", "0123456789").weight() >= "ordersGET /0123456789".len());
    assert!(Record::Coverage { epoch: 1, json: "x".repeat(99) }.weight() >= 99);
    assert!(sampled(sample(1, 4000)).weight() >= 8000);
}

#[test]
fn a_sample_survives_json() {
    for n in [1, 2] {
        let before = sample(n, 10);
        let json = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Sample>(&json).unwrap(), before);
    }
}

proptest! {
    #[test]
    fn trimming_keeps_a_beginning_within_the_bound(text in ".{0,200}", max in 3usize..100) {
        let mut cut = text.clone();
        trim(&mut cut, max);
        prop_assert!(cut.len() <= max);
        if text.len() <= max {
            prop_assert_eq!(cut, text);
        } else {
            prop_assert!(text.starts_with(cut.strip_suffix('…').unwrap()));
            prop_assert!(cut.len() + 7 > max, "no more than one character and the ellipsis is lost");
        }
    }
}
