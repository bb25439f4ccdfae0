//! The guards' watch: takes the readings four times a second, lets them be judged, and turns the switch that live reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::readings::System;
use crate::evidence::report;
use crate::gate::Gate;
use crate::model::{Leg, clock};
use crate::reload::Reloader;
use crate::shadow::Guards;
use crate::shadow::guard::{Guard, GuardSettings, Readings, Turn};
use crate::telemetry::Metrics;

/// How often readings are taken.
const PERIOD: Duration = Duration::from_millis(250);

/// The watch and what it knows.
pub(super) struct Watch {
    guards: Mutex<Guards>,
    gate: Arc<Gate>,
    metrics: Metrics,
    max_connections: usize,
    system: System,
}

impl Watch {
    pub(super) fn new(gate: Arc<Gate>, metrics: Metrics, max_connections: usize) -> Arc<Self> {
        let (guards, system) = (Mutex::default(), System::here());
        Arc::new(Watch { guards, gate, metrics, max_connections, system })
    }

    /// What a report says of the guards.
    pub(super) fn report(&self) -> report::Guard {
        self.guards().report()
    }

    /// Watches; never returns.
    pub(super) async fn watch(&self, reloader: &Reloader) {
        let mut period = tokio::time::interval(PERIOD);
        period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut settings = reloader.guard();
        let mut unread = Vec::new();
        loop {
            period.tick().await;
            // A reload holds it for as long as it reads; what was in force goes on meanwhile.
            settings = reloader.try_guard().unwrap_or(settings);
            self.look(&settings, &mut unread);
        }
    }

    fn look(&self, settings: &GuardSettings, unread: &mut Vec<Guard>) {
        let mut guards = self.guards();
        let has_shadow = !self.gate.breakers.states().is_empty();
        if has_shadow {
            let readings = self.readings(settings, unread);
            match guards.judge(clock::now(), clock::unix_millis(), &readings, settings) {
                Some(Turn::Pause) => tracing::warn!("nothing is mirrored while a guard stops it"),
                Some(Turn::Resume) => tracing::info!("no guard stops the mirroring any more"),
                None => {}
            }
        } else {
            guards.reset();
        }
        self.gate.switches.guard(guards.is_paused());
        self.show(&guards);
    }

    fn readings(&self, settings: &GuardSettings, unread: &mut Vec<Guard>) -> Readings {
        let vitals = self.gate.pulses.take(clock::now());
        let mut told = |guard: Guard, bound: f64, read: &dyn Fn() -> std::io::Result<f64>| {
            let told = (bound > 0.0).then(read)?;
            told.inspect_err(|error| {
                if !unread.contains(&guard) {
                    unread.push(guard);
                    tracing::warn!(guard = guard.label(), %error, "a guard has no reading and stops nothing");
                }
            })
            .ok()
        };
        #[allow(clippy::cast_precision_loss)] // Connections are far below 2^53.
        let in_flight = vitals.in_flight as f64 / self.max_connections.max(1) as f64;
        Readings {
            loop_delay: vitals.delay.map(|delay| delay.as_secs_f64()),
            in_flight: Some(in_flight),
            memory: told(Guard::Memory, settings.memory, &|| self.system.memory()),
            descriptors: told(Guard::Descriptors, settings.descriptors, &|| self.system.descriptors()),
            asked: vitals.asked,
            failed: vitals.failed,
            latencies: self.metrics.leg_first_byte.counts(|[leg, _]| leg == Leg::Stable.label()),
        }
    }

    fn show(&self, guards: &Guards) {
        let name = |guard: Guard| [guard.label().to_owned()];
        let tripped = guards.tripped().map(|(guard, is)| (name(guard), if is { 1.0 } else { 0.0 }));
        self.metrics.guard_tripped.name(tripped);
        self.metrics.guard_reading.name(guards.readings().map(|(guard, value)| (name(guard), value)));
    }

    fn guards(&self) -> MutexGuard<'_, Guards> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
