//! The excess mismatch δ: the shadow's disagreement with stable minus control's, paired by request.
//!
//! A finite mixture of constant bets on D = M − N ∈ {−1, 0, 1}: the capital process of Waudby-Smith & Ramdas, arXiv
//! 2010.09686.

use super::special::real;
use super::{Interval, border};

/// How many bets the mixture holds, each of the same weight.
const BETS: u32 = 24;
/// δ is looked for within this distance of −1 and 1, where the size of a bet would be infinite.
const EDGE: f64 = 1e-9;

/// Pairs of which control was asked too and both comparisons could be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paired {
    /// The shadow differs from stable, control does not.
    pub shadow_only: u64,
    /// Control differs from stable, the shadow does not.
    pub control_only: u64,
    /// Both differ or neither does.
    pub alike: u64,
}

impl Paired {
    /// Pairs in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.shadow_only.saturating_add(self.control_only).saturating_add(self.alike)
    }

    /// Log of the evidence against "δ is at most `d`"; `d` within (−1, 1).
    #[must_use]
    pub fn log_e_at_most(&self, d: f64) -> f64 {
        log_mixture(real(self.shadow_only), real(self.control_only), real(self.alike), d)
    }

    /// Log of the evidence against "δ is at least `d`"; `d` within (−1, 1).
    #[must_use]
    pub fn log_e_at_least(&self, d: f64) -> f64 {
        log_mixture(real(self.control_only), real(self.shadow_only), real(self.alike), -d)
    }

    /// The interval of confidence `1 − alpha` around the excess, valid at every number of pairs at once; [−1, 1] when
    /// there are none.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> Interval {
        let n = self.total();
        if n == 0 {
            return Interval { estimate: None, lower: Some(-1.0), upper: Some(1.0) };
        }
        let estimate = (real(self.shadow_only) - real(self.control_only)) / real(n);
        let threshold = (2.0 / alpha).ln();
        Interval {
            estimate: Some(estimate),
            lower: Some(border(estimate, -1.0, |d| self.log_e_at_most(d) - threshold)),
            upper: Some(border(estimate, 1.0, |d| self.log_e_at_least(d) - threshold)),
        }
    }

    /// Whether an excess above 0 is proved at level `alpha`, in agreement with [`Paired::interval`].
    #[must_use]
    pub fn proves_excess(&self, alpha: f64) -> bool {
        self.log_e_at_most(0.0) >= (2.0 / alpha).ln()
    }
}

/// `log (1/24) Σ_j exp(up·ln(1+λ_j(1−d)) + down·ln(1−λ_j(1+d)) + rest·ln(1−λ_j d))` with `λ_j = c_j/(1+d)`,
/// `c_j = 0.999·2^(−j/2)`: so `λ_j(1+d)` is `c_j` itself.
fn log_mixture(up: f64, down: f64, rest: f64, d: f64) -> f64 {
    let d = d.clamp(-1.0 + EDGE, 1.0 - EDGE);
    let mut logs = [0.0f64; BETS as usize];
    let mut largest = f64::NEG_INFINITY;
    for (slot, j) in logs.iter_mut().zip(0..BETS) {
        let c = 0.999 * (-f64::from(j) / 2.0).exp2();
        let bet = c / (1.0 + d);
        *slot = up * (bet * (1.0 - d)).ln_1p() + down * (-c).ln_1p() + rest * (-bet * d).ln_1p();
        largest = largest.max(*slot);
    }
    let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
    largest + sum.ln() - f64::from(BETS).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(shadow_only: u64, control_only: u64, alike: u64) -> Paired {
        Paired { shadow_only, control_only, alike }
    }

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 1e-6, "{got} is not {expected}");
    }

    #[test]
    fn intervals_are_those_published() {
        for (counts, lower, upper) in [
            (pairs(0, 0, 1000), -0.006_643, 0.006_643),
            (pairs(0, 0, 10_000), -0.000_666, 0.000_666),
            (pairs(10, 10, 980), -0.017_746, 0.017_746),
            (pairs(30, 10, 960), -0.001_788, 0.044_763),
            (pairs(30, 10, 9960), -0.000_179, 0.004_517),
            (pairs(300, 100, 9600), 0.013_243, 0.027_133),
            (pairs(5, 0, 995), -0.003_144, 0.017_649),
        ] {
            let got = counts.interval(0.05);
            close(got.lower.unwrap_or(f64::NAN), lower);
            close(got.upper.unwrap_or(f64::NAN), upper);
        }
    }

    #[test]
    fn evidence_is_that_published() {
        close(pairs(30, 10, 960).log_e_at_most(0.0), 2.915_573);
        close(pairs(0, 0, 1000).log_e_at_least(0.01), 6.923_824);
        close(pairs(10, 10, 1980).log_e_at_least(0.01), 4.880_935);
    }

    #[test]
    fn no_pair_bounds_nothing() {
        let nothing = pairs(0, 0, 0).interval(0.05);
        assert_eq!(nothing, Interval { estimate: None, lower: Some(-1.0), upper: Some(1.0) });
        assert!(!pairs(0, 0, 0).proves_excess(0.05));
    }

    #[test]
    fn proof_and_interval_agree() {
        for counts in
            [pairs(30, 10, 960), pairs(300, 100, 9600), pairs(9, 0, 0), pairs(5, 0, 995), pairs(0, 90, 3)]
        {
            let above = counts.interval(0.05).lower.is_some_and(|lower| lower > 0.0);
            assert_eq!(counts.proves_excess(0.05), above, "{counts:?}");
        }
    }

    proptest! {
        #[test]
        fn an_interval_lies_in_range_and_holds_its_estimate(
            a in 0u64..1_000_000_000, b in 0u64..1_000_000_000, c in 0u64..1_000_000_000,
            scale in prop::sample::select(vec![1u64, 1000, 1_000_000, 1_000_000_000]),
        ) {
            let counts = pairs(a / scale, b / scale, c / scale + 1);
            let i = counts.interval(0.05);
            let (lower, estimate, upper) = (i.lower.unwrap_or(-9.0), i.estimate.unwrap_or(-9.0), i.upper.unwrap_or(9.0));
            prop_assert!(-1.0 <= lower && lower <= estimate && estimate <= upper && upper <= 1.0, "{:?} {:?}", counts, i);
            let swapped = pairs(counts.control_only, counts.shadow_only, counts.alike).interval(0.05);
            prop_assert!((swapped.lower.unwrap_or(9.0) + upper).abs() < 1e-12);
        }
    }
}
