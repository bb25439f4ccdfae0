//! What the back office may turn and live only reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::Policy;
use crate::model::Ppm;

/// Switches of the whole gate. A change holds for the next request.
#[derive(Debug, Default)]
pub struct Switches {
    paused: AtomicBool,
    draining: AtomicBool,
    turns: AtomicU64,
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

    /// The policies in force, one for each route.
    pub fn policies(&self) -> Arc<Vec<Arc<Policy>>> {
        self.policies.load_full()
    }

    /// Puts the policies of a new configuration in force.
    pub fn install(&self, policies: Vec<Arc<Policy>>) {
        self.policies.store(Arc::new(policies));
    }

    /// Sets the share of one route, or of all; answers how many routes it changed.
    ///
    /// # Errors
    /// [`UnknownRoute`] if there is none of that name.
    pub fn set_percent(&self, route: Option<&str>, percent: Ppm) -> Result<usize, UnknownRoute> {
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
}
