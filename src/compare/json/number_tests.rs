//! Tests of numbers: by a table, and against a reference with integers of any size.
#![allow(clippy::unwrap_used)]

use std::hash::DefaultHasher;

use proptest::prelude::*;

use super::*;

fn hashed(written: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(written.as_bytes(), Numbers::Value, &mut hasher);
    hasher.finish()
}

/// Whether two numbers are equal, asked both ways, with the hash held to it.
fn equal(a: &str, b: &str) -> bool {
    let same = |a: &str, b: &str| same(a.as_bytes(), b.as_bytes(), Numbers::Value);
    let equal = same(a, b);
    assert_eq!(equal, same(b, a), "{a} {b}");
    assert!(!equal || hashed(a) == hashed(b), "{a} {b}");
    equal
}

#[test]
fn equal_numbers() {
    for (a, b) in [
        ("1", "1.0"),
        ("1e2", "100"),
        ("100", "1E+2"),
        ("-0", "0"),
        ("0e99999999999999999999", "-0.00"),
        ("0.001", "1e-3"),
        ("10.50", "1.05e1"),
        ("12345678901234567890123", "1234567890123456789012.3e1"),
        ("1e00000000000000000000000002", "100"),
        ("0.0000012", "12e-7"),
        ("1e999999999", "10e999999998"),
        ("1e99999999999999999999", "1e99999999999999999999"),
    ] {
        assert!(equal(a, b), "{a} {b}");
    }
}

#[test]
fn different_numbers() {
    for (a, b) in [
        ("1", "-1"),
        ("1", "2"),
        ("9007199254740992", "9007199254740993"),
        ("18446744073709551615", "18446744073709551616"),
        ("0.1", "0.10000000000000001"),
        ("1e999999999", "1e999999998"),
        ("1e999999999", "1e-999999999"),
        ("0", "1e-999999999"),
        ("0", "1e-99999999999999999999"),
        ("12", "120"),
        ("0.12", "0.012"),
        ("101", "11"),
        ("1.01", "1.1"),
        ("1e99999999999999999999", "1e99999999999999999998"),
    ] {
        assert!(!equal(a, b), "{a} {b}");
    }
}

#[test]
fn as_they_are_written_only_the_same_text_is_the_same() {
    let numbers = ["1", "1.0", "1e0", "10e-1", "1E0", "0", "-0"];
    let hashed = |written: &str| {
        let mut hasher = DefaultHasher::new();
        hash(written.as_bytes(), Numbers::Written, &mut hasher);
        hasher.finish()
    };
    for (at, a) in numbers.iter().enumerate() {
        for (other, b) in numbers.iter().enumerate() {
            assert_eq!(same(a.as_bytes(), b.as_bytes(), Numbers::Written), at == other, "{a} {b}");
            assert_eq!(hashed(a) == hashed(b), at == other, "{a} {b}");
        }
    }
}

#[test]
fn long_numbers_take_linear_time() {
    let long = "7".repeat(1 << 20);
    assert!(equal(&long, &format!("{long}.000")));
    assert!(!equal(&long, &format!("{}8", &long[1..])));
    assert!(equal(&format!("1{}", "0".repeat(1 << 20)), &format!("1e{}", 1 << 20)));
}

/// The number scaled to an integer: digits times a power of ten large enough for every exponent that the test makes.
fn reference(written: &str) -> (bool, String) {
    const SCALE: i64 = 60;
    let (negative, rest) = written.strip_prefix('-').map_or((false, written), |rest| (true, rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let zeros = SCALE + exponent.parse::<i64>().unwrap() - i64::try_from(fraction.len()).unwrap();
    let digits = format!("{whole}{fraction}{}", "0".repeat(usize::try_from(zeros).unwrap()));
    let digits = digits.trim_start_matches('0').to_owned();
    (negative && !digits.is_empty(), digits)
}

fn number() -> impl Strategy<Value = String> {
    // Few digits, so that equal values in other clothes are common.
    "-?(0|[1-2]0{0,3}|10[1-2]0?)(\\.[01]{1,4})?([eE][+-]?[0-9])?"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn agrees_with_the_reference(a in number(), b in number()) {
        prop_assert_eq!(equal(&a, &b), reference(&a) == reference(&b), "{} {}", a, b);
    }

    #[test]
    fn moving_the_point_changes_nothing(digits in "[1-9][0-9]{0,40}", shift in 0usize..40) {
        let shifted = format!("{digits}{}e-{shift}", "0".repeat(shift));
        prop_assert!(equal(&digits, &shifted));
        let other = format!("{digits}1");
        prop_assert!(!equal(&digits, &other));
    }
}
