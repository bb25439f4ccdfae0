//! The live plane as a whole: its threads started, its listener bound, its end awaited.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;

use tokio::sync::{Notify, mpsc};

use super::accept::{Desk, Hall};
use super::addresses::Addresses;
use super::door::Door;
use super::worker;
use crate::live::{Settings, Shared};

/// Connections that may wait for one worker to take them over.
const ARRIVALS: usize = 256;

/// The live plane, not started.
pub struct Plane {
    settings: Settings,
    shared: Arc<Shared>,
    door: Door,
}

/// The live plane, running.
pub struct Started {
    address: SocketAddr,
    acceptor: (Arc<Notify>, JoinHandle<()>),
    workers: Vec<(Arc<Notify>, JoinHandle<()>)>,
}

impl Plane {
    /// Binds the listener, or takes over the one that was handed in.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub fn bind(
        settings: Settings,
        shared: Arc<Shared>,
        handed_in: Option<std::net::TcpListener>,
    ) -> io::Result<Self> {
        let door = match handed_in {
            Some(listener) => Door::handed_in(listener)?,
            None => Door::bind(settings.address, settings.reuse_port)?,
        };
        Ok(Plane { settings, shared, door })
    }

    /// Begins to listen. Late, so that a process that does not come up takes nobody's connection.
    ///
    /// # Errors
    /// Somebody else listens there by now.
    pub fn open(&self) -> io::Result<()> {
        self.door.open()
    }

    /// Starts the threads. `seed` is what the workers' own draws follow from.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(self, seed: u64) -> io::Result<Started> {
        let address = self.door.address()?;
        let (mut desks, mut workers) = (Vec::new(), Vec::new());
        let addresses = Addresses::new(self.settings.max_connections_per_address);
        for n in 0..self.settings.workers.max(1) {
            let (sender, arrivals) = mpsc::channel(ARRIVALS);
            desks.push(Desk { connections: Arc::new(AtomicUsize::new(0)), arrivals: sender });
            let (shared, settings, drain) =
                (self.shared.clone(), self.settings.clone(), Arc::new(Notify::new()));
            let (told, addresses) = (drain.clone(), addresses.clone());
            let seed = seed.wrapping_add(n as u64);
            let thread = spawn(format!("live-{n}"), move || {
                worker::run(shared, &settings, addresses, seed, arrivals, told);
            })?;
            workers.push((drain, thread));
        }
        let stop = Arc::new(Notify::new());
        let (told, metrics, max) = (stop.clone(), self.shared.metrics.clone(), self.settings.max_connections);
        let door = self.door;
        let thread = spawn("accept".into(), move || {
            let accept = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    Hall::new(door, desks, max, &metrics)?.serve(told).await;
                    Ok(())
                })
            };
            if let Err::<(), io::Error>(error) = accept() {
                tracing::error!(%error, "cannot accept client connections");
            }
        })?;
        Ok(Started { address, acceptor: (stop, thread), workers })
    }
}

impl Started {
    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets requests in flight finish within `drain_timeout`, and ends the threads. Blocks until then.
    pub fn drain(self) {
        let (stop, acceptor) = self.acceptor;
        stop.notify_one();
        join(acceptor);
        for (drain, _) in &self.workers {
            drain.notify_one();
        }
        for (_, worker) in self.workers {
            join(worker);
        }
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(run)
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a live thread panicked");
    }
}
