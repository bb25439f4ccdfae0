//! Programs of others: found or skipped, run to their end, or kept running at an address until a test is over.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{DeadAddress, dead_address, eventually, try_client};

/// How long a program may take to come up, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lines that a script may have said and nobody heard; it then waits.
const LINES: usize = 64;

/// Where a program is; `None`, with a word about it, if it is not there and need not be.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        // Servers are not on everybody's path.
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    found.or_else(|| skip(name))
}

/// The Python that has the packages of `requirements.txt` beside this file: made by `.ci/run`.
pub fn python_with_packages() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/interop-venv/bin/python");
    if python.is_file() { Some(python) } else { skip("target/interop-venv") }
}

fn skip(name: &str) -> Option<PathBuf> {
    let required = std::env::var_os("UMBRAGE_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(!required, "{name} is not there, and UMBRAGE_REQUIRE_TOOLS=1 wants it");
    eprintln!("skipped: {name} is not there");
    None
}

/// What a program wrote.
#[derive(Debug)]
pub struct Said {
    /// To stdout, as it came.
    pub bytes: Vec<u8>,
    /// The same as text.
    pub out: String,
}

/// Runs a program to its end, which must be a good one.
#[track_caller]
pub fn run(program: &Path, args: &[&str]) -> Said {
    let output = Command::new("timeout").arg("60").arg(program).args(args).stdin(Stdio::null()).output();
    let output = output.expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let err = text(&output.stderr);
    let said = Said { out: text(&output.stdout), bytes: output.stdout };
    assert!(
        output.status.success(),
        "{} {args:?}: {}\n{}\n{err}",
        program.display(),
        output.status,
        said.out
    );
    said
}

/// A server of somebody else; killed when dropped.
pub struct Elsewhere {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _reserved: DeadAddress,
    _dir: TempDir,
}

impl Elsewhere {
    /// Starts a server with a config that names the address it is given; comes back once it answers there. `args` names
    /// the arguments by the config file and its folder.
    #[track_caller]
    pub fn start(
        program: &Path,
        config: impl FnOnce(SocketAddr) -> String,
        args: impl FnOnce(&str, &str) -> Vec<String>,
    ) -> Elsewhere {
        // Kept from everybody else while the server binds it too, with SO_REUSEPORT.
        let reserved = dead_address();
        let address = reserved.addr();
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("server.conf");
        std::fs::write(&file, config(address)).unwrap();
        let (file, folder) = (file.display().to_string(), dir.path().display().to_string());
        let mut command = Command::new(program);
        command.args(args(&file, &folder)).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.current_dir(dir.path()).spawn().expect("it starts");
        let mut server = Elsewhere { child, address, _reserved: reserved, _dir: dir };
        eventually(PATIENCE, "the server listens", || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended with {ended:?}", program.display());
            try_client(address).is_ok()
        });
        server
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Python script beside this file, in a process of its own, that is talked with line by line; killed when dropped.
pub struct Script {
    name: String,
    child: Child,
    ear: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Script {
    /// Starts it.
    #[track_caller]
    pub fn start(python: &Path, name: &str, args: &[&str]) -> Script {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/interop").join(name);
        let mut command = Command::new(python);
        command.arg(file).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let (mouth, ear) = (child.stdout.take().expect("piped"), child.stdin.take());
        let (sender, said) = sync_channel(LINES);
        thread::spawn(move || {
            BufReader::new(mouth).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        Script { name: format!("{name} {}", args.join(" ")), child, ear, said }
    }

    /// Tells it a line.
    #[track_caller]
    pub fn tell(&mut self, line: &str) {
        writeln!(self.ear.as_mut().expect("piped"), "{line}")
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
    }

    /// The next line that it says, within this time.
    #[track_caller]
    pub fn says_within(&mut self, patience: Duration) -> String {
        let said = self.said.recv_timeout(patience);
        said.unwrap_or_else(|error| panic!("{} says nothing more within {patience:?}: {error}", self.name))
    }

    /// The next line that it says.
    #[track_caller]
    pub fn says(&mut self) -> String {
        self.says_within(2 * PATIENCE)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
