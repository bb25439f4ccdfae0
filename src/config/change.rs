//! The config in force as a table, and what a new one changes that only a restart can change.

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use super::Config;
use super::file::File;
use super::section::{Field, Section, show_section};

/// Keys that are read once, when the planes are started; routes, legs, shares and rules are swapped.
pub(super) const READ_AT_START: [&str; 32] = [
    "listen.address",
    "listen.workers",
    "listen.max_connections",
    "listen.header_timeout",
    "listen.idle_timeout",
    "listen.body_timeout",
    "listen.write_timeout",
    "listen.tunnel_timeout",
    "listen.drain_timeout",
    "listen.max_header_bytes",
    "listen.max_target_bytes",
    "listen.max_fields",
    "listen.reuse_port",
    "listen.proxy_protocol",
    "listen.max_streams",
    "listen.extended_connect",
    "listen.max_connections_per_address",
    "listen.max_requests_per_connection",
    "listen.handshake_timeout",
    "listen.max_handshakes",
    "listen.tls",
    "listen.access_log",
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
    put(&mut table, "breaker", &file.breaker, !file.shadow.is_absent());
    put(&mut table, "guard", &file.guard, !file.shadow.is_absent());
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

/// See [`Config::changed_keys`].
pub(super) fn changed_keys(old: &Config, new: &Config) -> Vec<String> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    flatten("", &toml::Value::Table(resolved(&old.file)), &mut before);
    flatten("", &toml::Value::Table(resolved(&new.file)), &mut after);
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// Every leaf by its dotted path; entries of a list by their name, or by their place.
fn flatten(path: &str, value: &toml::Value, leaves: &mut BTreeMap<String, String>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flatten(&under(key), value, leaves);
            }
        }
        toml::Value::Array(list) if list.iter().all(toml::Value::is_table) && !list.is_empty() => {
            for (place, value) in list.iter().enumerate() {
                let name = value.get("name").and_then(toml::Value::as_str);
                flatten(&under(name.unwrap_or(&place.to_string())), value, leaves);
            }
        }
        leaf => {
            leaves.insert(path.to_owned(), leaf.to_string());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> BTreeMap<String, String> {
        let mut leaves = BTreeMap::new();
        flatten("", &toml::Value::Table(text.parse().unwrap()), &mut leaves);
        leaves
    }

    fn keys(text: &str) -> Vec<String> {
        leaves(text).into_keys().collect()
    }

    #[test]
    fn a_leaf_is_called_by_its_dotted_path() {
        assert_eq!(keys("a = 1\n[b]\nc = 2\n[b.d]\ne = 3\n"), ["a", "b.c", "b.d.e"]);
        assert_eq!(leaves("[b]\nc = \"x\"\n")["b.c"], "\"x\"");
    }

    #[test]
    fn entries_are_called_by_name_where_they_have_one_and_by_place_else() {
        let named = "[[route]]\nname = \"orders\"\nx = 1\n[[route]]\nname = \"users\"\nx = 2\n";
        assert_eq!(keys(named), ["route.orders.name", "route.orders.x", "route.users.name", "route.users.x"]);
        assert_eq!(keys("[[route]]\nx = 1\n[[route]]\nx = 2\n"), ["route.0.x", "route.1.x"]);
    }

    #[test]
    fn a_list_of_values_is_one_leaf_and_an_empty_one_too() {
        assert_eq!(keys("a = [1, 2]\nb = []\n"), ["a", "b"]);
        assert_ne!(leaves("a = [1, 2]")["a"], leaves("a = [2, 1]")["a"], "order counts");
    }

    fn config(more: &str) -> Config {
        let base = "[listen]\naddress = \"127.0.0.1:8080\"\n[stable]\nurl = \"http://127.0.0.1:9001\"\n\
                    [shadow]\nurl = \"http://127.0.0.1:9002\"\n[mirror]\npercent = 5\n";
        Config::from_text("t", &format!("{base}{more}")).unwrap().0
    }

    #[test]
    fn a_change_is_named_by_its_key_also_within_a_route() {
        let route = |percent: u32| {
            config(&format!("[[route]]\nname = \"all\"\nmirror = {{ percent = {percent} }}\n"))
        };
        assert_eq!(changed_keys(&route(1), &route(2)), ["route.all.mirror.percent"]);
        assert!(changed_keys(&route(1), &route(1)).is_empty());
        assert_eq!(changed_keys(&config(""), &config("max_in_flight = 9\n")), ["mirror.max_in_flight"]);
        for (section, key) in [("breaker", "rest = \"90ms\""), ("guard", "hold = \"9s\"")] {
            let name = key.split(' ').next().unwrap();
            let new = config(&format!("[{section}]\n{key}\n"));
            assert_eq!(changed_keys(&config(""), &new), [format!("{section}.{name}")]);
        }
        assert!(
            changed_keys(&config(""), &config("max_in_flight = 256\n")).is_empty(),
            "a default that is written down is no change"
        );
    }

    #[test]
    fn another_token_needs_a_restart_and_is_not_shown() {
        let with = |token: &str| config(&format!("[admin]\ntoken = \"{token}\"\n"));
        let (old, new) = (with("first-secret-0123456789"), with("second-secret-012345678"));
        assert_eq!(restart_keys(&old, &new), ["admin.token"]);
        assert!(!resolved(&new.file).to_string().contains("second-secret"));
    }
}
