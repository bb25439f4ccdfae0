//! `umbrage check`: every problem of a config with its line; `--probe` asks each leg once.

use std::process::ExitCode;
use std::time::Duration;

use http::StatusCode;
use http::uri::PathAndQuery;
use tokio::task::LocalSet;

use super::{CliError, ConfigFile, print};
use crate::config::Config;
use crate::model::Leg;
use crate::model::clock;
use crate::upstream::book::{Entry, MOST_ADDRESSES};
use crate::upstream::probe::probe;
use crate::upstream::{Origin, Settings};

/// Which config, and whether its legs are asked.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// The file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Ask each leg once, by GET /: any HTTP answer will do
    #[arg(long)]
    pub probe: bool,
}

/// Checks the file, and with `--probe` its legs.
///
/// # Errors
/// [`CliError::Config`] with every problem; [`CliError::Failed`] if a leg gives no answer.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let config = args.file.load()?;
    print(summary(&args.file, &config).as_bytes())?;
    if args.probe { probe_all(&config) } else { Ok(ExitCode::SUCCESS) }
}

fn summary(file: &ConfigFile, config: &Config) -> String {
    let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let routes = count(config.routes.routes.len(), "route");
    let legs = count(config.legs.len(), "leg");
    format!("{}: fine, {routes}, {legs}\n", file.path().display())
}

fn probe_all(config: &Config) -> Result<ExitCode, CliError> {
    let failed = |error: std::io::Error| CliError::Failed(format!("the legs cannot be asked: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (mut silent, mut asked) = (0, 0);
    for (leg, settings) in &config.legs {
        for (origin, answer, took) in LocalSet::new().block_on(&runtime, probe_leg(settings)) {
            let found = match &answer {
                Ok(status) => format!("answered {status}"),
                Err(why) => format!("gave no answer: {why}"),
            };
            asked += 1;
            silent += usize::from(answer.is_err());
            print(line(*leg, origin, &found, took).as_bytes())?;
        }
    }
    // A resolver that still hangs must not hold up the end.
    runtime.shutdown_background();
    match silent {
        0 => Ok(ExitCode::SUCCESS),
        n => Err(CliError::Failed(format!("{n} of {asked} legs gave no answer"))),
    }
}

fn line(leg: Leg, origin: &Origin, found: &str, took: Duration) -> String {
    let millis = took.as_secs_f64() * 1000.0;
    format!("{:<7} {origin} {found} in {millis:.1} ms\n", leg.label())
}

type Probed<'a> = (&'a Origin, Result<StatusCode, String>, Duration);

/// Asks each url of the leg once: the first of its addresses that answers speaks for it.
async fn probe_leg(settings: &Settings) -> Vec<Probed<'_>> {
    let mut all = Vec::new();
    for (n, origin) in settings.origins.iter().enumerate() {
        let begun = clock::now();
        let answer = probe_origin(settings, n, origin).await;
        all.push((origin, answer, begun.elapsed()));
    }
    all
}

async fn probe_origin(settings: &Settings, n: usize, origin: &Origin) -> Result<StatusCode, String> {
    let limit = settings.connect_timeout + settings.response_timeout;
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((origin.host.as_str(), origin.port)));
    let found = found.await.map_err(|_| "its name is not resolved in time".to_owned())?;
    let mut last = Err("its name has no address".to_owned());
    for address in found.map_err(|e| format!("its name has no address: {e}"))?.take(MOST_ADDRESSES) {
        let entry = Entry { address, origin: n, healthy: true };
        let path = PathAndQuery::from_static("/");
        match probe(settings, &entry, &path, limit).await {
            Ok(status) => return Ok(status),
            Err(error) => last = Err(error.to_string()),
        }
    }
    last
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn settings(url: &str, timeout: &str) -> Settings {
        let text = format!(
            "[listen]\naddress = \"127.0.0.1:0\"\n[stable]\nurl = \"http://{url}\"\nhost = \"shop.example\"\nresponse_timeout = \"{timeout}\"\nconnect_timeout = \"{timeout}\"\n"
        );
        let (config, _) = Config::from_text("t", &text).unwrap();
        Settings::clone(&config.legs[0].1)
    }

    /// Answers one connection with these bytes; hands back what it was asked.
    fn server(answer: &'static [u8]) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            let mut piece = [0; 512];
            while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                let read = stream.read(&mut piece).unwrap();
                head.extend_from_slice(&piece[..read]);
            }
            stream.write_all(answer).unwrap();
            String::from_utf8(head).unwrap()
        });
        (address, asked)
    }

    /// The one answer of the leg's one url.
    fn asked(settings: &Settings) -> Result<StatusCode, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async { probe_leg(settings).await.remove(0).1 })
    }

    #[test]
    fn a_leg_that_answers_is_told_by_its_status() {
        let (address, seen) = server(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(asked(&settings(&address, "5s")), Ok(StatusCode::SERVICE_UNAVAILABLE));
        let seen = seen.join().unwrap().to_ascii_lowercase();
        assert!(seen.starts_with("get / http/1.1\r\nhost: shop.example\r\n"), "{seen}");
        assert!(seen.contains("connection: close"), "{seen}");
    }

    #[test]
    fn a_leg_that_closes_or_speaks_something_else_is_told() {
        for (answer, why) in [
            (&b""[..], "it closed the connection"),
            (b"SSH-2.0-OpenSSH\r\n", "it does not speak HTTP/1"),
            (b"HTTP/1.1 abc\r\n", "it does not speak HTTP/1"),
            (b"no line's end", "it does not speak HTTP/1"),
        ] {
            let (address, seen) = server(answer);
            assert_eq!(asked(&settings(&address, "5s")), Err(why.to_owned()), "{answer:?}");
            seen.join().unwrap();
        }
    }

    #[test]
    fn a_leg_that_is_not_there_or_hangs_is_told_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // The kernel accepts; nobody reads.
        assert_eq!(asked(&settings(&address, "20ms")), Err("it took too long".to_owned()));
        drop(listener);
        let refused = asked(&settings(&address, "5s")).unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
    }

    #[test]
    fn one_silent_leg_fails_the_whole_probe() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let text = format!("[listen]\naddress = \"127.0.0.1:0\"\n[stable]\nurl = \"http://{address}\"\n");
        let (config, _) = Config::from_text("t", &text).unwrap();
        let error = probe_all(&config).unwrap_err();
        assert_eq!(error.to_string(), "1 of 1 legs gave no answer");
    }
}
