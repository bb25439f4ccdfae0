//! Quantiles: between which ranks of the sorted values a quantile lies, valid at every number of values at once.
//!
//! Howard & Ramdas 2022, arXiv 1906.09712: a beta-binomial mixture over the number of values below the quantile.

use super::border;
use super::special::{ln_beta, real};

/// The number of values at which the bounds are tightest.
pub const TIGHTEST_AT: u64 = 1000;
/// The level at which the mixture is tuned.
const TUNED_ALPHA: f64 = 0.05;

/// Ranks from 1, the smallest value; `None` where the values do not bound the quantile on that side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// The quantile is at least the value of this rank.
    pub lower: Option<u64>,
    /// The quantile is at most the value of this rank.
    pub upper: Option<u64>,
}

/// The ranks between which the quantile `p` (0 to 1, both excluded) of `n` values lies, at confidence `1 − alpha`.
#[must_use]
pub fn ranks(n: u64, p: f64, alpha: f64) -> Ranks {
    if n == 0 {
        return Ranks { lower: None, upper: None };
    }
    let v_opt = p * (1.0 - p) * real(TIGHTEST_AT);
    let v = p * (1.0 - p) * real(n);
    let below = Mixture::tuned(1.0 - p, p, v_opt).margin(v, alpha);
    let above = Mixture::tuned(p, 1.0 - p, v_opt).margin(v, alpha);
    let centre = real(n) * p;
    Ranks {
        lower: below.and_then(|below| rank(n, (centre - below + 1.0).floor())),
        upper: above.and_then(|above| rank(n, (centre + above).ceil())),
    }
}

/// The rank at which the sample quantile itself lies: the smallest with at least the share `p` at or below it.
#[must_use]
pub fn middle_rank(n: u64, p: f64) -> Option<u64> {
    if n == 0 { None } else { rank(n, (real(n) * p).ceil().clamp(1.0, real(n))) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rank(n: u64, rank: f64) -> Option<u64> {
    (rank >= 1.0 && rank <= real(n)).then_some(rank as u64)
}

/// A beta-binomial mixture for increments in [−g, h].
struct Mixture {
    g: f64,
    h: f64,
    r: f64,
    prior: f64,
}

impl Mixture {
    /// Tightest where the variance process is `v_opt`.
    fn tuned(g: f64, h: f64, v_opt: f64) -> Self {
        let wanted = 2.0 * -TUNED_ALPHA.ln();
        let rho = v_opt / (wanted + wanted.ln_1p());
        let r = (rho - g * h).max(0.001 * g * h);
        Mixture { g, h, r, prior: ln_beta(r / g, r / h) }
    }

    /// Log of the supermartingale at the sum `s` (at most v/g) and variance `v`.
    fn log(&self, s: f64, v: f64) -> f64 {
        let Mixture { g, h, r, prior } = *self;
        let (up, down) = ((v + h * s) / h, ((v - g * s) / g).max(0.0));
        ln_beta(r / g + down, r / h + up) - prior - up * g.ln() - down * h.ln()
    }

    /// How far the sum may ever stray upwards at variance `v`, except with probability `alpha`; `None` while even the
    /// largest sum there is, v/g, would prove nothing: then not even the largest value bounds the quantile.
    fn margin(&self, v: f64, alpha: f64) -> Option<f64> {
        let (furthest, height) = (v / self.g, |s| self.log(s, v) + alpha.ln());
        (height(furthest) >= 0.0).then(|| border(0.0, furthest, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranks_are_those_published() {
        for (n, p, lower, upper) in [
            (1000, 0.5, 453, 548),
            (1000, 0.9, 870, 928),
            (1000, 0.99, 979, 998),
            (10_000, 0.5, 4838, 5163),
            (10_000, 0.99, 9866, 9931),
            (100_000, 0.999, 99_861, 99_935),
        ] {
            assert_eq!(ranks(n, p, 0.05), Ranks { lower: Some(lower), upper: Some(upper) }, "{n} {p}");
        }
    }

    #[test]
    fn the_mixture_is_that_of_confseq() {
        let mixture = Mixture::tuned(0.2, 0.8, 100.0);
        let margin = mixture.margin(100.0, 0.05).unwrap_or(f64::NAN);
        assert!((margin - 31.4308).abs() < 5e-5, "{margin}");
        let log = mixture.log(10.0, 100.0);
        assert!((log + 0.694_101_2).abs() < 5e-8, "{log}");
    }

    /// The interval of a rate by the tuned prior: for p, the mixture with g = p, h = 1 − p, at s = S − pn.
    fn tuned_interval(count: f64, n: f64, t_opt: f64) -> (f64, f64) {
        let height = |p: f64| {
            let v = p * (1.0 - p);
            Mixture::tuned(p, 1.0 - p, v * t_opt).log(count - p * n, v * n) - 20.0f64.ln()
        };
        let centre = count / n;
        (border(centre, 1e-9, height), border(centre, 1.0 - 1e-9, height))
    }

    #[test]
    fn the_mixture_gives_the_rate_intervals_of_confseq() {
        for (count, n, t_opt, lower, upper) in [
            (700.0, 1000.0, 100.0, 0.651_629, 0.745_949),
            (15.0, 50.0, 50.0, 0.129_556, 0.511_896),
            (5.0, 50.0, 50.0, 0.013_021, 0.269_264),
            (1.0, 50.0, 50.0, 0.0, 0.134_89),
            (100.0, 200.0, 1.0, 0.328_923, 0.671_076),
        ] {
            let (got_lower, got_upper) = tuned_interval(count, n, t_opt);
            assert!((got_lower - lower).abs() < 2e-6, "{count} of {n}: {got_lower} is not {lower}");
            assert!((got_upper - upper).abs() < 2e-6, "{count} of {n}: {got_upper} is not {upper}");
        }
    }

    #[test]
    fn few_values_do_not_bound_a_high_quantile() {
        assert_eq!(ranks(0, 0.5, 0.05), Ranks { lower: None, upper: None });
        assert_eq!(ranks(5, 0.99, 0.05).upper, None);
        assert_eq!(ranks(3, 0.5, 0.05), Ranks { lower: None, upper: None });
        assert_eq!(middle_rank(0, 0.5), None);
        assert_eq!(middle_rank(1, 0.5), Some(1));
        assert_eq!(middle_rank(1000, 0.99), Some(990));
    }

    proptest! {
        #[test]
        fn ranks_hold_the_sample_quantile(n in 1u64..1_000_000_000, p in 0.001f64..0.999) {
            let middle = middle_rank(n, p).unwrap_or(0);
            let got = ranks(n, p, 0.05);
            prop_assert!((1..=n).contains(&middle));
            prop_assert!(got.lower.is_none_or(|lower| lower <= middle), "{:?} {}", got, middle);
            prop_assert!(got.upper.is_none_or(|upper| upper >= middle), "{:?} {}", got, middle);
        }
    }
}
