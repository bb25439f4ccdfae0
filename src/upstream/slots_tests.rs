//! Places are bounded, given in order, and never lost, whoever gives up when.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::upstream::fixture::on_one_thread;

const LONG: Duration = Duration::from_mins(1);

fn waits(slots: &Slots) -> usize {
    slots.waiting.borrow().len()
}

/// Polls a future once.
fn poll<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> Option<F::Output> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn there_are_as_many_places_as_there_may_be() {
    let slots = Slots::new(2, 9);
    let (first, second) = (slots.take(), slots.take());
    assert!(first.is_some() && second.is_some() && slots.take().is_none());
    drop(first);
    assert!(slots.take().is_some(), "dropped at once again");
    second.unwrap().keep();
    assert_eq!(slots.taken(), 1);
    slots.release();
    assert_eq!(slots.taken(), 0);
}

#[test]
fn who_came_first_gets_the_place_and_the_next_one_the_next() {
    on_one_thread(async {
        let slots = Slots::new(1, 9);
        let held = slots.take().unwrap();
        let mut first = Box::pin(slots.wait(LONG));
        let mut second = Box::pin(slots.wait(LONG));
        assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
        drop(held);
        assert!(slots.take().is_none(), "nobody overtakes those that wait");
        assert!(poll(&mut second).is_none());
        let place = poll(&mut first).unwrap().unwrap();
        drop(place);
        assert!(poll(&mut second).unwrap().is_ok());
        assert_eq!(slots.taken(), 0, "it was dropped");
    });
}

#[test]
fn whoever_gives_up_passes_on_what_came_too_late() {
    on_one_thread(async {
        let slots = Slots::new(1, 9);
        let held = slots.take().unwrap();
        let mut gone = Box::pin(slots.wait(LONG));
        let mut stays = Box::pin(slots.wait(LONG));
        assert!(poll(&mut gone).is_none() && poll(&mut stays).is_none());
        drop(held);
        // It was handed the place and never looked.
        drop(gone);
        assert!(poll(&mut stays).unwrap().is_ok());
        let held = slots.take().unwrap();
        let mut gone = Box::pin(slots.wait(LONG));
        assert!(poll(&mut gone).is_none());
        drop(gone);
        drop(held);
        assert_eq!(slots.taken(), 0, "a place for nobody is free");
    });
}

#[test]
fn no_more_wait_than_may_and_who_left_is_not_counted() {
    on_one_thread(async {
        let slots = Slots::new(1, 1);
        let held = slots.take().unwrap();
        let mut waits_on = Box::pin(slots.wait(LONG));
        assert!(poll(&mut waits_on).is_none());
        assert!(matches!(poll(&mut Box::pin(slots.wait(LONG))), Some(Err(ConnectError::Full))));
        drop(waits_on);
        let mut next = Box::pin(slots.wait(LONG));
        assert!(poll(&mut next).is_none(), "the one that left made room");
        assert_eq!(waits(&slots), 1);
        drop(held);
        assert!(poll(&mut next).unwrap().is_ok());
    });
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_after_its_bound_and_leaves_nothing_behind() {
    let slots = Slots::new(1, 9);
    let held = slots.take().unwrap();
    let waited = slots.wait(Duration::from_secs(1)).await;
    assert!(matches!(waited, Err(ConnectError::Queue(limit)) if limit == Duration::from_secs(1)));
    drop(held);
    assert!(slots.take().is_some());
}
