//! Numbers compared exactly by their decimal digits: `1`, `1.0` and `10e-1` are equal, and so are `0` and `-0`; nothing
//! is ever rounded. Or, where the rules say so, as they are written.

use std::hash::{Hash, Hasher};

use crate::compare::Numbers;

/// Digits of an exponent that are read as a number. A larger one equals only the same text: to read it would take
/// arithmetic without bound, and nobody means it.
const MAX_EXPONENT_DIGITS: usize = 17;

/// A number as ± 0.DDDD × 10^magnitude, without a zero at either end of its digits.
struct Number<'a> {
    negative: bool,
    /// The digits in two pieces: what stood before the point and after it.
    digits: (&'a [u8], &'a [u8]),
    /// `None` where the exponent is out of bounds.
    magnitude: Option<i64>,
    written: &'a [u8],
}

impl<'a> Number<'a> {
    /// Reads a number that is valid by the grammar of JSON.
    fn read(written: &'a [u8]) -> Self {
        let (negative, rest) = match written.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        let at = rest.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, exponent) = at.map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
        let point = mantissa.iter().position(|&byte| byte == b'.');
        let (whole, fraction) =
            point.map_or((mantissa, &[][..]), |at| (&mantissa[..at], &mantissa[at + 1..]));
        let (whole, dropped) = without_leading_zeros(whole);
        let before_point = whole.len();
        let (fraction, dropped_behind) =
            if whole.is_empty() { without_leading_zeros(fraction) } else { (fraction, 0) };
        let fraction = without_trailing_zeros(fraction);
        let whole = if fraction.is_empty() { without_trailing_zeros(whole) } else { whole };
        debug_assert!(dropped <= 1, "the grammar allows one leading zero");
        let shift = i64::try_from(before_point).ok().zip(i64::try_from(dropped_behind).ok());
        let magnitude = exponent
            .map_or(Some(0), read_exponent)
            .zip(shift)
            .and_then(|(exponent, (before, behind))| exponent.checked_add(before)?.checked_sub(behind));
        Number { negative, digits: (whole, fraction), magnitude, written }
    }

    fn is_zero(&self) -> bool {
        self.digits.0.is_empty() && self.digits.1.is_empty()
    }

    fn digits(&self) -> impl Iterator<Item = &'a u8> {
        self.digits.0.iter().chain(self.digits.1)
    }
}

/// Whether two numbers, as written, are the same by the rule.
pub(super) fn same(stable: &[u8], other: &[u8], by: Numbers) -> bool {
    if stable == other || by == Numbers::Written {
        return stable == other;
    }
    let (a, b) = (Number::read(stable), Number::read(other));
    if a.is_zero() || b.is_zero() {
        return a.is_zero() && b.is_zero();
    }
    a.magnitude.is_some()
        && a.magnitude == b.magnitude
        && a.negative == b.negative
        && a.digits().eq(b.digits())
}

/// Hashes a number so that those which are the same by the rule have equal hashes.
pub(super) fn hash(written: &[u8], by: Numbers, hasher: &mut impl Hasher) {
    if by == Numbers::Written {
        return written.hash(hasher);
    }
    let number = Number::read(written);
    if number.is_zero() {
        0u8.hash(hasher);
    } else if number.magnitude.is_none() {
        number.written.hash(hasher);
    } else {
        (number.negative, number.magnitude).hash(hasher);
        number.digits().for_each(|&digit| hasher.write_u8(digit));
    }
}

fn read_exponent(written: &[u8]) -> Option<i64> {
    let (negative, digits) = match written.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, written),
    };
    let (digits, _) = without_leading_zeros(digits);
    if digits.len() > MAX_EXPONENT_DIGITS {
        return None;
    }
    let value = digits.iter().fold(0i64, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

fn without_leading_zeros(digits: &[u8]) -> (&[u8], usize) {
    let zeros = digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
    (&digits[zeros..], zeros)
}

fn without_trailing_zeros(digits: &[u8]) -> &[u8] {
    let end = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |at| at + 1);
    &digits[..end]
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
