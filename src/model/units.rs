//! Units with bounds of their own.

/// A share in parts per million, 0 to 1,000,000: what `percent` becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ppm(u32);

impl Ppm {
    /// Nothing.
    pub const ZERO: Ppm = Ppm(0);
    /// Every second one.
    pub const HALF: Ppm = Ppm(500_000);
    /// Everything.
    pub const ALL: Ppm = Ppm(1_000_000);

    /// Parts per million; above a million counts as everything.
    #[must_use]
    pub const fn new(parts: u32) -> Self {
        if parts < Ppm::ALL.0 { Ppm(parts) } else { Ppm::ALL }
    }

    /// A percentage from 0 to 100, not finer than 0.0001; `None` outside of that, and for a positive share that would round to nothing.
    #[must_use]
    pub fn from_percent(percent: f64) -> Option<Self> {
        if !(0.0..=100.0).contains(&percent) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let parts = (percent * 10_000.0).round() as u32;
        (parts > 0 || percent == 0.0).then_some(Ppm(parts))
    }

    /// Parts per million.
    #[must_use]
    pub fn parts(self) -> u32 {
        self.0
    }

    /// As a percentage.
    #[must_use]
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}
