//! `umbrage run`: the proxy, from a file or from a few flags.

use std::cell::RefCell;
use std::io;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use listenfd::ListenFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CliError, ConfigFile, FAILED, accepted};
use crate::app::App;
use crate::config::{Config, Flags};
use crate::gate::Policy;
use crate::telemetry::logging;

/// A file, or the flags that stand for one.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Without a file: the address that clients connect to, such as 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config", requires = "stable")]
    pub listen: Option<String>,
    /// Without a file: the backend whose answer the client gets, such as `http://127.0.0.1:9001`
    #[arg(long, value_name = "URL", conflicts_with = "config", requires = "listen")]
    pub stable: Option<String>,
    /// Without a file: the backend under trial
    #[arg(long, value_name = "URL", conflicts_with = "config", requires_all = ["listen", "percent"])]
    pub shadow: Option<String>,
    /// Without a file: which share of the requests is mirrored, from 0 to 100
    #[arg(long, value_name = "PERCENT", conflicts_with = "config", requires_all = ["listen", "shadow"])]
    pub percent: Option<String>,
}

impl Args {
    /// The config that the arguments mean; flags win over `UMBRAGE_CONFIG`.
    ///
    /// # Errors
    /// [`CliError::Config`] with every problem.
    pub fn config(&self) -> Result<Config, CliError> {
        match (&self.listen, &self.stable) {
            (Some(listen), Some(stable)) => {
                let flags = Flags {
                    listen: listen.clone(),
                    stable: stable.clone(),
                    shadow: self.shadow.clone(),
                    percent: self.percent.clone(),
                };
                accepted(Config::from_flags(&flags))
            }
            _ => self.file.load(),
        }
    }
}

/// Runs the proxy until it is told to stop.
///
/// # Errors
/// [`CliError::Config`] for a bad config; [`CliError::Failed`] if the proxy cannot start.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
    // Before there are threads: it takes what it read out of the environment.
    let listener = handed_in().map_err(|e| failed(&e))?;
    let config = args.config()?;
    let _flush = logging::init().map_err(|e| failed(&e))?;
    let signals = Signals::listen().map_err(|e| failed(&e))?;
    let plan = plan(&config);
    let app = App::start_at(config, listener).map_err(|e| failed(&e))?;
    tracing::info!(address = %app.address(), admin = %app.admin_address(), "{plan}");
    signals.serve(&app);
    // Listening before it is said: who asks twice does not want to wait.
    let second = Signals::listen().map_err(|e| failed(&e))?;
    tracing::info!("draining");
    std::thread::spawn(move || {
        second.stop();
        std::process::exit(i32::from(FAILED));
    });
    app.drain();
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The listening socket that systemd hands to a service of a socket unit, or whoever else speaks its protocol
/// (`sd_listen_fds(3)`).
fn handed_in() -> io::Result<Option<TcpListener>> {
    let mut handed = ListenFd::from_env();
    if handed.len() > 1 {
        let count = handed.len();
        return Err(io::Error::other(format!(
            "{count} sockets were handed in (LISTEN_FDS); one is expected"
        )));
    }
    let refused = |error| io::Error::other(format!("the socket that was handed in (LISTEN_FDS): {error}"));
    handed.take_tcp_listener(0).map_err(refused)
}

/// What will happen, in a sentence: said at the start, so that nobody mirrors writes without knowing.
fn plan(config: &Config) -> String {
    let mirrored = |policy: &&Arc<Policy>| policy.configured.parts() > 0;
    let policies = config.policies();
    let routes: Vec<String> = policies
        .iter()
        .filter(mirrored)
        .map(|policy| {
            let methods: Vec<&str> = policy.methods.iter().map(http::Method::as_str).collect();
            format!("{} {} % of {}", policy.route, policy.configured.percent(), methods.join(", "))
        })
        .collect();
    if routes.is_empty() {
        "serving; nothing is mirrored".to_owned()
    } else {
        format!("serving; mirrored: {}", routes.join("; "))
    }
}

/// The signals that steer the process, waited for on the thread that made it.
struct Signals {
    runtime: tokio::runtime::Runtime,
    hangup: RefCell<Signal>,
    terminate: RefCell<Signal>,
    interrupt: RefCell<Signal>,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let listen = |kind| signal(kind).map(RefCell::new);
        let (hangup, terminate) = (listen(SignalKind::hangup())?, listen(SignalKind::terminate())?);
        let interrupt = listen(SignalKind::interrupt())?;
        drop(entered);
        Ok(Signals { runtime, hangup, terminate, interrupt })
    }

    /// Reloads at every SIGHUP; comes back at SIGTERM or SIGINT.
    fn serve(&self, app: &App) {
        let mut hangup = self.hangup.borrow_mut();
        loop {
            let reload = self.runtime.block_on(async {
                tokio::select! {
                    () = self.asked_to_stop() => false,
                    _ = hangup.recv() => true,
                }
            });
            if !reload {
                return;
            }
            // The answer is in the log.
            let _ = app.reloader().reload("SIGHUP");
        }
    }

    /// Comes back at SIGTERM or SIGINT.
    fn stop(&self) {
        self.runtime.block_on(self.asked_to_stop());
    }

    #[allow(clippy::await_holding_refcell_ref)] // One thread, and nobody else borrows them.
    async fn asked_to_stop(&self) {
        let (mut terminate, mut interrupt) = (self.terminate.borrow_mut(), self.interrupt.borrow_mut());
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BASE: &str = "[listen]\naddress = \"127.0.0.1:8080\"\n[stable]\nurl = \"http://127.0.0.1:9001\"\n";
    const SHADOW: &str = "[shadow]\nurl = \"http://127.0.0.1:9002\"\n[mirror]\n";

    fn said(more: &str) -> String {
        plan(&Config::from_text("t", &format!("{BASE}{more}")).unwrap().0)
    }

    #[test]
    fn what_is_mirrored_is_said_with_its_methods() {
        assert_eq!(
            said(&format!("{SHADOW}percent = 0.5\nmethods = [\"GET\", \"POST\"]\n")),
            "serving; mirrored: default 0.5 % of GET, POST"
        );
        let routes = "percent = 0\n[[route]]\nname = \"orders\"\nmatch = { path = \"/o\" }\n\
                      mirror = { percent = 25 }\n[[route]]\nname = \"rest\"\n";
        assert_eq!(
            said(&format!("{SHADOW}{routes}")),
            "serving; mirrored: orders 25 % of GET, HEAD, OPTIONS",
            "a route at 0 is not mirrored"
        );
    }

    #[test]
    fn that_nothing_is_mirrored_is_said_too() {
        assert_eq!(said(""), "serving; nothing is mirrored");
        assert_eq!(said(&format!("{SHADOW}percent = 0\n")), "serving; nothing is mirrored");
    }

    #[test]
    fn flags_win_and_bad_ones_are_problems_of_the_config() {
        let args = Args {
            listen: Some("127.0.0.1:0".into()),
            stable: Some("http://127.0.0.1:1".into()),
            file: ConfigFile { config: Some("/nonexistent".into()) },
            ..Args::default()
        };
        assert!(args.config().unwrap().source.path.is_none());
        for (listen, percent) in [("nowhere", "5"), ("127.0.0.1:0", "five"), ("127.0.0.1:0", "101")] {
            let bad = Args {
                listen: Some(listen.into()),
                shadow: Some("http://127.0.0.1:2".into()),
                percent: Some(percent.into()),
                ..args.clone()
            };
            assert!(matches!(bad.config(), Err(CliError::Config(_))), "{listen} {percent}");
        }
    }
}
