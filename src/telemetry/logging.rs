//! Logging: for people on a terminal, JSON elsewhere; to stderr; never in anybody's way.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::SystemTime;

use super::log_queue::{self, Flush, LogQueue, Wording};

/// What is logged where nothing says otherwise.
pub const DEFAULT_LEVEL: &str = "info";

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// For people or for machines.
    pub wording: Wording,
    /// ANSI colours; for people only.
    pub colour: bool,
    /// Directives as in `umbrage=debug,info`.
    pub filter: String,
}

/// Why logging did not start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Its thread could not be started.
    #[error("the log's thread could not be started: {0}")]
    Thread(#[from] io::Error),
    /// Another subscriber is in place.
    #[error("logging was started already")]
    Started,
}

impl LogSettings {
    /// From the environment: `UMBRAGE_LOG` or else `RUST_LOG` for the level; `NO_COLOR`, if not empty, turns colours off.
    pub fn read(variable: impl Fn(&str) -> Option<String>, terminal: bool) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        LogSettings {
            wording: if terminal { Wording::Human } else { Wording::Json },
            colour: terminal && set("NO_COLOR").is_none(),
            filter: set("UMBRAGE_LOG")
                .or_else(|| set("RUST_LOG"))
                .unwrap_or_else(|| DEFAULT_LEVEL.to_owned()),
        }
    }
}

/// Logs to stderr as the environment says. Keep what it gives until the end of `main`: dropping it writes what waits.
///
/// # Errors
/// [`LogError`] if logging was started before, or there can be no more threads.
pub fn init() -> Result<Flush, LogError> {
    let settings = LogSettings::read(|name| std::env::var(name).ok(), io::stderr().is_terminal());
    let (queue, flush) = log_queue::start(io::stderr(), settings.wording)?;
    let (subscriber, problem) = subscriber(&settings, queue);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Started)?;
    if let Some(problem) = problem {
        tracing::warn!(problem, default = DEFAULT_LEVEL, "UMBRAGE_LOG or RUST_LOG is not understood");
    }
    Ok(flush)
}

/// What formats and hands to the queue; with it, what is wrong with the filter.
fn subscriber(
    settings: &LogSettings,
    queue: LogQueue,
) -> (Box<dyn Subscriber + Send + Sync>, Option<String>) {
    let (filter, problem) = match EnvFilter::try_new(&settings.filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(DEFAULT_LEVEL), Some(error.to_string())),
    };
    let common = tracing_subscriber::fmt().with_env_filter(filter).with_timer(SystemTime).with_writer(queue);
    let subscriber: Box<dyn Subscriber + Send + Sync> = match settings.wording {
        Wording::Json | Wording::Record => {
            Box::new(common.json().flatten_event(true).with_current_span(false).finish())
        }
        // tracing escapes terminal sequences in messages, not in other fields: these are written by a writer of ours.
        Wording::Human => {
            Box::new(common.with_ansi(settings.colour).fmt_fields(debug_fn(field).delimited(" ")).finish())
        }
    };
    (subscriber, problem)
}

fn field(writer: &mut Writer<'_>, field: &tracing::field::Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    write!(Escaping(writer), "{value:?}")
}

/// Shows control characters by their number.
struct Escaping<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '\n' => self.0.write_str("\\n"),
            '\t' => self.0.write_char(c),
            c if c.is_control() => write!(self.0, "\\u{{{:x}}}", u32::from(c)),
            c => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
#[path = "logging_tests.rs"]
mod tests;
