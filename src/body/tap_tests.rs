//! Whatever a body does, its tap is shown what passed and told of the end exactly once.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::body::Recorder;
use crate::model::Capture;

/// A body that does as it is told.
#[derive(Debug)]
struct Script {
    steps: VecDeque<Step>,
    /// Says that it is over as soon as nothing is left, as a body of known length does.
    knows_its_end: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Data(Vec<u8>),
    Trailers,
    Wait,
    Break,
}

impl Script {
    fn new(steps: &[Step], knows_its_end: bool) -> Self {
        Script { steps: steps.iter().cloned().collect(), knows_its_end }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(bytes)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(bytes))))),
            Some(Step::Trailers) => {
                let fields = [("x-sum".parse().unwrap(), "1".parse().unwrap())].into_iter().collect();
                Poll::Ready(Some(Ok(Frame::trailers(fields))))
            }
            Some(Step::Wait) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Break) => {
                self.steps.clear();
                Poll::Ready(Some(Err("broken")))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.steps.is_empty()
    }
}

/// Writes down what it is shown.
#[derive(Clone, Debug, Default)]
struct Notes(Rc<RefCell<Seen>>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    data: Vec<u8>,
    trailers: usize,
    ends: Vec<End>,
}

impl Tap for Notes {
    fn data(&mut self, chunk: &Bytes) {
        let mut seen = self.0.borrow_mut();
        assert!(seen.ends.is_empty(), "data after the end");
        seen.data.extend_from_slice(chunk);
    }

    fn trailers(&mut self, fields: &HeaderMap) {
        self.0.borrow_mut().trailers += fields.len();
    }

    fn end(self, end: End) {
        self.0.borrow_mut().ends.push(end);
    }
}

/// Polls up to `polls` times, drops the body, answers what the tap saw and the bytes that came out.
fn drive(script: Script, polls: usize) -> (Seen, Vec<u8>) {
    let notes = Notes::default();
    let mut body = Tapped::new(script, notes.clone());
    let mut out = Vec::new();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for _ in 0..polls {
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                out.extend(frame.into_data().unwrap_or_default());
                if body.is_end_stream() {
                    break;
                }
            }
            Poll::Ready(None | Some(Err(_))) => break,
        }
    }
    drop(body);
    let seen = notes.0.borrow().clone();
    (seen, out)
}

fn data(text: &str) -> Step {
    Step::Data(text.as_bytes().to_vec())
}

#[test]
fn a_chunked_body_is_complete_at_its_end_only() {
    let steps = [data("ab"), Step::Wait, data("c")];
    for (polls, end) in [(3, End::Dropped), (4, End::Complete), (99, End::Complete)] {
        let (seen, _) = drive(Script::new(&steps, false), polls);
        assert_eq!((seen.data.as_slice(), seen.ends), (&b"abc"[..], vec![end]), "{polls} polls");
    }
}

#[test]
fn a_body_of_known_length_is_complete_with_its_last_byte() {
    let (seen, _) = drive(Script::new(&[data("ab"), data("c")], true), 2);
    assert_eq!(seen.ends, [End::Complete], "hyper never polls such a body again");
    let (seen, _) = drive(Script::new(&[data("ab"), data("c")], true), 1);
    assert_eq!(seen.ends, [End::Dropped]);
}

#[test]
fn an_empty_body_is_complete_without_being_polled() {
    assert_eq!(drive(Script::new(&[], true), 0).0.ends, [End::Complete]);
    assert_eq!(drive(Script::new(&[], false), 0).0.ends, [End::Dropped], "nobody knows that it is empty");
    assert_eq!(drive(Script::new(&[], false), 1).0.ends, [End::Complete]);
}

#[test]
fn a_failed_body_is_failed_and_not_dropped_too() {
    let (seen, _) = drive(Script::new(&[data("ab"), Step::Break], true), 99);
    assert_eq!((seen.data.as_slice(), seen.ends), (&b"ab"[..], vec![End::Failed]));
}

#[test]
fn trailers_are_shown_once_and_end_the_body() {
    let (seen, _) = drive(Script::new(&[data("a"), Step::Trailers], true), 2);
    assert_eq!((seen.trailers, seen.ends), (1, vec![End::Complete]));
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Data),
        2 => Just(Step::Wait),
        1 => Just(Step::Break),
        1 => Just(Step::Trailers),
    ];
    prop::collection::vec(step, 0..12).prop_map(|mut steps| {
        // Nothing follows trailers.
        let end = steps.iter().position(|s| *s == Step::Trailers).map_or(steps.len(), |at| at + 1);
        steps.truncate(end);
        steps
    })
}

proptest! {
    #[test]
    fn the_tap_sees_what_passes_and_one_end(steps in steps(), knows in any::<bool>(), polls in 0_usize..20) {
        let (seen, out) = drive(Script::new(&steps, knows), polls);
        prop_assert_eq!(&seen.data, &out);
        prop_assert_eq!(seen.ends.len(), 1);
        let reached = steps.iter().position(|s| *s == Step::Break).is_some_and(|at| at < polls);
        prop_assert_eq!(seen.ends[0] == End::Failed, reached);
        let known = knows || steps.last() == Some(&Step::Trailers);
        let whole = steps.len() < polls || (known && steps.len() <= polls);
        if !steps.contains(&Step::Break) && steps.last() != Some(&Step::Wait) {
            prop_assert_eq!(seen.ends[0] == End::Complete, whole);
        }
    }

    #[test]
    fn a_capture_does_not_depend_on_how_the_body_was_cut(
        body in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(1_usize..50, 1..20),
        cap in 0_usize..300,
    ) {
        let mut recorder = Recorder::new(cap);
        let (mut left, mut held) = (body.as_slice(), 0);
        for cut in cuts.iter().cycle().take(300) {
            let (part, rest) = left.split_at((*cut).min(left.len()));
            left = rest;
            let mut grown = 0;
            let freed = recorder.push(&Bytes::copy_from_slice(part), |n| { grown = n; true });
            held = held + grown - freed;
        }
        prop_assert!(left.is_empty());
        prop_assert_eq!(recorder.is_whole().is_ok(), body.len() <= cap);
        prop_assert_eq!(held, if body.len() <= cap { body.len() } else { 0 }, "bytes that are paid for");
        match recorder.finish() {
            Capture::Complete(chunks) => prop_assert_eq!(chunks.into_bytes(), body),
            Capture::Digest { len, hash } => {
                prop_assert_eq!(len, body.len() as u64);
                prop_assert_eq!(hash, *blake3::hash(&body).as_bytes());
            }
            Capture::Absent(why) => prop_assert!(false, "absent: {:?}", why),
        }
    }
}
