//! What no file may hold, as data with reasons, and the checks for it.

use super::Complaint;
use super::source::{Source, words};

/// Where a ban holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// In what runs at a customer's.
    Production,
    /// In tests too.
    Everywhere,
}

/// A pattern of code that is not wanted.
pub struct Ban {
    /// The text, matched as whole words outside of comments and literals.
    pub pattern: &'static str,
    /// Where it holds.
    pub scope: Where,
    /// Why.
    pub reason: &'static str,
    /// Files in which it may stand.
    pub but_in: &'static [&'static str],
}

const NO_PANIC: &str = "an error is a value: a panic in the live plane takes a worker's customers with it";
const ONE_TRACKER: &str = "spawn on the plane's own tracker, so that tasks are bounded and drained";
const BOUNDED: &str = "every queue has a bound";
const NO_SLEEP: &str = "wait for what is to happen, not for time to pass";

macro_rules! bans {
    ($($scope:ident $pattern:literal $(but in $($file:literal),+)? : $reason:expr;)+) => {
        &[$(Ban {
            pattern: $pattern,
            scope: Where::$scope,
            reason: $reason,
            but_in: &[$($($file),+)?],
        },)+]
    };
}

/// Every ban. (clippy.toml bans clocks.)
pub const BANS: &[Ban] = bans! {
    Production ".unwrap()": NO_PANIC;
    Production ".unwrap_err()": NO_PANIC;
    // With a message: a method of one's own may be called so, and returns an error. (clippy bans the rest.)
    Production ".expect(\"": NO_PANIC;
    Production ".expect(&format!": NO_PANIC;
    Production "panic!": NO_PANIC;
    Production "todo!": "what is merged is finished";
    Production "unimplemented!": "what is merged is finished";
    Everywhere "tokio::spawn": ONE_TRACKER;
    Everywhere "task::spawn(": ONE_TRACKER;
    Everywhere "unbounded_channel": BOUNDED;
    Everywhere "UnboundedSender": BOUNDED;
    Everywhere "mpsc::channel()": BOUNDED;
    Everywhere "mpsc::unbounded": BOUNDED;
    Everywhere "thread::sleep": NO_SLEEP;
    Everywhere "park_timeout" but in "tests/it/support/eventually.rs": NO_SLEEP;
};

/// Names that say nothing of what a file is for.
pub const EMPTY_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "types", "shared", "stuff", "lib_main"];

/// Marks of unfinished work; in pieces, so that this file does not complain of itself.
pub const UNFINISHED: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// What must stand in the crate's roots.
const FORBID: &str = "#![forbid(unsafe_code)]";

/// Everything that one file may not hold, or must and does not.
pub fn check(source: &Source) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for ban in BANS.iter().filter(|ban| !ban.but_in.contains(&source.path.as_str())) {
        complaints.extend(banned(source, ban));
    }
    if !source.raw.starts_with("//! ") {
        complaints.push(Complaint::new(
            source,
            1,
            "the first line does not say (`//! …`) what the file is".to_owned(),
        ));
    }
    let roots = ["src/lib.rs", "src/main.rs"];
    if roots.contains(&source.path.as_str()) && !source.code.contains(FORBID) {
        complaints.push(Complaint::new(source, 1, format!("{FORBID} is missing")));
    }
    for part in source.path.trim_end_matches(".rs").split('/').filter(|part| EMPTY_NAMES.contains(part)) {
        complaints.push(Complaint::new(
            source,
            1,
            format!("`{part}` does not say what it is for: name the noun of a step"),
        ));
    }
    complaints.extend(unfinished(&source.path, &source.raw));
    complaints
}

/// Marks of unfinished work in a text of any kind.
pub fn unfinished(path: &str, text: &str) -> Vec<Complaint> {
    let found = UNFINISHED.iter().flat_map(|mark| words(text, mark).map(move |at| (at, mark)));
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    found
        .map(|(at, mark)| Complaint::at(path, line(at), format!("{mark}: what is merged is finished")))
        .collect()
}

/// Fixed ports in tests: they collide when two tests, or two people, run at once.
pub fn fixed_ports(source: &Source) -> Vec<Complaint> {
    let binds = source.find("bind").filter_map(|at| {
        let line = source.raw[at..].lines().next().unwrap_or("");
        let argument = line.split_once('(')?.1;
        let port: String = argument.rsplit_once(':')?.1.chars().take_while(char::is_ascii_digit).collect();
        (!port.is_empty() && port != "0").then_some((at, port))
    });
    binds
        .map(|(at, port)| {
            Complaint::new(source, source.line_of(at), format!("binds the fixed port {port}: take 0"))
        })
        .collect()
}

fn banned<'a>(source: &'a Source, ban: &'a Ban) -> impl Iterator<Item = Complaint> + 'a {
    let out_of_scope = |at: usize| ban.scope == Where::Production && source.in_test(at);
    source
        .find(ban.pattern)
        .filter(move |at| !out_of_scope(*at))
        .map(|at| Complaint::new(source, source.line_of(at), format!("`{}`: {}", ban.pattern, ban.reason)))
}
