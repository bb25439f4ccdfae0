//! The back office's thread: the admin API, the guards and the watch over the config file. It has a runtime of
//! its own, so that it answers when every other thread is busy.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use serde_json::{Value, json};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::guard::Watch;
use crate::admin::{self, DifferencesQuery, Office, Readiness, Views};
use crate::evidence::Report;
use crate::gate::{BreakerState, Gate, Policy, Switches};
use crate::records::{Reader, SampleFilter};
use crate::reload::{Reloader, watch};
use crate::shadow::Ledger;
use crate::telemetry::Metrics;
use crate::telemetry::priority::{BACK_OFFICE, give_way};

/// Connections that the kernel may hold: scrapers and people are few.
const BACKLOG: i32 = 128;

/// What the thread is made of.
pub(super) struct Parts {
    pub(super) listener: std::net::TcpListener,
    pub(super) metrics: Metrics,
    pub(super) switches: Arc<Switches>,
    pub(super) ready: Arc<Readiness>,
    pub(super) settings: admin::Settings,
    pub(super) views: Views,
    pub(super) reloader: Arc<Reloader>,
    pub(super) guards: Arc<Watch>,
}

/// The back office, running.
pub(super) struct Started {
    address: SocketAddr,
    stop: Arc<Notify>,
    thread: JoinHandle<()>,
}

/// A listener for the admin API; with `reuse_port` beside that of the process which this one replaces.
pub(super) fn bind(address: SocketAddr, reuse_port: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Starts the thread.
pub(super) fn start(parts: Parts) -> io::Result<Started> {
    let address = parts.listener.local_addr()?;
    parts.listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = Arc::new(Notify::new());
    let told = stop.clone();
    let thread = std::thread::Builder::new().name("office".into()).spawn(move || {
        give_way(BACK_OFFICE);
        runtime.block_on(run(parts, told));
        // A view that still blocks must not hold up the end.
        runtime.shutdown_background();
    })?;
    Ok(Started { address, stop, thread })
}

impl Started {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn stop(self) {
        self.stop.notify_one();
        if self.thread.join().is_err() {
            tracing::error!("the back office panicked");
        }
    }
}

async fn run(parts: Parts, stop: Arc<Notify>) {
    let Parts { listener, metrics, switches, ready, settings, views, reloader, guards } = parts;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the admin API cannot be served");
            return;
        }
    };
    let office = Arc::new(Office { metrics, switches, ready, settings, views });
    let stopped = Arc::new(Notify::new());
    let told = stopped.clone();
    let serve = admin::serve(listener, office, async move { told.notified().await });
    let end = async {
        stop.notified().await;
        stopped.notify_one();
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(serve, end) } => {}
        () = guards.watch(&reloader) => {}
        () = watch::watch(reloader.clone()) => {}
    }
}

/// What the admin API shows.
pub(super) fn views(
    gate: &Arc<Gate>,
    ledger: &Arc<Ledger>,
    guards: &Arc<Watch>,
    reloader: &Arc<Reloader>,
    metrics: &Metrics,
    dir: PathBuf,
) -> Views {
    let (ledger, guards) = (ledger.clone(), guards.clone());
    let (config, reload) = (reloader.clone(), reloader.clone());
    let (differences, sample) = (dir.clone(), dir);
    let (gate, metrics) = (gate.clone(), metrics.clone());
    Views {
        report: Arc::new(move || {
            let report = Report { guard: Some(guards.report()), ..ledger.report() };
            serde_json::to_value(report).unwrap_or(Value::Null)
        }),
        differences: Arc::new(move |query| self::differences(&differences, query)),
        sample: Arc::new(move |id| {
            let found = Reader::open(&sample).and_then(|reader| reader.sample(id));
            found.ok().flatten().and_then(|sample| serde_json::to_value(sample).ok())
        }),
        config: Arc::new(move || config.masked()),
        reload: Arc::new(move || reload.reload("asked for")),
        gauges: Arc::new(move || set_gauges(&gate, &metrics)),
    }
}

fn differences(dir: &std::path::Path, query: &DifferencesQuery) -> Value {
    let filter = SampleFilter {
        endpoint: query.endpoint.clone(),
        path: query.path.clone(),
        limit: u32::try_from(query.limit).ok(),
        ..SampleFilter::default()
    };
    match Reader::open(dir).and_then(|reader| reader.samples(&filter)) {
        Ok(samples) => json!({ "samples": samples }),
        Err(error) => json!({ "samples": [], "error": error.to_string() }),
    }
}

#[allow(clippy::cast_precision_loss)]
fn set_gauges(gate: &Gate, metrics: &Metrics) {
    let bounds = gate.bounds();
    metrics.mirror_in_flight.with([]).set(gate.in_flight() as f64);
    metrics.mirror_in_flight_limit.with([]).set(bounds.max_in_flight as f64);
    metrics.mirror_buffered_bytes.with([]).set(gate.budget.used() as f64);
    metrics.mirror_buffered_bytes_limit.with([]).set(bounds.memory as f64);
    let paused = if gate.switches.is_paused() { 1.0 } else { 0.0 };
    // As a whole, so that a route that a reload removed is not on the page any more.
    let policies = gate.switches.policies();
    let routes = |value: &dyn Fn(&Policy) -> f64| -> Vec<_> {
        policies.iter().map(|policy| ([policy.route.to_string()], value(policy))).collect()
    };
    metrics.mirror_percent.name(routes(&|policy| policy.percent().percent()));
    metrics.mirror_paused.name(routes(&|_| paused));
    let open = |state| matches!(state, BreakerState::Resting | BreakerState::Probing);
    let states = gate.breakers.states().into_iter();
    metrics
        .mirror_breaker_open
        .name(states.map(|(route, state)| ([route.to_string()], if open(state) { 1.0 } else { 0.0 })));
}
