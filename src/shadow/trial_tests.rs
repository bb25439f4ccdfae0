//! Trials live as long as somebody needs them, and equal legs share a pool.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::gate::ControlPlan;
use crate::gate::fixture::{experiment, leg};
use crate::model::Ppm;

const KEY: [u8; 32] = [7; 32];

fn against(shadow: u16, control: Option<u16>) -> Arc<Experiment> {
    let control = control.map(|port| ControlPlan { percent: Ppm::ALL, upstream: Arc::new(leg(port)) });
    Arc::new(Experiment { shadow: Arc::new(leg(shadow)), control, ..experiment() })
}

#[test]
fn an_experiment_has_one_trial() {
    let (mut trials, metrics) = (Trials::default(), Metrics::new());
    let (first, second) = (against(1, None), against(1, None));
    let trial = trials.of(&first, &metrics, KEY);
    assert!(Rc::ptr_eq(&trial, &trials.of(&first, &metrics, KEY)));
    assert!(
        !Rc::ptr_eq(&trial, &trials.of(&second, &metrics, KEY)),
        "another configuration is another trial"
    );
    assert_eq!(trial.rules, first.rules.names());
}

#[test]
fn equal_legs_share_their_connections_across_trials_but_not_across_legs() {
    let (mut trials, metrics) = (Trials::default(), Metrics::new());
    let experiments = [against(1, Some(2)), against(1, Some(3)), against(2, Some(2))];
    let [a, b, c] = experiments.each_ref().map(|experiment| trials.of(experiment, &metrics, KEY));
    assert!(Rc::ptr_eq(&a.shadow, &b.shadow));
    assert!(!Rc::ptr_eq(&a.shadow, &c.shadow));
    assert!(Rc::ptr_eq(a.control.as_ref().unwrap(), c.control.as_ref().unwrap()));
    assert!(!Rc::ptr_eq(a.control.as_ref().unwrap(), &c.shadow), "gauges are kept by leg");
    assert_eq!(trials.pools().len(), 4, "each once: shadows 1 and 2, controls 2 and 3");
}

#[test]
fn what_only_the_trials_know_is_forgotten() {
    let (mut trials, metrics) = (Trials::default(), Metrics::new());
    let (old, new) = (against(1, None), against(2, None));
    let under_way = trials.of(&old, &metrics, KEY);
    trials.of(&new, &metrics, KEY);
    trials.prune();
    assert_eq!(trials.0.len(), 2);
    drop(old);
    trials.prune();
    assert_eq!(trials.0.len(), 2, "a request that is under way still needs it");
    let pool = Rc::downgrade(&under_way.shadow);
    drop(under_way);
    trials.prune();
    assert_eq!(trials.0.len(), 1);
    assert!(pool.upgrade().is_none(), "its idle connections are closed");
    assert!(Arc::ptr_eq(&trials.0[0].experiment, &new));
}

#[test]
fn a_redaction_that_cannot_be_compiled_leaves_no_redactor() {
    let (mut trials, metrics) = (Trials::default(), Metrics::new());
    let good = Arc::new(Experiment { redact: ["$.user.email".to_owned()].into(), ..experiment() });
    let bad = Arc::new(Experiment { redact: ["$[".to_owned()].into(), ..experiment() });
    assert!(trials.of(&good, &metrics, KEY).redactor.is_some());
    assert!(trials.of(&bad, &metrics, KEY).redactor.is_none());
}
