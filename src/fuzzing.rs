//! What the fuzz targets reach; compiled for them and for the tests that replay what they found, and for nobody else.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::Config;
use crate::gate::{Gate, Offers};
pub use crate::live::fuzzing::{
    Worker, host_name, passed, prepare_request, prepare_response, proxy_header, validate,
};
use crate::live::{Settings, Shared};
use crate::model::clock;
use crate::reload::snapshot;
use crate::telemetry::Metrics;

/// What workers share, and what the live plane relies on.
pub struct Plane {
    /// What all workers share.
    pub shared: Arc<Shared>,
    /// The listener's settings.
    pub settings: Settings,
    /// The shadow plane's end of the gate.
    pub offers: Offers,
}

impl Plane {
    /// The live plane of a configuration (TOML) for an instance called `a1`.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn of(toml: &str) -> Result<Plane, String> {
        let config = Config::from_text("fuzz.toml", toml).map_err(|problems| problems.render(false))?.0;
        let (gate, offers) = Gate::new(config.gate, clock::now());
        let shared = Shared {
            gate,
            metrics: Metrics::new(),
            snapshot: ArcSwap::from_pointee(snapshot(&config, "a1")),
            instance: "a1".to_owned(),
            access_log: None,
            tls: None,
        };
        Ok(Plane { shared: Arc::new(shared), settings: config.live, offers })
    }

    /// A worker of it, with connections of its own.
    #[must_use]
    pub fn worker(&self) -> Worker {
        Worker::new(self.shared.clone(), &self.settings)
    }
}

/// Where clients of the fuzz targets are.
#[must_use]
pub fn client() -> SocketAddr {
    ([10, 1, 2, 3], 5000).into()
}
