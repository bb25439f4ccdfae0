//! Fetched, printed, judged.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::super::client::tests::answers;
use super::*;

fn printed(report: &Value, fail_on: Option<FailOn>) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = print(report, pretty, fail_on, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn with_verdicts(verdicts: &[&str]) -> Value {
    let hypotheses: Vec<Value> = verdicts.iter().map(|v| json!({"name": "h", "verdict": v})).collect();
    json!({"hypotheses": hypotheses})
}

#[test]
fn a_report_is_fetched_and_put_in_words() {
    let body = json!({"schema": 1, "coverage": {"requests": 7}}).to_string();
    let bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (address, served) = answers(bytes.as_bytes());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = |report: &Value| format!("{} requests\n\n", report["coverage"]["requests"]);
    assert_eq!(run(&address, None, words, None, &mut out, &mut err), FINE);
    assert_eq!((out.as_slice(), err.as_slice()), (&b"7 requests\n"[..], &b""[..]));
    assert!(served.join().unwrap().starts_with("GET /api/v1/report "));
}

#[test]
fn json_is_printed_indented_and_complete() {
    let report: Value = serde_json::from_str("{\"a\": [1, 1.50, 123456789012345678901234567890]}").unwrap();
    let (code, out, _) = printed(&report, None);
    assert_eq!(code, FINE);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), report);
    assert!(out.contains("\n    123456789012345678901234567890\n") && out.ends_with("}\n"), "{out}");
}

#[test]
fn the_exit_code_follows_the_verdicts() {
    use FailOn::{Refuted, Undecided};
    let cases: [(&[&str], Option<FailOn>, u8); 9] = [
        (&["refuted"], None, FINE),
        (&["supported"], Some(Refuted), FINE),
        (&["undecided"], Some(Refuted), FINE),
        (&["supported", "refuted"], Some(Refuted), FAILED_ON),
        (&["supported"], Some(Undecided), FINE),
        (&["supported", "undecided"], Some(Undecided), FAILED_ON),
        (&["refuted"], Some(Undecided), FAILED_ON),
        (&["unheard-of"], Some(Undecided), FAILED_ON),
        (&["unheard-of"], Some(Refuted), FINE),
    ];
    for (verdicts, fail_on, code) in cases {
        assert_eq!(printed(&with_verdicts(verdicts), fail_on).0, code, "{verdicts:?} {fail_on:?}");
    }
    let (code, _, err) = printed(&json!({"hypotheses": null}), Some(Undecided));
    assert!(code == FINE && err.contains("[[hypothesis]]"), "{err}");
}

#[test]
fn failures_are_told_on_stderr() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut err = Vec::new();
    assert_eq!(print(&json!({}), pretty, None, &mut Full, &mut err), FAILED);
    assert!(String::from_utf8_lossy(&err).contains("could not write"));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(run("http://127.0.0.1:1", None, pretty, None, &mut out, &mut err), FAILED);
    assert_eq!(run("nope://", None, pretty, None, &mut out, &mut err), USAGE);
    assert!(out.is_empty() && String::from_utf8_lossy(&err).contains("is umbrage running?"));
    let (address, served) = answers(b"HTTP/1.1 503 Busy\r\ncontent-length: 16\r\n\r\n{\"error\":\"busy\"}");
    let mut err = Vec::new();
    assert_eq!(run(&address, None, pretty, None, &mut out, &mut err), FAILED);
    assert_eq!(String::from_utf8_lossy(&err), "umbrage report: the admin API refused: busy\n");
    served.join().unwrap();
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_changes_no_verdict() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for (verdict, code) in [("supported", FINE), ("refuted", FAILED_ON)] {
        let mut err = Vec::new();
        let report = with_verdicts(&[verdict]);
        assert_eq!(print(&report, pretty, Some(FailOn::Refuted), &mut Gone, &mut err), code);
        assert!(err.is_empty(), "{}", String::from_utf8_lossy(&err));
    }
}
