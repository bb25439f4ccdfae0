//! Bounds and evidence that stay valid however often they are looked at: every function is one of counts alone.
//!
//! An e-process starts at 1, stays non-negative and has expectation at most 1 at every stopping time under its null, so
//! by Ville's inequality it ever reaches 1/α with probability at most α.

pub mod excess;
pub mod magnitude;
pub mod quantile;
pub mod rate;
mod special;

#[cfg(test)]
mod peeking_tests;

use serde::{Deserialize, Serialize};

/// An estimate and an interval around it; `None` where the counts say nothing, or do not bound it on that side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The middle: what was observed.
    pub estimate: Option<f64>,
    /// Lower end.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
}

/// Steps of one search at most: every third one halves the distance.
const STEPS: usize = 150;
/// The distance at which a search ends, as a share of where it is.
const PRECISION: f64 = 1e-13;

/// Where `height` crosses 0 between `inside`, where it is below, and `outside`: itself on the outer side, so that a
/// bound so found is never too narrow. `outside` if it does not cross before.
///
/// Regula falsi with Illinois' correction, and bisection where that gives no number or is slow.
fn border(mut inside: f64, mut outside: f64, height: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (height(inside), height(outside));
    if high < 0.0 {
        return outside;
    }
    for step in 1..=STEPS {
        if (outside - inside).abs() <= PRECISION * inside.abs().max(outside.abs()) {
            break;
        }
        let mut next = outside - high * (outside - inside) / (high - low);
        if step % 3 == 0 || !(next > inside.min(outside) && next < inside.max(outside)) {
            next = f64::midpoint(inside, outside);
        }
        let at = height(next);
        if at < 0.0 {
            (inside, low, high) = (next, at, high / 2.0);
        } else {
            (outside, high, low) = (next, at, low / 2.0);
        }
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_border_is_found_from_either_side_in_bounded_steps() {
        let steps = Cell::new(0);
        let height = |x: f64| {
            steps.set(steps.get() + 1);
            x * x - 2.0
        };
        let found = border(0.0, 9.0, height);
        assert!(found >= 2.0f64.sqrt() && found - 2.0f64.sqrt() < 1e-12, "{found}");
        assert!(border(0.0, -9.0, height) + 2.0f64.sqrt() <= 0.0);
        assert!(steps.get() < 2 * STEPS, "{}", steps.get());
    }

    #[test]
    fn without_a_crossing_it_is_the_far_end() {
        assert!((border(0.0, 3.0, |_| -1.0) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn infinite_heights_and_tiny_borders_are_found() {
        let found = border(1.0, 0.0, |x| -x.ln() - 20.0);
        assert!((found / (-20.0f64).exp() - 1.0).abs() < 1e-9, "{found}");
    }
}
