//! A rate: `count` of `n`. Two-sided interval and one-sided evidence, prior Beta(½, ½).
//!
//! Robbins 1970; Howard, Ramdas, `McAuliffe`, Sekhon 2021, arXiv 1810.08240. For the verdicts the prior is truncated to
//! the alternative: without that, a drifting rate that never breaks the null crosses in most runs.

use super::special::{ln_beta, ln_inc_beta, ln_inc_beta_upper, real, times_ln, times_ln_1m};
use super::{Interval, border};

/// No hypothesis lies closer to 0 or 1 than this: there its logarithm would be infinite.
const NEAREST: f64 = 1e-12;

/// The interval of confidence `1 − alpha` around `count / n`, valid at every n at once. [0, 1] when n is 0; a count
/// above n counts as n.
#[must_use]
pub fn interval(count: u64, n: u64, alpha: f64) -> Interval {
    if n == 0 {
        return Interval { estimate: None, lower: Some(0.0), upper: Some(1.0) };
    }
    let (s, f) = split(count, n);
    let estimate = s / (s + f);
    let threshold = -alpha.ln();
    let mixed = ln_beta(0.5 + s, 0.5 + f) - ln_beta(0.5, 0.5);
    let height = |p: f64| mixed - times_ln(s, p) - times_ln_1m(f, p) - threshold;
    Interval {
        estimate: Some(estimate),
        lower: Some(border(estimate, 0.0, height)),
        upper: Some(border(estimate, 1.0, height)),
    }
}

/// Log of the evidence against "the rate is at most `p0`".
#[must_use]
pub fn log_e_at_most(count: u64, n: u64, p0: f64) -> f64 {
    let (s, f) = split(count, n);
    let p0 = p0.clamp(NEAREST, 1.0 - NEAREST);
    let posterior = ln_beta(0.5 + s, 0.5 + f) + ln_inc_beta_upper(0.5 + s, 0.5 + f, p0);
    let prior = ln_beta(0.5, 0.5) + ln_inc_beta_upper(0.5, 0.5, p0);
    posterior - prior - times_ln(s, p0) - times_ln_1m(f, p0)
}

/// Log of the evidence against "the rate is at least `p0`".
#[must_use]
pub fn log_e_at_least(count: u64, n: u64, p0: f64) -> f64 {
    let (s, f) = split(count, n);
    let p0 = p0.clamp(NEAREST, 1.0 - NEAREST);
    let posterior = ln_beta(0.5 + s, 0.5 + f) + ln_inc_beta(0.5 + s, 0.5 + f, p0);
    let prior = ln_beta(0.5, 0.5) + ln_inc_beta(0.5, 0.5, p0);
    posterior - prior - times_ln(s, p0) - times_ln_1m(f, p0)
}

/// How many pairs without any mismatch certify a rate below `epsilon` at level `alpha`; at most 2⁵².
#[must_use]
pub fn matches_needed(epsilon: f64, alpha: f64) -> u64 {
    let enough = |n: u64| log_e_at_least(0, n, epsilon) >= -alpha.ln();
    let mut high = 1;
    while high < 1 << 52 && !enough(high) {
        high *= 2;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

fn split(count: u64, n: u64) -> (f64, f64) {
    let count = count.min(n);
    (real(count), real(n - count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: f64, expected: f64, within: f64) {
        assert!((got - expected).abs() <= within, "{got} is not {expected}");
    }

    #[test]
    fn intervals_are_those_published() {
        for (s, n, lower, upper) in [
            (0, 100, 0.0, 0.057_028_6),
            (0, 1000, 0.0, 0.006_997_5),
            (0, 10_000, 0.0, 0.000_816_994),
            (10, 1000, 0.002_406_47, 0.026_164_4),
            (50, 10_000, 0.002_700_97, 0.008_328_26),
            (700, 1000, 0.645_438, 0.751_017),
        ] {
            let got = interval(s, n, 0.05);
            close(got.lower.unwrap_or(f64::NAN), lower, 5e-7);
            close(got.upper.unwrap_or(f64::NAN), upper, 5e-7);
        }
    }

    #[test]
    fn one_sided_evidence_is_that_published() {
        close(log_e_at_most(20, 1000, 0.01), 0.295_401, 1e-6);
        close(log_e_at_most(50, 10_000, 0.001), 35.740_616, 1e-6);
        close(log_e_at_most(10, 1000, 0.005), -1.714_819, 1e-6);
        close(log_e_at_least(2, 1000, 0.01), 3.864_307, 1e-6);
        close(log_e_at_least(0, 5000, 0.001), 4.075_247, 1e-6);
        close(log_e_at_least(0, 300, 0.01), 2.328_801, 1e-6);
    }

    #[test]
    fn harm_among_the_discordant_pairs_is_that_published() {
        close(log_e_at_most(30, 40, 0.5), 3.847_137, 1e-6);
        close(log_e_at_most(12, 15, 0.5), 1.973_180, 1e-6);
        close(log_e_at_most(5, 5, 0.5), 2.749_944, 1e-6);
        close(log_e_at_most(8, 8, 0.5), 4.609_913, 1e-6);
    }

    #[test]
    fn certifying_needs_as_many_matches_as_published() {
        for (epsilon, n) in [(0.05, 74), (0.01, 377), (0.001, 3787), (0.0001, 37_883)] {
            assert_eq!(matches_needed(epsilon, 0.05), n);
        }
    }

    #[test]
    fn nothing_seen_bounds_nothing_and_proves_nothing() {
        assert_eq!(interval(0, 0, 0.05), Interval { estimate: None, lower: Some(0.0), upper: Some(1.0) });
        close(log_e_at_most(0, 0, 0.3), 0.0, 1e-12);
        close(log_e_at_least(0, 0, 0.3), 0.0, 1e-12);
    }

    #[test]
    fn every_size_of_count_gives_a_finite_answer() {
        for n in [1, 2, 1000, 1_000_000, 1_000_000_000] {
            for s in [0, 1, n / 1000, n / 2, n - 1, n, n + 5] {
                for p0 in [0.0, 1e-9, 0.001, 0.5, 0.999, 1.0] {
                    assert!(log_e_at_most(s, n, p0).is_finite(), "{s} {n} {p0}");
                    assert!(log_e_at_least(s, n, p0).is_finite(), "{s} {n} {p0}");
                }
                assert!(interval(s, n, 0.05).lower.is_some_and(f64::is_finite));
            }
        }
    }

    proptest! {
        #[test]
        fn an_interval_lies_in_the_unit_and_holds_its_estimate(n in 1u64..1_000_000_000, share in 0.0f64..=1.0) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let s = (real(n) * share) as u64;
            let i = interval(s, n, 0.05);
            let (lower, estimate, upper) = (i.lower.unwrap_or(-1.0), i.estimate.unwrap_or(-1.0), i.upper.unwrap_or(9.0));
            prop_assert!(0.0 <= lower && lower <= estimate && estimate <= upper && upper <= 1.0, "{:?}", i);
            let doubled = interval(2 * s, 2 * n, 0.05);
            prop_assert!(doubled.upper.unwrap_or(9.0) - doubled.lower.unwrap_or(-1.0) <= upper - lower + 1e-12);
        }
    }
}
