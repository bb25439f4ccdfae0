//! From the file as written to the config as relied upon: `file` (every key) -> `validate` (collects every problem) -> [`Config`].

mod authorities;
mod change;
mod demands;
mod epoch;
pub mod file;
mod guard;
mod hint;
mod legs;
pub mod limits;
mod listener;
pub mod problem;
pub mod reader;
mod routes;
pub mod schema;
pub mod section;
mod validate;
pub mod value;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

pub use problem::{Level, Problem, Problems};
pub use schema::schema;

use crate::model::Leg;
use crate::{admin, evidence, gate, live, records, shadow, upstream};
use file::File;
use reader::Findings;

/// Everything that the parts rely upon: complete, valid, without an option that means "default".
#[derive(Clone, Debug)]
pub struct Config {
    /// The listener.
    pub live: live::Settings,
    /// Where requests go, and what of them is mirrored; at least one route.
    pub routes: live::Routes,
    /// The bounds of the whole gate.
    pub gate: gate::Bounds,
    /// When a shadow that fails is left alone.
    pub breaker: gate::BreakerSettings,
    /// When mirroring stops by itself.
    pub guard: shadow::GuardSettings,
    /// How the shadow plane runs.
    pub shadow: shadow::Settings,
    /// The store.
    pub records: records::Settings,
    /// The admin API.
    pub admin: admin::Settings,
    /// Endpoints told apart; the rest shares one.
    pub max_endpoints: usize,
    /// Every leg once; equal settings are one [`Arc`], here and in the routes.
    pub legs: Vec<(Leg, Arc<upstream::Settings>)>,
    /// What is under trial, in the operator's words.
    pub version: Option<String>,
    /// Changes when a new epoch begins: with the version, the rules, or the address of a shadow.
    pub epoch_key: String,
    /// Where it came from.
    pub source: Source,
    file: File,
}

/// Where a config came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its file; `None` for a text or for flags.
    pub path: Option<PathBuf>,
    /// First 16 hexadecimal digits of the text's BLAKE3: the label `hash` of `config_info`.
    pub text_hash: String,
}

/// First 16 hexadecimal digits of a text's BLAKE3.
pub fn text_hash(text: &[u8]) -> String {
    blake3::hash(text).to_hex()[..16].to_owned()
}

/// The flags of `umbrage run` that stand for a file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `listen.address`
    pub listen: String,
    /// `stable.url`
    pub stable: String,
    /// `shadow.url`
    pub shadow: Option<String>,
    /// `mirror.percent`
    pub percent: Option<String>,
}

impl Config {
    /// Reads and validates a text; `name` is how problems call it.
    ///
    /// The second part of a success holds warnings only, and may be empty.
    ///
    /// # Errors
    /// Every problem of the text at once.
    pub fn from_text(name: &str, text: &str) -> Result<(Config, Problems), Problems> {
        Self::from_source(name, text, None)
    }

    /// Reads and validates a file of at most [`limits::FILE_BYTES`].
    ///
    /// # Errors
    /// Every problem of the file at once; that it cannot be read is one.
    pub fn from_file(path: &Path) -> Result<(Config, Problems), Problems> {
        let name = path.to_string_lossy();
        let text = read(path).map_err(|problem| Problems::new(&name, "", &[], vec![problem]))?;
        Self::from_source(&name, &text, Some(path.to_owned()))
    }

    /// The config that a few flags stand for.
    ///
    /// # Errors
    /// Every problem at once, shown in the file that the flags stand for.
    pub fn from_flags(flags: &Flags) -> Result<(Config, Problems), Problems> {
        Self::from_text("flags", &flags.text())
    }

    /// The config in force as TOML, with every default, secrets masked.
    pub fn masked(&self) -> String {
        change::resolved(&self.file).to_string()
    }

    /// Keys that differ and take effect with a restart only, such as `listen.address`.
    pub fn restart_keys(old: &Config, new: &Config) -> Vec<&'static str> {
        change::restart_keys(old, new)
    }

    /// Every key that differs, by its dotted path.
    pub fn changed_keys(old: &Config, new: &Config) -> Vec<String> {
        change::changed_keys(old, new)
    }

    /// What bounds the memory of the tally.
    pub fn limits(&self) -> evidence::Limits {
        evidence::Limits { endpoints: self.max_endpoints, ..evidence::Limits::default() }
    }

    /// The rules over all routes: those that users wrote, of which a report says what they hid, and those that hold
    /// anyway.
    pub fn rule_names(&self) -> evidence::RuleNames {
        let mut names = evidence::RuleNames::default();
        let mut standing: Vec<(String, Vec<&str>)> = Vec::new();
        for experiment in self.experiments() {
            let rules = &experiment.rules;
            let written = rules.names().into_iter().enumerate().filter(|(i, _)| !rules.is_default(*i));
            names.written.extend(written.map(|(_, name)| name));
            for rule in rules.standing() {
                match standing.iter_mut().find(|(known, _)| *known == rule) {
                    Some((_, routes)) => routes.push(&experiment.route),
                    None => standing.push((rule, vec![&experiment.route])),
                }
            }
        }
        let all = self.experiments().count();
        names.standing = standing.into_iter().map(|(rule, routes)| on_routes(&rule, &routes, all)).collect();
        names.written.sort_unstable();
        names.written.dedup();
        names
    }

    /// Every key that [`Config::restart_keys`] may answer.
    pub const RESTART_KEYS: &'static [&'static str] = &change::READ_AT_START;

    /// The file as written.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The policies of every route, for [`gate::Switches::install`].
    pub fn policies(&self) -> Vec<Arc<gate::Policy>> {
        self.routes.routes.iter().map(|route| Arc::clone(&route.mirror)).collect()
    }

    /// What is tried, route by route, for [`gate::Breakers::attach`].
    pub fn experiments(&self) -> impl Iterator<Item = &Arc<gate::Experiment>> {
        self.routes.routes.iter().filter_map(|route| route.experiment.as_ref())
    }

    fn from_source(name: &str, text: &str, path: Option<PathBuf>) -> Result<(Config, Problems), Problems> {
        let mut findings = Findings::default();
        let text_hash = text_hash(text.as_bytes());
        let config = parse(text, &mut findings)
            .and_then(|file| validate::validate(file, Source { path, text_hash }, &mut findings));
        let fatal = findings.problems.iter().any(|p| p.level == Level::Error);
        let problems = Problems::new(name, text, &findings.secrets, findings.problems);
        match config {
            Some(config) if !fatal => Ok((config, problems)),
            _ => Err(problems),
        }
    }
}

impl Flags {
    /// The file that they stand for.
    pub fn text(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let listen = format!("[listen]\naddress = {}\n", quoted(&self.listen));
        let stable = format!("\n[stable]\nurl = {}\n", quoted(&self.stable));
        let shadow = self.shadow.as_ref().map(|url| format!("\n[shadow]\nurl = {}\n", quoted(url)));
        let mirror = self.percent.as_ref().map(|percent| {
            let number = percent.parse::<f64>().is_ok() && percent.parse::<toml::Value>().is_ok();
            let percent = if number { percent.clone() } else { quoted(percent) };
            format!("\n[mirror]\npercent = {percent}\n")
        });
        [Some(listen), Some(stable), shadow, mirror].into_iter().flatten().collect()
    }
}

/// A rule with the routes on which it holds, where those are not all.
fn on_routes(rule: &str, routes: &[&str], all: usize) -> String {
    const NAMED: usize = 3;
    if routes.len() == all {
        return rule.to_owned();
    }
    let named = routes.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match routes.len().saturating_sub(NAMED) {
        0 => format!("{rule} (on {named})"),
        more => format!("{rule} (on {named} and {more} routes more)"),
    }
}

/// The file as written; `None` if it is not TOML.
fn parse(text: &str, findings: &mut Findings) -> Option<File> {
    if text.len() > limits::FILE_BYTES {
        let label = format!("at most {} bytes", limits::FILE_BYTES);
        findings.add(Problem::error(format!("this is too large for a config: {label}")));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        findings.add(Problem::error("this is not TOML").at(error.span().as_ref()).label(message));
    }
    let mut found = Findings::default();
    let file = reader::read_section("", table.get_ref(), &mut found);
    findings.secrets.append(&mut found.secrets);
    if !errors.is_empty() {
        // What the parser made of a broken text would be blamed for what it left out.
        return None;
    }
    findings.problems.append(&mut found.problems);
    Some(file)
}

fn read(path: &Path) -> Result<String, Problem> {
    let refused = |why: &dyn std::fmt::Display| {
        Problem::error(format!("the config cannot be read: {why}"))
            .help("name another with -c FILE or UMBRAGE_CONFIG, or start without one: umbrage run --listen …")
    };
    let mut bytes = Vec::new();
    let bound = limits::FILE_BYTES as u64 + 1;
    let file = std::fs::File::open(path).map_err(|e| refused(&e))?;
    file.take(bound).read_to_end(&mut bytes).map_err(|e| refused(&e))?;
    String::from_utf8(bytes).map_err(|_| refused(&"it is not UTF-8"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod hostile_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
