//! A new file is in force as a whole or not at all, and what a command turned stays turned.
#![allow(clippy::unwrap_used)]

use std::fs;

use arc_swap::ArcSwap;

use super::*;
use crate::evidence::{Epoch, Tally};
use crate::gate::Gate;
use crate::model::Ppm;
use crate::records::Sink;
use crate::telemetry::Metrics;

const BASE: &str = "[listen]\naddress = \"127.0.0.1:8080\"\n[stable]\nurl = \"http://127.0.0.1:9001\"\n\
                    [shadow]\nurl = \"http://127.0.0.1:9002\"\n[mirror]\npercent = 5\n";

fn scout() -> Scout {
    Scout::start(Metrics::new()).unwrap()
}

/// A reloader with its file.
struct Desk {
    folder: tempfile::TempDir,
    reloader: Reloader,
    shared: Arc<Shared>,
    ledger: Arc<Ledger>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("umbrage.toml");
        fs::write(&path, BASE).unwrap();
        let config = Config::from_file(&path).unwrap().0;
        let metrics = Metrics::new();
        let (gate, _) = Gate::new(config.gate, clock::now());
        let epoch = Epoch { number: 1, key: config.epoch_key.clone(), started_unix_ms: 1, version: None };
        let tally = Tally::new(epoch, config.limits());
        let ledger = Arc::new(Ledger::new(tally, config.limits(), gate.clone(), Sink::broken(&metrics)));
        let (snapshot, instance) = (ArcSwap::from_pointee(snapshot(&config, "a1")), "a1".to_owned());
        let shared = Arc::new(Shared { gate, metrics, snapshot, instance, access_log: None, tls: None });
        let reloader = Reloader::new(config, shared.clone(), ledger.clone(), scout());
        Desk { folder, reloader, shared, ledger }
    }

    fn reload(&self, text: &str) -> ReloadAnswer {
        fs::write(self.folder.path().join("umbrage.toml"), text).unwrap();
        self.reloader.reload("a test")
    }

    fn percent(&self) -> f64 {
        self.shared.gate.switches.policies()[0].percent().percent()
    }

    fn says(&self, line: &str) -> bool {
        self.shared.metrics.render().lines().any(|l| l == format!("umbrage_{line}"))
    }

    fn number(&self) -> u64 {
        self.ledger.report().epoch.number
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn a_good_file_is_in_force_at_once_and_as_a_whole() {
    let desk = Desk::new();
    let before = desk.reloader.text_hash();
    let text = BASE.replace("percent = 5", "percent = 7\nmax_in_flight = 3").replace("9001", "9011");
    let answer = desk.reload(&text);
    assert!(answer.applied && answer.problems.is_none(), "{answer:?}");
    assert_eq!(answer.changed, ["mirror.max_in_flight", "mirror.percent", "stable.url"]);
    assert!(answer.needs_restart.is_empty() && !answer.epoch_began);
    assert!(close(desk.percent(), 7.0));
    assert_eq!(desk.shared.gate.bounds().max_in_flight, 3);
    let snapshot = desk.shared.snapshot.load();
    let route = &snapshot.routes.routes[0];
    assert_eq!(route.stable.origin().port, 9011);
    let policies = desk.shared.gate.switches.policies();
    assert!(Arc::ptr_eq(&route.mirror, &policies[0]), "what commands turn is what live reads");
    assert!(desk.says("config_reloads_total{result=\"applied\"} 1"));
    let after = desk.reloader.text_hash();
    assert!(desk.says(&format!("config_info{{hash=\"{after}\"}} 1")));
    assert!(!desk.shared.metrics.render().contains(&before), "one series, however often it is reloaded");
    assert_eq!(desk.number(), 1, "neither share nor stable is what is under trial");
}

#[test]
fn a_bad_file_changes_nothing_and_is_said() {
    let desk = Desk::new();
    let before = (desk.reloader.text_hash(), desk.shared.snapshot.load_full());
    for text in ["", "not toml [", &BASE.replace("percent = 5", "percent = 101\nmemory = \"1MiB\"")] {
        let answer = desk.reload(text);
        assert!(!answer.applied && answer.changed.is_empty(), "{answer:?}");
        assert!(answer.problems.is_some_and(|problems| problems.contains("umbrage.toml")));
    }
    assert!(close(desk.percent(), 5.0));
    assert!(Arc::ptr_eq(&before.1, &desk.shared.snapshot.load_full()));
    assert_eq!(desk.reloader.text_hash(), before.0);
    assert!(desk.says("config_reloads_total{result=\"refused\"} 3"));
    assert!(desk.says("config_last_reload_successful 0"));
    fs::remove_file(desk.folder.path().join("umbrage.toml")).unwrap();
    assert!(!desk.reloader.reload("a test").applied, "a file that is gone is a bad one");
    assert!(desk.reload(BASE).applied, "the old text is good again");
    assert!(desk.says("config_last_reload_successful 1"));
}

#[test]
fn the_same_text_is_no_change() {
    let desk = Desk::new();
    let snapshot = desk.shared.snapshot.load_full();
    let answer = desk.reload(BASE);
    assert!(answer.applied && answer.changed.is_empty() && answer.needs_restart.is_empty());
    assert!(
        Arc::ptr_eq(&snapshot, &desk.shared.snapshot.load_full()),
        "no connection is given up for nothing"
    );
    assert!(desk.says("config_reloads_total{result=\"unchanged\"} 1"));
}

#[test]
fn what_needs_a_restart_is_named_and_not_as_changed() {
    let desk = Desk::new();
    let answer =
        desk.reload(&BASE.replace(":8080\"", ":8081\"\nworkers = 3").replace("percent = 5", "percent = 6"));
    assert_eq!(answer.needs_restart, ["listen.address", "listen.workers"]);
    assert_eq!(answer.changed, ["mirror.percent"]);
    assert!(close(desk.percent(), 6.0), "the rest takes effect");
}

#[test]
fn another_shadow_or_version_begins_an_epoch_and_another_share_does_not() {
    let desk = Desk::new();
    desk.reload(&BASE.replace("percent = 5", "percent = 50"));
    assert_eq!(desk.number(), 1);
    assert!(desk.reload(&BASE.replace("9002\"", "9002\"\nversion = \"2\"")).epoch_began);
    let report = desk.ledger.report();
    assert_eq!((report.epoch.number, report.epoch.version.as_deref()), (2, Some("2")));
    desk.reload(&BASE.replace("9002", "9003"));
    assert_eq!(desk.number(), 3);
    let key = desk.shared.snapshot.load().routes.routes[0].experiment.as_ref().unwrap().epoch().to_owned();
    assert_eq!(
        desk.ledger.report().epoch.key,
        key,
        "pairs are asked under the epoch that they are folded into"
    );
}

#[test]
fn a_share_that_a_command_set_lasts_until_the_file_says_another() {
    let desk = Desk::new();
    desk.shared.gate.switches.set_percent(None, Ppm::ZERO).unwrap();
    desk.reload(&BASE.replace("percent = 5", "percent = 5\nmax_in_flight = 9"));
    assert!(close(desk.percent(), 0.0), "an incident is not over because of another change");
    desk.reload(&BASE.replace("percent = 5", "percent = 4"));
    assert!(close(desk.percent(), 4.0));
}

#[test]
fn a_pause_outlasts_a_reload() {
    let desk = Desk::new();
    desk.shared.gate.switches.pause();
    desk.reload(&BASE.replace("percent = 5", "percent = 6"));
    assert!(desk.shared.gate.switches.is_paused());
}

#[test]
fn without_a_file_there_is_nothing_to_read_again() {
    let desk = Desk::new();
    let config = Config::from_text("flags", BASE).unwrap().0;
    let reloader = Reloader::new(config, desk.shared.clone(), desk.ledger.clone(), scout());
    let answer = reloader.reload("a test");
    assert!(!answer.applied);
    assert!(answer.problems.unwrap().contains("without a config file"));
    assert_eq!(reloader.path(), None);
}

#[test]
fn the_shadow_is_on_the_page_from_the_start_and_stable_once_it_was_asked() {
    let desk = Desk::new();
    assert!(desk.says("leg_up{leg=\"shadow\"} 0"));
    assert!(
        !desk.says("leg_up{leg=\"stable\"} 0"),
        "nobody is to be woken for a proxy that nobody asked yet"
    );
    assert!(desk.says("config_last_reload_successful 1"));
}
