//! What a test does to a shadow plane from within: on its own thread, at the line that it logs when a leg gave no answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Something done on the plane's thread; it may panic, and it may wait.
type Act = Arc<dyn Fn() + Send + Sync>;

/// By the address of the leg.
static ACTS: Mutex<Vec<(String, Act)>> = Mutex::new(Vec::new());

/// From now on does this whenever the backend at `address` gave a shadow plane no answer.
pub fn when_no_answer(address: SocketAddr, act: impl Fn() + Send + Sync + 'static) {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| tracing::subscriber::set_global_default(Listener).expect("the only subscriber"));
    ACTS.lock().unwrap_or_else(PoisonError::into_inner).push((address.to_string(), Arc::new(act)));
}

/// Listens to that one line.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "umbrage::shadow::journey"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut found = Address(String::new());
        event.record(&mut found);
        let acts = ACTS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        acts.iter().filter(|(address, _)| *address == found.0).for_each(|(_, act)| act());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The field `address`.
struct Address(String);

impl Visit for Address {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "address" {
            self.0 = format!("{value:?}");
        }
    }
}
