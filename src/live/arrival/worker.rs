//! One live thread: a single-threaded runtime, its connections, its sweep, its drain.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;

use super::accept::{Arrival, Load};
use super::activity::{Activity, Patience, Verdict};
use super::addresses::Addresses;
use super::entry::Entry;
use crate::gate::Pulse;
use crate::live::Settings;
use crate::live::handle::Way;
use crate::live::snapshot::Shared;
use crate::model::clock;

/// How often connections are looked at: the precision of the header and idle timeouts.
const SWEEP: Duration = Duration::from_millis(500);

/// How often a worker says that it is there: what makes it late makes clients wait.
const BEAT: Duration = Duration::from_millis(50);

struct Worker {
    pulse: Arc<Pulse>,
    way: Rc<Way>,
    entry: Entry,
    max_requests: usize,
    patience: Patience,
    connections: RefCell<HashMap<u64, Rc<Activity>>>,
    next: Cell<u64>,
    draining: Cell<bool>,
    empty: Notify,
    shared: Arc<Shared>,
}

/// Runs one worker on this thread until its arrivals end and its connections are drained, or `drain_timeout` is over.
pub(super) fn run(
    shared: Arc<Shared>,
    settings: &Settings,
    addresses: Arc<Addresses>,
    seed: u64,
    arrivals: mpsc::Receiver<Arrival>,
    drain: Arc<Notify>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "a live worker cannot start");
            return;
        }
    };
    let worker = Rc::new(Worker::new(shared, settings, addresses, seed));
    let local = LocalSet::new();
    local.block_on(&runtime, worker.live(arrivals, drain, settings.drain_timeout));
}

impl Worker {
    fn new(shared: Arc<Shared>, settings: &Settings, addresses: Arc<Addresses>, seed: u64) -> Self {
        let pulse = shared.gate.pulses.join();
        let way = Rc::new(Way::new(shared.clone(), pulse.clone(), seed));
        Worker {
            pulse,
            entry: Entry::new(shared.clone(), settings, addresses, way.clone()),
            way,
            max_requests: settings.max_requests_per_connection,
            patience: Patience {
                header: settings.header_timeout,
                idle: settings.idle_timeout,
                body: settings.body_timeout,
                write: settings.write_timeout,
                tunnel: settings.tunnel_timeout,
            },
            connections: RefCell::default(),
            next: Cell::new(0),
            draining: Cell::new(false),
            empty: Notify::new(),
            shared,
        }
    }

    async fn live(
        self: Rc<Self>,
        mut arrivals: mpsc::Receiver<Arrival>,
        drain: Arc<Notify>,
        limit: Duration,
    ) {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = drain.notified() => break,
                arrival = arrivals.recv() => match arrival {
                    Some(arrival) => self.take(arrival),
                    None => break,
                },
                _ = beat.tick() => self.pulse.beat(clock::now(), BEAT),
                _ = sweep.tick() => self.sweep(),
            }
        }
        self.pulse.rest();
        arrivals.close();
        while let Ok(arrival) = arrivals.try_recv() {
            self.take(arrival);
        }
        if tokio::time::timeout(limit, self.drained()).await.is_err() {
            tracing::warn!(
                connections = self.connections.borrow().len(),
                "closed unfinished: drain_timeout is over"
            );
        }
    }

    fn take(self: &Rc<Self>, arrival: Arrival) {
        let Arrival { stream, peer, load } = arrival;
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a client connection could not be taken over");
                return;
            }
        };
        // Without it small answers wait for acknowledgements; a failure costs latency, not correctness.
        let _ = stream.set_nodelay(true);
        let id = self.next.get();
        self.next.set(id.wrapping_add(1));
        let activity = Rc::new(Activity::new(clock::now(), self.max_requests));
        self.connections.borrow_mut().insert(id, activity.clone());
        tokio::task::spawn_local(self.clone().serve(id, stream, peer, activity, load));
    }

    async fn serve(
        self: Rc<Self>,
        id: u64,
        stream: TcpStream,
        peer: SocketAddr,
        activity: Rc<Activity>,
        load: Load,
    ) {
        let open = Open { worker: self.clone(), id, _load: load };
        if self.draining.get() {
            activity.tell(Verdict::Drain);
        }
        if let Some(reason) = self.entry.pass(stream, peer, activity).await {
            self.shared.metrics.client_connection_errors.with([reason]).increment(1);
        }
        drop(open);
    }

    fn sweep(&self) {
        let now = clock::now();
        for activity in self.connections.borrow().values() {
            activity.judge(now, self.patience);
        }
        self.way.sweep(now);
    }

    async fn drained(&self) {
        self.draining.set(true);
        for activity in self.connections.borrow().values() {
            activity.tell(Verdict::Drain);
        }
        let mut sweep = tokio::time::interval(SWEEP);
        while !self.connections.borrow().is_empty() {
            tokio::select! {
                () = self.empty.notified() => {}
                _ = sweep.tick() => self.sweep(),
            }
        }
    }
}

/// A connection in the worker's books; struck out when dropped, also by a panic.
struct Open {
    worker: Rc<Worker>,
    id: u64,
    _load: Load,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut connections = self.worker.connections.borrow_mut();
        connections.remove(&self.id);
        if connections.is_empty() {
            self.worker.empty.notify_one();
        }
    }
}
