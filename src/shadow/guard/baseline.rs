//! What a reading usually is, learned slowly.

use std::time::Duration;

use crate::model::clock::Instant;

/// The longest time that one reading stands for: what happened while nobody looked is not known.
const LONGEST: Duration = Duration::from_secs(1);

/// A mean over a while: of all readings at first, then one in which the older weigh ever less.
#[derive(Debug, Default)]
pub(super) struct Baseline {
    value: f64,
    learned: Duration,
    at: Option<Instant>,
}

impl Baseline {
    /// Takes a reading in; `None` only lets time pass.
    pub(super) fn learn(&mut self, now: Instant, reading: Option<f64>, over: Duration) {
        let before = self.at.replace(now).unwrap_or(now);
        let passed = now.saturating_duration_since(before).min(LONGEST);
        let Some(reading) = reading.filter(|_| !passed.is_zero()) else { return };
        self.learned = (self.learned + passed).min(over.max(passed));
        let weight = passed.as_secs_f64() / self.learned.as_secs_f64();
        self.value += (reading - self.value) * weight;
    }

    /// What is usual, once it was learned for so long.
    pub(super) fn known(&self, after: Duration) -> Option<f64> {
        (self.learned >= after).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock;

    const TICK: Duration = Duration::from_millis(250);
    const OVER: Duration = Duration::from_mins(10);

    #[test]
    fn it_is_known_after_a_while_and_then_moves_slowly() {
        let (mut baseline, mut now) = (Baseline::default(), clock::now());
        let mut for_seconds = |baseline: &mut Baseline, seconds: u32, reading| {
            for _ in 0..seconds * 4 {
                now += TICK;
                baseline.learn(now, reading, OVER);
            }
        };
        for_seconds(&mut baseline, 20, Some(1.0));
        assert_eq!(baseline.known(Duration::from_secs(30)), None);
        for_seconds(&mut baseline, 11, Some(1.0));
        assert_eq!(baseline.known(Duration::from_secs(30)), Some(1.0));
        for_seconds(&mut baseline, 600, Some(1.0));
        for_seconds(&mut baseline, 60, Some(2.0));
        let value = baseline.known(Duration::ZERO).expect("known");
        // A tenth of the time: 1 - e^-0.1.
        assert!((1.09..1.10).contains(&value), "{value}");
        for_seconds(&mut baseline, 600, None);
        assert_eq!(baseline.known(Duration::ZERO), Some(value), "nothing was read");
    }

    #[test]
    fn a_gap_weighs_no_more_than_a_second() {
        let (mut baseline, now) = (Baseline::default(), clock::now());
        baseline.learn(now, Some(1.0), OVER);
        assert_eq!(baseline.known(TICK), None, "the first reading stands for no time");
        baseline.learn(now + TICK, Some(1.0), OVER);
        baseline.learn(now + Duration::from_hours(1), Some(1.0), OVER);
        assert_eq!(baseline.known(Duration::from_millis(1250)), Some(1.0));
        assert_eq!(baseline.known(Duration::from_millis(1251)), None);
    }
}
