//! Streams are timed each for itself, and only while they wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::model::clock;

const WRITE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Rig {
    pauses: Pauses,
    woken: Arc<Woken>,
    waker: Waker,
    start: Instant,
}

fn rig() -> Rig {
    let woken = Arc::new(Woken::default());
    Rig { pauses: Pauses::default(), waker: Waker::from(woken.clone()), woken, start: clock::now() }
}

impl Rig {
    /// A stream is polled at that second, sees this of its answer, and has to wait; why it may not, if so.
    fn poll(&self, place: &mut Place, second: u64, see: impl FnOnce(&Pauses)) -> Option<Overdue> {
        let ended = self.pauses.begin(place);
        if ended.is_none() {
            see(&self.pauses);
            self.pauses.pause(place, &self.waker, || self.start + Duration::from_secs(second));
        }
        ended
    }

    fn woken_at(&self, second: u64) -> usize {
        self.pauses.judge(self.start + Duration::from_secs(second), WRITE);
        self.woken.0.swap(0, Ordering::SeqCst)
    }
}

#[test]
fn a_stream_without_an_answer_is_not_timed() {
    let (rig, mut place) = (rig(), Place::default());
    assert_eq!(rig.poll(&mut place, 0, |_| ()), None);
    assert_eq!(rig.woken_at(10_000), 0);
    assert_eq!(rig.pauses.waiting.borrow().len(), 0, "it takes no place");
}

#[test]
fn a_client_that_takes_nothing_is_waited_for_so_long_and_no_longer() {
    let (rig, mut place) = (rig(), Place::default());
    assert_eq!(rig.poll(&mut place, 0, Pauses::offered), None);
    assert_eq!(rig.poll(&mut place, 50, |_| ()), None, "a look that finds nothing new");
    assert_eq!((rig.woken_at(59), rig.woken_at(60), rig.woken_at(61)), (0, 1, 0));
    assert_eq!(rig.poll(&mut place, 61, |_| ()), Some(Overdue::Client));
}

#[test]
fn whatever_it_takes_gives_it_time_anew() {
    let (rig, mut place) = (rig(), Place::default());
    for second in [0, 59, 118] {
        assert_eq!(rig.woken_at(second), 0);
        assert_eq!(rig.poll(&mut place, second, Pauses::offered), None);
    }
    assert_eq!((rig.woken_at(177), rig.woken_at(178)), (0, 1));
}

#[test]
fn stable_has_a_time_of_its_own_and_looking_at_it_gives_no_more() {
    let (rig, mut place) = (rig(), Place::default());
    let waits = |pauses: &Pauses| pauses.awaited(PAUSE);
    assert_eq!(rig.poll(&mut place, 0, waits), None);
    assert_eq!(rig.poll(&mut place, 20, waits), None);
    assert_eq!(rig.poll(&mut place, 25, |_| ()), None);
    assert_eq!((rig.woken_at(29), rig.woken_at(30)), (0, 1));
    assert_eq!(rig.poll(&mut place, 30, waits), Some(Overdue::Stable));
    let mut other = Place::default();
    assert_eq!(rig.poll(&mut other, 0, waits), None);
    let piece = |pauses: &Pauses| {
        pauses.offered();
        pauses.awaited(PAUSE);
    };
    assert_eq!(rig.poll(&mut other, 20, piece), None);
    assert_eq!((rig.woken_at(49), rig.woken_at(50)), (0, 1), "a piece came at 20");
}

#[test]
fn places_are_used_again_and_neighbours_are_their_own() {
    let (rig, mut first, mut second) = (rig(), Place::default(), Place::default());
    rig.poll(&mut first, 0, Pauses::offered);
    rig.poll(&mut second, 30, Pauses::offered);
    assert_eq!(rig.woken_at(60), 1);
    assert_eq!(rig.poll(&mut second, 60, |_| ()), None);
    assert_eq!(rig.poll(&mut first, 60, |_| ()), Some(Overdue::Client));
    rig.pauses.leave(&mut first);
    rig.pauses.leave(&mut first);
    let mut third = Place::default();
    rig.poll(&mut third, 60, Pauses::offered);
    assert_eq!(rig.pauses.waiting.borrow().len(), 2);
    assert_eq!(rig.woken_at(90), 1, "the second alone");
}

#[test]
fn why_a_stream_is_dropped_is_known_while_it_is() {
    let rig = rig();
    assert_eq!(rig.pauses.ended(), None);
    rig.pauses.end(Some(Overdue::Stable));
    assert_eq!(rig.pauses.ended(), Some(Overdue::Stable));
    rig.pauses.end(None);
    assert_eq!(rig.pauses.ended(), None);
}
