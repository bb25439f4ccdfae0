//! `umbrage check`: every problem of a config with its line; `--probe` asks each leg once.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use super::{CliError, ConfigFile, print};
use crate::config::Config;
use crate::model::Leg;
use crate::model::clock::{self, Instant};
use crate::upstream::{HostPolicy, Settings};

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

/// Bytes of an answer that are read in search of its status line.
const MOST_READ: usize = 8 * 1024;

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
    let mut silent = 0;
    for (leg, settings) in &config.legs {
        let begun = clock::now();
        let answer = probe(settings, begun);
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        let found = match &answer {
            Ok(status) => format!("answered {status}"),
            Err(why) => format!("gave no answer: {why}"),
        };
        silent += usize::from(answer.is_err());
        print(line(*leg, settings, &found, took).as_bytes())?;
    }
    match silent {
        0 => Ok(ExitCode::SUCCESS),
        n => Err(CliError::Failed(format!("{n} of {} legs gave no answer", config.legs.len()))),
    }
}

fn line(leg: Leg, settings: &Settings, found: &str, millis: f64) -> String {
    format!("{:<7} http://{} {found} in {millis:.1} ms\n", leg.label(), settings.origin.authority)
}

/// Asks once, within the leg's own timeouts; the system's resolver has its own.
fn probe(settings: &Settings, begun: Instant) -> Result<String, String> {
    let mut stream = connect(settings)?;
    let patience = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => "it took too long".to_owned(),
        _ => e.to_string(),
    };
    let left = |stream: &TcpStream| {
        let spent = begun.elapsed();
        let left = (settings.connect_timeout + settings.response_timeout).saturating_sub(spent);
        // Zero would mean for ever.
        let left = left.max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left)))
    };
    left(&stream).map_err(patience)?;
    stream.write_all(request(settings).as_bytes()).map_err(patience)?;
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while head.len() < MOST_READ {
        left(&stream).map_err(patience)?;
        let read = stream.read(&mut piece).map_err(patience)?;
        head.extend_from_slice(&piece[..read]);
        if let Some(status) = status(&head) {
            return status;
        }
        if read == 0 {
            return Err("it closed the connection".to_owned());
        }
        if begun.elapsed() > settings.connect_timeout + settings.response_timeout {
            return Err("it took too long".to_owned());
        }
    }
    Err("it does not speak HTTP/1".to_owned())
}

fn connect(settings: &Settings) -> Result<TcpStream, String> {
    let target = (settings.origin.host.as_str(), settings.origin.port);
    let addresses = target.to_socket_addrs().map_err(|e| format!("its name has no address: {e}"))?;
    let mut last = "its name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, settings.connect_timeout) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = format!("{address}: {e}"),
        }
    }
    Err(last)
}

fn request(settings: &Settings) -> String {
    let host = match &settings.host {
        HostPolicy::Literal(name) => name,
        // There is no client whose Host could be kept.
        HostPolicy::Preserve | HostPolicy::Upstream => &settings.origin.authority,
    };
    let agent = concat!("umbrage-check/", env!("CARGO_PKG_VERSION"));
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n")
}

/// The status line once its end was read: `200 OK`.
fn status(head: &[u8]) -> Option<Result<String, String>> {
    let end = head.iter().position(|b| *b == b'\n')?;
    let line = String::from_utf8_lossy(&head[..end]);
    let mut parts = line.trim_end().splitn(2, ' ');
    let version = parts.next().unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    let digits = rest.get(..3).is_some_and(|code| code.bytes().all(|b| b.is_ascii_digit()));
    let plain: String = rest.chars().filter(|c| !c.is_control()).take(80).collect();
    Some(if version.starts_with("HTTP/1.") && digits {
        Ok(plain)
    } else {
        Err("it does not speak HTTP/1".to_owned())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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

    #[test]
    fn a_leg_that_answers_is_told_by_its_status() {
        let (address, asked) = server(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        let found = probe(&settings(&address, "5s"), clock::now());
        assert_eq!(found, Ok("503 Service Unavailable".to_owned()));
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("GET / HTTP/1.1\r\nHost: shop.example\r\n"), "{asked}");
    }

    #[test]
    fn a_leg_that_closes_or_speaks_something_else_is_told() {
        for (answer, why) in [
            (&b""[..], "it closed the connection"),
            (b"SSH-2.0-OpenSSH\r\n", "it does not speak HTTP/1"),
            (b"HTTP/1.1 abc\r\n", "it does not speak HTTP/1"),
            (b"no line's end", "it closed the connection"),
        ] {
            let (address, asked) = server(answer);
            assert_eq!(probe(&settings(&address, "5s"), clock::now()), Err(why.to_owned()));
            asked.join().unwrap();
        }
    }

    #[test]
    fn a_leg_that_is_not_there_or_hangs_is_told_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // The kernel accepts; nobody reads.
        assert_eq!(probe(&settings(&address, "20ms"), clock::now()), Err("it took too long".to_owned()));
        drop(listener);
        let refused = probe(&settings(&address, "5s"), clock::now()).unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
    }

    #[test]
    fn no_control_character_of_a_leg_reaches_the_terminal() {
        assert_eq!(status(b"HTTP/1.0 200 \x1b[31mred\r\n"), Some(Ok("200 [31mred".to_owned())));
        assert_eq!(status(b"HTTP/1.0 200"), None);
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
