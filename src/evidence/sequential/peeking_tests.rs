//! Simulations of somebody who looks all the time: what holds at every look must fail in at most 5 % of all runs.

use super::excess::Paired;
use super::quantile::ranks;
use super::rate;

const RUNS: u64 = 300;
/// 5 % of the runs and three standard deviations.
const MOST: usize = 26;

/// A generator of the splitmix64 family: the same numbers in every run of the tests.
struct Numbers(u64);

impl Numbers {
    fn of(run: u64) -> Self {
        Numbers(run.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Uniform in [0, 1).
    #[allow(clippy::cast_precision_loss)]
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn hit(&mut self, probability: f64) -> u64 {
        u64::from(self.next() < probability)
    }
}

/// In how many runs a statement fails at some look.
fn alarms(mut fails: impl FnMut(&mut Numbers) -> bool) -> usize {
    (0..RUNS).filter(|run| fails(&mut Numbers::of(*run))).count()
}

#[test]
fn a_rate_watched_all_the_time_stays_in_its_interval() {
    for truth in [0.01, 0.3] {
        let alarms = alarms(|numbers| {
            let mut hits = 0;
            (1..=1500u64).any(|n| {
                hits += numbers.hit(truth);
                let interval = || rate::interval(hits, n, 0.05);
                n % 25 == 0 && !(interval().lower <= Some(truth) && Some(truth) <= interval().upper)
            })
        });
        assert!(alarms <= MOST, "{alarms} of {RUNS} at {truth}");
    }
}

#[test]
fn a_true_null_is_seldom_rejected_on_either_side() {
    let alarms = alarms(|numbers| {
        let mut hits = 0;
        (1..=1500u64).any(|n| {
            hits += numbers.hit(0.02);
            n % 10 == 0
                && rate::log_e_at_most(hits, n, 0.02).max(rate::log_e_at_least(hits, n, 0.02)) >= 40f64.ln()
        })
    });
    assert!(alarms <= MOST, "{alarms} of {RUNS}");
}

#[test]
fn two_alike_backends_seldom_show_an_excess() {
    for noise in [0.01, 0.2] {
        let alarms = alarms(|numbers| {
            let mut pairs = Paired::default();
            (0..1000).any(|n| {
                match (numbers.hit(noise), numbers.hit(noise)) {
                    (1, 0) => pairs.shadow_only += 1,
                    (0, 1) => pairs.control_only += 1,
                    _ => pairs.alike += 1,
                }
                let log_e = || pairs.log_e_at_most(0.0).max(pairs.log_e_at_least(0.0));
                n % 20 == 19 && log_e() >= 40f64.ln()
            })
        });
        assert!(alarms <= MOST, "{alarms} of {RUNS} at {noise}");
    }
}

#[test]
fn a_true_excess_is_found() {
    let found = alarms(|numbers| {
        let mut pairs = Paired::default();
        (0..1000).any(|n| {
            match (numbers.hit(0.15), numbers.hit(0.05)) {
                (1, 0) => pairs.shadow_only += 1,
                (0, 1) => pairs.control_only += 1,
                _ => pairs.alike += 1,
            }
            n % 20 == 19 && pairs.proves_excess(0.05)
        })
    });
    assert!(found > 290, "{found} of {RUNS}");
}

#[test]
fn a_quantile_watched_all_the_time_stays_between_its_ranks() {
    for p in [0.5, 0.99] {
        let alarms = alarms(|numbers| {
            let mut below = 0;
            (1..=1500u64).any(|n| {
                // Of uniform values, those up to p: the true quantile has at least the rank `below`.
                below += numbers.hit(p);
                let fails = || {
                    let ranks = ranks(n, p, 0.05);
                    ranks.lower.is_some_and(|lower| lower > below + 1)
                        || ranks.upper.is_some_and(|upper| upper < below)
                };
                n % 50 == 0 && fails()
            })
        });
        assert!(alarms <= MOST, "{alarms} of {RUNS} at {p}");
    }
}
