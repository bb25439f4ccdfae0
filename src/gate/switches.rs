//! What the back office may turn and live only reads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::Policy;
use crate::model::Ppm;

/// Switches of the whole gate. A change holds for the next request.
#[derive(Debug, Default)]
pub struct Switches {
    paused: AtomicBool,
    draining: AtomicBool,
    guarded: AtomicBool,
    turns: AtomicU64,
    /// Held by whoever turns a share or installs others, so that neither is lost. Live never takes it.
    shares: Mutex<()>,
    policies: ArcSwap<Vec<Arc<Policy>>>,
}

/// No route has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no route is named '{0}'")]
pub struct UnknownRoute(pub String);

/// Which pause it was, so that its end does not end a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause(u64);

impl Switches {
    /// Stops mirroring until [`Switches::resume`].
    pub fn pause(&self) -> Pause {
        self.paused.store(true, Ordering::Relaxed);
        Pause(self.turns.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Takes mirroring up again.
    pub fn resume(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Ends that pause; false, and nothing done, if somebody paused or resumed since.
    pub fn resume_from(&self, pause: Pause) -> bool {
        let same = self.turns.load(Ordering::Relaxed) == pause.0;
        if same {
            self.resume();
        }
        same
    }

    /// Whether mirroring is paused.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// No mirror is begun any more.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process is draining.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether a guard stops the mirroring; no pause of an operator ends it, and it ends none.
    pub fn guard(&self, stops: bool) {
        self.guarded.store(stops, Ordering::Relaxed);
    }

    /// Whether a guard stops the mirroring.
    pub fn is_guarded(&self) -> bool {
        self.guarded.load(Ordering::Relaxed)
    }

    /// Whether a route is stopped: all mirroring is, or its share is 0, or it or its shadow is no more.
    pub fn stops(&self, route: &str) -> bool {
        if self.is_paused() || self.is_guarded() {
            return true;
        }
        let policies = self.policies.load();
        let goes_on = |p: &Policy| p.has_shadow && p.percent() > Ppm::ZERO;
        !policies.iter().any(|p| *p.route == *route && goes_on(p))
    }

    /// The policies in force, one for each route.
    pub fn policies(&self) -> Arc<Vec<Arc<Policy>>> {
        self.policies.load_full()
    }

    /// Puts the policies of a new configuration in force. A share that a command set stays in force until the
    /// configuration says something new about it: who turned mirroring down in an incident must not have it turned up by
    /// a change of something else.
    pub fn install(&self, policies: Vec<Arc<Policy>>) {
        let _held = self.hold_shares();
        let old = self.policies();
        for policy in &policies {
            let before = old.iter().find(|p| p.route == policy.route && p.configured == policy.configured);
            if let Some(before) = before {
                policy.set_percent(before.percent());
            }
        }
        self.policies.store(Arc::new(policies));
    }

    /// Sets the share of one route, or of all; answers how many routes it changed.
    ///
    /// # Errors
    /// [`UnknownRoute`] if there is none of that name.
    pub fn set_percent(&self, route: Option<&str>, percent: Ppm) -> Result<usize, UnknownRoute> {
        let _held = self.hold_shares();
        let policies = self.policies();
        let meant: Vec<_> = policies.iter().filter(|p| route.is_none_or(|name| *p.route == *name)).collect();
        if let (Some(name), true) = (route, meant.is_empty()) {
            return Err(UnknownRoute(name.to_owned()));
        }
        for policy in &meant {
            policy.set_percent(percent);
        }
        Ok(meant.len())
    }

    fn hold_shares(&self) -> MutexGuard<'_, ()> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::gate::fixture::policy;
    use crate::gate::{PolicySettings, SampleBy};

    #[test]
    fn shares_are_carried_by_name_and_only_where_the_file_is_as_before() {
        let switches = Switches::default();
        switches.install(vec![policy("a"), policy("b")]);
        switches.set_percent(None, Ppm::ALL).unwrap();
        let other = Policy::new(PolicySettings {
            has_shadow: true,
            route: "b".into(),
            percent: Ppm::new(1),
            sample_by: SampleBy::Random,
            seed: 0,
            methods: Vec::new(),
            max_body: 0,
            max_capture: 0,
        });
        switches.install(vec![policy("c"), Arc::new(other), policy("a")]);
        let shares: Vec<Ppm> = switches.policies().iter().map(|policy| policy.percent()).collect();
        assert_eq!(shares, [policy("c").configured, Ppm::new(1), Ppm::ALL]);
    }

    #[test]
    fn a_route_is_stopped_by_each_of_its_reasons_and_by_no_other() {
        let switches = Switches::default();
        assert!(switches.stops("a"), "no route, no mirrors");
        switches.install(vec![policy("a"), policy("b")]);
        assert!(!switches.stops("a") && !switches.stops("b") && switches.stops("c"));
        switches.set_percent(Some("a"), Ppm::ZERO).unwrap();
        assert!(switches.stops("a") && !switches.stops("b"));
        let pause = switches.pause();
        assert!(switches.stops("b"));
        assert!(switches.resume_from(pause) && !switches.stops("b"));
        switches.guard(true);
        assert!(switches.stops("b"));
        switches.guard(false);
        assert!(!switches.stops("b"));
    }

    #[test]
    fn a_share_that_is_set_while_others_are_installed_is_not_lost() {
        let switches = Switches::default();
        let again = || vec![policy("r")];
        switches.install(again());
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    switches.install(again());
                }
            });
            let mut lost = 0;
            for n in 0..20_000 {
                let percent = Ppm::new(1 + n);
                switches.set_percent(None, percent).unwrap();
                lost += u32::from(switches.policies()[0].percent() != percent);
            }
            over.store(true, Ordering::Relaxed);
            assert_eq!(lost, 0, "of 20,000");
        });
    }
}
