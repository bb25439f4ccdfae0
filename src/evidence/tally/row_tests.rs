//! Tests of one endpoint's counts: what can be true of them and what cannot.

use super::*;
use crate::evidence::fixture::{answered, difference, failed, found};
use crate::model::Kind;

fn row() -> Row {
    let (differs, alike) = (found(&[difference("$.a", Kind::Value)]), found(&[]));
    let mut row = Row::default();
    for (request, (shadow, control)) in
        [(&differs, &alike), (&alike, &differs), (&differs, &differs), (&alike, &alike)]
            .into_iter()
            .enumerate()
    {
        let (stable, seen) = (answered(200, 10), answered(200, 12));
        let control = Some((answered(200, 11), control));
        let (route, endpoint) = ("main", "GET /a");
        let observation = Observation { route, endpoint, stable, shadow: seen, comparison: shadow, control };
        row.fold(request as u64 + 1, &observation, 9);
    }
    row
}

#[test]
fn what_was_counted_is_plausible() {
    let row = row();
    assert!(row.plausible());
    assert_eq!(row.asked, Asked { asked: 4, compared: 4, mismatched: 2, n10: 1, n01: 1, n11: 1, n00: 1 });
    assert_eq!(row.asked.joint(), Paired { shadow_only: 1, control_only: 1, alike: 2 });
    let mut twice = row.clone();
    twice.merge(&row, 9);
    assert!(twice.plausible());
    assert_eq!((twice.compared, twice.mismatched, twice.asked.n10, twice.delta.count()), (8, 4, 2, 8));
}

#[test]
fn every_contradiction_is_seen() {
    let spoils: [fn(&mut Row); 11] = [
        |row| row.mismatched = row.compared + 1,
        |row| row.compared = u64::MAX,
        |row| row.compared = 3,
        |row| row.mismatched = 1,
        |row| row.asked.asked = 3,
        |row| row.asked.mismatched = 5,
        |row| row.asked.mismatched = 1,
        |row| row.asked.n00 = 2,
        |row| row.asked.n11 = u64::MAX,
        |row| row.fields.other.shadow = 5,
        |row| row.delta.ties = 1,
    ];
    for (index, spoil) in spoils.into_iter().enumerate() {
        let mut row = row();
        spoil(&mut row);
        assert!(!row.plausible(), "{index}");
    }
}

#[test]
fn only_deadlines_that_passed_count_as_slow() {
    for outcome in Outcome::ALL {
        let expected = match outcome {
            Outcome::Timeout | Outcome::ConnectTimeout => Latency::TimedOut,
            _ => Latency::Unknown,
        };
        assert_eq!(failed(*outcome).latency(), expected, "{outcome:?}");
        assert_eq!(failed(*outcome).head_latency(), expected, "{outcome:?}");
    }
    let seen = Seen { total: None, outcome: Outcome::Timeout, ..answered(200, 8) };
    assert_eq!(seen.head_latency(), Latency::Measured(std::time::Duration::from_millis(4)));
    assert_eq!(seen.latency(), Latency::TimedOut);
}

#[test]
fn differences_of_a_comparison_that_failed_do_not_count() {
    let mut broken = Comparison::incomparable(Incomparable::Budget);
    broken.differences = vec![difference("$.a", Kind::Value)];
    let mut row = Row::default();
    let (stable, shadow) = (answered(200, 1), answered(200, 1));
    let observation =
        Observation { route: "main", endpoint: "GET /a", stable, shadow, comparison: &broken, control: None };
    row.fold(1, &observation, 9);
    assert!(row.fields.sorted().is_empty());
    assert_eq!((row.compared, row.incomparable.get(Incomparable::Budget)), (0, 1));
}
