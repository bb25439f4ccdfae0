//! What is kept of a pair, under which signatures, and that no secret is among it.
#![allow(clippy::unwrap_used)]

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::super::trial::Trials;
use super::*;
use crate::gate::Experiment;
use crate::gate::fixture::{copied, experiment, headers};
use crate::model::{Answer, Capture, Chunks, Incomparable, Kind, Leg, Part, Severity, Timing, Verdict};
use crate::records::{self, Reader, SampleFilter, Writer};
use crate::telemetry::Metrics;

/// A store in a folder that goes away, and the trial whose pairs are kept in it.
struct Shop {
    folder: tempfile::TempDir,
    sink: Sink,
    _writer: Writer,
    trial: Rc<Trial>,
}

fn soon() -> Instant {
    clock::now() + Duration::from_mins(1)
}

impl Shop {
    fn open(redact: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = records::Settings {
            dir: folder.path().join("data"),
            max_size: 64 << 20,
            max_age: Duration::MAX,
            samples_per_signature: 9,
        };
        let metrics = Metrics::new();
        let (sink, writer) = records::start(&settings, &metrics).unwrap();
        let experiment = Experiment { redact: [redact.to_owned()].into(), ..experiment() };
        let trial = Trials::default().of(&Arc::new(experiment), &metrics, [7; 32]);
        Shop { folder, sink, _writer: writer, trial }
    }

    fn keeper(&self, slots: u32) -> Keeper {
        Keeper::new(Rotation::new(slots, 100, 1_000, fastrand::Rng::with_seed(1)), self.sink.clone())
    }

    fn consider(&self, keeper: &Keeper, epoch: u64, differences: &[Difference]) {
        let fields =
            [("authorization", "Bearer hunter2"), ("cookie", "sid=hunter2"), ("accept", "text/html")];
        let body = "{\"user\":{\"email\":\"hunter2@example.org\"},\"ok\":1}";
        let pair = Pair {
            trial: &self.trial,
            epoch,
            endpoint: "POST /login",
            request: &copied(Method::POST, "/login", &fields, body),
            stable: &exchange(Leg::Stable, body),
            shadow: &exchange(Leg::Shadow, body),
            control: None,
            differences,
        };
        keeper.consider(&pair, clock::now());
    }

    fn reader(&self) -> Reader {
        assert!(self.sink.flush(soon()));
        Reader::open(&self.folder.path().join("data")).unwrap()
    }

    /// Signature of every sample.
    fn kept(&self) -> Vec<String> {
        let filter = SampleFilter { limit: Some(100), ..SampleFilter::default() };
        let mut kept: Vec<String> =
            self.reader().samples(&filter).unwrap().into_iter().map(|s| s.signature).collect();
        kept.sort();
        kept
    }
}

fn exchange(leg: Leg, body: &str) -> Exchange {
    let answer = Answer {
        status: StatusCode::OK,
        headers: headers(&[("content-type", "application/json"), ("set-cookie", "sid=hunter2; Path=/")]),
        body: Capture::Complete(Chunks::from(bytes::Bytes::copy_from_slice(body.as_bytes()))),
        trailers: None,
    };
    Exchange { leg, timing: Timing::default(), result: Ok(answer) }
}

fn difference(path: &str, kind: Kind) -> Difference {
    Difference {
        path: path.into(),
        pointer: path.replace("$.", "/").replace('.', "/"),
        part: if path.starts_with("header:") { Part::Header } else { Part::Body },
        kind,
        severity: Severity::Medium,
        stable: Some("hunter2".into()),
        shadow: Some("hunter3".into()),
    }
}

#[test]
fn a_pair_is_kept_once_for_each_of_its_signatures() {
    let shop = Shop::open("$.user.email");
    let twice = [
        difference("$.items[*].price", Kind::Value),
        difference("$.items[*].price", Kind::Value),
        difference("$.items[*].price", Kind::Type),
        difference("header:x-a", Kind::Missing),
    ];
    shop.consider(&shop.keeper(9), 1, &twice);
    let expected = ["body:$.items[*].price:type", "body:$.items[*].price:value", "header:header:x-a:missing"];
    assert_eq!(shop.kept(), expected);
}

#[test]
fn a_pair_that_differs_everywhere_claims_no_more_than_its_bound() {
    let shop = Shop::open("$.user.email");
    let many: Vec<Difference> = (0..50).map(|n| difference(&format!("$.f{n}"), Kind::Value)).collect();
    shop.consider(&shop.keeper(9), 1, &many);
    assert_eq!(shop.kept().len(), CLAIMS);
}

#[test]
fn a_signature_has_its_places_and_a_new_epoch_new_ones() {
    let shop = Shop::open("$.user.email");
    let keeper = shop.keeper(2);
    let one = [difference("$.a", Kind::Value)];
    (0..20).for_each(|_| shop.consider(&keeper, 1, &one));
    assert_eq!(shop.kept().len(), 2, "places are written over");
    shop.consider(&keeper, 2, &one);
    assert_eq!(shop.kept().len(), 3);
    shop.consider(&shop.keeper(0), 1, &[difference("$.b", Kind::Value)]);
    assert_eq!(shop.kept().len(), 3, "none where none is wanted");
}

#[test]
fn nothing_secret_is_kept() {
    let shop = Shop::open("$.user.email");
    let secret = difference("$.user.email", Kind::Value);
    let found = Comparison {
        verdict: Verdict::Mismatch,
        reason: None,
        differences: vec![secret],
        ..Comparison::incomparable(Incomparable::Memory)
    };
    let redacted = redacted(&shop.trial, found);
    assert_eq!(redacted.verdict, Verdict::Mismatch);
    shop.consider(&shop.keeper(9), 1, &redacted.differences);
    let reader = shop.reader();
    let id = reader.samples(&SampleFilter::default()).unwrap()[0].id.clone();
    let shown = format!("{:?}", reader.sample(&id).unwrap().unwrap());
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("text/html") && shown.contains("ok"), "what is no secret is shown: {shown}");
}

#[test]
fn without_a_redactor_only_counts_are_left() {
    let shop = Shop::open("$[");
    assert!(shop.trial.redactor.is_none());
    shop.consider(&shop.keeper(9), 1, &[difference("$.a", Kind::Value)]);
    assert!(shop.kept().is_empty());
    let found = Comparison {
        differences: vec![difference("$.a", Kind::Value)],
        ..Comparison::incomparable(Incomparable::Memory)
    };
    let bare = redacted(&shop.trial, found);
    assert_eq!((&bare.differences[0].stable, &bare.differences[0].shadow), (&None, &None));
    assert_eq!(bare.differences[0].path, "$.a");
}
