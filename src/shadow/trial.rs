//! One experiment as this plane runs it: with its connections, metric handles, rule names and redactor.

use std::rc::Rc;
use std::sync::Arc;

use super::meters::Meters;
use crate::body::Whole;
use crate::gate::Experiment;
use crate::model::Leg;
use crate::records::Redactor;
use crate::telemetry::Metrics;
use crate::upstream::{self, Pool};

/// What a mirrored request of one route is tried with.
pub(super) struct Trial {
    pub(super) experiment: Arc<Experiment>,
    pub(super) meters: Rc<Meters>,
    pub(super) shadow: Rc<Pool<Whole>>,
    pub(super) control: Option<Rc<Pool<Whole>>>,
    pub(super) rules: Vec<String>,
    /// `None` if its rules cannot be compiled: then nothing of a pair is kept but counts.
    pub(super) redactor: Option<Redactor>,
}

/// The trials of the configurations that requests under way still refer to.
#[derive(Default)]
pub(super) struct Trials(Vec<Rc<Trial>>);

impl Trials {
    /// The trial of an experiment, made at its first request.
    pub(super) fn of(&mut self, experiment: &Arc<Experiment>, metrics: &Metrics, key: [u8; 32]) -> Rc<Trial> {
        if let Some(trial) = self.0.iter().find(|t| Arc::ptr_eq(&t.experiment, experiment)) {
            return trial.clone();
        }
        let control = experiment.control.as_ref();
        let trial = Rc::new(Trial {
            meters: Rc::new(Meters::new(metrics.clone(), experiment.route.clone())),
            shadow: self.pool(Leg::Shadow, &experiment.shadow, metrics),
            control: control.map(|control| self.pool(Leg::Control, &control.upstream, metrics)),
            rules: experiment.rules.names(),
            redactor: Redactor::new(key, &experiment.redact).ok(),
            experiment: experiment.clone(),
        });
        self.0.push(trial.clone());
        trial
    }

    /// Every pool in use, once.
    pub(super) fn pools(&self) -> Vec<Rc<Pool<Whole>>> {
        let mut pools: Vec<Rc<Pool<Whole>>> = Vec::new();
        for pool in self.0.iter().flat_map(|t| std::iter::once(&t.shadow).chain(&t.control)) {
            if !pools.iter().any(|p| Rc::ptr_eq(p, pool)) {
                pools.push(pool.clone());
            }
        }
        pools
    }

    /// Forgets the trials of experiments that nobody else knows any more; their idle connections close with them.
    pub(super) fn prune(&mut self) {
        self.0.retain(|t| Arc::strong_count(&t.experiment) > 1 || Rc::strong_count(t) > 1);
    }

    fn pool(&self, leg: Leg, settings: &Arc<upstream::Settings>, metrics: &Metrics) -> Rc<Pool<Whole>> {
        let known = self.0.iter().find_map(|t| match leg {
            Leg::Control => t.control.as_ref().filter(|p| p.settings() == settings),
            _ => Some(&t.shadow).filter(|p| p.settings() == settings),
        });
        known.cloned().unwrap_or_else(|| Pool::new(leg, settings.clone(), metrics))
    }
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
