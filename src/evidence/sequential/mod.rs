//! Bounds and evidence that stay valid however often they are looked at: every function is one of counts alone.
//!
//! An e-process starts at 1, stays non-negative and has expectation at most 1 at every stopping time under its null, so
//! by Ville's inequality it ever reaches 1/α with probability at most α.

pub mod excess;
pub mod magnitude;
pub mod quantile;
pub mod rate;
mod special;

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

/// Steps of one bisection: each halves the distance, so that 64 use up an `f64`.
const STEPS: usize = 64;

/// The border between `inside` and `outside`, where `holds` is true on the side of `inside` and changes once; itself
/// on the outer side, so that a bound so found is never too narrow. `outside` if it holds there too.
fn border(mut inside: f64, mut outside: f64, holds: impl Fn(f64) -> bool) -> f64 {
    if holds(outside) {
        return outside;
    }
    for _ in 0..STEPS {
        let middle = f64::midpoint(inside, outside);
        if middle <= inside.min(outside) || middle >= inside.max(outside) {
            break;
        }
        if holds(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    outside
}
