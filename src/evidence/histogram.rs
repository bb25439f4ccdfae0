//! A bounded histogram of durations: microseconds to two significant digits.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use hdrhistogram::serialization::{Deserializer as V2Deserializer, Serializer as _, V2Serializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is longer counts as an hour.
pub const MAX_MICROS: u64 = 3_600_000_000;
/// Significant decimal digits.
const DIGITS: u8 = 2;
/// Longest text that is decoded, in bytes: more than the largest histogram takes.
const MAX_ENCODED: usize = 64 * 1024;
/// Length of the head of `HdrHistogram`'s V2 format, in bytes.
const HEAD: usize = 40;

/// Counts of durations. Takes 1 KiB for the first value, 5 KiB when the longest is 0.1 s, 13 KiB at most.
///
/// A cell stops counting at 4.29·10⁹, so that beyond that many equal durations the quantiles keep their place only as
/// long as the number of values is below that of cells times it.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    cells: Option<hdrhistogram::Histogram<u32>>,
}

/// Where a value lies, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// No less than this.
    pub floor: f64,
    /// The middle.
    pub middle: f64,
    /// Less than this; `None` for the last bucket, which holds whatever is longer.
    pub ceiling: Option<f64>,
}

/// The cells of a histogram at one moment, with how many durations lie up to each.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// Durations up to here; the cell's lowest value in µs; the next cell's.
    cells: Vec<(u64, u64, u64)>,
}

/// Why a stored histogram cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored histogram is damaged")]
pub struct Damaged;

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(MAX_MICROS);
        if let Some(cells) = self.cells() {
            // It resizes itself up to MAX_MICROS, so this cannot fail.
            let _ = cells.record(micros.min(MAX_MICROS));
        }
    }

    /// How many durations were counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.cells.as_ref().map_or(0, hdrhistogram::Histogram::len)
    }

    /// True when none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cells in ascending order, to look up ranks.
    #[must_use]
    pub fn ranked(&self) -> Ranked {
        let mut ranked = Ranked { cells: Vec::new() };
        let mut seen = 0u64;
        if let Some(cells) = &self.cells {
            for cell in cells.iter_recorded() {
                seen += u64::from(cell.count_at_value());
                // The highest value of the cell: the lowest of the next follows it.
                let last = cell.value_iterated_to();
                ranked.cells.push((seen, cells.lowest_equivalent(last), last + 1));
            }
        }
        ranked
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Histogram) {
        let Some(theirs) = other.cells.as_ref().filter(|cells| !cells.is_empty()) else { return };
        if let Some(cells) = self.cells() {
            // It resizes itself up to MAX_MICROS, so this cannot fail.
            let _ = cells.add(theirs);
        }
    }

    /// The counts as `HdrHistogram`'s V2 format has them, without its head, in Base64.
    #[must_use]
    pub fn encode(&self) -> String {
        let Some(cells) = self.cells.as_ref().filter(|cells| !cells.is_empty()) else { return String::new() };
        let mut bytes = Vec::new();
        // Into memory and with counts of 32 bits: this cannot fail.
        let _ = V2Serializer::new().serialize(cells, &mut bytes);
        BASE64.encode(bytes.get(HEAD..).unwrap_or_default())
    }

    /// Reads what [`Histogram::encode`] wrote.
    ///
    /// # Errors
    /// [`Damaged`] for anything else; nothing in it can make the result larger than its bound.
    pub fn decode(text: &str) -> Result<Self, Damaged> {
        if text.len() > MAX_ENCODED {
            return Err(Damaged);
        }
        let counts = BASE64.decode(text).map_err(|_| Damaged)?;
        let mut rest = counts.as_slice();
        while !rest.is_empty() {
            checked_number(&mut rest)?;
        }
        // The head is ours, so that no stored size is believed.
        let mut bytes = Vec::with_capacity(HEAD + counts.len());
        bytes.extend(0x1c84_9313_u32.to_be_bytes());
        bytes.extend(u32::try_from(counts.len()).map_err(|_| Damaged)?.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(u32::from(DIGITS).to_be_bytes());
        bytes.extend(1u64.to_be_bytes());
        bytes.extend(MAX_MICROS.to_be_bytes());
        bytes.extend(1f64.to_be_bytes());
        bytes.extend(counts);
        let cells: hdrhistogram::Histogram<u32> =
            V2Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|_| Damaged)?;
        let mut histogram = Histogram::default();
        histogram.merge(&Histogram { cells: Some(cells) });
        Ok(histogram)
    }

    /// The cells, made at their first use.
    fn cells(&mut self) -> Option<&mut hdrhistogram::Histogram<u32>> {
        if self.cells.is_none() {
            // The digits are within its bounds, so this cannot fail.
            self.cells = hdrhistogram::Histogram::new(DIGITS).ok();
        }
        self.cells.as_mut()
    }
}

impl Ranked {
    /// Where the value of a rank lies; the smallest has rank 1. `None` when there are not that many.
    #[must_use]
    pub fn at(&self, rank: u64) -> Option<Bucket> {
        let index = self.cells.partition_point(|(seen, _, _)| *seen < rank);
        let (_, floor, next) = self.cells.get(index).filter(|_| rank > 0)?;
        let (floor, next, last) = (seconds(*floor), seconds(*next), *next > MAX_MICROS);
        Some(Bucket { floor, middle: f64::midpoint(floor, next), ceiling: (!last).then_some(next) })
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.ranked().cells == other.ranked().cells
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Histogram::decode(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[allow(clippy::cast_precision_loss)]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// Reads one LEB128 number, zigzag-encoded: a count, or the number of empty cells below 0. The format's own reader
/// would overflow on some that no histogram holds.
fn checked_number(rest: &mut &[u8]) -> Result<(), Damaged> {
    let mut number = 0u64;
    for shift in (0..42).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(Damaged)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return if number <= 2 * u64::from(u32::MAX) { Ok(()) } else { Err(Damaged) };
        }
    }
    Err(Damaged)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(micros: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for value in micros {
            histogram.record(Duration::from_micros(*value));
        }
        histogram
    }

    #[test]
    fn a_rank_is_known_to_its_bucket() {
        let histogram = of(&[5, 1000, 1000, 250_000]);
        assert_eq!(histogram.len(), 4);
        let histogram = histogram.ranked();
        assert_eq!(histogram.at(0), None);
        assert_eq!(histogram.at(1), Some(Bucket { floor: 5e-6, middle: 5.5e-6, ceiling: Some(6e-6) }));
        let thousand = histogram.at(3).unwrap();
        assert!(thousand.floor <= 1000e-6 && thousand.ceiling.unwrap() > 1000e-6, "{thousand:?}");
        assert!(thousand.ceiling.unwrap() / thousand.floor < 1.01);
        assert_eq!(histogram.at(5), None);
        assert!(Histogram::default().is_empty());
    }

    #[test]
    fn the_longest_bucket_has_no_ceiling() {
        let histogram = of(&[u64::MAX, MAX_MICROS, 10]);
        let longest = histogram.ranked().at(3).unwrap();
        assert!(longest.ceiling.is_none() && longest.floor > 3500.0);
        assert!(histogram.cells.as_ref().unwrap().distinct_values() * 4 < 14_000);
    }

    #[test]
    fn damaged_text_is_refused() {
        let good = of(&[1, 2, 3]).encode();
        for bad in ["!", "A", "gICAgICAgICAgIA", "/////////////w", &good[..good.len() - 1]] {
            assert_eq!(Histogram::decode(bad), Err(Damaged), "{bad}");
        }
        let mut far = vec![1; 4000];
        assert_eq!(
            Histogram::decode(&BASE64.encode(&far)),
            Ok(Histogram::default()),
            "one empty cell, 4000 times"
        );
        far.fill(2);
        assert_eq!(Histogram::decode(&BASE64.encode(&far)), Err(Damaged));
        assert_eq!(Histogram::decode(&"A".repeat(MAX_ENCODED + 4)), Err(Damaged));
    }

    proptest! {
        #[test]
        fn what_was_stored_comes_back(values in prop::collection::vec(0u64..5_000_000_000, 0..200)) {
            let histogram = of(&values);
            let back = Histogram::decode(&histogram.encode()).unwrap();
            prop_assert_eq!(&back, &histogram);
            prop_assert_eq!(back.len(), values.len() as u64);
        }

        #[test]
        fn merging_is_counting_together(a in prop::collection::vec(0u64..9_000_000, 0..50),
                                        b in prop::collection::vec(0u64..9_000_000, 0..50)) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[A-Za-z0-9+/]{0,80}") {
            if let Ok(histogram) = Histogram::decode(&text) {
                prop_assert!(histogram.is_empty() || histogram.ranked().at(histogram.len()).is_some());
            }
        }
    }
}
