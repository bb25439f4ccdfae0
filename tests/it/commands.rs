//! The commands as people and pipelines use them: what they print where, and what they end with.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Done, umbrage};
use crate::support::{PATIENCE, Proxy, answer, dead_address, eventually, proxy, server};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn folder() -> TempDir {
    TempDir::new().unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) {
    std::fs::write(dir.join(name), content).unwrap();
}

/// Runs a command against a proxy.
fn at(proxy: &Proxy, args: &[&str]) -> Done {
    let admin = format!("http://{}", proxy.admin());
    umbrage(proxy.dir(), &[args, &["--admin", &admin]].concat())
}

fn fine(done: Done) -> String {
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{done:?}");
    done.out
}

/// A proxy that has seen 12 differing and 8 equal pairs.
fn with_evidence() -> (crate::support::Server, crate::support::Server, Proxy) {
    let stable = server().answers(200, &JSON, br#"{"id":7,"total":10}"#).start();
    let shadow = server()
        .answers_with(|request| {
            let bad = request.target.starts_with("/orders");
            let body =
                if bad { r#"{"id":"7","total":10,"<b>\u001b[31m":1}"# } else { r#"{"id":7,"total":10}"# };
            answer(200, &JSON, body)
        })
        .start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    let mut client = proxy.client();
    for n in 0..12 {
        client.get(&format!("/orders/{n}")).read_response();
    }
    for _ in 0..8 {
        client.get("/health").read_response();
    }
    proxy.compared(20);
    (stable, shadow, proxy)
}

#[test]
fn the_report_says_the_same_in_every_format_and_from_either_source() {
    let (_stable, _shadow, proxy) = with_evidence();
    let text = fine(at(&proxy, &["report"]));
    for part in ["GET /orders/{id}", "$.id", "12"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let markdown = fine(at(&proxy, &["report", "--format", "markdown"]));
    assert!(markdown.contains("| ") && markdown.contains("GET /orders/\\{id\\} | 12 | 12 |"), "{markdown}");
    let junit = fine(at(&proxy, &["report", "--format", "junit"]));
    assert!(junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
    assert!(junit.starts_with("<?xml") && !junit.contains("<b>"), "{junit}");
    for shown in [&text, &markdown, &junit] {
        assert!(!shown.contains('\u{1b}'), "a backend writes to the terminal: {shown:?}");
    }

    let mut running = json(&fine(at(&proxy, &["report", "--format", "json"])));
    // A store has no guards that could stop anything.
    assert_eq!(running["guard"].take()["paused"], false);
    assert_eq!(running, proxy.report());
    let data = proxy.dir().join("data");
    let stored = || umbrage(proxy.dir(), &["report", "--data", data.to_str().unwrap(), "--format", "json"]);
    eventually(PATIENCE, "the store says the same", || {
        let done = stored();
        done.code == 0 && json(&done.out) == running
    });
    let text_of_store = fine(umbrage(proxy.dir(), &["report", "--data", data.to_str().unwrap()]));
    assert_eq!(text_of_store, text);
}

#[test]
fn a_report_without_a_source_says_what_to_try() {
    let dir = folder();
    let nobody = dead_address();
    let done = umbrage(dir.path(), &["report", "--admin", &nobody.url()]);
    assert_eq!((done.code, done.out.as_str()), (1, ""), "{done:?}");
    assert!(done.err.contains("--admin") && done.err.contains(&nobody.addr().to_string()), "{done:?}");
    let done = umbrage(dir.path(), &["report", "--data", "nowhere"]);
    assert!(done.code == 1 && done.err.contains("nowhere"), "{done:?}");
    let done = umbrage(dir.path(), &["report", "--data", "x", "--admin", "http://127.0.0.1:1"]);
    assert_eq!(done.code, 2, "{done:?}");
    let done = umbrage(dir.path(), &["ctl", "pause", "--admin", "https://127.0.0.1:1"]);
    assert_eq!(done.code, 2, "{done:?}");
    let something_else = server().answers(200, &[], "hello").start();
    let done = umbrage(dir.path(), &["report", "--admin", &something_else.url()]);
    assert!(done.code == 1 && done.err.contains("does not answer like umbrage"), "{done:?}");
}

#[test]
fn pause_resume_and_percent_hold_for_the_next_request() {
    let stable = server().start();
    let shadow = server().start();
    let routes =
        "[[route]]\nname = \"orders\"\nmatch = { path = \"/orders/{id}\" }\n[[route]]\nname = \"rest\"\n";
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).routes(routes).start();
    let mut client = proxy.client();
    let mut sent = 0.0;
    let mut decision = |path: &str| {
        let before = proxy.metrics().sum_by("umbrage_mirror_decisions_total", &[], "decision");
        assert_eq!(client.get(path).read_response().status, 200);
        sent += 1.0;
        let page =
            proxy.metrics_when("a decision", |page| page.sum("umbrage_mirror_decisions_total", &[]) >= sent);
        let after = page.sum_by("umbrage_mirror_decisions_total", &[], "decision");
        after.into_iter().find(|(name, count)| before.get(name) != Some(count)).map(|(name, _)| name).unwrap()
    };
    assert_eq!(decision("/a"), "mirrored");
    let said = fine(at(&proxy, &["ctl", "pause"]));
    assert!(said.contains("ctl resume"), "{said}");
    assert_eq!(decision("/a"), "paused");
    let said = fine(at(&proxy, &["ctl", "resume"]));
    assert!(said.contains("orders 100 %, rest 100 %"), "{said}");
    assert_eq!(decision("/a"), "mirrored");

    let said = fine(at(&proxy, &["ctl", "percent", "0", "--route", "orders"]));
    assert!(said.contains("orders 0 %, rest 100 %"), "{said}");
    assert_eq!((decision("/orders/1").as_str(), decision("/a").as_str()), ("not_sampled", "mirrored"));
    let said = fine(at(&proxy, &["ctl", "percent", "0"]));
    assert!(said.contains("orders 0 %, rest 0 %"), "{said}");
    assert_eq!(decision("/a"), "not_sampled");
    fine(at(&proxy, &["ctl", "percent", "100"]));
    assert_eq!(decision("/orders/1"), "mirrored");

    let done = at(&proxy, &["ctl", "percent", "50", "--route", "nobody"]);
    assert!(done.code == 1 && done.err.contains("nobody"), "{done:?}");
    let done = at(&proxy, &["ctl", "percent", "101"]);
    assert!(done.code == 2 && done.err.contains("0 to 100"), "{done:?}");
    assert_eq!(decision("/orders/1"), "mirrored");
    proxy.assert_laws();
}

#[test]
fn a_pause_with_an_end_ends_by_itself() {
    let stable = server().start();
    let shadow = server().start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    let said = fine(at(&proxy, &["ctl", "pause", "--for", "1h"]));
    assert!(said.contains("by itself in 1h"), "{said}");
    proxy.client().get("/").read_response();
    eventually(PATIENCE, "it is decided", || proxy.decided("paused") >= 1.0);
    let said = fine(at(&proxy, &["ctl", "pause", "--for", "20ms"]));
    assert!(said.contains("by itself"), "{said}");
    eventually(PATIENCE, "mirroring goes on", || {
        proxy.client().get("/").read_response();
        proxy.decided("mirrored") >= 1.0
    });
    let done = at(&proxy, &["ctl", "pause", "--for", "0s"]);
    assert_eq!(done.code, 2, "{done:?}");
    let done = at(&proxy, &["ctl", "pause", "--for", "soon"]);
    assert_eq!(done.code, 2, "{done:?}");
    proxy.assert_laws();
}

#[test]
fn ctl_reload_says_what_came_of_it() {
    let stable = server().start();
    let shadow = server().start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    let said = fine(at(&proxy, &["ctl", "reload"]));
    assert!(said.contains("nothing changed"), "{said}");
    let good = std::fs::read_to_string(proxy.config_file()).unwrap();
    write(proxy.dir(), "umbrage.toml", good.replace("percent", "procent"));
    let done = at(&proxy, &["ctl", "reload"]);
    assert_eq!((done.code, done.out.as_str()), (1, ""), "{done:?}");
    for part in ["stays in force", "procent", "umbrage.toml:"] {
        assert!(done.err.contains(part), "{part} is missing: {}", done.err);
    }
    // Where a config is named, its address is the one that is meant.
    let admin = format!("[admin]\naddress = \"{}\"", proxy.admin());
    let config = good.replace("[admin]\naddress = \"127.0.0.1:0\"", &admin);
    write(proxy.dir(), "other.toml", &config);
    assert!(config.contains(&proxy.admin().to_string()), "{config}");
    for args in [["ctl", "resume", "-c", "other.toml"], ["ctl", "-c", "other.toml", "resume"]] {
        let said = fine(umbrage(proxy.dir(), &args));
        assert!(said.contains("default 100 %"), "{said}");
    }
}

#[test]
fn a_token_is_asked_for_and_never_shown() {
    let token = "a-token-of-more-than-16-characters";
    let stable = server().start();
    let proxy = proxy().stable(&stable).with("admin", &format!("token = {token:?}")).start();
    let done = at(&proxy, &["ctl", "resume"]);
    assert!(done.code == 1 && done.err.contains("--token"), "{done:?}");
    let done = at(&proxy, &["ctl", "resume", "--token", "wrong"]);
    assert!(done.code == 1 && !done.err.contains(token), "{done:?}");
    fine(at(&proxy, &["ctl", "resume", "--token", token]));
    fine(at(&proxy, &["report", "--token", token]));
    assert_eq!(
        (proxy.ask_admin("GET", "/config", "").0, proxy.ask_admin("GET", "/readyz", "").0),
        (401, 200)
    );
}

/// Two bodies compared in a folder of their own.
fn diff(stable: impl AsRef<[u8]>, shadow: impl AsRef<[u8]>, args: &[&str]) -> Done {
    let dir = folder();
    write(dir.path(), "stable", stable);
    write(dir.path(), "shadow", shadow);
    umbrage(dir.path(), &[&["diff", "stable", "shadow"], args].concat())
}

#[test]
fn equal_bodies_are_equal_and_others_are_told_place_by_place() {
    assert_eq!(fine(diff(r#"{"a":1,"b":2}"#, r#"{ "b": 2.0, "a": 1 }"#, &[])), "equal\n");
    let equal = json(&fine(diff("{}", "{ }", &["--format", "json"])));
    assert_eq!((&equal["equal"], &equal["differences"]), (&true.into(), &serde_json::json!([])));

    let (stable, shadow) = (r#"{"items":[{"p":1},{"p":2}],"gone":1}"#, r#"{"items":[{"p":1},{"p":"2"}]}"#);
    let done = diff(stable, shadow, &["--format", "json"]);
    assert_eq!((done.code, done.err.as_str()), (3, ""), "{done:?}");
    let said = json(&done.out);
    assert_eq!(said["equal"], false);
    let differences = said["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 2);
    for difference in differences {
        let keys: Vec<&String> = difference.as_object().unwrap().keys().collect();
        let mut wanted = ["path", "pointer", "part", "kind", "severity", "stable", "shadow"];
        wanted.sort_unstable();
        assert_eq!(keys, wanted);
    }
    let of = |kind: &str| differences.iter().find(|d| d["kind"] == kind).unwrap();
    let typed = of("type");
    assert_eq!((&typed["path"], &typed["pointer"]), (&"$.items[*].p".into(), &"/items/1/p".into()));
    assert_eq!((&typed["part"], &typed["severity"]), (&"body".into(), &"high".into()));
    let gone = of("missing");
    assert_eq!(
        (&gone["path"], &gone["stable"], &gone["shadow"]),
        (&"$.gone".into(), &"1".into(), &Value::Null)
    );

    let done = diff(stable, shadow, &[]);
    assert_eq!(done.code, 3);
    for part in ["$.items[*].p", "/items/1/p", "type", "missing", "2 differences"] {
        assert!(done.out.contains(part), "{part} is missing: {}", done.out);
    }
}

#[test]
fn the_media_type_decides_how_bodies_are_compared() {
    let (stable, shadow) = ("[1, 2]\n[3]\n", "[1,2]\n[3]\n");
    assert_eq!(diff(stable, shadow, &["--type", "application/octet-stream"]).code, 3);
    let done = diff(stable, shadow, &["--type", "text/plain", "--format", "json"]);
    assert_eq!((done.code, &json(&done.out)["differences"][0]["pointer"]), (3, &"line 1".into()), "{done:?}");
    assert_eq!(diff("[1, 2]", "[1,2]", &["--type", "application/problem+json"]).code, 0);
    let dir = folder();
    write(dir.path(), "a.json", "[1, 2]");
    write(dir.path(), "b.json", "[1,2]");
    assert_eq!(umbrage(dir.path(), &["diff", "a.json", "b.json"]).code, 0);
    let done = umbrage(dir.path(), &["diff", "a.json", "absent.json"]);
    assert!(done.code == 1 && done.err.contains("absent.json"), "{done:?}");
}

#[test]
fn the_rules_of_a_config_hold_for_files_too() {
    let dir = folder();
    let routes = "[[route]]\nname = \"strict\"\nmatch = { path = \"/s\" }\ncompare = { ignore = [] }\n[[route]]\nname = \"rest\"\n";
    let config = proxy()
        .stable_url("http://127.0.0.1:9001")
        .shadow_url("http://127.0.0.1:9002")
        .percent(1.0)
        .with("compare", "ignore = [\"$.at\"]")
        .routes(routes);
    write(dir.path(), "umbrage.toml", config.toml(dir.path()));
    write(dir.path(), "a.json", r#"{"at":1,"id":1}"#);
    write(dir.path(), "b.json", r#"{"at":2,"id":1}"#);
    let run = |args: &[&str]| umbrage(dir.path(), &[&["diff", "a.json", "b.json"], args].concat());
    assert_eq!(run(&[]).code, 3, "without -c no rule holds");
    assert_eq!(run(&["-c", "umbrage.toml", "--route", "rest"]).code, 0);
    assert_eq!(run(&["-c", "umbrage.toml", "--route", "strict"]).code, 3);
    let done = run(&["-c", "umbrage.toml", "--route", "nobody"]);
    assert!(done.code == 2 && done.err.contains("nobody"), "{done:?}");
    assert_eq!(run(&["--route", "rest"]).code, 2);
    assert_eq!(run(&["-c", "absent.toml"]).code, 78);
}

#[test]
fn hostile_bodies_do_not_reach_the_terminal_as_they_are() {
    let stable = "{\"a\\u001b[2J\":\"x\\u009b31m\",\"b\":\"\\u202egnp\"}";
    for format in ["text", "json"] {
        let done = diff(stable, r#"{"b":1}"#, &["--format", format]);
        assert_eq!(done.code, 3);
        assert!(!done.out.contains('\u{1b}'), "{:?}", done.out);
        if format == "text" {
            let raw = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!done.out.contains(raw), "{:?}", done.out);
        }
    }
    let done = diff("line\x1b]0;title\x07\n", "line\n", &["--type", "text/plain"]);
    assert!(done.code == 3 && !done.out.contains(['\u{1b}', '\u{7}']), "{:?}", done.out);
    let done = diff([0xff, 0x1b, 0x00], [0xfe, 0x1b, 0x00], &["--type", "application/octet-stream"]);
    assert!(done.code == 3 && !done.out.contains('\u{1b}'), "{:?}", done.out);
}

#[test]
fn check_names_what_it_found_and_asks_the_legs_when_told() {
    let stable = server().answers(404, &[], "").start();
    let gone = dead_address();
    let dir = folder();
    let config = proxy().stable(&stable).shadow_url(&gone.url()).percent(1.0);
    write(dir.path(), "umbrage.toml", config.toml(dir.path()));
    let said = fine(umbrage(dir.path(), &["check"]));
    assert!(said.contains("fine, 1 route, 2 legs"), "{said}");
    assert!(stable.requests().is_empty(), "check by itself asks nobody");
    let done = umbrage(dir.path(), &["check", "--probe"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.out.contains("answered 404") && done.out.contains("gave no answer"), "{done:?}");
    assert!(done.err.contains("1 of 2 legs"), "{done:?}");
    assert_eq!(stable.requests().len(), 1);
    let config = proxy().stable(&stable).shadow(&stable).percent(1.0);
    write(dir.path(), "umbrage.toml", config.toml(dir.path()));
    assert_eq!(umbrage(dir.path(), &["check", "--probe"]).code, 0);
    write(dir.path(), "umbrage.toml", "[listen]\n");
    let done = umbrage(dir.path(), &["check"]);
    assert!(done.code == 78 && done.err.contains("address") && done.err.contains("stable"), "{done:?}");
}

#[test]
fn what_is_printed_for_machines_and_shells_is_whole() {
    let dir = folder();
    let schema = json(&fine(umbrage(dir.path(), &["schema"])));
    for section in ["listen", "stable", "shadow", "control", "mirror", "compare", "route", "records", "admin"]
    {
        assert!(schema["properties"][section].is_object(), "{section} is missing");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = fine(umbrage(dir.path(), &["completions", shell]));
        assert!(script.contains("umbrage") && script.contains("percent"), "{shell}: {} bytes", script.len());
    }
    let page = fine(umbrage(dir.path(), &["man"]));
    assert!(page.contains(".TH") && page.contains("UMBRAGE CTL PAUSE"), "{} bytes", page.len());
    assert!(fine(umbrage(dir.path(), &["--version"])).starts_with("umbrage "));
    let help = fine(umbrage(dir.path(), &["--help"]));
    for command in ["run", "demo", "check", "report", "diff", "ctl", "schema", "completions", "man"] {
        assert!(help.contains(command), "{command} is missing: {help}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_a_hint() {
    let dir = folder();
    let cases: [&[&str]; 9] = [
        &[],
        &["rum"],
        &["run", "--prot", "1"],
        &["report", "--format", "yaml"],
        &["report", "--fail-on", "supported"],
        &["diff", "one"],
        &["ctl"],
        &["ctl", "percent"],
        &["completions", "dos"],
    ];
    for args in cases {
        let done = umbrage(dir.path(), args);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}: {done:?}");
        assert!(!done.err.is_empty(), "{args:?}");
    }
}
