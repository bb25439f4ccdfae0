//! The plane's thread: takes offers, runs their journeys, keeps the evidence, ends within its grace.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::Settings;
use super::account::{Account, Books};
use super::halt::Halts;
use super::journey::{Journey, journey};
use super::keep::Keeper;
use super::ledger::Ledger;
use super::trial::{Trial, Trials};
use crate::gate::{Experiment, Offer, Offers, Switches};
use crate::model::Ppm;
use crate::model::clock::{self, Instant};
use crate::records::{Rotation, Sink};
use crate::telemetry::Metrics;
use crate::telemetry::priority::give_way;

/// How often counts go to the store and idle connections are looked at.
const FLUSH: Duration = Duration::from_secs(1);

/// How often it is seen whether a leg has rested for long enough, and whether mirroring was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// How long mirrors may go on once live has drained.
const GRACE: Duration = Duration::from_secs(2);

/// Signatures that samples are kept for, and new samples a second.
const MAX_SIGNATURES: usize = 2_000;
const SAMPLES_PER_SECOND: u32 = 50;

/// Where the evidence goes.
#[derive(Clone)]
pub struct Evidence {
    /// Counts, in memory.
    pub ledger: Arc<Ledger>,
    /// The store.
    pub sink: Sink,
    /// Key of the hash that stands in for secrets.
    pub redact_key: [u8; 32],
    /// Samples kept for each signature.
    pub samples_per_signature: usize,
}

/// The shadow plane, not started.
pub struct Plane {
    /// How it runs.
    pub settings: Settings,
    /// Its end of the gate.
    pub offers: Offers,
    /// What stops it.
    pub switches: Arc<Switches>,
    /// Where the evidence goes.
    pub evidence: Evidence,
    /// Handles of every metric.
    pub metrics: Metrics,
    /// What its own draws follow from.
    pub seed: u64,
}

/// The shadow plane, running.
pub struct Started {
    stop: Arc<Notify>,
    thread: JoinHandle<()>,
}

/// What every journey uses.
pub(super) struct Tools {
    pub(super) settings: Settings,
    pub(super) books: Books,
    pub(super) keeper: Keeper,
    pub(super) halts: Halts,
    redact_key: [u8; 32],
    trials: RefCell<Trials>,
    draws: RefCell<fastrand::Rng>,
    under_way: Cell<usize>,
    idle: Notify,
}

impl Plane {
    /// Starts the thread, at its lower priority.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(self) -> io::Result<Started> {
        let stop = Arc::new(Notify::new());
        let told = stop.clone();
        let thread = std::thread::Builder::new().name("shadow".into()).spawn(move || self.run(&told))?;
        Ok(Started { stop, thread })
    }

    fn run(self, stop: &Notify) {
        give_way(self.settings.nice);
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "the shadow plane cannot start; nothing is mirrored");
                return;
            }
        };
        let offers = self.offers;
        let tools =
            Rc::new(Tools::new(self.settings, self.evidence, self.metrics, (self.switches, self.seed)));
        // Its end drops whatever is still under way; the accounts then count it.
        let local = LocalSet::new();
        local.block_on(&runtime, tools.clone().live(offers, stop));
        tools.books.draining.set(true);
        drop(local);
        tools.books.ledger.flush();
    }
}

impl Started {
    /// Takes no further offer, lets what is under way end within two seconds, and joins the thread.
    pub fn drain(self) {
        self.stop.notify_one();
        if self.thread.join().is_err() {
            tracing::error!("the shadow plane panicked");
        }
    }
}

impl Tools {
    fn new(
        settings: Settings,
        evidence: Evidence,
        metrics: Metrics,
        (switches, seed): (Arc<Switches>, u64),
    ) -> Self {
        let mut draws = fastrand::Rng::with_seed(seed);
        let slots = u32::try_from(evidence.samples_per_signature).unwrap_or(u32::MAX);
        let rotation = Rotation::new(slots, MAX_SIGNATURES, SAMPLES_PER_SECOND, draws.fork());
        Tools {
            settings,
            books: Books { metrics, ledger: evidence.ledger, draining: Rc::default() },
            keeper: Keeper::new(rotation, evidence.sink),
            halts: Halts::new(switches),
            redact_key: evidence.redact_key,
            trials: RefCell::default(),
            draws: RefCell::new(draws),
            under_way: Cell::new(0),
            idle: Notify::new(),
        }
    }

    async fn live(self: Rc<Self>, mut offers: Offers, stop: &Notify) {
        let mut flush = tokio::time::interval(FLUSH);
        let mut look = tokio::time::interval(LOOK);
        for timer in [&mut flush, &mut look] {
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                biased;
                () = stop.notified() => break,
                _ = flush.tick() => self.sweep(),
                now = look.tick() => self.look(now),
                offer = offers.recv() => match offer {
                    Some(offer) => self.begin(offer),
                    None => break,
                },
            }
        }
        offers.close();
        self.books.draining.set(true);
        while let Ok(offer) = offers.try_recv() {
            drop(self.unasked(&offer));
        }
        let _ = tokio::time::timeout(GRACE, self.empty()).await;
    }

    fn begin(self: &Rc<Self>, offer: Offer) {
        if self.halts.stops(&offer.experiment.route) {
            // It waited in the queue, and no backend has seen it.
            return self.unasked(&offer).stop();
        }
        let under_way = UnderWay::new(self.clone());
        // Boxed, for it is large: the runtime moves what it spawns, and again when it ends.
        let opened = Box::pin(journey(Journey::new(self.clone(), offer)));
        tokio::task::spawn_local(async move {
            opened.await;
            drop(under_way);
        });
    }

    /// The account of an offer that will not be sent any more.
    fn unasked(&self, offer: &Offer) -> Account {
        Account::open(self.trial(&offer.experiment).meters.clone(), self.books.clone(), false)
    }

    fn look(&self, now: Instant) {
        self.trials.borrow().circuits().for_each(|circuit| circuit.tick(now));
        self.halts.look(now);
    }

    async fn empty(&self) {
        while self.under_way.get() > 0 {
            self.idle.notified().await;
        }
    }

    fn sweep(&self) {
        let now = clock::now();
        self.books.ledger.flush();
        let mut trials = self.trials.borrow_mut();
        trials.prune();
        for pool in trials.pools() {
            pool.sweep(now);
        }
    }

    pub(super) fn trial(&self, experiment: &Arc<Experiment>) -> Rc<Trial> {
        self.trials.borrow_mut().of(experiment, &self.books.metrics, self.redact_key)
    }

    /// Whether a share takes the next one.
    pub(super) fn draw(&self, share: Ppm) -> bool {
        self.draws.borrow_mut().u32(0..1_000_000) < share.parts()
    }

    pub(super) fn coin(&self) -> bool {
        self.draws.borrow_mut().bool()
    }
}

/// Counts a journey as under way until dropped, also by a panic.
struct UnderWay(Rc<Tools>);

impl UnderWay {
    fn new(tools: Rc<Tools>) -> Self {
        tools.under_way.set(tools.under_way.get() + 1);
        UnderWay(tools)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        if self.0.under_way.get() == 0 {
            self.0.idle.notify_one();
        }
    }
}
