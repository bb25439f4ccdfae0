//! The config in force as a table, and what a new one changes that only a restart can change.

use toml::Table;

use super::Config;
use super::file::File;
use super::section::{Field, Section, show_section};

/// Keys that are read once, when the planes are started; routes, legs, shares and rules are swapped.
pub(super) const READ_AT_START: [&str; 21] = [
    "listen.address",
    "listen.workers",
    "listen.max_connections",
    "listen.header_timeout",
    "listen.idle_timeout",
    "listen.drain_timeout",
    "listen.max_header_bytes",
    "listen.trusted_proxies",
    "mirror.max_in_flight",
    "mirror.max_per_second",
    "mirror.memory",
    "mirror.nice",
    "mirror.max_drain",
    "compare.max_endpoints",
    "records.dir",
    "records.max_size",
    "records.max_age",
    "records.samples_per_signature",
    "admin.address",
    "admin.token",
    "admin.token_file",
];

/// See [`Config::restart_keys`].
pub(super) fn restart_keys(old: &Config, new: &Config) -> Vec<&'static str> {
    let (before, after) = (resolved(&old.file), resolved(&new.file));
    let differs = |key: &str| match key {
        // Shown masked, so the tables cannot tell.
        "admin.token" => old.admin.token != new.admin.token,
        _ => at(&before, key) != at(&after, key),
    };
    READ_AT_START.into_iter().filter(|key| differs(key)).collect()
}

/// Every section that is in force, with its defaults; of legs and routes what was given and what they add.
pub(super) fn resolved(file: &File) -> Table {
    let mut table = Table::new();
    put(&mut table, "listen", &file.listen, true);
    put(&mut table, "stable", &file.stable, true);
    put(&mut table, "shadow", &file.shadow, false);
    put(&mut table, "mirror", &file.mirror, !file.shadow.is_absent());
    put(&mut table, "compare", &file.compare, true);
    put(&mut table, "records", &file.records, true);
    put(&mut table, "admin", &file.admin, true);
    let written = show_section(file, false);
    for key in ["control", "route"] {
        table.extend(written.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    table
}

/// Adds a section with its defaults, if it was given or holds anyway.
fn put<S: Section>(table: &mut Table, name: &str, field: &Field<S>, always: bool) {
    let section = match field.get() {
        Some(section) => section.clone(),
        None if always => S::default(),
        None => return,
    };
    table.insert(name.to_owned(), toml::Value::Table(show_section(&section, true)));
}

fn at<'a>(table: &'a Table, key: &str) -> Option<&'a toml::Value> {
    let (section, name) = key.split_once('.')?;
    table.get(section)?.as_table()?.get(name)
}
