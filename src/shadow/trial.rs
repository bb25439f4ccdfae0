//! One experiment as this plane runs it: with its connections, metric handles, rule names and redactor.

use std::rc::Rc;
use std::sync::Arc;

use super::breaker::Circuit;
use super::meters::Meters;
use crate::body::Whole;
use crate::gate::{Breaker, Experiment, Pass};
use crate::model::{Leg, Outcome, Refusal, clock};
use crate::records::Redactor;
use crate::telemetry::Metrics;
use crate::upstream::{self, Pool};

/// What a mirrored request of one route is tried with.
pub(super) struct Trial {
    pub(super) experiment: Arc<Experiment>,
    pub(super) meters: Rc<Meters>,
    pub(super) shadow: Rc<Pool<Whole>>,
    pub(super) control: Option<Rc<Pool<Whole>>>,
    /// When each of them is left alone; `None` where nobody told the gate of the experiment.
    circuits: [Option<Rc<Circuit>>; 2],
    pub(super) rules: Vec<String>,
    /// `None` if its rules cannot be compiled: then nothing of a pair is kept but counts.
    pub(super) redactor: Option<Redactor>,
}

impl Trial {
    /// Whether control may be asked once more; the pass says so to [`Trial::note`].
    pub(super) fn may_ask_control(&self) -> Result<Option<Pass>, Refusal> {
        self.circuits[1].as_ref().map(|circuit| circuit.switch().admit()).transpose()
    }

    /// What became of a request that was let through.
    pub(super) fn note(&self, leg: Leg, pass: Option<&Pass>, outcome: Outcome) {
        let circuit = &self.circuits[usize::from(leg == Leg::Control)];
        if let (Some(circuit), Some(pass)) = (circuit, pass) {
            circuit.note(pass.turn(), outcome, clock::now());
        }
    }
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
        let shadow = self.pool(Leg::Shadow, &experiment.shadow, metrics);
        let control = control.map(|control| self.pool(Leg::Control, &control.upstream, metrics));
        let breaker = experiment.breaker.get();
        let circuits = [
            breaker.map(|breaker| self.circuit(breaker)),
            breaker.zip(control.as_ref()).map(|(breaker, pool)| self.circuit_of_control(pool, breaker)),
        ];
        let trial = Rc::new(Trial {
            meters: Rc::new(Meters::new(metrics.clone(), experiment.route.clone())),
            circuits,
            shadow,
            control,
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

    /// Every circuit, once for each trial that has it.
    pub(super) fn circuits(&self) -> impl Iterator<Item = &Rc<Circuit>> {
        self.0.iter().flat_map(|trial| trial.circuits.iter().flatten())
    }

    /// Forgets the trials of experiments that nobody else knows any more; their idle connections close with them.
    pub(super) fn prune(&mut self) {
        self.0.retain(|t| Arc::strong_count(&t.experiment) > 1 || Rc::strong_count(t) > 1);
    }

    fn circuit(&self, breaker: &Arc<Breaker>) -> Rc<Circuit> {
        let known = self.circuits().find(|circuit| Arc::ptr_eq(circuit.switch(), breaker));
        known.cloned().unwrap_or_else(|| Rc::new(Circuit::new(Leg::Shadow, breaker.clone())))
    }

    /// Live knows nothing of control, so its breaker is this plane's own; it is turned as the shadow's.
    fn circuit_of_control(&self, pool: &Rc<Pool<Whole>>, like: &Breaker) -> Rc<Circuit> {
        let same = |trial: &&Rc<Trial>| trial.control.as_ref().is_some_and(|known| Rc::ptr_eq(known, pool));
        let known = self.0.iter().find(same).and_then(|trial| trial.circuits[1].clone());
        if let Some(known) = known {
            known.switch().configure(like.settings());
            return known;
        }
        Rc::new(Circuit::new(Leg::Control, Arc::new(Breaker::new(like.settings()))))
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
