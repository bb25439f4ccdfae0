//! State that could not be written when its turn came: kept in memory, newest value of each row only, tried again.

use std::collections::BTreeMap;

use super::Record;

/// Rows still to be written. Samples are not kept: there will be others.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    rows: BTreeMap<Key, Record>,
    weight: usize,
}

/// What a row is identified by; epochs sort first, so that they are written first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Epoch(u64),
    Coverage(u64),
    Tally(u64, String, String),
}

impl Backlog {
    /// Bytes kept at most; beyond it new rows are lost, and those already here still take newer values.
    const MAX_WEIGHT: usize = 4 * 1024 * 1024;

    /// Keeps what is worth it.
    pub(super) fn keep(&mut self, records: Vec<Record>) {
        for record in records {
            let Some(key) = Key::of(&record) else { continue };
            let weight = record.weight();
            let old = self.rows.get(&key).map_or(0, Record::weight);
            if self.weight - old + weight <= Self::MAX_WEIGHT {
                self.weight = self.weight - old + weight;
                self.rows.insert(key, record);
            }
        }
    }

    /// Forgets the rows that these records have newer values of.
    pub(super) fn forget(&mut self, newer: &[Record]) {
        if self.rows.is_empty() {
            return;
        }
        for key in newer.iter().filter_map(Key::of) {
            self.weight -= self.rows.remove(&key).map_or(0, |old| old.weight());
        }
    }

    /// What is kept, in the order in which it is to be written.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Record> {
        self.rows.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Backlog::default();
    }
}

impl Key {
    fn of(record: &Record) -> Option<Self> {
        match record {
            Record::Epoch(row) => Some(Key::Epoch(row.number)),
            Record::Coverage { epoch, .. } => Some(Key::Coverage(*epoch)),
            Record::Tally(row) => Some(Key::Tally(row.epoch, row.route.clone(), row.endpoint.clone())),
            Record::Sample(_) => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::records::{EpochRow, TallyRow};

    fn coverage(epoch: u64, json: &str) -> Record {
        Record::Coverage { epoch, json: json.to_owned() }
    }

    fn tally(endpoint: &str, compared: u64) -> Record {
        let (route, endpoint) = ("r".to_owned(), endpoint.to_owned());
        Record::Tally(TallyRow { epoch: 1, route, endpoint, compared, mismatched: 0, data: "{}".into() })
    }

    #[test]
    fn the_newest_value_of_each_row_is_kept_and_epochs_come_first() {
        let mut backlog = Backlog::default();
        backlog.keep(vec![tally("a", 1), coverage(1, "old"), tally("b", 1), tally("a", 2)]);
        let epoch = Record::Epoch(EpochRow { number: 1, key: "k".into(), started_unix_ms: 1, version: None });
        backlog.keep(vec![epoch.clone(), coverage(1, "new")]);
        let rows: Vec<_> = backlog.rows().cloned().collect();
        assert_eq!(rows, [epoch.clone(), coverage(1, "new"), tally("a", 2), tally("b", 1)]);
        backlog.forget(&[coverage(1, "newest"), tally("c", 1)]);
        assert_eq!(backlog.rows().cloned().collect::<Vec<_>>(), [epoch, tally("a", 2), tally("b", 1)]);
        assert_eq!(backlog.weight, backlog.rows().map(Record::weight).sum::<usize>());
        backlog.clear();
        assert!(backlog.is_empty());
    }

    #[test]
    fn its_weight_is_bounded_and_known_rows_still_change() {
        let mut backlog = Backlog::default();
        let big = "x".repeat(Record::MAX - 1000);
        for epoch in 0..100 {
            backlog.keep(vec![coverage(epoch, &big)]);
        }
        let real: usize = backlog.rows().map(Record::weight).sum();
        assert_eq!(real, backlog.weight);
        assert!(real <= Backlog::MAX_WEIGHT);
        assert!(real > Backlog::MAX_WEIGHT / 2);
        backlog.keep(vec![coverage(0, "small")]);
        assert_eq!(backlog.rows().next().unwrap(), &coverage(0, "small"));
        backlog.keep(vec![coverage(99, "fits again")]);
        assert_eq!(backlog.rows().last().unwrap(), &coverage(99, "fits again"));
    }
}
