//! The bounds on size and age hold, and the oldest goes first.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::records::bounds::Bounds;
use crate::records::fixtures::{epoch, sample, sampled, store, tally};
use crate::records::{Reader, Record, SampleFilter};

const SIZE: u64 = 2 << 20;

fn sample_ids(dir: &std::path::Path) -> Vec<u64> {
    let all = Reader::open(dir).unwrap().samples(&SampleFilter::default()).unwrap();
    all.iter().map(|s| s.id[1..].parse().unwrap()).collect()
}

fn size_of(dir: &std::path::Path) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn the_size_is_bounded_and_the_newest_samples_stay() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds::of(SIZE));
    store.write([epoch(1, 5)].iter(), 7).unwrap();
    let mut largest = 0;
    for round in 0..100 {
        let batch: Vec<Record> = (0..10).map(|n| sampled(sample(round * 10 + n, 3000))).collect();
        store.write(batch.iter(), 7).unwrap();
        store.prune_size().unwrap();
        largest = largest.max(size_of(temp.path()));
    }
    // The index of the log (`-shm`) is 32 KiB for each 4096 pages of it.
    assert!(largest <= SIZE + 64 * 1024, "{largest}");
    let ids = sample_ids(temp.path());
    assert!(ids.len() > 50, "{}", ids.len());
    let newest_first: Vec<u64> = (0..1000).rev().take(ids.len()).collect();
    assert_eq!(ids, newest_first);
    assert!(used_pages(&store.connection).unwrap() <= store.bounds.high_pages);
}

#[test]
fn without_samples_the_oldest_epochs_go_and_the_newest_stays() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds::of(SIZE));
    let data = "d".repeat(100_000);
    for number in 1..=40 {
        let batch = [
            epoch(number, number),
            tally(number, "a", &data),
            Record::Coverage { epoch: number, json: "{}".into() },
        ];
        store.write(batch.iter(), 7).unwrap();
        store.prune_size().unwrap();
    }
    let reader = Reader::open(temp.path()).unwrap();
    assert_eq!(reader.latest_epoch().unwrap().unwrap().number, 40);
    assert_eq!(reader.tallies(40).unwrap().len(), 1);
    assert!(reader.tallies(1).unwrap().is_empty());
    assert_eq!(reader.coverage(1).unwrap(), None);
    let left: i64 = store.connection.query_row("SELECT count(*) FROM epoch", [], |r| r.get(0)).unwrap();
    assert!((5..20).contains(&left), "{left}");
}

#[test]
fn the_newest_epoch_is_never_deleted_however_large() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds { high_pages: 2, low_pages: 1, ..Bounds::of(SIZE) });
    store.write([epoch(1, 1), tally(1, "a", &"d".repeat(100_000))].iter(), 7).unwrap();
    assert_eq!(store.prune_size().unwrap(), 0);
    assert_eq!(Reader::open(temp.path()).unwrap().tallies(1).unwrap().len(), 1);
}

#[test]
fn what_is_older_than_the_age_goes() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = store(temp.path(), Bounds::of(SIZE));
    let mut records: Vec<Record> = (0..100).map(|n| sampled(sample(n, 10))).collect();
    for (number, started) in [(1, 100), (2, 500), (3, 1040), (4, 1060)] {
        records.extend([epoch(number, started), tally(number, "a", "{}")]);
    }
    // Samples of a later epoch, so that they do not go with theirs.
    for record in &mut records {
        if let Record::Sample(sample) = record {
            sample.epoch = 4;
        }
    }
    store.write(records.iter(), 7).unwrap();
    // Samples were taken at 1000 to 1099; the cutoff is 1050.
    assert_eq!(store.prune_age(2050, Duration::from_secs(1)).unwrap(), 50 + 4);
    assert_eq!(sample_ids(temp.path()), (50..100).rev().collect::<Vec<_>>());
    let reader = Reader::open(temp.path()).unwrap();
    assert!(reader.tallies(2).unwrap().is_empty(), "ended at 1040");
    assert_eq!(reader.tallies(3).unwrap().len(), 1, "was in force at the cutoff");
    assert_eq!(store.prune_age(2050, Duration::from_secs(1)).unwrap(), 0);
    assert_eq!(store.prune_age(u64::MAX, Duration::from_secs(1)).unwrap(), 50 + 2);
    assert_eq!(reader.latest_epoch().unwrap().unwrap().number, 4, "the newest stays at any age");
    assert_eq!(
        store.prune_age(10, Duration::MAX).unwrap(),
        0,
        "a clock that stands before the age harms nothing"
    );
}

#[test]
fn freed_space_goes_back_to_the_system_and_a_lowered_bound_is_reached() {
    let temp = tempfile::tempdir().unwrap();
    let large = Bounds::of(64 << 20);
    let mut first = store(temp.path(), large);
    let batch: Vec<Record> = (0..800).map(|n| sampled(sample(n, 4000))).collect();
    first.write(batch.iter(), 7).unwrap();
    first.close().unwrap();
    let before = size_of(temp.path());
    assert!(before > 6 << 20, "{before}");

    let mut second = store(temp.path(), Bounds::of(SIZE));
    second.write([epoch(1, 1)].iter(), 7).unwrap();
    while second.prune_size().unwrap() > 0 {}
    second.write([epoch(2, 1)].iter(), 7).unwrap();
    for _ in 0..8 {
        second.give_back().unwrap();
    }
    let pages = pragma(&second.connection, "page_count").unwrap();
    assert!(pages <= second.bounds.max_pages, "{pages}");
    assert_eq!(pragma(&second.connection, "max_page_count").unwrap(), second.bounds.max_pages);
    second.close().unwrap();
    assert!(size_of(temp.path()) <= SIZE);
}
