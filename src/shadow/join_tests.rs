//! A pair without two answers has its reason, and a pair with two has the engine's verdict.
#![allow(clippy::unwrap_used)]

use http::StatusCode;

use super::*;
use crate::compare::Settings;
use crate::gate::fixture::headers;
use crate::model::{Absent, Capture, Chunks, Failure, Leg, Outcome, Timing, Verdict};

fn answer(status: u16, body: Capture) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers(&[("content-type", "application/json")]),
        body,
        trailers: None,
    }
}

fn json(text: &str) -> Capture {
    Capture::Complete(Chunks::from(bytes::Bytes::copy_from_slice(text.as_bytes())))
}

fn exchange(result: Result<Answer, Failure>) -> Exchange {
    Exchange { leg: Leg::Shadow, timing: Timing::default(), result }
}

fn joined(stable: Result<&Answer, Incomparable>, leg: Result<Answer, Failure>) -> (Comparison, bool) {
    let rules = Rules::compile(Settings::default()).unwrap();
    let (comparison, took) = join(stable, &exchange(leg), &rules);
    (comparison, took.is_some())
}

#[test]
fn two_answers_are_compared_and_timed() {
    let stable = answer(200, json("{\"a\":1}"));
    let (same, timed) = joined(Ok(&stable), Ok(answer(200, json("{ \"a\": 1 }"))));
    assert_eq!((same.verdict, same.reason, timed), (Verdict::Match, None, true));
    let (other, _) = joined(Ok(&stable), Ok(answer(500, json("{\"a\":2}"))));
    let paths: Vec<&str> = other.differences.iter().map(|d| d.path.as_str()).collect();
    assert_eq!((other.verdict, paths), (Verdict::Mismatch, vec!["status", "$.a"]));
    assert_eq!(other.differences[0].stable.as_deref(), Some("200"), "stable is the left side");
}

#[test]
fn without_an_answer_the_reason_names_whose_it_was() {
    let stable = answer(200, json("1"));
    let failed = || Failure { outcome: Outcome::Reset, detail: "gone".into() };
    for (pair, reason) in [
        (joined(Ok(&stable), Err(failed())), Incomparable::NoAnswer),
        (joined(Err(Incomparable::StableLate), Ok(stable.clone())), Incomparable::StableLate),
        (joined(Err(Incomparable::StableNoAnswer), Ok(stable.clone())), Incomparable::StableNoAnswer),
        (joined(Err(Incomparable::StableNoAnswer), Err(failed())), Incomparable::StableNoAnswer),
    ] {
        let (comparison, timed) = pair;
        assert_eq!((comparison.verdict, comparison.reason), (Verdict::Incomparable, Some(reason)));
        assert!(!timed, "{reason:?}: nothing was compared");
        assert!(comparison.differences.is_empty());
    }
}

#[test]
fn a_body_that_is_not_there_is_told_by_whose_it_is() {
    let whole = || answer(200, json("1"));
    let absent = |why| answer(200, Capture::Absent(why));
    for (stable, shadow, reason) in [
        (absent(Absent::Truncated), whole(), Incomparable::StableTruncated),
        (whole(), absent(Absent::Truncated), Incomparable::Truncated),
        (whole(), absent(Absent::TooLong), Incomparable::TooLong),
        (whole(), absent(Absent::Memory), Incomparable::Memory),
        (absent(Absent::Memory), whole(), Incomparable::Memory),
    ] {
        assert_eq!(joined(Ok(&stable), Ok(shadow)).0.reason, Some(reason));
    }
}
