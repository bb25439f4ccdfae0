//! Guards at a time that the test moves.

use super::*;
use crate::model::clock;
use crate::telemetry::histogram::LATENCY_BUCKETS;

const TICK: Duration = Duration::from_millis(250);
const HOLD: Duration = Duration::from_secs(10);

fn settings() -> GuardSettings {
    GuardSettings {
        loop_delay: Duration::from_millis(50),
        in_flight: 0.8,
        memory: 0.9,
        descriptors: 0.9,
        stable_errors: 3,
        stable_errors_floor: 0.05,
        stable_latency: 3,
        stable_latency_floor: Duration::from_millis(100),
        min_requests: 200,
        window: Duration::from_secs(10),
        baseline: Duration::from_mins(10),
        hold: HOLD,
    }
}

/// Guards, their time, and totals that only grow.
struct Trial {
    guards: Guards,
    settings: GuardSettings,
    start: Instant,
    now: Instant,
    totals: Readings,
    turns: Vec<Turn>,
}

impl Trial {
    fn new() -> Self {
        let start = clock::now();
        let totals = Readings { latencies: vec![0; LATENCY_BUCKETS.len() + 1], ..Readings::default() };
        Trial { guards: Guards::default(), settings: settings(), start, now: start, totals, turns: vec![] }
    }

    /// One look at these readings, and the totals as they are.
    #[allow(clippy::needless_pass_by_value, reason = "each is written where it is looked at")]
    fn look(&mut self, readings: Readings) -> bool {
        self.now += TICK;
        let readings = Readings {
            asked: self.totals.asked,
            failed: self.totals.failed,
            latencies: self.totals.latencies.clone(),
            ..readings
        };
        let unix_millis = u64::try_from((self.now - self.start).as_millis()).expect("short");
        self.turns.extend(self.guards.judge(self.now, unix_millis, &readings, &self.settings));
        self.guards.is_paused()
    }

    fn delay(&mut self, seconds: f64) -> bool {
        self.look(Readings { loop_delay: Some(seconds), ..Readings::default() })
    }

    /// So much time with a hundred requests at each look; so many of them fail, and all take as long as this bucket says.
    fn traffic(&mut self, time: Duration, failed: u64, bucket: usize) -> bool {
        let end = self.now + time;
        let mut paused = self.guards.is_paused();
        while self.now < end {
            self.totals.asked += 100;
            self.totals.failed += failed;
            self.totals.latencies[bucket] += 100;
            paused = self.look(Readings::default());
        }
        paused
    }

    fn by(&self) -> Vec<String> {
        self.guards.report().by.into_iter().map(|tripped| tripped.guard).collect()
    }
}

#[test]
fn one_reading_above_is_a_hiccup_and_two_in_a_row_trip() {
    let mut trial = Trial::new();
    for _ in 0..20 {
        assert!(!trial.delay(0.5));
        assert!(!trial.delay(0.049));
    }
    assert!(!trial.delay(0.05));
    assert!(trial.delay(0.05), "the bound itself is too much");
    assert_eq!(trial.turns, [Turn::Pause]);
}

#[test]
fn every_absolute_guard_trips_by_its_own_reading_and_is_told_with_its_numbers() {
    for (guard, reading, bound) in [
        (Guard::LoopDelay, Readings { loop_delay: Some(0.06), ..Readings::default() }, 0.05),
        (Guard::InFlight, Readings { in_flight: Some(0.85), ..Readings::default() }, 0.8),
        (Guard::Memory, Readings { memory: Some(0.95), ..Readings::default() }, 0.9),
        (Guard::Descriptors, Readings { descriptors: Some(0.91), ..Readings::default() }, 0.9),
    ] {
        let mut trial = Trial::new();
        assert!(!trial.look(reading.clone()) && trial.look(reading.clone()), "{guard:?}");
        let report = trial.guards.report();
        assert_eq!((report.paused, report.since, report.pauses), (true, Some(500), 1));
        assert_eq!(trial.by(), [guard.label()]);
        assert_eq!(report.by[0].bound, Some(bound));
        let read = [reading.loop_delay, reading.in_flight, reading.memory, reading.descriptors];
        assert_eq!(report.by[0].reading, read.into_iter().flatten().next());
        let tripped: Vec<Guard> =
            trial.guards.tripped().filter_map(|(guard, is)| is.then_some(guard)).collect();
        assert_eq!(tripped, [guard]);
        assert_eq!(trial.guards.readings().map(|(guard, _)| guard).collect::<Vec<_>>(), [guard]);
    }
}

#[test]
fn it_resumes_below_a_lower_bound_only_and_after_the_hold() {
    let mut trial = Trial::new();
    trial.delay(1.0);
    assert!(trial.delay(1.0));
    for _ in 0..400 {
        assert!(trial.delay(0.041), "below its bound, and not calm");
    }
    for _ in 0..HOLD.as_millis() / TICK.as_millis() {
        assert!(trial.delay(0.039));
    }
    assert!(!trial.delay(0.039));
    assert_eq!(trial.turns, [Turn::Pause, Turn::Resume]);
    let report = trial.guards.report();
    assert_eq!((report.paused, report.since, report.by.len(), report.pauses), (false, None, 0, 1));
}

#[test]
fn a_flap_does_not_flutter() {
    let mut trial = Trial::new();
    for n in 0..2_000 {
        // Calm for five seconds, high for half of one: never calm for as long as it takes.
        trial.delay(if n % 22 < 2 { 0.06 } else { 0.001 });
    }
    assert_eq!(trial.turns, [Turn::Pause]);
    assert_eq!(trial.guards.report().pauses, 1);
}

#[test]
fn a_second_guard_lengthens_the_pause_and_does_not_count_as_another() {
    let mut trial = Trial::new();
    let both =
        |delay, memory| Readings { loop_delay: Some(delay), memory: Some(memory), ..Readings::default() };
    for _ in 0..2 {
        trial.look(both(1.0, 0.1));
    }
    for _ in 0..30 {
        trial.look(both(0.0, 0.95));
    }
    assert_eq!(trial.by(), ["loop_delay", "memory"]);
    for _ in 0..20 {
        assert!(trial.look(both(0.0, 0.1)));
    }
    assert_eq!(trial.by(), ["memory"]);
    for _ in 0..40 {
        trial.look(both(0.0, 0.1));
    }
    assert_eq!((trial.turns.as_slice(), trial.guards.report().pauses), (&[Turn::Pause, Turn::Resume][..], 1));
}

#[test]
fn what_cannot_be_read_trips_nothing_and_holds_nothing_for_ever() {
    let mut trial = Trial::new();
    for _ in 0..100 {
        assert!(!trial.look(Readings::default()));
    }
    trial.delay(1.0);
    assert!(trial.delay(1.0));
    for _ in 0..40 {
        assert!(trial.look(Readings::default()));
    }
    assert!(!trial.look(Readings::default()));
}

#[test]
fn a_guard_that_is_switched_off_lets_go_at_once_and_another_bound_after_the_hold() {
    let mut trial = Trial::new();
    trial.delay(0.06);
    assert!(trial.delay(0.06));
    trial.settings.loop_delay = Duration::from_secs(1);
    for _ in 0..40 {
        assert!(trial.delay(0.06));
    }
    assert!(!trial.delay(0.06), "calm by its new bound");
    trial.settings.loop_delay = Duration::from_millis(50);
    trial.delay(0.06);
    assert!(trial.delay(0.06));
    trial.settings.loop_delay = Duration::ZERO;
    assert!(!trial.delay(0.06));
    assert!(!trial.guards.tripped().any(|(guard, _)| guard == Guard::LoopDelay), "what is off is not listed");
}

#[test]
fn errors_are_held_against_what_is_usual_once_it_is_known() {
    let mut trial = Trial::new();
    // A tenth of everything fails from the start: that is usual here, as far as anybody knows.
    assert!(!trial.traffic(Duration::from_mins(1), 10, 0));
    assert!(!trial.traffic(Duration::from_mins(1), 25, 0), "less than three times as many");
    assert!(trial.traffic(Duration::from_secs(15), 95, 0));
    assert_eq!(trial.by(), ["stable_errors"]);
}

#[test]
fn a_few_errors_of_a_service_that_has_none_are_below_the_floor() {
    let mut trial = Trial::new();
    assert!(!trial.traffic(Duration::from_mins(1), 0, 0));
    assert!(!trial.traffic(Duration::from_mins(1), 4, 0));
    assert!(trial.traffic(Duration::from_secs(2), 100, 0));
    assert_eq!(trial.by(), ["stable_errors"], "within seconds");
}

#[test]
fn nothing_is_held_against_a_baseline_that_is_not_known_yet() {
    let mut trial = Trial::new();
    assert!(!trial.traffic(Duration::from_secs(20), 0, 0));
    assert!(!trial.traffic(Duration::from_secs(5), 100, 9));
}

#[test]
fn latency_is_held_against_what_is_usual() {
    let mut trial = Trial::new();
    // Up to 250 ms is usual, up to 500 ms less than three times as much.
    assert!(!trial.traffic(Duration::from_mins(1), 0, 8));
    assert!(!trial.traffic(Duration::from_secs(30), 0, 9));
    assert!(trial.traffic(Duration::from_secs(10), 0, 12));
    assert_eq!(trial.by(), ["stable_latency"]);
}

#[test]
fn a_slow_service_of_few_milliseconds_is_below_the_floor() {
    let mut trial = Trial::new();
    assert!(!trial.traffic(Duration::from_mins(1), 0, 0));
    assert!(!trial.traffic(Duration::from_secs(30), 0, 6), "75 ms");
    assert!(trial.traffic(Duration::from_secs(10), 0, 8), "250 ms");
}

#[test]
fn too_few_requests_say_nothing() {
    let mut trial = Trial::new();
    trial.traffic(Duration::from_mins(1), 0, 0);
    for _ in 0..48 {
        trial.look(Readings::default());
    }
    for _ in 0..400 {
        // Four requests a second, forty in a window, and all of them fail.
        trial.totals.asked += 1;
        trial.totals.failed += 1;
        trial.totals.latencies[16] += 1;
        assert!(!trial.look(Readings::default()));
    }
}

#[test]
fn trouble_does_not_become_usual_and_ends_when_it_ends() {
    let mut trial = Trial::new();
    trial.traffic(Duration::from_mins(2), 2, 0);
    // An hour of it: a baseline that learned would call it usual after some minutes.
    assert!(trial.traffic(Duration::from_hours(1), 30, 0));
    let report = trial.guards.report();
    assert!((0.05..0.1).contains(&report.by[0].bound.expect("known")), "{report:?}");
    // The window has to forget, and the hold to pass.
    assert!(trial.traffic(Duration::from_secs(15), 2, 0));
    assert!(!trial.traffic(Duration::from_secs(10), 2, 0));
    assert_eq!(trial.turns, [Turn::Pause, Turn::Resume]);
}

#[test]
fn a_slow_change_is_followed() {
    let mut trial = Trial::new();
    // In three hours from one in a hundred to a third, with the hours of the day.
    for percent in 1..34 {
        assert!(!trial.traffic(Duration::from_secs(330), percent, 0), "at {percent} %");
    }
}

#[test]
fn a_reset_forgets_what_tripped_and_keeps_the_count() {
    let mut trial = Trial::new();
    trial.delay(1.0);
    assert!(trial.delay(1.0));
    trial.guards.reset();
    let report = trial.guards.report();
    assert_eq!((report.paused, report.since, report.pauses), (false, None, 1));
}
