//! In whatever order body, stable and client end: one decision is counted, and the memory comes back.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use http::Method;
use proptest::prelude::*;

use super::*;
use crate::gate::fixture::{copied, experiment};
use crate::gate::{Bounds, Offers};
use crate::telemetry::Metrics;

const MEMORY: usize = 10_000;
const CAP: usize = 100;

/// One request, with the gate that it is offered to.
struct Trial {
    gate: Arc<Gate>,
    offers: Offers,
    upload: Rc<Upload>,
    watch: Option<Watch>,
    metrics: Metrics,
}

impl Trial {
    /// A request that declared so many bytes; it streams if `complete` is false.
    fn new(complete: bool, declared: usize, memory: usize) -> Self {
        let now = clock::now();
        let (gate, offers) = Gate::new(
            Bounds {
                max_in_flight: 1,
                max_per_second: 1_000,
                burst: std::time::Duration::from_millis(100),
                memory: MEMORY,
            },
            now,
        );
        let metrics = Metrics::new();
        let draft = Draft {
            request: copied(Method::POST, "/", &[], ""),
            recorder: Recorder::new(CAP),
            declared,
            experiment: Arc::new(experiment()),
            admission: gate.admit(declared + memory, now).unwrap(),
            stable: oneshot::channel().1,
            offered: now,
            gate: gate.clone(),
            meters: Rc::new(RouteMeters::new(metrics.clone(), "r".into(), Arc::default())),
        };
        let upload = Upload::new(complete, Some(draft), None);
        let watch = (!complete).then(|| Watch(Some(upload.clone())));
        Trial { gate, offers, upload, watch, metrics }
    }

    fn data(&mut self, bytes: &[u8]) {
        if let Some(watch) = &mut self.watch {
            watch.data(&Bytes::copy_from_slice(bytes));
        }
    }

    fn end(&mut self, end: End) {
        if let Some(watch) = self.watch.take() {
            watch.end(end);
        }
    }

    fn decided(&self) -> BTreeMap<String, u64> {
        self.gate.decisions.snapshot()
    }

    /// Exactly one decision, and its name; the page says the same.
    #[track_caller]
    fn only_decision(&self) -> String {
        let decided = self.decided();
        assert_eq!(decided.values().sum::<u64>(), 1, "{decided:?}");
        let name = decided.into_keys().next().unwrap();
        let line = format!("umbrage_mirror_decisions_total{{route=\"r\",decision=\"{name}\"}} 1");
        assert!(self.metrics.render().contains(&line), "{line}");
        name
    }

    #[track_caller]
    fn nothing_is_held(&self) {
        assert_eq!((self.gate.in_flight(), self.gate.budget.used()), (0, 0));
    }
}

#[test]
fn a_whole_request_that_reached_stable_is_handed_over_with_its_body() {
    for reached_first in [true, false] {
        let mut trial = Trial::new(false, 5, 50);
        if reached_first {
            trial.upload.reach();
        }
        trial.data(b"he");
        trial.data(b"llo");
        assert!(trial.decided().is_empty(), "nothing is decided before both are there");
        trial.end(End::Complete);
        if !reached_first {
            assert!(trial.decided().is_empty(), "nothing is decided before both are there");
            trial.upload.reach();
        }
        assert_eq!(trial.only_decision(), "mirrored");
        let offer = trial.offers.try_recv().unwrap();
        assert_eq!(offer.request.body.clone().into_bytes(), "hello");
        assert_eq!(trial.gate.budget.used(), 55, "what was declared is not paid for twice");
        trial.upload.close();
        trial.upload.reach();
        assert_eq!(trial.only_decision(), "mirrored");
        drop(offer);
        trial.nothing_is_held();
    }
}

#[test]
fn an_empty_body_is_handed_over_when_stable_is_reached() {
    let mut trial = Trial::new(true, 0, 1);
    assert!(trial.upload.is_complete() && trial.decided().is_empty());
    trial.upload.reach();
    assert_eq!(trial.only_decision(), "mirrored");
    assert!(trial.offers.try_recv().unwrap().request.body.is_empty());
}

#[test]
fn a_client_that_goes_away_before_its_request_is_whole_is_told_from_stable() {
    let mut broke_off = Trial::new(false, 0, 1);
    broke_off.upload.reach();
    broke_off.data(b"x");
    broke_off.end(End::Failed);
    assert_eq!(broke_off.only_decision(), "client_aborted");
    broke_off.nothing_is_held();

    let given_up = Trial::new(false, 0, 1);
    given_up.upload.reach();
    given_up.upload.close();
    assert_eq!(given_up.only_decision(), "client_aborted");

    let never_reached = Trial::new(true, 0, 1);
    never_reached.upload.close();
    assert_eq!(never_reached.only_decision(), "stable_unsent");
    never_reached.nothing_is_held();

    let mut not_read = Trial::new(false, 0, 1);
    not_read.upload.reach();
    not_read.data(b"x");
    not_read.end(End::Dropped);
    assert!(not_read.decided().is_empty(), "whose fault it is shows later");
    not_read.upload.close();
    assert_eq!(not_read.only_decision(), "stable_unsent");
}

#[test]
fn stable_that_answers_early_leaves_nothing_to_mirror() {
    let mut trial = Trial::new(false, 0, 1);
    trial.upload.reach();
    trial.data(b"half");
    trial.upload.cut();
    assert_eq!(trial.only_decision(), "stable_unsent");
    trial.nothing_is_held();
    trial.data(b"rest");
    trial.end(End::Complete);
    assert!(trial.upload.is_complete(), "the connection can be used again");
    assert_eq!(trial.only_decision(), "stable_unsent");

    let mut whole = Trial::new(false, 0, 1);
    whole.end(End::Complete);
    whole.upload.cut();
    whole.upload.reach();
    assert_eq!(whole.only_decision(), "mirrored", "an answer after the whole request cuts nothing");
}

#[test]
fn a_body_that_grows_over_its_bounds_is_given_up_at_once() {
    let mut long = Trial::new(false, 0, 1);
    long.data(&[0; CAP]);
    assert!(long.decided().is_empty(), "as long as allowed");
    long.data(b"x");
    assert_eq!(long.only_decision(), "body_too_large");
    long.nothing_is_held();

    let mut poor = Trial::new(false, 0, MEMORY - 10);
    poor.data(&[0; 10]);
    assert!(poor.decided().is_empty());
    poor.data(b"x");
    assert_eq!(poor.only_decision(), "memory");
    poor.nothing_is_held();
}

#[test]
fn a_plane_that_is_gone_or_behind_is_a_refusal() {
    let Trial { gate, offers, upload, .. } = Trial::new(true, 0, 1);
    drop(offers);
    upload.reach();
    assert_eq!(gate.decisions.snapshot(), BTreeMap::from([("shutdown".to_owned(), 1)]));
    assert_eq!((gate.in_flight(), gate.budget.used()), (0, 0));
}

#[test]
fn when_the_body_moved_is_known_also_without_a_copy() {
    let upload = Upload::new(false, None, None);
    let mut watch = Watch(Some(upload.clone()));
    assert_eq!(upload.moved(), None);
    watch.data(&Bytes::from_static(b"x"));
    let first = upload.moved().unwrap();
    watch.trailers(&HeaderMap::new());
    assert!(upload.moved().unwrap() >= first && !upload.is_complete());
    watch.end(End::Complete);
    assert!(upload.is_complete());
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Data(usize),
    End(End),
    Reach,
    Cut,
    Close,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0_usize..60).prop_map(Event::Data),
        2 => prop::sample::select(vec![End::Complete, End::Failed, End::Dropped]).prop_map(Event::End),
        2 => Just(Event::Reach),
        1 => Just(Event::Cut),
        1 => Just(Event::Close),
    ]
}

proptest! {
    #[test]
    fn one_decision_in_any_order(events in prop::collection::vec(event(), 0..12), declared in 0_usize..80) {
        let mut trial = Trial::new(false, declared, 1);
        let mut body = Vec::new();
        for event in events {
            match event {
                Event::Data(n) => {
                    if trial.watch.is_some() {
                        body.extend(std::iter::repeat_n(7, n));
                    }
                    trial.data(&vec![7; n]);
                }
                Event::End(end) => trial.end(end),
                Event::Reach => trial.upload.reach(),
                Event::Cut => trial.upload.cut(),
                Event::Close => trial.upload.close(),
            }
            prop_assert!(trial.decided().values().sum::<u64>() <= 1);
        }
        // However it goes on, the exchange is closed in the end.
        trial.upload.close();
        let decided = trial.only_decision();
        match trial.offers.try_recv() {
            Ok(offer) => {
                prop_assert_eq!(decided, "mirrored");
                prop_assert_eq!(offer.request.body.clone().into_bytes(), body, "a part was mirrored");
            }
            Err(_) => prop_assert!(decided != "mirrored"),
        }
        trial.nothing_is_held();
    }
}
