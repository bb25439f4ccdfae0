//! A bounded histogram of durations: microseconds to two significant digits.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is longer counts as an hour.
pub const MAX_MICROS: u64 = 3_600_000_000;
/// Longest text that is decoded, in bytes: more than the largest histogram takes.
const MAX_ENCODED: usize = 64 * 1024;

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

/// Why a stored histogram cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored histogram is damaged")]
pub struct Damaged;

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        self.add_cell(u64::try_from(duration.as_micros()).unwrap_or(MAX_MICROS), 1);
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

    /// Where the value of a rank lies; the smallest has rank 1. `None` when there are not that many.
    #[must_use]
    pub fn at_rank(&self, rank: u64) -> Option<Bucket> {
        let cells = self.cells.as_ref().filter(|_| rank > 0)?;
        let mut seen = 0u64;
        for cell in cells.iter_recorded() {
            seen += u64::from(cell.count_at_value());
            if seen >= rank {
                let value = cell.value_iterated_to();
                let (floor, next) = (cells.lowest_equivalent(value), cells.next_non_equivalent(value));
                let ceiling = (next <= MAX_MICROS).then(|| seconds(next));
                return Some(Bucket {
                    floor: seconds(floor),
                    middle: f64::midpoint(seconds(floor), seconds(next)),
                    ceiling,
                });
            }
        }
        None
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Histogram) {
        if let Some(cells) = &other.cells {
            for cell in cells.iter_recorded() {
                self.add_cell(cell.value_iterated_to(), cell.count_at_value());
            }
        }
    }

    /// The recorded cells as pairs of LEB128 numbers, the distance from the cell before and the count, in Base64.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        let mut next = 0;
        if let Some(cells) = &self.cells {
            for cell in cells.iter_recorded() {
                let floor = cells.lowest_equivalent(cell.value_iterated_to());
                write_number(&mut bytes, floor - next);
                write_number(&mut bytes, u64::from(cell.count_at_value()));
                next = cells.next_non_equivalent(floor);
            }
        }
        BASE64.encode(bytes)
    }

    /// Reads what [`Histogram::encode`] wrote.
    ///
    /// # Errors
    /// [`Damaged`] for anything else; nothing in it can make the result larger than its bound.
    pub fn decode(text: &str) -> Result<Self, Damaged> {
        if text.len() > MAX_ENCODED {
            return Err(Damaged);
        }
        let bytes = BASE64.decode(text).map_err(|_| Damaged)?;
        let (mut rest, mut next, mut histogram) = (bytes.as_slice(), 0u64, Histogram::default());
        while !rest.is_empty() {
            let gap = read_number(&mut rest)?;
            let count = u32::try_from(read_number(&mut rest)?).map_err(|_| Damaged)?;
            let value = next.checked_add(gap).filter(|value| *value <= MAX_MICROS).ok_or(Damaged)?;
            if count == 0 {
                return Err(Damaged);
            }
            histogram.add_cell(value, count);
            next = histogram.cells.as_ref().map_or(0, |cells| cells.next_non_equivalent(value));
        }
        Ok(histogram)
    }

    fn add_cell(&mut self, micros: u64, count: u32) {
        if self.cells.is_none() {
            // Two digits are within its bounds, so this cannot fail.
            self.cells = hdrhistogram::Histogram::new(2).ok();
        }
        if let Some(cells) = &mut self.cells {
            // It resizes itself up to MAX_MICROS, so this cannot fail.
            let _ = cells.record_n(micros.min(MAX_MICROS), count);
        }
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.encode() == other.encode()
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

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

fn read_number(rest: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(Damaged)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
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
        assert_eq!(histogram.at_rank(0), None);
        assert_eq!(histogram.at_rank(1), Some(Bucket { floor: 5e-6, middle: 5.5e-6, ceiling: Some(6e-6) }));
        let thousand = histogram.at_rank(3).unwrap();
        assert!(thousand.floor <= 1000e-6 && thousand.ceiling.unwrap() > 1000e-6, "{thousand:?}");
        assert!(thousand.ceiling.unwrap() / thousand.floor < 1.01);
        assert_eq!(histogram.at_rank(5), None);
        assert!(Histogram::default().is_empty());
    }

    #[test]
    fn the_longest_bucket_has_no_ceiling() {
        let histogram = of(&[u64::MAX, MAX_MICROS, 10]);
        let longest = histogram.at_rank(3).unwrap();
        assert!(longest.ceiling.is_none() && longest.floor > 3500.0);
        assert!(histogram.cells.as_ref().unwrap().distinct_values() * 4 < 14_000);
    }

    #[test]
    fn damaged_text_is_refused() {
        let good = of(&[1, 2, 3]).encode();
        for bad in ["!", "A", "gICAgICAgICAgIA", "AAA", &good[..good.len() - 1], &"A".repeat(MAX_ENCODED + 1)]
        {
            assert_eq!(Histogram::decode(bad), Err(Damaged), "{bad}");
        }
        let mut far = Vec::new();
        write_number(&mut far, MAX_MICROS + 1);
        write_number(&mut far, 1);
        assert_eq!(Histogram::decode(&BASE64.encode(far)), Err(Damaged));
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
                let _ = histogram.at_rank(histogram.len());
            }
        }
    }
}
