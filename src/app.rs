//! Builds every part from a configuration, starts the planes, drains them: live first, then the shadow plane, then the
//! store, and the back office last, so that it can be asked to the end.

mod guard;
mod office;
mod readings;
pub mod stored;

use std::hash::BuildHasher;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::admin::{Readiness, Views};
use crate::config::Config;
use crate::evidence::{Epoch, Tally};
use crate::gate::Gate;
use crate::live::settings::AccessLogTarget;
use crate::live::{self, Identity, Shared};
use crate::model::clock;

use crate::records::{self, Sink, Writer};
use crate::reload::{Reloader, snapshot};
use crate::shadow::{self, Evidence, Ledger};
use crate::telemetry::log_queue::Flush;
use crate::telemetry::{Metrics, RecordFile};
use crate::tls::TlsError;
use crate::upstream::Scout;

/// How long the store may take to write what is queued.
const FINISH: Duration = Duration::from_secs(2);

/// A running proxy.
pub struct App {
    live: live::Started,
    shadow: shadow::Started,
    writer: Option<Writer>,
    office: office::Started,
    gate: Arc<Gate>,
    ready: Arc<Readiness>,
    reloader: Arc<Reloader>,
    ledger: Arc<Ledger>,
    metrics: Metrics,
    access_log: Option<Flush>,
}

/// Why a proxy does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be bound.
    #[error("cannot listen on {address} ({key}): {cause}")]
    Listen {
        /// The key that names the address.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// A certificate, key or root is of no use.
    #[error("cannot speak TLS (listen.tls): {0}")]
    Tls(#[from] TlsError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

impl App {
    /// Starts a proxy; when it answers, both listeners are bound.
    ///
    /// # Errors
    /// [`StartError`]. A store that cannot be opened is none: serving and mirroring go on without it, loudly.
    pub fn start(config: Config) -> Result<App, StartError> {
        Self::start_at(config, None)
    }

    /// The same at a socket that listens already, instead of at `listen.address`.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start_at(config: Config, listener: Option<TcpListener>) -> Result<App, StartError> {
        let metrics = Metrics::new();
        let scout = Scout::start(metrics.clone())?;
        scout.watch(&config.legs);
        let (gate, offers) = Gate::new(config.gate, clock::now());
        let (sink, writer) = store(&config.records, &metrics);
        let ledger = Arc::new(Ledger::new(resumed(&config), config.limits(), gate.clone(), sink.clone()));
        let tls = config.live.tls.clone().map(|tls| live::Tls::new(tls, &metrics)).transpose()?;
        let (access, access_log) = access_log(config.live.access_log.as_ref(), &metrics)?;
        let instance = Identity::draw_instance();
        let shared = Arc::new(Shared {
            gate: gate.clone(),
            metrics: metrics.clone(),
            snapshot: ArcSwap::from_pointee(snapshot(&config, &instance)),
            instance,
            access_log: access,
            tls,
        });
        let listen = |key, address| move |cause| StartError::Listen { key, address, cause };
        let address = config.live.address;
        let live = live::Plane::bind(config.live.clone(), shared.clone(), listener)
            .map_err(listen("listen.address", address))?;
        let admin = office::bind(config.admin.address, config.live.reuse_port)
            .map_err(listen("admin.address", config.admin.address))?;

        let evidence = Evidence {
            ledger: ledger.clone(),
            sink,
            redact_key: redact_key(&config.records),
            samples_per_signature: config.records.samples_per_signature,
        };
        let seed = fastrand::u64(..);
        let shadow = shadow::Plane {
            settings: config.shadow,
            offers,
            switches: gate.switches.clone(),
            evidence,
            metrics: metrics.clone(),
            seed,
        };
        // What is under way when mirroring stops is known by the routes in force.
        gate.switches.install(config.policies());
        let shadow = shadow.start()?;
        let guards = guard::Watch::new(gate.clone(), metrics.clone(), config.live.max_connections);
        let (settings, dir) = (config.admin.clone(), config.records.dir.clone());
        let reloader = Arc::new(Reloader::new(config, shared, ledger.clone(), scout));
        let ready = Arc::new(Readiness::default());
        let views: Views = office::views(&gate, &ledger, &guards, &reloader, &metrics, dir);
        let office = office::start(office::Parts {
            listener: admin,
            metrics: metrics.clone(),
            switches: gate.switches.clone(),
            ready: ready.clone(),
            settings,
            views,
            reloader: reloader.clone(),
            guards,
        })?;
        live.open().map_err(listen("listen.address", address))?;
        let live = live.start(seed.rotate_left(32))?;
        ready.set_ready();
        Ok(App { live, shadow, writer, office, gate, ready, reloader, ledger, metrics, access_log })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.live.address()
    }

    /// Where the admin API answers.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.office.address()
    }

    /// Reads the configuration again.
    #[must_use]
    pub fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// The evidence so far.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Handles of every metric.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Stops accepting, lets what is in flight finish within its bounds, keeps the evidence, and ends every thread.
    pub fn drain(self) {
        self.ready.set_draining();
        self.gate.switches.drain();
        self.live.drain();
        // Its last lines were offered.
        drop(self.access_log);
        self.shadow.drain();
        if let Some(writer) = self.writer
            && !writer.finish(clock::now() + FINISH)
        {
            tracing::warn!("the store did not take everything in time");
        }
        self.office.stop();
    }
}

/// The access log, if one is wanted, with what writes its last lines.
fn access_log(
    target: Option<&AccessLogTarget>,
    metrics: &Metrics,
) -> io::Result<(Option<RecordFile>, Option<Flush>)> {
    let path = match target {
        None => return Ok((None, None)),
        Some(AccessLogTarget::Stdout) => None,
        Some(AccessLogTarget::File(path)) => Some(path.clone()),
    };
    let (file, flush) = RecordFile::start(path, "access_log", metrics)?;
    Ok((Some(file), Some(flush)))
}

/// The store; without one the evidence of this process is kept in memory only.
fn store(settings: &records::Settings, metrics: &Metrics) -> (Sink, Option<Writer>) {
    match records::start(settings, metrics) {
        Ok((sink, writer)) => (sink, Some(writer)),
        Err(error) => {
            tracing::error!(%error, "nothing is stored: serving and mirroring go on without a store");
            (Sink::broken(metrics), None)
        }
    }
}

/// The evidence that this configuration goes on with: the stored one if it is of the same epoch, else a new one.
fn resumed(config: &Config) -> Tally {
    let limits = config.limits();
    // Without a store there is nothing to resume; that it is missing is said where it is opened for writing.
    let stored = stored::latest(&config.records.dir).ok().flatten();
    let number = stored.as_ref().map_or(1, |(_, latest)| latest.number + 1);
    if let Some((reader, epoch)) = stored.filter(|(_, latest)| latest.key == config.epoch_key) {
        match stored::restore(&reader, epoch, limits) {
            Ok(tally) => return with_rules(tally, config),
            Err(error) => tracing::warn!(%error, "the stored evidence cannot be read; a new epoch begins"),
        }
    }
    let epoch = Epoch {
        number,
        key: config.epoch_key.clone(),
        started_unix_ms: clock::unix_millis(),
        version: config.version.clone(),
    };
    with_rules(Tally::new(epoch, limits), config)
}

fn with_rules(mut tally: Tally, config: &Config) -> Tally {
    tally.expect_rules(&config.rule_names());
    tally
}

/// Key of the hash that stands in for secrets; without a store it lasts as long as the process.
fn redact_key(settings: &records::Settings) -> [u8; 32] {
    records::redact::redact_key(&settings.dir).unwrap_or_else(|_| {
        // Keyed from the system's random source, as every new hash map is.
        let random = std::collections::hash_map::RandomState::new();
        let words = [0_u8, 1, 2, 3].map(|n| random.hash_one(n).to_le_bytes());
        *blake3::hash(words.as_flattened()).as_bytes()
    })
}
