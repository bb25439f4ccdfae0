//! Counts by the values of a closed enum.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::{Incomparable, Outcome};

/// No stored count is believed above this: up to here a count is exact as a real number.
pub const MAX_COUNT: u64 = 1 << 53;

/// A closed enum whose values are counted.
pub trait Labelled: Copy + 'static {
    /// Every value, in the order of [`Labelled::slot`].
    const ALL: &'static [Self];
    /// Its place, from 0.
    fn slot(self) -> usize;
    /// Its name in reports and on disk.
    fn label(self) -> &'static str;
}

/// How often each value occurred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts<L> {
    slots: [u64; SLOTS],
    of: PhantomData<L>,
}

/// The class of a status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusClass {
    /// There was no answer.
    None,
    /// 100 to 199.
    Informational,
    /// 200 to 299.
    Success,
    /// 300 to 399.
    Redirection,
    /// 400 to 499.
    ClientError,
    /// 500 to 599.
    ServerError,
    /// A code that HTTP does not define.
    Other,
}

/// No enum that is counted has more values.
const SLOTS: usize = 16;

impl StatusClass {
    /// The class of a code; `None` is no answer.
    #[must_use]
    pub fn of(code: Option<u16>) -> Self {
        match code.map(|code| code / 100) {
            None => StatusClass::None,
            Some(1) => StatusClass::Informational,
            Some(2) => StatusClass::Success,
            Some(3) => StatusClass::Redirection,
            Some(4) => StatusClass::ClientError,
            Some(5) => StatusClass::ServerError,
            Some(_) => StatusClass::Other,
        }
    }
}

impl Labelled for StatusClass {
    const ALL: &'static [Self] = &[
        StatusClass::None,
        StatusClass::Informational,
        StatusClass::Success,
        StatusClass::Redirection,
        StatusClass::ClientError,
        StatusClass::ServerError,
        StatusClass::Other,
    ];

    fn slot(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"][self as usize]
    }
}

impl Labelled for Outcome {
    const ALL: &'static [Self] = Outcome::ALL;

    fn slot(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        Outcome::label(self)
    }
}

impl Labelled for Incomparable {
    const ALL: &'static [Self] = Incomparable::ALL;

    fn slot(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        Incomparable::label(self)
    }
}

impl<L: Labelled> Counts<L> {
    /// Counts one occurrence.
    pub fn add(&mut self, value: L) {
        self.add_many(value, 1);
    }

    /// Counts so many occurrences.
    pub fn add_many(&mut self, value: L, count: u64) {
        if let Some(slot) = self.slots.get_mut(value.slot()) {
            *slot += count;
        }
    }

    /// How often a value occurred.
    #[must_use]
    pub fn get(&self, value: L) -> u64 {
        self.slots.get(value.slot()).copied().unwrap_or(0)
    }

    /// How often any did.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.slots.iter().sum()
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        self.slots.iter_mut().zip(other.slots).for_each(|(slot, more)| *slot += more);
    }

    /// The values that occurred, by label.
    #[must_use]
    pub fn by_label(&self) -> BTreeMap<String, u64> {
        self.occurred().map(|(label, count)| (label.to_owned(), count)).collect()
    }

    fn occurred(&self) -> impl Iterator<Item = (&'static str, u64)> {
        L::ALL.iter().map(|value| (value.label(), self.get(*value))).filter(|(_, count)| *count > 0)
    }
}

impl<L> Default for Counts<L> {
    fn default() -> Self {
        Counts { slots: [0; SLOTS], of: PhantomData }
    }
}

impl<L: Labelled> Serialize for Counts<L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.occurred())
    }
}

impl<'de, L: Labelled> Deserialize<'de> for Counts<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = Counts::default();
        for (label, count) in BTreeMap::<String, u64>::deserialize(deserializer)? {
            let value = L::ALL.iter().find(|value| value.label() == label);
            if count > MAX_COUNT {
                return Err(de::Error::custom(format!("{label:?} counts too many")));
            }
            let slot = value.and_then(|value| counts.slots.get_mut(value.slot()));
            *slot.ok_or_else(|| de::Error::custom(format!("unknown label {label:?}")))? = count;
        }
        Ok(counts)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn each_value_has_its_own_slot<L: Labelled>() {
        let mut counts = Counts::<L>::default();
        for value in L::ALL {
            counts.add(*value);
        }
        assert!(L::ALL.len() <= SLOTS);
        assert!(L::ALL.iter().all(|value| counts.get(*value) == 1));
        assert_eq!(counts.total(), L::ALL.len() as u64);
        assert_eq!(counts.by_label().len(), L::ALL.len());
    }

    #[test]
    fn every_enum_fits() {
        each_value_has_its_own_slot::<StatusClass>();
        each_value_has_its_own_slot::<Outcome>();
        each_value_has_its_own_slot::<Incomparable>();
    }

    #[test]
    fn codes_fall_into_classes() {
        let labels: Vec<&str> =
            [None, Some(100), Some(204), Some(301), Some(404), Some(599), Some(999), Some(0)]
                .map(|code| StatusClass::of(code).label())
                .to_vec();
        assert_eq!(labels, ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other", "other"]);
    }

    #[test]
    fn counts_are_stored_by_label_and_come_back() {
        let mut counts = Counts::<Outcome>::default();
        counts.add(Outcome::Timeout);
        counts.merge(&counts.clone());
        let json = serde_json::to_string(&counts).unwrap();
        assert_eq!(json, r#"{"timeout":2}"#);
        assert_eq!(serde_json::from_str::<Counts<Outcome>>(&json).unwrap(), counts);
        assert!(serde_json::from_str::<Counts<Outcome>>(r#"{"nonsense":2}"#).is_err());
        assert!(serde_json::from_str::<Counts<Outcome>>(r#"{"timeout":18446744073709551615}"#).is_err());
    }
}
