//! The config as users meet it: the shipped files, a folder of good ones, and a folder of bad ones with what is said about them.
//!
//! `UPDATE_EXPECT=1 cargo test --test config` writes the expected output anew; read the difference before you commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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

#[test]
fn every_shipped_config_is_valid_without_a_warning() {
    let shipped = files("config");
    let names: Vec<_> = shipped.iter().map(|p| p.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["experiment.toml", "full.toml", "minimal.toml"]);
    for path in shipped {
        let (config, warnings) = Config::from_file(&path).unwrap_or_else(|p| panic!("{p}"));
        assert!(warnings.is_empty(), "{warnings}");
        assert_eq!(config.source.path.as_deref(), Some(path.as_path()));
    }
}

/// `full.toml` with its commented keys made real: lines such as `# key = …` and `# [section]`.
fn uncommented() -> String {
    let text = fs::read_to_string(root().join("config/full.toml")).unwrap();
    let is_key = |line: &str| {
        let name = line.split(" = ").next().unwrap_or_default();
        line.contains(" = ") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let is_section = |line: &str| line.starts_with('[') && line.ends_with(']') && !line.contains(' ');
    let plain = |line: &str| match line.strip_prefix("# ") {
        Some(bare) if is_key(bare) || is_section(bare) => bare.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|line| plain(line) + "\n").collect()
}

fn paths(prefix: &str, keys: &[Key], out: &mut BTreeSet<String>) {
    for key in keys {
        let path = if prefix.is_empty() { key.name.to_owned() } else { format!("{prefix}.{}", key.name) };
        paths(&path, &key.inner, out);
        out.insert(path);
    }
}

fn table_paths(prefix: &str, table: &toml::Table, out: &mut BTreeSet<String>) {
    for (name, value) in table {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        // What stands in `set` are names of fields, not keys.
        match value {
            toml::Value::Table(inner) if name != "set" => table_paths(&path, inner, out),
            toml::Value::Array(items) => {
                items
                    .iter()
                    .filter_map(toml::Value::as_table)
                    .for_each(|inner| table_paths(&path, inner, out));
            }
            _ => {}
        }
        out.insert(path);
    }
}

fn schema_paths(prefix: &str, schema: &serde_json::Value, out: &mut BTreeSet<String>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, inner) in properties {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        schema_paths(&path, inner, out);
        schema_paths(&path, &inner["items"], out);
        assert!(inner["description"].is_string(), "{path} has no description");
        out.insert(path);
    }
}

#[test]
fn full_toml_the_schema_and_the_reader_know_the_same_keys() {
    let (mut read, mut documented, mut written) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    paths("", &file::File::keys(), &mut read);
    schema_paths("", &schema(), &mut documented);
    table_paths("", &uncommented().parse().unwrap(), &mut written);
    assert!(read.len() > 80, "{read:?}");
    assert_eq!(read, documented);
    assert_eq!(read, written);
}

/// A folder with the certificates that full.toml names.
fn certificates() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["tls", "shop", "clients"] {
        let made = rcgen::generate_simple_self_signed(vec![format!("{name}.example")]).unwrap();
        fs::write(dir.path().join(name).with_extension("crt"), made.cert.pem()).unwrap();
        fs::write(dir.path().join(name).with_extension("key"), made.signing_key.serialize_pem()).unwrap();
    }
    dir
}

#[test]
fn every_example_in_full_toml_is_valid() {
    // One of two keys that exclude each other; the file of the other does not exist here.
    let text = uncommented();
    let other = |line: &&str| ["token_file", "urls", "tls"].iter().any(|key| line.starts_with(key));
    let lines: Vec<&str> = text.lines().filter(|line| !other(line)).collect();
    let text = lines.join("\n").replace("a long random text", "a-long-random-text");
    let text = without(&without(&text, "urls = [", "], "), "tls = {", "}, ");
    let certificates = certificates();
    let text = text.replace("/etc/umbrage/tls", &certificates.path().display().to_string());
    let (config, warnings) = Config::from_text("full.toml", &text).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(config.version.as_deref(), Some("2026-11-22.3"));
    assert_eq!(config.routes.routes.len(), 1);
    assert!(config.routes.routes[0].experiment.as_ref().unwrap().control.is_some());
    // The one route of the example does not take everything.
    assert_eq!(warnings.len(), 1, "{warnings}");
}

/// The text without what stands from one mark to the next other one.
fn without(text: &str, from: &str, to: &str) -> String {
    let mut parts = text.split(from);
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| all + part.split_once(to).unwrap().1)
}

/// Keys with a default whose given value is another one.
fn apart(path: &str, entries: &[Entry]) -> Vec<String> {
    let differs = |e: &&Entry| e.default.is_some() && e.given.is_some() && e.given != e.default;
    entries
        .iter()
        .filter(differs)
        .map(|e| format!("{path}.{}: {:?}, by default {:?}", e.name, e.given, e.default))
        .collect()
}

#[test]
fn full_toml_gives_every_key_its_default() {
    let text = fs::read_to_string(root().join("config/full.toml")).unwrap();
    let (config, _) = Config::from_text("full.toml", &text).unwrap();
    let file = config.file();
    let (mirror, compare) = (file.mirror.get().unwrap(), file.compare.get().unwrap());
    let sections = [
        ("listen", file.listen.get().unwrap().entries(false)),
        ("stable", file.stable.get().unwrap().entries(false)),
        ("stable.ejection", file.stable.get().unwrap().ejection.get().unwrap().entries(false)),
        ("shadow", file.shadow.get().unwrap().entries(false)),
        ("mirror", mirror.entries(false)),
        ("mirror.headers", mirror.headers.get().unwrap().entries(false)),
        ("compare", compare.entries(false)),
        ("compare.headers", compare.rules.headers.get().unwrap().entries(false)),
        ("records", file.records.get().unwrap().entries(false)),
        ("admin", file.admin.get().unwrap().entries(false)),
    ];
    let wrong: Vec<String> = sections.iter().flat_map(|(path, entries)| apart(path, entries)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let left_out: Vec<_> = sections
        .iter()
        .flat_map(|(path, entries)| entries.iter().map(move |e| (path, e)))
        .filter(|(_, e)| e.default.is_some() && e.given.is_none())
        .map(|(path, e)| format!("{path}.{}", e.name))
        .collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn full_toml_shows_the_default_list_of_ignored_headers_and_what_needs_a_restart() {
    let text = fs::read_to_string(root().join("config/full.toml")).unwrap();
    let from = text.find("Fields that are not compared, beside these").unwrap();
    let to = text[from..].find("\nignore").unwrap();
    let list = text[from..from + to].replace(['#', '\n'], " ");
    let (_, list) = list.split_once(':').unwrap();
    let shown: Vec<&str> = list.split(',').map(str::trim).collect();
    assert_eq!(shown, umbrage::compare::DEFAULT_IGNORED_HEADERS);
    assert_eq!(
        text.matches("[restart]").count() - 1,
        Config::RESTART_KEYS.len() - 1,
        "token and token_file share a line"
    );
}

/// Runs the program in an empty folder; `UMBRAGE_CONFIG` as given.
fn umbrage(args: &[&str], config: Option<&Path>) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_umbrage"));
    command.args(args).current_dir(dir.path()).env_remove("UMBRAGE_CONFIG").env_remove("UMBRAGE_TOKEN");
    command.envs(config.map(|path| ("UMBRAGE_CONFIG", path)));
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn check_tells_a_good_file_on_stdout() {
    let path = root().join("config/experiment.toml");
    for told in [
        umbrage(&["check", "-c", path.to_str().unwrap()], None),
        umbrage(&["check"], Some(&path)),
        umbrage(&["check", "--config", path.to_str().unwrap()], Some(Path::new("/nonexistent"))),
    ] {
        assert_eq!(told.status.code(), Some(0), "{told:?}");
        assert_eq!(text(&told.stdout), format!("{}: fine, 3 routes, 3 legs\n", path.display()));
        assert_eq!(text(&told.stderr), "");
    }
}

#[test]
fn check_tells_a_bad_file_on_stderr_without_colour_and_ends_with_78() {
    let path = root().join("tests/cases/config/invalid/everything-at-once.toml");
    let told = umbrage(&["check"], Some(&path));
    assert_eq!(told.status.code(), Some(78));
    assert_eq!(text(&told.stdout), "");
    let expected = fs::read_to_string(path.with_extension("txt")).unwrap();
    assert_eq!(text(&told.stderr).replace(path.to_str().unwrap(), "umbrage.toml"), expected);
}

#[test]
fn without_a_file_the_default_one_is_named() {
    let told = umbrage(&["check"], None);
    assert_eq!(told.status.code(), Some(78));
    assert!(text(&told.stderr).contains("--> umbrage.toml"), "{told:?}");
    assert!(text(&told.stderr).contains("UMBRAGE_CONFIG"), "{told:?}");
}

#[test]
fn a_probe_of_legs_that_are_not_there_ends_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.toml");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fs::write(&path, format!("[listen]\naddress = \"127.0.0.1:0\"\n[stable]\nurl = \"http://{free}\"\n"))
        .unwrap();
    let told = umbrage(&["check", "--probe"], Some(&path));
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(text(&told.stdout).contains(&format!("stable  http://{free} gave no answer")), "{told:?}");
    assert!(text(&told.stderr).contains("error: 1 of 1 legs gave no answer"), "{told:?}");
}

#[test]
fn wrong_usage_ends_with_2() {
    for args in [&["walk"][..], &["ctl", "percent", "200"], &["run", "--percent", "5"]] {
        let told = umbrage(args, None);
        assert_eq!(told.status.code(), Some(2), "{told:?}");
        assert_eq!(text(&told.stdout), "");
    }
}

#[test]
fn schema_completions_and_man_print_what_they_say() {
    let printed: serde_json::Value = serde_json::from_slice(&umbrage(&["schema"], None).stdout).unwrap();
    assert_eq!(printed, schema());
    assert!(text(&umbrage(&["completions", "bash"], None).stdout).contains("complete -F _umbrage"));
    assert!(text(&umbrage(&["man"], None).stdout).contains(".TH umbrage 1"));
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    for args in [&["schema"][..], &["man"], &["completions", "bash"], &["--help"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_umbrage"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let told = command.args(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((told.status.code(), text(&told.stderr)), (Some(0), String::new()), "{args:?}");
    }
}
