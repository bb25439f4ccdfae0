//! What a line looks like, and what of the environment counts.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written while `log` runs, and what is wrong with the filter.
fn logged(wording: Wording, colour: bool, filter: &str, log: impl FnOnce()) -> (String, Option<String>) {
    let page = Page::default();
    let settings = LogSettings { wording, colour, filter: filter.to_owned() };
    let (queue, flush) = log_queue::start(page.clone(), wording).unwrap();
    let (subscriber, problem) = subscriber(&settings, queue);
    tracing::subscriber::with_default(subscriber, log);
    drop(flush);
    let bytes = page.0.lock().unwrap().clone();
    (String::from_utf8(bytes).unwrap(), problem)
}

fn read(variables: &[(&str, &str)], terminal: bool) -> LogSettings {
    let found = |name: &str| variables.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned());
    LogSettings::read(found, terminal)
}

#[test]
fn the_environment_decides() {
    let plain = read(&[], true);
    assert_eq!(plain, LogSettings { wording: Wording::Human, colour: true, filter: "info".to_owned() });
    let piped = read(&[], false);
    assert_eq!((piped.wording, piped.colour), (Wording::Json, false));
    assert!(!read(&[("NO_COLOR", "1")], true).colour);
    assert!(read(&[("NO_COLOR", "")], true).colour, "no-color.org: only if it is not empty");
    assert_eq!(read(&[("RUST_LOG", "warn")], true).filter, "warn");
    assert_eq!(read(&[("RUST_LOG", "warn"), ("UMBRAGE_LOG", "debug")], true).filter, "debug");
    assert_eq!(read(&[("RUST_LOG", "warn"), ("UMBRAGE_LOG", "")], true).filter, "warn");
}

#[test]
fn people_read_level_message_and_fields() {
    let log = || tracing::info!(percent = 5.0, route = "orders", "mirrored share changed");
    let (text, problem) = logged(Wording::Human, false, "info", log);
    assert_eq!(problem, None);
    assert!(
        text.contains(" INFO ") && text.ends_with("mirrored share changed percent=5.0 route=\"orders\"\n"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
    let (coloured, _) = logged(Wording::Human, true, "info", log);
    assert!(coloured.contains('\u{1b}'), "{coloured}");
}

#[test]
fn machines_read_one_object_on_a_line() {
    let log = || tracing::warn!(percent = 5, route = "a\nb", "said \"so\"");
    let (text, _) = logged(Wording::Json, false, "info", log);
    assert_eq!(text.lines().count(), 1);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((value["level"].as_str(), value["message"].as_str()), (Some("WARN"), Some("said \"so\"")));
    assert_eq!((value["percent"].as_u64(), value["route"].as_str()), (Some(5), Some("a\nb")));
    assert!(value["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn hostile_values_make_neither_lines_nor_terminal_sequences() {
    let evil = "x\n2026 INFO forged\r\u{1b}[2J\u{9b}31m\u{7}\u{0}";
    for colour in [false, true] {
        let (text, _) = logged(Wording::Human, colour, "info", || {
            tracing::info!(path = %evil, debug = ?evil, plain = evil, "message {evil}");
            let _span = tracing::info_span!("request", path = %evil).entered();
            tracing::info!("inside");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        for hidden in ["\u{1b}[2J", "\u{9b}", "\u{7}", "\u{0}", "\r"] {
            assert!(!text.contains(hidden), "{hidden:?} in {text:?}");
        }
    }
    let (json, _) = logged(Wording::Json, false, "info", || tracing::info!(path = %evil, "message {evil}"));
    assert_eq!(json.lines().count(), 1);
    assert!(!json.contains('\u{1b}'), "{json:?}");
}

#[test]
fn the_filter_holds_and_a_broken_one_is_told() {
    let log = || {
        tracing::debug!("small");
        tracing::error!("large");
    };
    let (text, _) = logged(Wording::Human, false, "error", log);
    assert!(text.contains("large") && !text.contains("small"), "{text}");
    let (text, _) = logged(Wording::Human, false, "umbrage=debug", log);
    assert!(text.contains("small"), "{text}");
    let (text, problem) = logged(Wording::Human, false, "umbrage=nonsense=x", log);
    assert!(problem.is_some() && text.contains("large") && !text.contains("small"), "{problem:?} {text}");
}

#[test]
fn an_endless_value_is_cut() {
    let (text, _) =
        logged(Wording::Human, false, "info", || tracing::info!(value = %"x".repeat(1_000_000), "long"));
    assert!(text.len() < log_queue::MAX_LINE + 64 && text.contains("bytes cut"), "{}", text.len());
}
