//! Tests of the three forms of a report.

use super::*;
use crate::evidence::fixture::{Request, difference, tally_of};
use crate::evidence::report::{Guard, Tripped};
use crate::evidence::{Report, RuleNames};
use crate::model::{Comparison, Difference, Incomparable, Kind};

fn hostile() -> Difference {
    Difference {
        stable: Some("<script>\u{1b}[2J\u{202e}|`*\u{0}".to_owned()),
        shadow: Some("a\nb & \"c\"".to_owned()),
        ..difference("$.x|<b>\u{7}]]>", Kind::Value)
    }
}

fn report() -> Report {
    let noise = difference("$.time", Kind::Value);
    let mut requests: Vec<Request> = (0..60)
        .map(|n| {
            Request::alike("GET /orders/{id}", 10, 20 + n % 3)
                .with(&[difference("$.price", Kind::Type), noise.clone()])
        })
        .map(|request| request.control(10, std::slice::from_ref(&noise)))
        .collect();
    requests.extend((0..40).map(|_| Request::alike("GET /health", 1, 1)));
    requests.push(Request::alike("GET /x", 1, 1).with(&[hostile()]));
    let mut lost = Request::alike("GET /lost", 1, 1);
    lost.comparison = Comparison::incomparable(Incomparable::Truncated);
    requests.push(lost);
    let mut tally = tally_of(&requests);
    tally.set_decisions([("mirrored", 102), ("not_sampled", 1898)].map(|(l, n)| (l.to_owned(), n)).into());
    let standing = vec!["numbers are compared by value".to_owned(), "x ".repeat(500)];
    tally.expect_rules(&RuleNames { written: vec!["$.id".to_owned(), "$.idle".to_owned()], standing });
    let hidden = Comparison {
        hidden: vec![1200],
        selected: vec![1300],
        ..Comparison::incomparable(Incomparable::Memory)
    };
    tally.fold_rules(&["$.id".to_owned()], &hidden);
    Report::of(&tally)
}

fn empty() -> Report {
    Report::of(&tally_of(&[]))
}

fn holds(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn text_shows_endpoints_fields_and_coverage() {
    let text = text(&report(), false);
    holds(
        &text,
        &[
            "1 field explains 98 % of the differences. 1 more field is noise that stable has with itself. (epoch 3, version v2)\n",
            "ENDPOINT          COMPARED  DIFFER  RATE",
            "GET /orders/{id}        60      60  100 % [9",
            "difference  body $.price  type  100 % (noise 0 %)  \"12\" → 12\n",
            "noise       body $.time  value  100 % (noise 100 %)",
            "×2",
            "* the reference is control",
            "not measured alike",
            "Requests      2,000, of which 102 mirrored (5.1 %)",
            "Not mirrored  not_sampled 1,898",
            "Shadow        answered 102",
            "Incomparable  truncated 1",
            "Rule          $.id hid 1,200 differences (places selected: 1,300)",
            "Always        numbers are compared by value\n",
            "Rule          $.idle matched nothing that had to be compared in 101 pairs",
            "differ if every lost pair does (1 lost)",
        ],
    );
    assert!(text.find("/orders") < text.find("/health"), "worst first");
    assert!(!text.contains("value matched nothing"), "nobody wrote it");
    assert!(text.lines().all(|line| line.chars().count() < 300), "{text}");
}

#[test]
fn text_keeps_hostile_values_from_the_terminal() {
    for color in [false, true] {
        let text = text(&report(), color).replace("\u{1b}[0m", "");
        let text = ["1", "2", "31", "33"]
            .iter()
            .fold(text, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""));
        assert!(!text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{text}");
        holds(&text, &["\\u{1b}[2J", "a\\nb"]);
    }
    assert!(!text(&report(), false).contains('\u{1b}'));
    assert!(text(&report(), true).contains("\u{1b}[31mdifference"));
}

#[test]
fn nothing_compared_is_said_and_is_no_success() {
    holds(&text(&empty(), false), &["Nothing compared yet.", "Requests      0\n"]);
    holds(&markdown(&empty()), &["Nothing compared yet."]);
    holds(
        &junit(&empty()),
        &["tests=\"1\" failures=\"0\" skipped=\"1\"", "<skipped message=\"Nothing compared yet.\"/>"],
    );
}

#[test]
fn markdown_escapes_what_would_be_markup() {
    let markdown = markdown(&report());
    holds(
        &markdown,
        &[
            "# Umbrage report\n",
            "| GET /orders/\\{id\\} | 60 | 60 | 100 % \\[",
            "| body | $.price | type | 100 % (noise 0 %) | difference | \"12\" → 12 |",
            "$.x\\|&lt;b&gt;",
            "&lt;script&gt;",
            "- Rule: $.idle matched nothing that had to be compared in 101 pairs",
        ],
    );
    assert!(!markdown.contains("<script") && !markdown.contains('\u{1b}'));
    let tables: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    assert!(tables.iter().all(|line| line.ends_with('|')));
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(tables.iter().all(|line| [8].contains(&columns(line))), "{tables:#?}");
}

#[test]
fn junit_fails_the_endpoints_that_differ_and_skips_those_without_data() {
    let xml = junit(&report());
    holds(
        &xml,
        &[
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"4\" failures=\"2\" skipped=\"1\" errors=\"0\">",
            "<testcase classname=\"main\" name=\"GET /health\"></testcase>",
            "<testcase classname=\"main\" name=\"GET /lost\"><skipped",
            "<failure message=\"60 of 60 pairs differ: 100 % [",
            "difference: body $.price type 100 % (noise 0 %) &quot;12&quot; → 12",
            "&lt;script&gt;",
            "]]&gt;",
        ],
    );
    let legal = |c: char| c == '\n' || !c.is_control();
    assert!(xml.chars().all(legal) && !xml.contains("<script"));
    for tag in ["testsuites", "testsuite", "testcase", "failure"] {
        let opened = xml.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, xml.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn a_report_read_from_json_renders_the_same() {
    let (report, json) = (report(), serde_json::to_string(&report()).unwrap_or_default());
    let back = serde_json::from_str::<Report>(&json);
    assert_eq!(back.map(|back| text(&back, false)).ok(), Some(text(&report, false)));
}

#[test]
fn a_guard_that_stops_the_mirroring_is_one_line_above_the_coverage() {
    let quiet = empty();
    let with = |guard| Report { guard: Some(guard), ..quiet.clone() };
    let line = |report: &Report| {
        let (text, markdown) = (text(report, false), markdown(report));
        let guards = text.lines().filter(|line| line.starts_with("Guard")).count();
        assert_eq!(guards, markdown.lines().filter(|line| line.starts_with("- Guard")).count());
        text.lines().find(|line| line.starts_with("Guard")).map(str::to_owned)
    };
    assert_eq!(line(&quiet), None);
    assert_eq!(line(&with(Guard::default())), None, "what never happened is not told");
    let tripped = |guard: &str, bound| Tripped { guard: guard.to_owned(), reading: Some(0.0731), bound };
    let by = vec![tripped("loop_delay", Some(0.05)), tripped("memory\u{1b}[2J", None)];
    let stopped = Guard { paused: true, since: Some(1), by, pauses: 2 };
    let said = line(&with(stopped)).expect("it is told");
    holds(
        &said,
        &["NOTHING IS MIRRORED because of loop_delay 0.0731 (bound 0.0500), memory", "(stopped 2 times)"],
    );
    assert!(!said.contains('\u{1b}'), "{said}");
    let said = line(&with(Guard { pauses: 1, ..Guard::default() }));
    assert_eq!(said.as_deref(), Some("Guard         stopped the mirroring once, and does not now"));
}
