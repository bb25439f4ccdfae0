//! The whole way from text to config.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use http::Method;

use super::*;
use crate::gate::SampleBy;
use crate::live::PathTemplate;
use crate::upstream::HostPolicy;

pub(super) const BASE: &str =
    "[listen]\naddress = \"127.0.0.1:8080\"\n[stable]\nurl = \"http://127.0.0.1:9001\"\n";
pub(super) const SHADOW: &str = "[shadow]\nurl = \"http://127.0.0.1:9002\"\n[mirror]\npercent = 5\n";

/// The config of the base, the shadow and more.
pub(super) fn config(more: &str) -> Config {
    config_of(&format!("{BASE}{SHADOW}{more}"))
}

fn config_of(text: &str) -> Config {
    match Config::from_text("t", text) {
        Ok((config, _)) => config,
        Err(problems) => panic!("{problems}"),
    }
}

pub(super) fn titles(text: &str) -> Vec<String> {
    Config::from_text("t", text).unwrap_err().iter().map(|p| p.title.clone()).collect()
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = config("");
    assert_eq!(config.live.address.to_string(), "127.0.0.1:8080");
    assert!(config.live.workers >= 1, "0 means every core, and is never handed on");
    assert_eq!(config.live.max_connections, 10_000);
    assert_eq!(config.live.header_timeout, Duration::from_secs(10));
    assert_eq!(config.live.idle_timeout, Duration::from_secs(75));
    assert_eq!(config.live.drain_timeout, Duration::from_secs(30));
    assert_eq!(config.live.max_header_bytes, 64 * 1024);
    assert_eq!(config.gate.max_in_flight, 256);
    assert_eq!(config.gate.max_per_second, 1000);
    assert_eq!(config.gate.memory, 64 * 1024 * 1024);
    assert_eq!((config.shadow.nice, config.shadow.max_drain), (19, 64 * 1024 * 1024));
    assert_eq!(config.records.dir, Path::new("umbrage-data"));
    assert_eq!(config.records.max_size, 256 * 1024 * 1024);
    assert_eq!(config.records.max_age, Duration::from_hours(30 * 24));
    assert_eq!(config.records.samples_per_signature, 5);
    assert_eq!(config.admin.address.to_string(), "127.0.0.1:9901");
    assert_eq!(config.admin.token, None);
    assert_eq!(config.max_endpoints, 256);
    assert_eq!(config.version, None);
}

#[test]
fn one_implicit_route_takes_everything() {
    let config = config("");
    let [route] = config.routes.routes.as_slice() else { panic!("one route") };
    assert_eq!(&*route.name, "default");
    assert!(route.matcher.fits("any.example", "/any/path", &Method::DELETE));
    assert_eq!(route.stable.origin().port, 9001);
    assert_eq!(route.stable.host, HostPolicy::Preserve);
    assert_eq!(route.stable.connect_timeout, Duration::from_secs(1));
    assert_eq!(route.stable.max_idle, 256);
    assert_eq!(route.mirror.percent().parts(), 50_000);
    assert_eq!(route.mirror.sample_by, SampleBy::Random);
    assert_eq!(route.mirror.methods, [Method::GET, Method::HEAD, Method::OPTIONS]);
    assert_eq!(route.mirror.seed, limits::SEED);
    let experiment = route.experiment.as_ref().unwrap();
    assert_eq!(experiment.shadow.origin().port, 9002);
    assert_eq!(experiment.timeout, Duration::from_secs(5));
    assert!(experiment.control.is_none());
    assert_eq!(experiment.mark.as_ref().unwrap(), "umbrage-shadow");
    assert_eq!(experiment.rules.settings().max_decoded, 8 * 1024 * 1024);
}

#[test]
fn without_a_shadow_it_is_a_plain_proxy() {
    let config = config_of(BASE);
    assert!(config.routes.routes[0].experiment.is_none());
    assert_eq!(config.routes.routes[0].mirror.percent(), crate::model::Ppm::ZERO);
    assert_eq!(config.legs.len(), 1);
}

#[test]
fn a_route_inherits_key_by_key() {
    let config = config(
        "seed = 7\nmax_body = \"2MiB\"\nmethods = [\"GET\"]\n
        [compare]\nignore = [\"$.a\"]\nredact = [\"$.b\"]\nheaders = { ignore = [\"x-top\"], defaults = false }\n
        [[route]]\nname = \"orders\"\nmatch = { path = \"/orders/{id}\", methods = [\"GET\"], hosts = [\"Shop.Example\"] }
        mirror = { percent = 25, methods = [\"GET\", \"POST\"] }
        stable = { response_timeout = \"2s\" }
        shadow = { timeout = \"1s\" }
        compare = { ignore = [\"$.c\"], headers = { ignore = [\"X-Own\"] } }\n
        [[route]]\nname = \"rest\"",
    );
    let [orders, rest] = config.routes.routes.as_slice() else { panic!("two routes") };
    assert_eq!(orders.matcher.hosts, ["shop.example"]);
    assert_eq!(orders.matcher.path, PathTemplate::parse("/orders/{id}").ok());
    assert_eq!((orders.mirror.percent().parts(), rest.mirror.percent().parts()), (250_000, 50_000));
    assert_eq!((orders.mirror.seed, rest.mirror.seed), (7, 7));
    assert_eq!(orders.mirror.methods, [Method::GET, Method::POST]);
    assert_eq!(rest.mirror.methods, [Method::GET]);
    assert_eq!(orders.mirror.max_body, 2 * 1024 * 1024);
    assert_eq!(orders.stable.response_timeout, Duration::from_secs(2));
    assert_eq!(orders.stable.origin(), rest.stable.origin());
    let (own, inherited) = (orders.experiment.as_ref().unwrap(), rest.experiment.as_ref().unwrap());
    assert_eq!((own.timeout.as_secs(), inherited.timeout.as_secs()), (1, 5));
    assert_eq!(own.rules.settings().ignored_paths, ["$.c"]);
    assert_eq!(inherited.rules.settings().ignored_paths, ["$.a"]);
    // `defaults = false` is inherited though the list beside it is replaced.
    assert_eq!(own.rules.settings().ignored_headers, ["x-own"]);
    assert_eq!(inherited.rules.settings().ignored_headers, ["x-top"]);
    assert_eq!(&*own.redact, ["$.b"]);
}

#[test]
fn ignored_headers_add_to_the_defaults() {
    let rules = |more: &str| {
        let config = config(more);
        config.routes.routes[0].experiment.as_ref().unwrap().rules.settings().ignored_headers.clone()
    };
    let added = rules("[compare.headers]\nignore = [\"X-Own\", \"Date\"]");
    assert!(added.contains(&"x-own".to_owned()));
    // A default that is named again counts as the user's own rule.
    assert_eq!(added.len(), crate::compare::DEFAULT_IGNORED_HEADERS.len() + 2, "{added:?}");
    assert_eq!(rules("[compare.headers]\ndefaults = false"), Vec::<String>::new());
}

#[test]
fn control_is_stable_asked_again_unless_it_says_otherwise() {
    let config = config(
        "[control]\npercent = 10\n
        [[route]]\nname = \"a\"\nmatch = { path = \"/a\" }\nstable = { url = \"http://127.0.0.1:9004\", max_idle = 3 }\n
        [[route]]\nname = \"b\"\nmatch = { path = \"/b\" }\ncontrol = { percent = 50, url = \"http://127.0.0.1:9005\" }\n
        [[route]]\nname = \"rest\"",
    );
    let control = |n: usize| config.routes.routes[n].experiment.as_ref().unwrap().control.clone().unwrap();
    assert_eq!(control(0).upstream, config.routes.routes[0].stable);
    assert_eq!(control(0).upstream.max_idle, 3);
    assert_eq!((control(1).percent.parts(), control(1).upstream.origin().port), (500_000, 9005));
    assert_eq!(control(2).upstream, config.routes.routes[2].stable);
    assert_eq!(control(2).percent.parts(), 100_000);
}

#[test]
fn equal_legs_are_one() {
    let config = config(
        "[control]\npercent = 10\n[[route]]\nname = \"a\"\nmatch = { path = \"/a\" }\n[[route]]\nname = \"b\"",
    );
    let legs: Vec<Leg> = config.legs.iter().map(|(leg, _)| *leg).collect();
    assert_eq!(legs, [Leg::Stable, Leg::Shadow, Leg::Control]);
    let [a, b] = config.routes.routes.as_slice() else { panic!("two routes") };
    assert!(Arc::ptr_eq(&a.stable, &b.stable));
    assert!(Arc::ptr_eq(&config.legs[0].1, &config.legs[2].1), "control is reached as stable is");
    assert_eq!(config.policies().len(), 2);
}

#[test]
fn urls_hosts_and_addresses_are_read_as_written() {
    let config = config_of(
        "[listen]\naddress = \"[::1]:0\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n
        [stable]\nurl = \"HTTP://[fd00::1]:9001/\"\nhost = \"shop.example:8443\"\n
        [shadow]\nurl = \"http://shadow.example\"\nhost = \"upstream\"\n
        [mirror]\npercent = 0.0001\nsample_by = \"header:X-Customer\"\nmark = \"off\"\n",
    );
    let route = &config.routes.routes[0];
    assert_eq!((route.stable.origin().host.as_str(), route.stable.origin().port), ("fd00::1", 9001));
    assert_eq!(route.stable.origin().authority.as_str(), "[fd00::1]:9001");
    assert_eq!(route.stable.host, HostPolicy::Literal("shop.example:8443".parse().unwrap()));
    let experiment = route.experiment.as_ref().unwrap();
    assert_eq!(
        (experiment.shadow.origin().host.as_str(), experiment.shadow.origin().port),
        ("shadow.example", 80)
    );
    assert_eq!(experiment.shadow.host, HostPolicy::Upstream);
    assert_eq!(experiment.mark, None);
    assert_eq!(route.mirror.percent().parts(), 1);
    assert_eq!(route.mirror.sample_by, SampleBy::Header("x-customer".parse().unwrap()));
    assert_eq!(config.live.trusted_proxies.len(), 2);
    assert_eq!(config.live.trusted_proxies[1].to_string(), "::1/128");
}

#[test]
fn edits_reach_the_experiment_and_secrets_are_marked() {
    let config = config(
        "headers = { set = { x-dry-run = \"1\", authorization = \"Bearer s3cret\" }, remove = [\"Cookie\"] }",
    );
    let experiment = config.routes.routes[0].experiment.as_ref().unwrap();
    let set: BTreeMap<_, _> = experiment.set_headers.iter().map(|(n, v)| (n.as_str(), v)).collect();
    assert_eq!(set["x-dry-run"], "1");
    assert!(set["authorization"].is_sensitive() && !set["x-dry-run"].is_sensitive());
    assert_eq!(experiment.remove_headers, ["cookie"]);
    assert!(!config.masked().contains("s3cret") && !format!("{config:?}").contains("s3cret"));
}

#[test]
fn the_masked_config_is_whole_and_has_no_secret() {
    let config = config("[admin]\ntoken = \"a-very-long-secret\"\n[[route]]\nname = \"rest\"\n");
    let masked = config.masked();
    assert!(!masked.contains("a-very-long-secret"), "{masked}");
    let table: toml::Table = masked.parse().unwrap();
    assert_eq!(table["admin"]["token"].as_str(), Some("***"));
    assert_eq!(table["listen"]["idle_timeout"].as_str(), Some("75s"), "defaults are shown too");
    assert_eq!(table["records"]["max_size"].as_str(), Some("256MiB"));
    assert_eq!(table["mirror"]["percent"].as_integer(), Some(5));
    assert_eq!(table["route"][0]["name"].as_str(), Some("rest"));
    assert!(!format!("{config:?}").contains("a-very-long-secret"));
}

#[test]
fn the_masked_config_means_the_same() {
    let first = config(
        "seed = 3\n[compare]\nignore = [\"$.a\"]\n[control]\npercent = 10\n[[route]]\nname = \"rest\"\nmirror = { percent = 0.5 }",
    );
    let again = config_of(&first.masked());
    assert_eq!(first.masked(), again.masked());
    assert_eq!(first.epoch_key, again.epoch_key);
    assert_eq!((first.live, first.gate, first.records), (again.live, again.gate, again.records));
}

#[test]
fn a_token_is_read_from_its_file_without_the_line_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let read = |content: &[u8]| {
        fs::write(&path, content).unwrap();
        let text = format!("{BASE}[admin]\naddress = \"0.0.0.0:1\"\ntoken_file = {path:?}\n");
        Config::from_text("t", &text).map(|(config, warnings)| (config.admin.token.unwrap(), warnings.len()))
    };
    assert_eq!(read(b"0123456789abcdef\r\n").unwrap(), ("0123456789abcdef".to_owned(), 0));
    assert_eq!(read(b"short").unwrap(), ("short".to_owned(), 1));
    for bad in [&b""[..], b"\n", b"two words", b"\xff\xfe", &[b'a'; 5000]] {
        let problems = read(bad).unwrap_err();
        assert!(problems.to_string().contains("`admin.token_file` cannot be used"), "{problems}");
    }
}

#[test]
fn restart_keys_are_those_that_differ() {
    let old = config("");
    assert_eq!(Config::restart_keys(&old, &config("")), Vec::<&str>::new());
    let moved = config_of(
        "[listen]\naddress = \"127.0.0.1:8081\"\nworkers = 3\n[stable]\nurl = \"http://127.0.0.1:9009\"\n
        [shadow]\nurl = \"http://127.0.0.1:9002\"\n[mirror]\npercent = 50\nnice = 3\n
        [records]\ndir = \"other\"\n[admin]\naddress = \"127.0.0.1:9902\"\ntoken = \"0123456789abcdef\"",
    );
    let keys = Config::restart_keys(&old, &moved);
    let expected =
        ["listen.address", "listen.workers", "mirror.nice", "records.dir", "admin.address", "admin.token"];
    assert_eq!(keys, expected);
    let (one, other) = ("[admin]\ntoken = \"0123456789abcdef\"", "[admin]\ntoken = \"0123456789abcdeF\"");
    assert_eq!(
        Config::restart_keys(&config(one), &config(other)),
        ["admin.token"],
        "masked alike, and still seen"
    );
}

#[test]
fn every_restart_key_is_a_key() {
    let keys = <File as section::Section>::keys();
    for path in Config::RESTART_KEYS {
        let (section, name) = path.split_once('.').unwrap();
        let section = keys.iter().find(|key| key.name == section).unwrap();
        assert!(section.inner.iter().any(|key| key.name == name), "{path}");
    }
}

#[test]
fn an_epoch_ends_with_version_rules_or_shadow_only() {
    let key = |more: &str| config(more).epoch_key;
    let base = key("");
    for same in [
        "max_in_flight = 9",
        "[records]\ndir = \"x\"",
        "[control]\npercent = 1",
        "[compare]\nredact = [\"$.a\"]",
        "[compare]\nnumbers = \"value\"",
    ] {
        assert_eq!(key(same), base, "{same}");
    }
    for other in [
        "[compare]\nignore = [\"$.a\"]",
        "[compare]\nheaders = { defaults = false }",
        "[compare]\nnumbers = \"written\"",
        "[compare]\nmax_decoded = \"9MiB\"",
        "[compare]\nendpoints = [\"/a/{b}\"]",
        "[[route]]\nname = \"a\"",
    ] {
        assert_ne!(key(other), base, "{other}");
    }
    let text = format!("{BASE}{SHADOW}");
    let versioned = text.replace("9002\"\n", "9002\"\nversion = \"2\"\n");
    let moved = text.replace("9002", "9003");
    let slower = text.replace("percent = 5", "percent = 6");
    assert_ne!(config_of(&versioned).epoch_key, base);
    assert_ne!(config_of(&moved).epoch_key, base);
    assert_eq!(config_of(&slower).epoch_key, base);
}

#[test]
fn a_rule_that_always_holds_is_named_with_the_routes_on_which_it_does() {
    let standing = |more: &str| config(more).rule_names().standing;
    let usual = standing("[compare]\nignore = [\"$.a\"]");
    assert_eq!(usual.len(), 3, "{usual:?}");
    assert!(usual.iter().all(|rule| !rule.contains("(on ")), "{usual:?}");
    let route = |n: usize| {
        let numbers = if n < 5 { "written" } else { "value" };
        let compare = format!("compare = {{ numbers = \"{numbers}\" }}");
        format!("[[route]]\nname = \"r{n}\"\nmatch = {{ path = \"/{n}\" }}\n{compare}\n")
    };
    let routes = (0..6).map(route).collect::<Vec<_>>().concat();
    let mixed = standing(&routes);
    assert!(
        mixed.iter().any(|rule| rule.ends_with("1e0 differ (on r0, r1, r2 and 2 routes more)")),
        "{mixed:?}"
    );
    assert!(mixed.iter().any(|rule| rule.ends_with("1e0 are equal (on r5)")), "{mixed:?}");
    assert_eq!(mixed.len(), 4, "what holds on all of them is said once: {mixed:?}");
    assert_eq!(config(&routes).rule_names().written, Vec::<String>::new());
}

#[test]
fn the_hash_is_that_of_the_text() {
    let (one, other) = (config(""), config("# a comment\n"));
    assert_eq!(one.source.text_hash.len(), 16);
    assert_ne!(one.source.text_hash, other.source.text_hash);
    assert_eq!(one.source, config("").source);
}

#[test]
fn flags_become_a_file_that_no_value_can_break_out_of() {
    let flags = Flags {
        listen: "127.0.0.1:1\"\n[admin]\naddress = \"0.0.0.0:1".to_owned(),
        stable: "http://127.0.0.1:2".to_owned(),
        shadow: Some("http://127.0.0.1:3".to_owned()),
        percent: Some("5\n[admin]\ntoken = \"x\"".to_owned()),
    };
    let table: toml::Table = flags.text().parse().unwrap();
    assert_eq!(table.keys().collect::<Vec<_>>(), ["listen", "mirror", "shadow", "stable"]);
    let problems = Config::from_flags(&flags).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems}");
    for (percent, whole) in
        [("5", true), ("0.5", true), ("5%", false), ("nan", false), ("inf", false), ("", false)]
    {
        let flags =
            Flags { listen: "127.0.0.1:1".into(), percent: Some(percent.to_owned()), ..flags.clone() };
        assert_eq!(Config::from_flags(&flags).is_ok(), whole, "{percent}");
    }
}

#[test]
fn files_that_cannot_be_read_are_problems() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("umbrage.toml");
    let told = |path: &Path| Config::from_file(path).unwrap_err().to_string();
    assert!(told(&path).contains("cannot be read: No such file"), "{}", told(&path));
    assert!(told(dir.path()).contains("cannot be read"));
    fs::write(&path, b"\xff").unwrap();
    assert!(told(&path).contains("it is not UTF-8"));
    fs::write(&path, vec![b'#'; limits::FILE_BYTES + 10]).unwrap();
    assert!(told(&path).contains("too large for a config"));
}
