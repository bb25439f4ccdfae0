//! What the back office is handed by app: handles, switches, and views as closures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;
use serde_json::Value;

use super::Settings;
use crate::gate::Switches;
use crate::telemetry::Metrics;

/// Everything that the admin API shows or turns.
pub struct Office {
    /// The registry behind `/metrics`.
    pub metrics: Metrics,
    /// What pause, resume and percent turn.
    pub switches: Arc<Switches>,
    /// What `/readyz` says.
    pub ready: Arc<Readiness>,
    /// Address and token.
    pub settings: Settings,
    /// What is shown.
    pub views: Views,
}

/// Closures that look things up. They may block shortly (a query, a parse): each call has a thread of its own, of which
/// there are at most [`super::limits::MAX_VIEWS`] at once. A panic in one is answered 500 and survived.
#[derive(Clone)]
pub struct Views {
    /// The report as JSON, in the shape of `umbrage report --format json`.
    pub report: Arc<dyn Fn() -> Value + Send + Sync>,
    /// Differences that fit the query, newest first.
    pub differences: Arc<dyn Fn(&DifferencesQuery) -> Value + Send + Sync>,
    /// The sample with that id; `None` if there is none.
    pub sample: SampleView,
    /// The configuration in force as TOML, secrets masked already.
    pub config: Arc<dyn Fn() -> String + Send + Sync>,
    /// Reads the configuration again; called once at a time.
    pub reload: Arc<dyn Fn() -> ReloadAnswer + Send + Sync>,
    /// Sets the gauges that nobody keeps up to date, such as buffered bytes; called before each `/metrics` page.
    pub gauges: Arc<dyn Fn() + Send + Sync>,
}

/// Looks a sample up by its id.
pub type SampleView = Arc<dyn Fn(&str) -> Option<Value> + Send + Sync>;

/// What `/api/v1/differences` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferencesQuery {
    /// Only those of this endpoint.
    pub endpoint: Option<String>,
    /// Only those at this path (`$.items[*].price`, `status`, `header:content-type`).
    pub path: Option<String>,
    /// At most so many: 1 to [`super::limits::MAX_DIFFERENCES`].
    pub limit: usize,
}

/// What came of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReloadAnswer {
    /// Whether the new configuration is in force; true as well if nothing had changed.
    pub applied: bool,
    /// Keys that changed and are in force.
    pub changed: Vec<String>,
    /// Keys that changed and wait for a restart.
    pub needs_restart: Vec<String>,
    /// Whether evidence is counted anew: the version, the rules or a shadow changed.
    pub epoch_began: bool,
    /// Why it was refused, as `umbrage check` says it; `None` if it was applied.
    pub problems: Option<String>,
}

/// Whether the live plane takes requests. Never depends on the shadow.
#[derive(Debug, Default)]
pub struct Readiness(AtomicU8);

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

impl Readiness {
    /// The listener is bound and its workers accept. Without effect once draining.
    pub fn set_ready(&self) {
        let _ = self.0.compare_exchange(STARTING, READY, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The process is on its way out; there is no way back.
    pub fn set_draining(&self) {
        self.0.store(DRAINING, Ordering::Relaxed);
    }

    /// Whether a load balancer should send requests.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed) == READY
    }

    /// The state in a word: starting, ready or draining.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.0.load(Ordering::Relaxed) {
            STARTING => "starting",
            READY => "ready",
            _ => "draining",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_goes_one_way() {
        let ready = Readiness::default();
        assert!(!ready.is_ready());
        assert_eq!(ready.label(), "starting");
        ready.set_ready();
        assert!(ready.is_ready());
        ready.set_draining();
        assert_eq!(ready.label(), "draining");
        ready.set_ready();
        assert!(!ready.is_ready(), "a draining process must not come back");
    }
}
