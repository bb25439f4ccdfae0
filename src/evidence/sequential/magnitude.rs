//! By how much: the mean of real values, with an interval that is valid asymptotically at every number of them.
//!
//! Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, arXiv 2103.06476. Never for rare events: with no variance it collapses.

use super::special::real;
use super::{Interval, border};

/// The number of values at which the interval is tightest.
const TIGHTEST_AT: f64 = 1000.0;

/// The mean of `n` values with the given mean and standard deviation, and its interval of confidence `1 − alpha`;
/// without ends while there are fewer than two values or they do not vary.
#[must_use]
pub fn mean(n: u64, mean: f64, deviation: f64, alpha: f64) -> Interval {
    if n == 0 {
        return Interval::default();
    }
    if n < 2 || deviation <= 0.0 {
        return Interval { estimate: Some(mean), lower: None, upper: None };
    }
    let margin = deviation * unit_margin(real(n), alpha);
    Interval { estimate: Some(mean), lower: Some(mean - margin), upper: Some(mean + margin) }
}

/// `√(2(tr+1)/(t²r) · log(√(tr+1)/α))` with `r = (−W₋₁(−α²/e) − 1)/t_opt`.
fn unit_margin(t: f64, alpha: f64) -> f64 {
    let r = (-lambert_lower(2.0 * alpha.ln() - 1.0) - 1.0) / TIGHTEST_AT;
    let spread = t * r + 1.0;
    (2.0 * spread / (t * t * r) * (spread.sqrt() / alpha).ln()).sqrt()
}

/// The lower branch W₋₁(x) of Lambert's function, given ln(−x) ≤ −1: the w ≤ −1 with w + ln(−w) = ln(−x).
fn lambert_lower(ln_minus_x: f64) -> f64 {
    border(-1.0, 2.0 * ln_minus_x - 2.0, |w| ln_minus_x - w - (-w).ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_that_published() {
        let margin = unit_margin(1000.0, 0.05);
        assert!((margin - 0.095_979).abs() < 5e-7, "{margin}");
    }

    #[test]
    fn the_lower_branch_solves_its_equation() {
        for ln_minus_x in [-1.0, -1.5, -7.0, -100.0] {
            let w = lambert_lower(ln_minus_x);
            assert!(w <= -1.0 && (w + (-w).ln() - ln_minus_x).abs() < 1e-9, "{w}");
        }
    }

    #[test]
    fn without_variance_there_is_no_interval() {
        assert_eq!(mean(0, 0.0, 0.0, 0.05), Interval::default());
        assert_eq!(mean(100, 1.5, 0.0, 0.05), Interval { estimate: Some(1.5), lower: None, upper: None });
        let wide = mean(2, 0.0, 1.0, 0.05);
        let narrow = mean(1_000_000_000, 0.0, 1.0, 0.05);
        assert!(wide.upper > narrow.upper && narrow.upper > Some(0.0));
    }
}
