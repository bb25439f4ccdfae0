//! Bad snippets: each check is shown to fail on what it is there for, and to be quiet on what is fine.

use super::bans::{self, BANS, UNFINISHED};
use super::budgets::{self, Sizes};
use super::layers::{self, LAYERS};
use super::pages::{self, Metric};
use super::source::{Function, Source};
use super::{Complaint, split};

fn src(path: &str, text: &str) -> Source {
    Source::new(path, text)
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "a call reads as: the check said this")]
fn said(complaints: Vec<Complaint>, expected: &[&str]) {
    let lines: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.contains(part), "{line:?} does not hold {part:?}");
    }
}

// Reading Rust as text.

#[test]
fn comments_and_literals_are_blanked_in_place() {
    let text =
        "let a = \"x.unwrap()\"; // y.unwrap()\n/* z /* nested */ .unwrap() */ let b = r#\"q\"unwrap\"#;\n";
    let source = src("src/live/a.rs", text);
    assert_eq!(source.code.len(), text.len());
    assert_eq!(source.find("unwrap").count(), 0, "{}", source.code);
    assert_eq!(source.find("let").count(), 2);
}

#[test]
fn characters_and_lifetimes_are_told_apart() {
    let source = src(
        "src/live/a.rs",
        "fn f<'a>(x: &'a str) { x.find('\"'); x.find('\\''); x.find('{'); g('é') } fn g() {}",
    );
    let names: Vec<String> = source.functions().into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["f", "g"]);
}

#[test]
fn byte_strings_and_escapes_end_where_they_end() {
    let source =
        src("src/live/a.rs", r#"const A: &[u8] = b"\"{"; const B: &str = "\\"; fn f() { panic!("}") }"#);
    assert_eq!(source.functions().len(), 1);
    assert_eq!(source.find("panic!").count(), 1);
}

#[test]
fn functions_are_measured_without_blank_and_comment_lines() {
    let source = src(
        "src/live/a.rs",
        "fn f(\n    a: u8,\n) -> u8 {\n    // why\n\n    a\n}\ntrait T {\n    fn g();\n}\n",
    );
    assert_eq!(source.functions(), [Function { name: "f".to_owned(), line: 1, length: 5, test: false }]);
}

#[test]
fn function_pointers_are_no_functions() {
    assert!(src("src/live/a.rs", "struct S { f: fn(u8) -> u8 }\ntype F = fn();\n").functions().is_empty());
}

#[test]
fn test_regions_are_found() {
    let text = "fn a() {}\n\n#[cfg(test)]\n#[allow(clippy::unwrap_used)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    let source = src("src/live/a.rs", text);
    let tests: Vec<bool> = source.functions().into_iter().map(|f| f.test).collect();
    assert_eq!(tests, [false, true, false]);
    assert_eq!(source.sizes(), (3, 5));
}

#[test]
fn a_test_import_ends_at_its_semicolon() {
    let source = src("src/live/a.rs", "#[cfg(test)]\nuse a::{b, c};\nfn d() {}\n");
    assert_eq!(source.sizes(), (1, 2));
}

#[test]
fn a_file_may_be_a_test_as_a_whole() {
    assert_eq!(src("src/live/a.rs", "//! x\n#![cfg(test)]\nfn a() {}\n").sizes(), (0, 3));
}

#[test]
fn test_files_are_told_by_their_declaration() {
    let all = vec![
        src("src/live/mod.rs", "//! x\n#[cfg(test)]\nmod tests;\nmod tests_of_time;\n"),
        src("src/live/route.rs", "//! x\n#[cfg(test)]\n#[path = \"route_tests.rs\"]\nmod tests;\n"),
        src("src/live/head.rs", "//! x\n#[cfg(test)]\nmod tests;\n"),
        src("src/live/wire.rs", "//! x\n#[cfg(any(test, fuzzing))]\npub(super) mod fuzzing;\n"),
        src("src/live/wire/fuzzing.rs", "//! x\n"),
        src("src/live/tests.rs", "//! x\n"),
        src("src/live/tests/more.rs", "//! x\n"),
        src("src/live/tests_of_time.rs", "//! x\n"),
        src("src/live/route_tests.rs", "//! x\n"),
        src("src/live/head/tests.rs", "//! x\n"),
    ];
    let (production, tests) = split(all);
    let paths = |sources: &[Source]| sources.iter().map(|s| s.path.clone()).collect::<Vec<_>>();
    assert_eq!(
        paths(&production),
        [
            "src/live/mod.rs",
            "src/live/route.rs",
            "src/live/head.rs",
            "src/live/wire.rs",
            "src/live/tests_of_time.rs"
        ]
    );
    assert_eq!(
        paths(&tests),
        [
            "src/live/wire/fuzzing.rs",
            "src/live/tests.rs",
            "src/live/tests/more.rs",
            "src/live/route_tests.rs",
            "src/live/head/tests.rs"
        ]
    );
}

#[test]
fn imports_are_read_from_groups_and_climbs() {
    let text = "use crate::{gate::{Policy, Switches}, model::Ppm, upstream};\nuse super::super::shadow::X;\n\
                fn f() { crate::body::empty() }\nuse super::route::R;\nuse super::*;\nfn crates() {}\n";
    let paths: Vec<String> =
        src("src/live/offer.rs", text).imports().iter().map(|i| i.path.join("::")).collect();
    let expected = [
        "gate::Policy",
        "gate::Switches",
        "model::Ppm",
        "upstream",
        "body::empty",
        "shadow::X",
        "live::route::R",
        "live",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn an_inline_module_is_one_more_step_to_climb() {
    let text = "mod inner {\n    use super::super::super::shadow::X;\n    use super::super::route::R;\n}\n";
    let paths: Vec<String> =
        src("src/live/offer.rs", text).imports().iter().map(|i| i.path.join("::")).collect();
    assert_eq!(paths, ["shadow::X", "live::route::R"]);
}

// Layers.

#[test]
fn live_never_imports_shadow() {
    said(
        layers::check(&src("src/live/offer.rs", "//! x\nuse crate::shadow::Plane;\n")),
        &["src/live/offer.rs:2: `live`"],
    );
    said(
        layers::check(&src("src/live/offer.rs", "use crate::{gate, compare};\n")),
        &["must not import `compare`"],
    );
    said(
        layers::check(&src("src/live/mod.rs", "use super::evidence::X;\n")),
        &["must not import `evidence`"],
    );
}

#[test]
fn the_first_layer_never_imports_its_like() {
    for (one, other) in
        [("compare", "evidence"), ("upstream", "records"), ("records", "compare"), ("evidence", "upstream")]
    {
        let source = src(&format!("src/{one}/a.rs"), &format!("use crate::{other}::X;\n"));
        said(layers::check(&source), &[&format!("`{one}` must not import `{other}`")]);
    }
}

#[test]
fn nothing_below_imports_config() {
    for layer in LAYERS.iter().filter(|layer| !["app", "reload", "cli", "config"].contains(&layer.module)) {
        let source = src(&format!("src/{}/a.rs", layer.module), "use crate::config::Config;\n");
        said(layers::check(&source), &["must not import `config`"]);
    }
}

#[test]
fn the_table_names_only_modules_it_has_and_climbs_nowhere() {
    for (index, layer) in LAYERS.iter().enumerate() {
        for may in layer.may {
            let below = LAYERS.iter().position(|other| other.module == *may);
            assert!(
                below.is_some_and(|below| below < index),
                "{} may import {may}, which is not below it",
                layer.module
            );
        }
    }
}

#[test]
fn the_back_office_only_flips_switches() {
    assert!(layers::check(&src("src/admin/a.rs", "use crate::gate::Switches;\n")).is_empty());
    said(layers::check(&src("src/admin/a.rs", "use crate::gate::Offer;\n")), &["must not use `gate::Offer`"]);
}

#[test]
fn tests_may_import_what_they_need() {
    let text = "#[cfg(test)]\nmod tests {\n    use crate::shadow::Plane;\n}\n";
    assert!(layers::check(&src("src/live/offer.rs", text)).is_empty());
}

#[test]
fn a_new_module_needs_a_layer() {
    said(layers::check(&src("src/extras/mod.rs", "//! x\n")), &["`extras` stands in no layer"]);
}

#[test]
fn main_names_only_the_commands() {
    let text = "fn main() { umbrage::cli::main(); umbrage::config::load() }\n";
    said(layers::check(&src("src/main.rs", text)), &["main may import only"]);
}

#[test]
fn pure_modules_have_no_clock_and_no_io() {
    for line in [
        "let now = model::clock::now();",
        "use std::fs;",
        "async fn f() {}",
        "fastrand::u64(..)",
        "tokio::spawn(f)",
    ] {
        assert!(!layers::check(&src("src/evidence/a.rs", line)).is_empty(), "{line}");
    }
    said(
        layers::check(&src("src/compare/a.rs", "use crate::telemetry::metrics::Metrics;\n")),
        &["import `telemetry`"],
    );
    assert!(
        layers::check(&src("src/compare/a.rs", "use crate::model::Verdict;\nuse std::io::Read;\n"))
            .is_empty()
    );
}

// Budgets.

fn lines(count: usize) -> String {
    "x();\n".repeat(count)
}

#[test]
fn a_large_file_and_a_long_function_are_named() {
    let long = src("src/live/a.rs", &format!("{}fn f() {{\n{}}}\n", lines(400), lines(99)));
    let complaints = budgets::check(&[long], &[src("tests/a.rs", &lines(1000))]);
    said(
        complaints,
        &[
            "src/live/a.rs:501: 501 lines",
            "src/live/a.rs:401: fn f has 101 lines",
            "median",
            "one function in ten",
        ],
    );
}

#[test]
fn tests_do_not_count_against_a_file() {
    let source = src(
        "src/live/a.rs",
        &format!("//! x\n#[cfg(test)]\nmod tests {{\n    fn f() {{\n{}    }}\n}}\n", lines(600)),
    );
    assert!(budgets::check(&[source], &[]).is_empty());
}

#[test]
fn the_tree_as_a_whole_has_its_budgets() {
    let good =
        Sizes { files: 3, file_median: 200, file_most: 500, function_p90: 30, production: 1000, tests: 800 };
    assert!(budgets::check_whole(&good).is_empty());
    let bad = Sizes { file_median: 201, function_p90: 31, tests: 799, ..good };
    said(budgets::check_whole(&bad), &["201", "31", "799 lines of tests for 1000"]);
}

#[test]
fn sizes_are_taken_at_the_middle_and_the_tenth() {
    let functions = (1..=10).map(|n| format!("fn f{n}() {{\n{}}}\n", lines(n))).collect::<Vec<_>>().concat();
    let files = [
        src("src/live/a.rs", &lines(10)),
        src("src/live/b.rs", &lines(20)),
        src("src/live/c.rs", &functions),
    ];
    let sizes = budgets::measure(&files, &[src("tests/a.rs", &lines(7))]);
    let expected =
        Sizes { files: 3, file_median: 20, file_most: 75, function_p90: 11, production: 105, tests: 7 };
    assert_eq!(sizes, expected);
}

// Bans.

#[test]
fn every_ban_is_found_in_code_and_not_in_words() {
    for ban in BANS {
        let code = format!("//! x\nfn f() {{\n    a{};\n}}\n", spaced(ban.pattern));
        assert_eq!(bans::check(&src("src/live/a.rs", &code)).len(), 1, "{code}");
        let said_only = format!("//! x\n// {}\nconst A: &str = \"{}\";\n", ban.pattern, ban.pattern);
        assert!(bans::check(&src("src/live/a.rs", &said_only)).is_empty(), "{said_only}");
    }
}

fn spaced(pattern: &str) -> String {
    if pattern.starts_with('.') { pattern.to_owned() } else { format!("; {pattern}") }
}

#[test]
fn tests_may_panic_and_may_not_sleep() {
    let text = "//! x\n#[cfg(test)]\nmod tests {\n    fn f() {\n        a.unwrap();\n        std::thread::sleep(b);\n    }\n}\n";
    said(bans::check(&src("src/live/a.rs", text)), &["src/live/a.rs:6: `thread::sleep`"]);
}

#[test]
fn a_method_of_ones_own_may_be_called_expect() {
    assert!(
        bans::check(&src("src/compare/a.rs", "//! x\nfn f() { self.expect(b':'); rules.expect(names) }\n"))
            .is_empty()
    );
    said(bans::check(&src("src/compare/a.rs", "//! x\nfn f() { a.expect(\"b\") }\n")), &["`.expect(\"`"]);
}

#[test]
fn a_bounded_channel_is_fine() {
    assert!(
        bans::check(&src("src/gate/a.rs", "//! x\nfn f() { mpsc::channel(8); sync_channel(1) }\n"))
            .is_empty()
    );
}

#[test]
fn a_file_says_what_it_is_and_has_a_name() {
    said(bans::check(&src("src/live/a.rs", "use std::fs;\n")), &["the first line"]);
    said(bans::check(&src("src/live/util.rs", "//! x\n")), &["`util` does not say"]);
    said(bans::check(&src("src/common/mod.rs", "//! x\n")), &["`common` does not say"]);
}

#[test]
fn the_roots_forbid_unsafe() {
    said(bans::check(&src("src/lib.rs", "//! x\n// #![forbid(unsafe_code)]\n")), &["is missing"]);
    assert!(bans::check(&src("src/main.rs", "//! x\n#![forbid(unsafe_code)]\n")).is_empty());
}

#[test]
fn unfinished_work_is_found_in_comments_and_in_other_files() {
    for mark in UNFINISHED {
        said(bans::check(&src("src/live/a.rs", &format!("//! x\n// {mark}: later\n"))), &[mark]);
        said(bans::unfinished("deploy/x.yaml", &format!("a: 1\n# {mark} b\n")), &["deploy/x.yaml:2"]);
        assert!(bans::unfinished("a", &format!("{mark}LIST")).is_empty());
    }
}

#[test]
fn a_fixed_port_is_found() {
    let text =
        "fn f() {\n    TcpListener::bind(\"127.0.0.1:8080\");\n    TcpListener::bind(\"127.0.0.1:0\");\n}\n";
    said(bans::fixed_ports(&src("tests/a.rs", text)), &["tests/a.rs:2: binds the fixed port 8080"]);
}

// Pages.

const LINE: &str = "    a: Counters<2> = \"umbrage_a_total\" [\"leg\", \"code\"] describe_counter None, \"What, and why.\";\n\
                    b: Gauges<0> = \"umbrage_b\" [] describe_gauge Some(Unit::Bytes), \"Bytes.\";\n\
                    c: Histograms<0> = \"umbrage_c_seconds\" [] describe_histogram Some(Unit::Seconds), \"Time.\";\n";

const ROWS: &str = "| metric | type | labels | help |\n|---|---|---|---|\n\
                    | `umbrage_a_total` | counter | `leg`, `code` | What, and why. |\n\
                    | `umbrage_b` | gauge | | Bytes. |\n\
                    | `umbrage_c_seconds` | histogram | | Time. |\n";

fn metrics() -> Vec<Metric> {
    pages::in_source(LINE)
}

#[test]
fn metrics_are_read_alike_from_source_and_page() {
    assert_eq!(metrics().len(), 3);
    assert_eq!(metrics()[0].labels, ["leg", "code"]);
    said(pages::compare_metrics(&metrics(), "m.md", &pages::in_table(ROWS)), &[]);
}

#[test]
fn a_page_that_lies_about_a_metric_is_told_where() {
    let wrong = [
        (ROWS.replace("| `umbrage_b` | gauge | | Bytes. |\n", ""), "m.md: umbrage_b has no row"),
        (ROWS.replace("counter", "gauge"), "m.md:3: umbrage_a_total is a counter"),
        (ROWS.replace("`leg`, ", ""), "m.md:3: umbrage_a_total is a counter [leg, code]"),
        (ROWS.replace("Bytes.", "Bits."), "m.md:4: umbrage_b is a gauge []: Bytes."),
        (format!("{ROWS}| `umbrage_d` | gauge | | Gone. |\n"), "m.md:6: umbrage_d does not exist"),
    ];
    for (page, expected) in wrong {
        said(pages::compare_metrics(&metrics(), "m.md", &pages::in_table(&page)), &[expected]);
    }
}

#[test]
fn a_dashboard_may_use_only_what_is_emitted() {
    let known = metrics();
    let fine =
        "rate(umbrage_a_total[5m]) + umbrage_b{x=\"1\"} + umbrage_c_seconds_bucket + umbrage_c_seconds_sum";
    assert!(pages::unknown_metrics("d.json", fine, &known).is_empty());
    for bad in ["umbrage_a", "umbrage_c_seconds", "umbrage_b_bucket", "x\n umbrage_e_total"] {
        assert_eq!(pages::unknown_metrics("d.json", bad, &known).len(), 1, "{bad}");
    }
}

#[test]
fn places_are_read_from_trees_and_words() {
    let page = "See `src/live/` and `umbrage`.\n```\nsrc/\n  main.rs   x\n  live/     y\n    route.rs\n  gate.rs\nconfig/  z\n```\n";
    let places: Vec<String> = pages::shown_places(page).into_iter().map(|(_, place)| place).collect();
    let expected =
        ["src/live/", "src/", "src/main.rs", "src/live/", "src/live/route.rs", "src/gate.rs", "config/"];
    assert_eq!(places, expected);
}

#[test]
fn a_map_of_what_is_not_there_is_told() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("src/live")).unwrap();
    said(
        pages::missing_places("A.md", "```\nsrc/\n  live/\n  gone/\n```\n", root.path()),
        &["A.md:4: src/gone/"],
    );
    let modules = ["live".to_owned(), "gate".to_owned()];
    said(pages::unmapped_modules("A.md", "`live` and the gates", &modules), &["src/gate"]);
}
