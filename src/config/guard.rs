//! `[guard]`: when mirroring stops by itself.

use super::file::{File, Guard};
use super::problem::Problem;
use super::reader::Findings;
use crate::model::Ppm;
use crate::shadow::guard::{BASELINE_WINDOWS, GuardSettings};

/// The settings, and what in them does not fit.
pub(super) fn guard(file: &File, findings: &mut Findings) -> GuardSettings {
    let keys = file.guard.get().cloned().unwrap_or_default();
    let share = |percent: Ppm| percent.percent() / 100.0;
    let settings = GuardSettings {
        loop_delay: keys.loop_delay(),
        in_flight: share(keys.in_flight()),
        memory: share(keys.memory()),
        descriptors: share(keys.descriptors()),
        stable_errors: keys.stable_errors(),
        stable_errors_floor: share(keys.stable_errors_floor()),
        stable_latency: keys.stable_latency(),
        stable_latency_floor: keys.stable_latency_floor(),
        min_requests: keys.min_requests(),
        window: keys.window(),
        baseline: keys.baseline(),
        hold: keys.hold(),
    };
    check(&keys, &settings, findings);
    settings
}

fn check(keys: &Guard, settings: &GuardSettings, findings: &mut Findings) {
    for (name, key) in [("stable_errors", &keys.stable_errors), ("stable_latency", &keys.stable_latency)] {
        if key.get() == Some(&1) {
            let problem = Problem::error(format!("`guard.{name}` is 1"))
                .at(key.span())
                .label("what is usual would stop the mirroring")
                .help("2 or more times the usual; 0 switches this guard off");
            findings.add(problem);
        }
    }
    if settings.baseline < settings.window * BASELINE_WINDOWS {
        let problem = Problem::error("`guard.baseline` is too short for `guard.window`")
            .at(keys.baseline.span().or(keys.window.span()))
            .label(format!("what is usual is learned over at least {BASELINE_WINDOWS} windows"));
        findings.add(problem);
    }
}
