//! `umbrage demo`: two built-in backends, the proxy, bounded traffic, a live summary.

mod backends;
mod clients;
#[cfg(test)]
mod evidence;
mod findings;
mod orders;
mod screen;
mod stage;
mod story;
mod summary;
mod traffic;

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::CliError;
use crate::model::clock::{self, Instant};
use findings::Findings;
use screen::Screen;
use stage::Stage;
use summary::Summary;

/// How long, and with which traffic.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How long the demo runs
    #[arg(long = "for", value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration)]
    pub bound: Duration,
    /// The seed of the traffic: the same seed sends the same requests
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Requests each second
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// Where the admin API of the demo listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub admin: SocketAddr,
}

/// How often it is looked for news: often until there are some, then as often as a reader can follow.
const FIRST_LOOKS: Duration = Duration::from_millis(100);
const LOOKS: Duration = Duration::from_millis(500);
/// How often a line is printed where nothing can be refreshed.
const LINES: Duration = Duration::from_secs(5);
/// A bound of more than a year is as good as none.
const FOR_EVER: Duration = Duration::from_hours(366 * 24);

/// Runs the demo until its time is up or it is asked to stop, then prints the report.
///
/// # Errors
/// [`CliError::Failed`] if it cannot start; [`CliError::Output`] if nothing can be printed, once all has ended.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let failed = |error: std::io::Error| CliError::Failed(format!("the demo cannot start: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let stop = {
        let _entered = runtime.enter();
        asked_to_stop().map_err(failed)?
    };
    let begun = clock::now();
    let stage = Stage::set(args)?;
    let mut screen = Screen::stdout();
    let told = runtime.block_on(watch(args, &stage, &mut screen, begun, stop));
    let left = stage.end();
    told?;
    let ending = story::ending(&left.ledger.report(), left.seen.counts(), screen.ink());
    screen.keep(&ending)?;
    Ok(ExitCode::SUCCESS)
}

/// Completes at SIGINT, SIGTERM or SIGHUP; from now on none of them ends the process.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Prints what happens, until the time is up or somebody asks to stop.
async fn watch<W: Write>(
    args: &Args,
    stage: &Stage,
    screen: &mut Screen<W>,
    begun: Instant,
    stop: impl Future<Output = ()>,
) -> Result<(), CliError> {
    screen.keep(&story::introduction(args, stage, screen.ink()))?;
    let end = begun + args.bound.min(FOR_EVER);
    let (mut findings, mut line_due) = (Findings::default(), begun + LINES);
    let mut stop = std::pin::pin!(stop);
    loop {
        let looks = if findings.count() == 0 { FIRST_LOOKS } else { LOOKS };
        let next = (clock::now() + looks).min(end);
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep_until(next) => {}
        }
        let now = clock::now();
        let elapsed = now.saturating_duration_since(begun);
        let summary = Summary::of(&stage.ledger().tally(), stage.seen().counts(), elapsed, args.bound);
        for finding in findings.news(summary.report()) {
            screen.keep(&story::news(&finding, elapsed, screen.ink()))?;
        }
        screen.draw(&summary.block(screen.ink()))?;
        if !screen.refreshes() && now >= line_due {
            screen.keep(&summary.line())?;
            line_due = now + LINES;
        }
        if now >= end {
            break;
        }
    }
    screen.clear()?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "demo/demo_tests.rs"]
mod tests;
