//! Offers never block, and what they cost is counted.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::*;
use crate::records::fixtures::{counted, epoch, queue_length, sample, sampled, soon};

fn idle(capacity: usize) -> (Sink, Receiver<Message>, Arc<Shared>, Metrics) {
    let metrics = Metrics::new();
    let shared = Arc::new(Shared::new(&metrics));
    let (sender, receiver) = sync_channel(capacity);
    (Sink::new(sender, shared.clone()), receiver, shared, metrics)
}

fn past() -> Instant {
    clock::now()
}

#[test]
fn a_full_queue_drops_and_counts() {
    let (sink, _receiver, shared, metrics) = idle(3);
    let taken: Vec<bool> = (0..5).map(|n| sink.offer(epoch(n, n))).collect();
    assert_eq!(taken, [true, true, true, false, false]);
    assert_eq!(counted(&metrics, "dropped"), 2);
    assert_eq!(shared.waiting(), 3);
    assert!((queue_length(&metrics) - 3.0).abs() < 0.1);
    assert!(!sink.flush(past()), "nobody writes");
}

#[test]
fn the_queue_is_bounded_in_bytes_too() {
    let (sink, receiver, shared, metrics) = idle(100_000);
    let coverage = || Record::Coverage { epoch: 1, json: "x".repeat(Record::MAX - 1000) };
    let weight = coverage().weight();
    let taken = (0..1000).filter(|_| sink.offer(coverage())).count();
    assert_eq!(taken, QUEUE_BYTES / weight);
    assert_eq!(counted(&metrics, "dropped"), 1000 - taken as u64);
    let Ok(Message::Record(first)) = receiver.try_recv() else { panic!("nothing in the queue") };
    shared.release(first.weight());
    assert!(sink.offer(coverage()), "there is room again");
}

#[test]
fn a_record_that_is_too_large_is_dropped() {
    let (sink, receiver, _, metrics) = idle(10);
    assert!(!sink.offer(Record::Coverage { epoch: 1, json: "x".repeat(Record::MAX) }));
    assert_eq!(counted(&metrics, "dropped"), 1);
    assert!(sink.offer(sampled(sample(1, 10 << 20))), "a sample is cut instead");
    let Ok(Message::Record(record)) = receiver.try_recv() else { panic!("nothing in the queue") };
    assert!(record.weight() < 20_000);
}

#[test]
fn without_a_store_every_offer_is_counted_as_failed() {
    let metrics = Metrics::new();
    let sink = Sink::broken(&metrics);
    assert!(!sink.offer(epoch(1, 1)));
    assert!(!sink.clone().offer(sampled(sample(1, 1))));
    assert!(!sink.flush(soon()));
    assert_eq!(counted(&metrics, "failed"), 2);
    assert_eq!(counted(&metrics, "dropped"), 0);
}

#[test]
fn when_the_writer_is_gone_offers_are_dropped_and_flushing_ends_at_once() {
    let (sink, receiver, shared, metrics) = idle(10);
    assert!(sink.offer(epoch(1, 1)));
    drop(receiver);
    shared.ended();
    assert!(!sink.offer(epoch(2, 1)));
    assert_eq!(counted(&metrics, "dropped"), 1);
    assert!(!sink.flush(clock::now() + Duration::from_hours(1)));
}

#[test]
fn flushing_waits_for_what_was_offered_before_and_not_longer() {
    let (sink, receiver, shared, _) = idle(10);
    assert!(sink.flush(past()), "nothing was offered");
    assert!(sink.offer(epoch(1, 1)) && sink.offer(epoch(2, 1)));
    assert!(!sink.flush(past()), "nothing was handled");
    shared.handled(1);
    assert!(!sink.flush(past()), "one is missing");
    let flushed = std::thread::scope(|scope| {
        let flushing = scope.spawn(|| sink.flush(soon()));
        let wakes = receiver.iter().filter(|m| matches!(m, Message::Wake)).take(4).count();
        assert_eq!(wakes, 4, "every flush wakes the writer");
        shared.handled(1);
        flushing.join().unwrap()
    });
    assert!(flushed);
}

#[test]
fn many_threads_may_offer_and_every_offer_is_accounted_for() {
    let (sink, receiver, shared, metrics) = idle(16);
    let accepted = std::thread::scope(|scope| {
        let offering: Vec<_> = (0..4)
            .map(|t| {
                let sink = sink.clone();
                scope.spawn(move || (0..2000).filter(|n| sink.offer(epoch(t * 10_000 + n, 1))).count())
            })
            .collect();
        let shared = &shared;
        let reading = scope.spawn(move || {
            let mut handled = 0;
            for message in receiver {
                if let Message::Record(record) = message {
                    shared.release(record.weight());
                    shared.handled(1);
                    handled += 1;
                }
            }
            handled
        });
        let accepted: usize = offering.into_iter().map(|t| t.join().unwrap()).sum();
        assert!(sink.flush(soon()));
        drop(sink);
        assert_eq!(accepted as u64 + counted(&metrics, "dropped"), 8000);
        assert_eq!(reading.join().unwrap(), accepted);
        accepted
    });
    assert!(accepted > 0);
    assert_eq!(shared.waiting(), 0);
}
