//! A new configuration in place of the old: read, validated, swapped as a whole or refused as a whole.

pub mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::admin::ReloadAnswer;
use crate::config::Config;
use crate::live::MARK;
use crate::live::{Identity, Shared, Snapshot};
use crate::model::{Leg, clock};
use crate::shadow::{GuardSettings, Ledger};
use crate::upstream::Scout;

/// Keeps the configuration in force and puts others in its place.
pub struct Reloader {
    shared: Arc<Shared>,
    ledger: Arc<Ledger>,
    scout: Scout,
    current: Mutex<Config>,
    /// What the planes were started with: a key that differs waits for a restart, however many reloads came since.
    started: Config,
}

impl Reloader {
    /// A reloader with `config` in force.
    #[must_use]
    pub fn new(config: Config, shared: Arc<Shared>, ledger: Arc<Ledger>, scout: Scout) -> Self {
        let metrics = &shared.metrics;
        metrics.build_info.with([env!("CARGO_PKG_VERSION")]).set(1.0);
        metrics.config_info.name([([config.source.text_hash.clone()], 1.0)]);
        metrics.config_last_reload_successful.with([]).set(1.0);
        stamp(&shared);
        for (leg, _) in config.legs.iter().filter(|(leg, _)| *leg != Leg::Stable) {
            // There from the start; 1 once the leg was reached.
            metrics.leg_up.with([leg.label()]).set(0.0);
        }
        shared.gate.switches.install(config.policies());
        shared.gate.breakers.attach(config.experiments(), config.breaker);
        Reloader { shared, ledger, scout, started: config.clone(), current: Mutex::new(config) }
    }

    /// Reads the file again and swaps if it is valid; a bad file changes nothing.
    pub fn reload(&self, why: &str) -> ReloadAnswer {
        // Whatever the file says now: who rotated the log asks for this alone.
        if let Some(log) = &self.shared.access_log {
            log.reopen();
        }
        self.reload_certificates(why);
        let mut current = self.current();
        let Some(path) = current.source.path.clone() else {
            let problems = "this proxy was started without a config file; there is nothing to read again";
            return ReloadAnswer { problems: Some(problems.to_owned()), ..ReloadAnswer::default() };
        };
        match Config::from_file(&path) {
            Err(problems) => self.refuse(&problems.render(false)),
            // The same text may name files that are others now: certificates are renewed in place.
            Ok((new, _)) if new.source.text_hash == current.source.text_hash && new.legs == current.legs => {
                self.count("unchanged", true);
                ReloadAnswer {
                    applied: true,
                    needs_restart: self.waiting(&current),
                    ..ReloadAnswer::default()
                }
            }
            Ok((new, warnings)) => {
                if !warnings.is_empty() {
                    tracing::warn!("{}", warnings.render(false));
                }
                let answer = self.swap(&current, &new);
                tracing::info!(why, changed = ?answer.changed, needs_restart = ?answer.needs_restart, epoch_began = answer.epoch_began, "configuration reloaded");
                *current = new;
                answer
            }
        }
    }

    /// Reads the files of `listen.tls` again, those that the process was started with; a pair that cannot be used changes
    /// nothing. True if there are any, and they are in force.
    pub fn reload_certificates(&self, why: &str) -> bool {
        let Some(tls) = &self.shared.tls else { return false };
        match tls.reload(&self.shared.metrics) {
            Ok(()) => {
                tracing::info!(why, "certificates reloaded");
                true
            }
            Err(error) => {
                tracing::error!(%error, "the new certificates are refused, the old ones stay in force");
                false
            }
        }
    }

    /// The files of `listen.tls` that are watched.
    #[must_use]
    pub fn certificate_files(&self) -> Vec<PathBuf> {
        self.shared.tls.iter().flat_map(|tls| tls.settings().files().cloned()).collect()
    }

    /// The configuration in force as TOML, secrets masked.
    #[must_use]
    pub fn masked(&self) -> String {
        self.current().masked()
    }

    /// The guards of the configuration in force; waits for a reload that is under way.
    #[must_use]
    pub fn guard(&self) -> GuardSettings {
        self.current().guard
    }

    /// The same; `None` while a reload is under way.
    #[must_use]
    pub fn try_guard(&self) -> Option<GuardSettings> {
        match self.current.try_lock() {
            Ok(current) => Some(current.guard),
            Err(TryLockError::Poisoned(current)) => Some(current.into_inner().guard),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Hash of the text of the configuration in force.
    #[must_use]
    pub fn text_hash(&self) -> String {
        self.current().source.text_hash.clone()
    }

    /// The file that is read, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.current().source.path.clone()
    }

    fn refuse(&self, problems: &str) -> ReloadAnswer {
        self.count("refused", false);
        tracing::error!("the new configuration is refused, the old one stays in force:\n{problems}");
        ReloadAnswer { problems: Some(problems.to_owned()), ..ReloadAnswer::default() }
    }

    fn swap(&self, old: &Config, new: &Config) -> ReloadAnswer {
        let gate = &self.shared.gate;
        // Before the swap: no request meets a name that was never asked for.
        self.scout.watch(&new.legs);
        let epoch_began = self.ledger.begin(
            &new.epoch_key,
            new.version.as_deref(),
            clock::unix_millis(),
            &new.rule_names(),
        );
        gate.set_bounds(new.gate);
        gate.switches.install(new.policies());
        gate.breakers.attach(new.experiments(), new.breaker);
        self.shared.snapshot.store(Arc::new(snapshot(new, &self.shared.instance)));
        let metrics = &self.shared.metrics;
        metrics.config_info.name([([new.source.text_hash.clone()], 1.0)]);
        self.count("applied", true);
        let mut changed = Config::changed_keys(old, new);
        let of = |key: &str, restart: &str| {
            key.strip_prefix(restart).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        changed.retain(|key| !Config::RESTART_KEYS.iter().any(|restart| of(key, restart)));
        ReloadAnswer { applied: true, changed, needs_restart: self.waiting(new), epoch_began, problems: None }
    }

    /// Keys of `config` that are not in force before a restart.
    fn waiting(&self, config: &Config) -> Vec<String> {
        Config::restart_keys(&self.started, config).into_iter().map(str::to_owned).collect()
    }

    fn count(&self, result: &str, successful: bool) {
        let metrics = &self.shared.metrics;
        metrics.config_reloads.with([result]).increment(1);
        metrics.config_last_reload_successful.with([]).set(if successful { 1.0 } else { 0.0 });
        if successful {
            stamp(&self.shared);
        }
    }

    fn current(&self) -> MutexGuard<'_, Config> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What live sees of a configuration; `instance` tells this process from others where nothing is configured.
#[must_use]
pub fn snapshot(config: &Config, instance: &str) -> Snapshot {
    let mark = config.routes.routes.iter().find_map(|r| r.experiment.as_ref()?.mark.clone());
    Snapshot {
        routes: config.routes.clone(),
        trusted_proxies: config.live.trusted_proxies.clone(),
        upgrades: config.live.upgrades.clone(),
        mark: mark.unwrap_or(MARK),
        identity: Identity::new(&config.live.identity, instance),
    }
}

#[allow(clippy::cast_precision_loss)]
fn stamp(shared: &Shared) {
    let seconds = clock::unix_millis() as f64 / 1000.0;
    shared.metrics.config_last_reload_success_timestamp.with([]).set(seconds);
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
