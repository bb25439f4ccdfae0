//! What the demo runs: a folder, two backends, the proxy between them and the customers, and their end in order.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::Args;
use super::backends::Backend;
use super::clients::{Clients, Plan, Seen};
use super::orders::{Edition, TEMPLATES};
use crate::app::App;
use crate::cli::CliError;
use crate::config::Config;
use crate::shadow::Ledger;

/// Everything that runs. The fields are dropped in their order, but [`Stage::end`] drains the proxy first.
pub struct Stage {
    clients: Clients,
    app: App,
    backends: [Backend; 2],
    folder: TempDir,
}

/// What is left of a demo that has ended.
pub struct Left {
    /// The evidence.
    pub ledger: Arc<Ledger>,
    /// What the customers saw.
    pub seen: Arc<Seen>,
}

impl Stage {
    /// Starts everything; the customers come last.
    ///
    /// # Errors
    /// [`CliError::Failed`] for what the system refuses, [`CliError::Config`] for an `--admin` address that needs a token.
    pub fn set(args: &Args) -> Result<Self, CliError> {
        let failed = |error: io::Error| CliError::Failed(format!("the demo cannot start: {error}"));
        let folder = tempfile::Builder::new().prefix("umbrage-demo-").tempdir().map_err(failed)?;
        let stable = Backend::start(Edition::Old, args.seed).map_err(failed)?;
        let shadow = Backend::start(Edition::Rewrite, args.seed.wrapping_add(1)).map_err(failed)?;
        let backends = [stable, shadow];
        let text = config(args, &backends, folder.path());
        // Its warnings are about mirrored POSTs, of which the introduction speaks.
        let (config, _) = Config::from_text("demo", &text).map_err(CliError::Config)?;
        let app = App::start(config).map_err(|error| CliError::Failed(error.to_string()))?;
        let plan = Plan { to: app.address(), seed: args.seed, rate: args.rate, bound: args.bound };
        let clients = Clients::start(plan).map_err(failed)?;
        Ok(Stage { clients, app, backends, folder })
    }

    /// Where customers are served.
    pub fn proxy(&self) -> SocketAddr {
        self.app.address()
    }

    /// Where the dashboard and the metrics are.
    pub fn admin(&self) -> SocketAddr {
        self.app.admin_address()
    }

    /// The evidence so far.
    pub fn ledger(&self) -> &Ledger {
        self.app.ledger()
    }

    /// What the customers have seen so far.
    pub fn seen(&self) -> &Seen {
        self.clients.seen()
    }

    /// Stops the customers, lets what was mirrored be compared, ends the backends and removes the folder.
    pub fn end(self) -> Left {
        let Stage { clients, app, backends, folder } = self;
        let left = Left { ledger: app.ledger().clone(), seen: clients.seen().clone() };
        drop(clients);
        app.drain();
        drop(backends);
        if let Err(error) = folder.close() {
            crate::cli::say(&format!("warning: the demo's records could not be removed: {error}\n"));
        }
        left
    }
}

impl Seen {
    /// Requests answered, and requests that were not.
    pub fn counts(&self) -> (u64, u64) {
        (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

/// The demo's config: everything is mirrored, and asked of stable once more. What guards customers on a busy machine would hide
/// what is to be shown, and here there are none.
fn config(args: &Args, [stable, shadow]: &[Backend; 2], folder: &Path) -> String {
    let (stable, shadow, admin, rate) =
        (stable.address(), shadow.address(), args.admin, u64::from(args.rate) * 2);
    let records = toml::Value::from(folder.join("records").to_string_lossy().into_owned());
    format!(
        r#"[listen]
address = "127.0.0.1:0"
workers = 1
drain_timeout = "2s"

[stable]
url = "http://{stable}"

[shadow]
url = "http://{shadow}"
version = "rewrite"
timeout = "2s"

[control]
percent = 100

[mirror]
percent = 100
methods = ["GET", "HEAD", "OPTIONS", "POST"]
max_per_second = {rate}

[guard]
loop_delay = "0s"
stable_errors = 0
stable_latency = 0

[compare]
endpoints = {TEMPLATES:?}

[records]
dir = {records}

[admin]
address = "{admin}"
"#
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn args(admin: &str) -> Args {
        Args { bound: std::time::Duration::ZERO, seed: 1, rate: 200, admin: admin.parse().unwrap() }
    }

    #[test]
    fn the_config_is_valid_and_asks_control_and_mirrors_posts() {
        let backends = [Edition::Old, Edition::Rewrite].map(|edition| Backend::start(edition, 1).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let text = config(&args("127.0.0.1:0"), &backends, folder.path());
        let (config, _) = Config::from_text("demo", &text).unwrap();
        let route = &config.routes.routes[0];
        assert!(route.mirror.methods.contains(&http::Method::POST));
        assert_eq!((config.legs.len(), config.version.as_deref()), (3, Some("rewrite")));
    }

    #[test]
    fn an_admin_address_that_anyone_can_reach_is_refused() {
        assert!(matches!(Stage::set(&args("0.0.0.0:0")), Err(CliError::Config(_))));
    }

    #[test]
    fn the_end_leaves_nothing_behind() {
        let stage = Stage::set(&args("127.0.0.1:0")).unwrap();
        let (folder, backend) = (stage.folder.path().to_owned(), stage.backends[0].address());
        assert!(folder.exists());
        let left = stage.end();
        assert_eq!((left.seen.counts(), left.ledger.report().coverage.requests), ((0, 0), 0));
        assert!(!folder.exists());
        assert!(std::net::TcpStream::connect(backend).is_err());
    }
}
