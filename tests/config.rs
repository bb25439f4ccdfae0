//! The config as users meet it: the shipped files, a folder of good ones, and a folder of bad ones with what is said about them.
//!
//! `UPDATE_EXPECT=1 cargo test --test config` writes the expected output anew; read the difference before you commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use umbrage::config::section::{Entry, Key, Section};
use umbrage::config::{Config, file, schema};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    found.sort();
    found
}

/// What is said about a file: problems or warnings.
fn said(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).unwrap();
    match Config::from_text("umbrage.toml", &text) {
        Ok((_, warnings)) if warnings.is_empty() => Ok(String::new()),
        Ok((_, warnings)) => Ok(warnings.render(false)),
        Err(problems) => Err(problems.render(false)),
    }
}

/// Compares with the file beside it that ends in `.txt`; answers what is wrong.
fn compare(path: &Path, found: &str) -> Option<String> {
    let expected = path.with_extension("txt");
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|v| v == "1") {
        fs::write(&expected, found).unwrap();
    }
    let written = fs::read_to_string(&expected).unwrap_or_default();
    (written != found).then(|| format!("{}\n--- expected\n{written}\n--- found\n{found}", path.display()))
}

#[test]
fn every_invalid_config_is_refused_with_the_expected_words() {
    let cases = files("tests/cases/config/invalid");
    assert!(cases.len() >= 30, "found only {} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|path| match said(path) {
            Ok(said) => Some(format!("{} was accepted\n{said}", path.display())),
            Err(problems) => compare(path, &problems),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_valid_config_is_accepted_with_the_expected_warnings() {
    let cases = files("tests/cases/config/valid");
    assert!(cases.len() >= 10, "found only {} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|path| match said(path) {
            Ok(warnings) => compare(path, &warnings),
            Err(problems) => Some(format!("{} was refused\n{problems}", path.display())),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
