//! Tests of the running counts.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::evidence::Report;
use crate::evidence::fixture::{Request, answered, difference, epoch, failed, request, tally_of};
use crate::model::{Incomparable, Kind};

fn row<'a>(tally: &'a Tally, endpoint: &str) -> &'a Row {
    tally.rows().find(|(_, name, _)| *name == endpoint).unwrap().2
}

#[test]
fn verdicts_reasons_outcomes_and_statuses_are_counted() {
    let differs = [difference("$.a", Kind::Value)];
    let mut lost = Request::alike("GET /a", 10, 10);
    lost.shadow = failed(Outcome::Timeout);
    lost.comparison = Comparison::incomparable(Incomparable::NoAnswer);
    let mut gone = Request::alike("GET /a", 10, 12);
    gone.shadow = answered(404, 12);
    let tally = tally_of(&[Request::alike("GET /a", 10, 11), gone.with(&differs), lost]);
    let row = row(&tally, "GET /a");
    assert_eq!((row.compared, row.mismatched), (2, 1));
    assert_eq!(row.incomparable.get(Incomparable::NoAnswer), 1);
    assert_eq!(row.shadow.outcomes.get(Outcome::Answered), 2);
    assert_eq!(row.shadow.outcomes.get(Outcome::Timeout), 1);
    assert_eq!(row.shadow.statuses.get(StatusClass::ClientError), 1);
    assert_eq!(row.shadow.statuses.get(StatusClass::None), 1);
    assert_eq!(row.shadow.total.timeouts(), 1);
    assert_eq!(row.stable.statuses.get(StatusClass::Success), 3);
    assert_eq!((row.delta.slower(), row.delta.shadow_timeouts), (3, 1));
    assert_eq!(tally.totals(), (2, 1));
}

#[test]
fn control_gives_noise_joint_counts_and_the_reference() {
    let differs = [difference("$.a", Kind::Value)];
    let mut unknown = Request::alike("GET /a", 1, 9).control(9, &[]);
    unknown.comparison = Comparison::incomparable(Incomparable::Memory);
    let tally = tally_of(&[
        Request::alike("GET /a", 1, 9).control(9, &[]),
        Request::alike("GET /a", 1, 9).with(&differs).control(8, &[]),
        Request::alike("GET /a", 1, 9).control(9, &differs),
        Request::alike("GET /a", 1, 9).with(&differs).control(9, &differs),
        Request::alike("GET /a", 1, 9).with(&differs),
        unknown,
    ]);
    let row = row(&tally, "GET /a");
    let expected = Asked { asked: 5, compared: 5, mismatched: 2, n10: 1, n01: 1, n11: 1, n00: 1 };
    assert_eq!(row.asked, expected);
    assert_eq!((row.delta.ties, row.delta.slower(), row.delta.against_control), (4, 2, 5));
    let seen = row.fields.sorted()[0].seen;
    assert_eq!((seen.shadow, seen.control, seen.joint_shadow, seen.joint_both), (3, 2, 2, 1));
}

#[test]
fn endpoints_are_bounded_with_one_bucket_for_each_route() {
    let mut tally = Tally::new(epoch(), Limits { endpoints: 4, fields: 5, routes: 2 });
    for n in 0..1000 {
        let mut request = Request::alike(&format!("GET /{n}"), 1, 1);
        request.route = ["a", "b", "c", "d"][n % 4];
        request.fold_into(&mut tally);
    }
    let names: Vec<(&str, &str)> = tally.rows().map(|(route, endpoint, _)| (route, endpoint)).collect();
    assert_eq!(tally.rows().filter(|(_, endpoint, _)| *endpoint != OTHER).count(), 4);
    assert!(names.len() <= 4 + 3, "{names:?}");
    assert!(
        names.contains(&("a", OTHER)) && names.contains(&(OTHER, OTHER)) && names.contains(&("b", OTHER))
    );
    assert_eq!(tally.totals(), (1000, 0));
}

#[test]
fn scanners_leave_room_for_what_is_served() {
    let mut tally = Tally::new(epoch(), Limits { endpoints: 10, ..Limits::default() });
    for n in 0..100 {
        let mut scan = Request::alike(&format!("GET /wp-{n}"), 1, 1);
        scan.stable = answered(404, 1);
        scan.fold_into(&mut tally);
    }
    Request::alike("GET /orders", 1, 1).fold_into(&mut tally);
    assert_eq!(row(&tally, "GET /orders").compared, 1);
    assert_eq!(row(&tally, OTHER).compared, 95);
}

#[test]
fn only_rows_that_changed_are_stored() {
    let mut tally = tally_of(&[Request::alike("GET /a", 1, 1), Request::alike("GET /b", 1, 1)]);
    assert_eq!(tally.dirty(usize::MAX).len(), 2);
    assert!(tally.dirty(usize::MAX).is_empty());
    Request::alike("GET /b", 1, 1).fold_into(&mut tally);
    let rows = tally.dirty(usize::MAX);
    assert_eq!(
        rows.iter().map(|row| (row.endpoint.as_str(), row.compared)).collect::<Vec<_>>(),
        [("GET /b", 2)]
    );
    tally.touch_all();
    assert_eq!(tally.dirty(usize::MAX).len(), 2);
}

#[test]
fn decisions_and_rules_are_stored_beside_the_rows() {
    let mut tally = tally_of(&[]);
    let names = ["$.x".to_owned(), "$.y".to_owned()];
    let standing = vec!["numbers by value".to_owned()];
    tally.expect_rules(&RuleNames { written: names.to_vec(), standing: standing.clone() });
    tally.lose(Outcome::Cancelled, Some(Outcome::Answered), Incomparable::Shutdown);
    let hidden = Comparison {
        hidden: vec![0, 2],
        selected: vec![0, 3],
        ..Comparison::incomparable(Incomparable::Memory)
    };
    tally.fold_rules(&names, &hidden);
    tally.set_decisions(BTreeMap::from([("mirrored".to_owned(), 7)]));
    let restored = Tally::restore(epoch(), Limits::default(), &[], &tally.coverage_json());
    assert!(restored.skipped.is_empty());
    assert_eq!(restored.tally.decisions(), tally.decisions());
    assert_eq!(restored.tally.rules(), tally.rules());
    assert_eq!((restored.tally.standing(), restored.tally.unpaired()), (&standing[..], tally.unpaired()));
    let older = Tally::restore(epoch(), Limits::default(), &[], r#"{"decisions":{"mirrored":7},"rules":{}}"#);
    assert!(older.skipped.is_empty(), "what was stored before these were is read: {:?}", older.skipped);
    assert_eq!(tally.rules().sorted()[1], ("$.y", RuleUse { hidden: 2, matched: 3 }));
}

#[test]
fn what_never_ended_is_lost_with_its_process_and_what_ended_was_mirrored() {
    let mirrored = |n| BTreeMap::from([(MIRRORED.to_owned(), n)]);
    let mut tally = tally_of(&[Request::alike("GET /a", 1, 1)]);
    tally.set_decisions(mirrored(1 << 50));
    tally.lose_rest();
    assert_eq!(tally.unpaired().reasons.get(Incomparable::Shutdown), (1 << 50) - 1);
    assert_eq!((tally.ended(), tally.decisions()), (1 << 50, &mirrored(1 << 50)));
    let mut tally = tally_of(&[Request::alike("GET /a", 1, 1)]);
    tally.lose_rest();
    assert_eq!((tally.ended(), tally.decisions()), (1, &mirrored(1)), "the store lost count of it");
}

/// An endpoint with as many fields as are counted, each as large as it can be; the later ones are seen less often.
fn crowded() -> Tally {
    let mut tally = Tally::new(epoch(), Limits::default());
    let fields: Vec<_> = (0..200)
        .map(|n| {
            let mut difference = difference(&format!("$.f{n:03}{}", "\u{1}".repeat(250)), Kind::Value);
            (difference.stable, difference.shadow) = (Some("\u{2}".repeat(256)), Some("\u{3}".repeat(256)));
            difference
        })
        .collect();
    for seen in 1..=200 {
        Request::alike("GET /a", 1, 1).with(&fields[..seen]).fold_into(&mut tally);
    }
    tally
}

#[test]
fn a_row_that_is_too_large_is_stored_without_the_fields_seen_fewest() {
    const MOST: usize = 300 * 1024;
    let mut tally = crowded();
    let whole = tally.clone().dirty(usize::MAX).remove(0);
    assert!(whole.data.len() > 2 * MOST, "{} bytes are no test", whole.data.len());
    let stored = tally.dirty(MOST);
    assert_eq!(stored.len(), 1, "it is never left out whole");
    let length = stored[0].data.len();
    assert!((MOST - 10_000..=MOST).contains(&length), "{length} of {MOST}");
    let restored = Tally::restore(epoch(), Limits::default(), &stored, "");
    assert!(restored.skipped.is_empty(), "{:?}", restored.skipped);
    let fields = &row(&restored.tally, "GET /a").fields;
    let kept = fields.sorted();
    assert_eq!(kept.len() as u64 + fields.left_out, 200);
    assert!(kept.iter().all(|field| field.seen.shadow > fields.left_out), "the most seen stay");
    assert_eq!(fields.other.shadow, fields.left_out, "at least as many as had the most seen of the rest");
    let report = Report::of(&restored.tally);
    assert_eq!(report.endpoints[0].fields_left_out, fields.left_out);
    assert_eq!((restored.tally.totals(), row(&tally, "GET /a").fields.left_out), (tally.totals(), 0));
    assert_eq!(tally.dirty(0).len(), 0, "nothing changed since");
    tally.touch_all();
    assert_eq!(tally.dirty(0).len(), 1, "counts and histograms are never left out");
}

#[test]
fn damaged_rows_are_left_out_and_named() {
    let mut tally = tally_of(&[
        Request::alike("GET /a", 1, 2).with(&[difference("$.a", Kind::Value)]),
        Request::alike("GET /b", 1, 2),
    ]);
    let good = tally.dirty(usize::MAX);
    let with = |data: String| EndpointRow { data, ..good[0].clone() };
    let bad = [
        with("not json".to_owned()),
        with("{}".to_owned()),
        with(good[0].data[..good[0].data.len() / 2].to_owned()),
        with(good[0].data.replace("\"mismatched\":1", "\"mismatched\":9")),
        with(good[0].data.replace("\"shadow\":1", "\"shadow\":99999")),
        with(good[0].data.replace("\"answered\":1", "\"answered\":99999999999999999999")),
        EndpointRow { compared: 5, ..good[0].clone() },
        EndpointRow { route: "r".repeat(5000), ..good[0].clone() },
        with(" ".repeat(5 * 1024 * 1024)),
    ];
    for row in bad {
        let rows = [row.clone(), good[1].clone()];
        let restored = Tally::restore(epoch(), Limits::default(), &rows, "[1");
        assert_eq!(restored.tally.totals(), (1, 0), "{row:?}");
        assert_eq!(restored.skipped.len(), 2);
        assert!(restored.skipped[0].part.len() <= 1024);
        assert_eq!(restored.skipped[1].part, "coverage");
    }
}

#[test]
fn what_is_beyond_new_limits_goes_into_the_rest() {
    let requests: Vec<Request> = (0..10).map(|n| Request::alike(&format!("GET /{n}"), 1, 1)).collect();
    let rows = tally_of(&requests).dirty(usize::MAX);
    let restored = Tally::restore(epoch(), Limits { endpoints: 3, ..Limits::default() }, &rows, "");
    assert_eq!(restored.tally.rows().count(), 4);
    assert_eq!(restored.tally.totals(), (10, 0));
}

/// What a report says apart from the order in which requests came.
fn said(tally: &Tally) -> Report {
    Report::of(tally)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_order_does_not_matter(requests in prop::collection::vec(request(), 1..40), turn in any::<prop::sample::Index>()) {
        let mut turned = requests.clone();
        turned.rotate_left(turn.index(requests.len()));
        turned.reverse();
        prop_assert_eq!(said(&tally_of(&turned)), said(&tally_of(&requests)));
    }

    #[test]
    fn what_was_stored_comes_back(requests in prop::collection::vec(request(), 0..40)) {
        let mut tally = tally_of(&requests);
        let rows = tally.dirty(usize::MAX);
        let mut restored = Tally::restore(epoch(), Limits::default(), &rows, &tally.coverage_json());
        prop_assert_eq!(&restored.skipped, &vec![]);
        prop_assert_eq!(said(&restored.tally), said(&tally));
        prop_assert!(restored.tally.dirty(usize::MAX).is_empty());
        restored.tally.touch_all();
        prop_assert_eq!(restored.tally.dirty(usize::MAX), rows);
    }

    #[test]
    fn parts_merge_to_the_whole(requests in prop::collection::vec(request(), 1..40), cut in any::<prop::sample::Index>()) {
        let (first, second) = requests.split_at(cut.index(requests.len()));
        let mut merged = tally_of(first);
        merged.merge(&tally_of(second));
        prop_assert_eq!(said(&merged), said(&tally_of(&requests)));
    }

    #[test]
    fn sums_agree(requests in prop::collection::vec(request(), 0..60)) {
        let tally = tally_of(&requests);
        let report = said(&tally);
        let n = requests.len() as u64;
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        prop_assert_eq!(sum(&report.coverage.outcomes), n);
        prop_assert_eq!(report.coverage.compared + sum(&report.coverage.incomparable), n);
        prop_assert_eq!(report.endpoints.iter().map(|e| e.mismatched).sum::<u64>(), report.coverage.mismatched);
        prop_assert!(tally.rows().all(|(_, _, row)| row.plausible()));
    }

    #[test]
    fn hostile_rows_are_survived(at in any::<prop::sample::Index>(), digits in "[0-9]{1,20}", requests in prop::collection::vec(request(), 1..6)) {
        let mut rows = tally_of(&requests).dirty(usize::MAX);
        let places: Vec<usize> = rows[0].data.match_indices(|c: char| c.is_ascii_digit()).map(|(place, _)| place).collect();
        let place = places[at.index(places.len())];
        rows[0].data.replace_range(place..=place, &digits);
        let restored = Tally::restore(epoch(), Limits::default(), &rows, "");
        let report = said(&restored.tally);
        for endpoint in &report.endpoints {
            for rate in [endpoint.mismatch_rate, endpoint.noise_rate].into_iter().flatten() {
                prop_assert!(rate.lower >= Some(0.0) && rate.upper <= Some(1.0));
            }
        }
    }
}
