//! Holds what a reviewer would nag about: layers, sizes, first lines, bans, and pages that tell the truth.
//!
//! The rules are data in `tidy/*.rs`; each check is a function over text, so that [`snippets`] can show that it fails.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read the tree has failed")]
#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "our own files are written in lower case"
)]

#[path = "tidy/bans.rs"]
mod bans;
#[path = "tidy/budgets.rs"]
mod budgets;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/pages.rs"]
mod pages;
#[path = "tidy/snippets.rs"]
mod snippets;
#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use source::Source;
use umbrage::telemetry::metrics::CATALOGUE;

/// Something that is not as it should be, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    path: String,
    line: usize,
    what: String,
}

impl Complaint {
    fn new(source: &Source, line: usize, what: String) -> Self {
        Self::at(&source.path, line, what)
    }

    fn at(path: &str, line: usize, what: String) -> Self {
        Complaint { path: path.to_owned(), line, what }
    }

    fn whole(path: &str, what: String) -> Self {
        Self::at(path, 0, what)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Fails with every complaint on a line of its own.
#[track_caller]
fn nothing_in(mut complaints: Vec<Complaint>) {
    complaints.sort();
    let lines: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    assert!(lines.is_empty(), "{} complaints:\n{}", lines.len(), lines.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below `folder` with this ending, in order.
fn files(folder: &str, ending: &str) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, ending: &str, found: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                walk(root, &path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/"));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &root().join(folder), ending, &mut found);
    found.sort();
    found
}

/// Every Rust file below `folder`.
fn sources(folder: &str) -> Vec<Source> {
    let found: Vec<Source> = files(folder, ".rs").iter().map(|path| Source::new(path, &read(path))).collect();
    assert!(!found.is_empty(), "no Rust file below {folder}");
    found
}

/// The files below src, those apart that only tests compile.
fn production() -> (Vec<Source>, Vec<Source>) {
    split(sources("src"))
}

/// Takes out the files that a `#[cfg(test)] mod name;` declares, and what lies below them.
fn split(all: Vec<Source>) -> (Vec<Source>, Vec<Source>) {
    let declared: BTreeSet<String> = all.iter().flat_map(|source| source.test_modules.clone()).collect();
    let is_test = |source: &Source| {
        let stem = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        declared.iter().any(|module| stem == module || stem.starts_with(&format!("{module}/")))
    };
    let (tests, production) = all.into_iter().partition(is_test);
    (production, tests)
}

fn all_tests() -> Vec<Source> {
    let (_, mut tests) = production();
    tests.extend(sources("tests"));
    tests
}

#[test]
fn layers_are_kept() {
    nothing_in(production().0.iter().flat_map(layers::check).collect());
}

#[test]
fn sizes_are_within_their_budgets() {
    let (production, tests) = (production().0, all_tests());
    println!("{:#?}", budgets::measure(&production, &tests));
    nothing_in(budgets::check(&production, &tests));
}

#[test]
fn nothing_banned_is_in_production() {
    nothing_in(production().0.iter().flat_map(bans::check).collect());
}

#[test]
fn tests_neither_sleep_nor_fix_ports_nor_are_unfinished() {
    let complaints = all_tests().into_iter().flat_map(|source| {
        let source = source.into_test();
        [bans::check(&source), bans::fixed_ports(&source)].into_iter().flatten().collect::<Vec<_>>()
    });
    nothing_in(complaints.collect());
}

#[test]
fn nothing_deployed_is_unfinished() {
    let folders = ["deploy", "config", "docs"];
    let paths: Vec<String> = folders.iter().flat_map(|folder| files(folder, "")).collect();
    assert!(paths.len() > 10, "only {} files below {folders:?}", paths.len());
    nothing_in(
        paths
            .iter()
            .filter_map(|path| Some((path, fs::read_to_string(root().join(path)).ok()?)))
            .flat_map(|(path, text)| bans::unfinished(path, &text))
            .collect(),
    );
}

#[test]
fn every_metric_is_documented_as_it_is() {
    let metrics = pages::in_source(&read("src/telemetry/metrics.rs"));
    let found: Vec<(&str, &str)> = metrics.iter().map(|m| (m.name.as_str(), m.help.as_str())).collect();
    assert_eq!(found, CATALOGUE, "tests/tidy/pages.rs reads src/telemetry/metrics.rs wrongly");
    nothing_in(pages::compare_metrics(
        &metrics,
        "docs/metrics.md",
        &pages::in_table(&read("docs/metrics.md")),
    ));
}

#[test]
fn dashboards_and_rules_use_metrics_that_exist() {
    let metrics = pages::in_source(&read("src/telemetry/metrics.rs"));
    let paths: Vec<String> =
        ["deploy/grafana", "deploy/prometheus"].iter().flat_map(|folder| files(folder, "")).collect();
    assert!(paths.iter().any(|path| path.ends_with(".json")), "no dashboard among {paths:?}");
    assert!(paths.iter().any(|path| path.ends_with("rules.yml")), "no rules among {paths:?}");
    nothing_in(paths.iter().flat_map(|path| pages::unknown_metrics(path, &read(path), &metrics)).collect());
}

#[test]
fn the_map_shows_what_exists() {
    let path = "ARCHITECTURE.md";
    let Ok(page) = fs::read_to_string(root().join(path)) else { return };
    let mut complaints = pages::missing_places(path, &page, &root());
    let modules: Vec<String> = layers::LAYERS
        .iter()
        .map(|layer| layer.module.to_owned())
        .filter(|module| root().join("src").join(module).is_dir())
        .collect();
    complaints.extend(pages::unmapped_modules(path, &page, &modules));
    nothing_in(complaints);
}
