//! The real binary: a command run to its end, or a proxy in a process of its own that signals can be sent to.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::support::{Page, client, eventually};

/// How long a command may take: a debug build on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a command came to.
#[derive(Debug)]
pub struct Done {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

/// A proxy in a process of its own; killed when dropped.
pub struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where the admin API answers.
    pub admin: SocketAddr,
}

/// Runs `umbrage` with these arguments in this folder, to its end.
#[track_caller]
pub fn umbrage(dir: &Path, args: &[&str]) -> Done {
    let mut command = command(dir);
    command.args(args).stdout(Stdio::piped());
    finish(command, args)
}

/// The binary in an environment that says nothing about it.
fn command(dir: &Path) -> Command {
    bare(env!("CARGO_BIN_EXE_umbrage"), dir)
}

fn bare(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    for name in ["UMBRAGE_CONFIG", "UMBRAGE_TOKEN", "UMBRAGE_LOG", "RUST_LOG", "NO_COLOR"] {
        command.env_remove(name);
    }
    command.current_dir(dir).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs with `count` sockets said to be handed in, to its end.
#[track_caller]
pub fn umbrage_at(config: &Path, listener: &TcpListener, count: u32) -> Done {
    finish(handed(config, listener, count), &["run", "at a socket"])
}

/// `umbrage run` with this socket as descriptor 3, announced to the very process that it becomes.
fn handed(config: &Path, listener: &TcpListener, count: u32) -> Command {
    let mut command = bare("sh", config.parent().expect("a folder"));
    let script =
        format!("export LISTEN_PID=$$ LISTEN_FDS={count}; exec 3<&0 </dev/null \"$0\" run -c \"$1\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_umbrage")]).arg(config);
    command.stdin(Stdio::from(OwnedFd::from(listener.try_clone().expect("a descriptor"))));
    command
}

#[track_caller]
fn finish(mut command: Command, args: &[&str]) -> Done {
    let mut child = command.spawn().expect("the binary starts");
    let out = child.stdout.take().map(|stream| thread::spawn(move || text(stream)));
    let err = child.stderr.take().map(|stream| thread::spawn(move || text(stream)));
    let code = wait(&mut child, PATIENCE, &format!("the end of umbrage {}", args.join(" ")));
    let join = |thread: Option<JoinHandle<String>>| thread.map_or_else(String::new, |t| t.join().unwrap());
    Done { code, out: join(out), err: join(err) }
}

fn text(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the output can be read");
    String::from_utf8(bytes).expect("the output is text")
}

/// Waits for the end; kills what goes on too long and fails.
#[track_caller]
fn wait(child: &mut Child, patience: Duration, what: &str) -> i32 {
    let mut code = None;
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually(patience, what, || {
            code = child.try_wait().expect("a child").map(|status| status.code().unwrap_or(-1));
            code.is_some()
        });
    }));
    if let Err(panic) = ended {
        let _ = child.kill();
        let _ = child.wait();
        std::panic::resume_unwind(panic);
    }
    code.expect("ended")
}

impl Running {
    /// Starts `umbrage run -c config`; comes back once it has said its addresses.
    #[track_caller]
    pub fn start(config: &Path) -> Running {
        let dir = config.parent().expect("a folder");
        let mut command = command(dir);
        command.args(["run", "-c"]).arg(config).stdout(Stdio::null());
        Self::spawn(command)
    }

    /// The same with its standard output in a file.
    #[track_caller]
    pub fn start_into(config: &Path, out: std::fs::File) -> Running {
        let mut command = command(config.parent().expect("a folder"));
        command.args(["run", "-c"]).arg(config).stdout(out);
        Self::spawn(command)
    }

    /// The same with a log that says everything.
    #[track_caller]
    pub fn start_talkative(config: &Path) -> Running {
        let mut command = command(config.parent().expect("a folder"));
        command.env("UMBRAGE_LOG", "trace").args(["run", "-c"]).arg(config).stdout(Stdio::null());
        Self::spawn(command)
    }

    /// The same where no file may grow beyond so many blocks of 512 bytes (some shells count 1024).
    #[track_caller]
    pub fn start_with_small_files(config: &Path, blocks: u32) -> Running {
        let mut command = bare("sh", config.parent().expect("a folder"));
        // Ignored, the signal becomes an error of the write, as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" run -c \"$1\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_umbrage")]).arg(config).stdout(Stdio::null());
        Self::spawn(command)
    }

    /// The same where at most so many files and sockets may be open.
    #[track_caller]
    pub fn start_with_few_descriptors(config: &Path, most: u32) -> Running {
        let mut command = bare("sh", config.parent().expect("a folder"));
        let script = format!("ulimit -n {most}; exec \"$0\" run -c \"$1\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_umbrage")]).arg(config);
        Self::spawn(command)
    }

    /// The same at this socket, handed over as systemd does it.
    #[track_caller]
    pub fn start_at(config: &Path, listener: &TcpListener) -> Running {
        Self::spawn(handed(config, listener, 1))
    }

    #[track_caller]
    fn spawn(mut command: Command) -> Running {
        let mut child = command.spawn().expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, written) = (child.stderr.take().expect("piped"), log.clone());
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n') {
                let Ok(line) = line else { return };
                let mut log = written.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&String::from_utf8_lossy(&line));
                log.push('\n');
            }
        });
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut running = Running { child, log, reader: Some(reader), address: nowhere, admin: nowhere };
        let mut said = None;
        eventually(PATIENCE, "the proxy says its addresses", || {
            let ended = running.child.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended with {ended:?}:\n{}", running.log());
            said = running.log().lines().find_map(addresses);
            said.is_some()
        });
        (running.address, running.admin) = said.expect("said");
        running
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log has this.
    #[track_caller]
    pub fn wait_for_log(&self, part: &str) {
        eventually(PATIENCE, &format!("{part:?} in the log"), || self.log().contains(part));
    }

    /// The most memory that it ever had resident, in KiB.
    #[cfg(target_os = "linux")]
    pub fn peak_memory_kib(&self) -> usize {
        self.status("VmHWM:")
    }

    /// Its threads.
    #[cfg(target_os = "linux")]
    pub fn threads(&self) -> usize {
        self.status("Threads:")
    }

    /// Its open files and sockets.
    #[cfg(target_os = "linux")]
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// A number that the kernel has of it.
    #[cfg(target_os = "linux")]
    fn status(&self, key: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line of its own");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits for its end; gives its exit code, -1 if a signal ended it.
    #[track_caller]
    pub fn exit_code(&mut self, within: Duration) -> i32 {
        let code = wait(&mut self.child, within, "the end of the proxy");
        // The rest of the log.
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        code
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        assert_eq!(self.exit_code(PATIENCE), -1);
    }

    /// Status and body of one request to the admin API.
    #[track_caller]
    pub fn ask_admin(&self, method: &str, path: &str) -> (u16, String) {
        let mut admin = client(self.admin);
        let fields = [("content-type", "application/json"), ("connection", "close")];
        admin.request(method, path, &fields, if method == "POST" { "{}" } else { "" });
        let response = admin.read_response();
        (response.status, response.text())
    }

    /// Its metrics.
    #[track_caller]
    pub fn metrics(&self) -> Page {
        Page::parse(&self.ask_admin("GET", "/metrics").1)
    }

    /// Its report.
    #[track_caller]
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.ask_admin("GET", "/api/v1/report").1).expect("a report is JSON")
    }

    /// Sends a GET on a connection of its own; its answer must be 200.
    #[track_caller]
    pub fn get(&self, path: &str) -> String {
        let response = client(self.address).get(path).read_response();
        assert_eq!(response.status, 200, "{}", response.text());
        response.text()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        if thread::panicking() {
            eprintln!("its log:\n{}", self.log());
        }
    }
}

/// Of a line of the log that says both.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = |key: &str| line[key].as_str()?.parse().ok();
    Some((address("address")?, address("admin")?))
}
