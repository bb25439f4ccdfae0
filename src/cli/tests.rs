//! Arguments as users type them.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command)
}

#[test]
fn the_tree_of_arguments_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_documented_line_is_understood() {
    for line in [
        "umbrage run",
        "umbrage run -c a.toml",
        "umbrage run --listen 127.0.0.1:8080 --stable http://a --shadow http://b --percent 5",
        "umbrage run --listen 127.0.0.1:8080 --stable http://a",
        "umbrage demo",
        "umbrage demo --for 10s --seed 7 --admin 127.0.0.1:0",
        "umbrage check",
        "umbrage check -c a.toml --probe",
        "umbrage report --admin http://127.0.0.1:9901 --format markdown --fail-on undecided",
        "umbrage report --data d --format junit --fail-on refuted",
        "umbrage diff a.json b.json -c a.toml --route orders --type application/json --format json",
        "umbrage ctl pause",
        "umbrage ctl pause --for 10m",
        "umbrage ctl resume --admin http://127.0.0.1:9901 --token t",
        "umbrage ctl --admin http://127.0.0.1:9901 percent 0.5 --route orders",
        "umbrage ctl reload",
        "umbrage schema",
        "umbrage completions bash",
        "umbrage completions fish",
        "umbrage man",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn wrong_usage_is_told_with_exit_code_two() {
    for line in [
        "umbrage",
        "umbrage walk",
        "umbrage run --listen 127.0.0.1:80",
        "umbrage run -c a.toml --listen 127.0.0.1:80 --stable http://a",
        "umbrage run --listen 127.0.0.1:80 --stable http://a --shadow http://b",
        "umbrage demo --for soon",
        "umbrage diff a.json",
        "umbrage diff a.json b.json --route orders",
        "umbrage report --admin http://a --data d",
        "umbrage report --format pdf",
        "umbrage ctl",
        "umbrage ctl percent 101",
        "umbrage ctl percent 0.00001",
        "umbrage completions",
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn help_and_version_are_no_failure() {
    for line in ["umbrage --help", "umbrage --version", "umbrage run --help", "umbrage ctl percent --help"] {
        assert_eq!(parse(line).expect_err(line).exit_code(), 0, "{line}");
    }
}

#[test]
fn values_arrive_typed() {
    let Ok(Command::Demo(demo)) = parse("umbrage demo --for 90s") else { panic!("demo") };
    assert_eq!((demo.bound.as_secs(), demo.seed), (90, 1));
    let Ok(Command::Ctl(ctl)) = parse("umbrage ctl percent 0.5 --route orders --token t") else {
        panic!("ctl")
    };
    let ctl::Action::Percent { percent, route } = ctl.action else { panic!("percent") };
    assert_eq!((percent.parts(), route.as_deref(), ctl.token.as_deref()), (5_000, Some("orders"), Some("t")));
}

#[test]
fn the_config_is_named_by_flag_then_variable_then_default() {
    let none = ConfigFile::default();
    let given = ConfigFile { config: Some("a.toml".into()) };
    assert_eq!(given.path_given(Some("b.toml".into())), Path::new("a.toml"));
    assert_eq!(none.path_given(Some("b.toml".into())), Path::new("b.toml"));
    assert_eq!(none.path_given(Some("".into())), Path::new("umbrage.toml"));
    assert_eq!(none.path_given(None), Path::new("umbrage.toml"));
}

#[test]
fn with_c_the_token_is_the_files_also_where_the_address_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u.toml");
    let secret = folder.path().join("token");
    std::fs::write(&secret, "0123456789abcdef\n").unwrap();
    let admin = |keys: &str| {
        let text =
            "[listen]\naddress = \"127.0.0.1:8080\"\n[stable]\nurl = \"http://127.0.0.1:9001\"\n[admin]\n";
        std::fs::write(&path, format!("{text}{keys}\n")).unwrap();
    };
    let file = ConfigFile { config: Some(path.clone()) };
    let token = Some("0123456789abcdef".to_owned());
    for keys in ["token = \"0123456789abcdef\"".to_owned(), format!("token_file = {secret:?}")] {
        admin(&format!("address = \"0.0.0.0:9911\"\n{keys}"));
        let given = |address, token| file.admin(address, token).unwrap();
        assert_eq!(given(None, None), ("http://127.0.0.1:9911".to_owned(), token.clone()));
        assert_eq!(given(Some("http://h:1"), None), ("http://h:1".to_owned(), token.clone()));
        assert_eq!(given(Some("http://h:1"), Some("mine")).1.as_deref(), Some("mine"));
    }
    admin("token = 1");
    assert!(matches!(file.admin(Some("http://h:1"), None), Err(CliError::Config(_))), "a bad config is said");
    assert!(
        file.admin(Some("http://h:1"), Some("mine")).is_ok(),
        "and not looked at where it says nothing new"
    );
    let unnamed = ConfigFile::default().admin(Some("http://h:1"), None).unwrap();
    assert_eq!(unnamed, ("http://h:1".to_owned(), None), "a token is not for whoever is asked");
}

#[test]
fn every_failure_has_its_exit_code() {
    let problems = Config::from_text("f", "").unwrap_err();
    let broken = || CliError::Output(io::ErrorKind::BrokenPipe.into());
    for (error, code) in [
        (CliError::Usage("u".into()), 2),
        (CliError::Config(problems), 78),
        (CliError::Failed("f".into()), 1),
        (CliError::Output(io::ErrorKind::StorageFull.into()), 1),
        (broken(), 0),
    ] {
        assert_eq!(error.code(), code, "{error:?}");
    }
    assert_eq!(broken().told(false), "", "a reader that went away is told nothing");
}

#[test]
fn flags_stand_for_a_file() {
    let line = "umbrage run --listen 127.0.0.1:0 --stable http://127.0.0.1:1 --shadow http://127.0.0.1:2 --percent 12.5";
    let Ok(Command::Run(args)) = parse(line) else { panic!("run") };
    let config = args.config().unwrap();
    assert_eq!(config.routes.routes[0].mirror.configured.parts(), 125_000);
    assert_eq!(config.source.path, None);
    assert_eq!(config.legs.len(), 2);
}

#[test]
fn a_bad_file_is_a_bad_config_and_not_a_panic() {
    let args = run::Args {
        file: ConfigFile { config: Some("/nonexistent/umbrage.toml".into()) },
        ..run::Args::default()
    };
    let error = args.config().unwrap_err();
    assert_eq!(error.code(), BAD_CONFIG);
    assert!(error.told(false).contains("cannot be read"), "{error}");
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let Ok(Command::Completions(args)) = parse(&format!("umbrage completions {shell}")) else {
            panic!("{shell}")
        };
        let mut script = Vec::new();
        clap_complete::generate(args.shell, &mut Cli::command(), "umbrage", &mut script);
        assert!(String::from_utf8(script).unwrap().contains("completions"), "{shell}");
    }
}
