//! A whole proxy in this process, on free ports, with a folder of its own: `proxy().stable(&a).shadow(&b).percent(100).start()`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use umbrage::app::App;
use umbrage::config::Config;

use super::{Client, PATIENCE, Page, Server, client, eventually};

/// A proxy with nothing set.
pub fn proxy() -> ProxyBuilder {
    ProxyBuilder::default()
}

/// What will be in the config file.
#[derive(Clone, Debug, Default)]
pub struct ProxyBuilder {
    sections: BTreeMap<String, Vec<String>>,
    routes: String,
}

/// A running proxy; drained when dropped.
pub struct Proxy {
    app: Option<App>,
    dir: TempDir,
    builder: ProxyBuilder,
}

impl ProxyBuilder {
    /// Where clients' answers come from.
    pub fn stable(self, server: &Server) -> Self {
        self.stable_url(&server.url())
    }

    /// Where clients' answers come from.
    pub fn stable_url(self, url: &str) -> Self {
        self.with("stable", &format!("url = {url:?}"))
    }

    /// The backend under trial.
    pub fn shadow(self, server: &Server) -> Self {
        self.shadow_url(&server.url())
    }

    /// The backend under trial.
    pub fn shadow_url(self, url: &str) -> Self {
        self.with("shadow", &format!("url = {url:?}"))
    }

    /// A control leg at stable's own address, for a share of the mirrored requests.
    pub fn control(self, percent: f64) -> Self {
        self.with("control", &format!("percent = {percent}"))
    }

    /// A control leg at an address of its own.
    pub fn control_at(self, server: &Server, percent: f64) -> Self {
        self.control(percent).with("control", &format!("url = {:?}", server.url()))
    }

    /// The share of the requests that is mirrored.
    pub fn percent(self, percent: f64) -> Self {
        self.with("mirror", &format!("percent = {percent}"))
    }

    /// One line of a section; a later one with the same key takes its place.
    pub fn with(mut self, section: &str, line: &str) -> Self {
        let lines = self.sections.entry(section.to_owned()).or_default();
        let key = |l: &str| l.split('=').next().unwrap_or_default().trim().to_owned();
        lines.retain(|l| key(l) != key(line));
        lines.push(line.to_owned());
        self
    }

    /// Routes, as TOML.
    pub fn routes(mut self, toml: &str) -> Self {
        toml.clone_into(&mut self.routes);
        self
    }

    /// The file as it would be written.
    pub fn toml(&self, dir: &Path) -> String {
        let built_in = ProxyBuilder::default()
            .with("listen", "address = \"127.0.0.1:0\"")
            .with("listen", "workers = 2")
            .with("listen", "drain_timeout = \"5s\"")
            .with("admin", "address = \"127.0.0.1:0\"")
            .with("records", &format!("dir = \"{}\"", dir.join("data").display()));
        // A busy machine must not stop what a test counts; tests of the guards switch on what they mean.
        let off = [
            "loop_delay = \"0s\"",
            "in_flight = 0",
            "memory = 0",
            "descriptors = 0",
            "stable_errors = 0",
            "stable_latency = 0",
        ];
        let mut whole = off.iter().fold(built_in, |whole, key| whole.with("guard", key));
        for (section, lines) in &self.sections {
            for line in lines {
                whole = whole.with(section, line);
            }
        }
        let sections = whole.sections.iter();
        let text: Vec<String> =
            sections.map(|(section, lines)| format!("[{section}]\n{}\n\n", lines.join("\n"))).collect();
        text.concat() + &self.routes
    }

    /// Starts it.
    pub fn start(self) -> Proxy {
        self.start_in(TempDir::new().expect("a folder"))
    }

    /// Starts it over a folder that is there, and its evidence.
    pub fn start_in(self, dir: TempDir) -> Proxy {
        let file = dir.path().join("umbrage.toml");
        std::fs::write(&file, self.toml(dir.path())).expect("writes the config");
        let config = match Config::from_file(&file) {
            Ok((config, _)) => config,
            Err(problems) => panic!("the test's config is bad:\n{}", problems.render(false)),
        };
        let app = App::start(config).expect("starts");
        Proxy { app: Some(app), dir, builder: self }
    }
}

impl Proxy {
    fn app(&self) -> &App {
        self.app.as_ref().expect("running")
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.app().address()
    }

    /// Where the admin API answers.
    pub fn admin(&self) -> SocketAddr {
        self.app().admin_address()
    }

    /// A new client connection.
    pub fn client(&self) -> Client {
        client(self.addr())
    }

    /// One request on a connection of its own to the admin API: status and body.
    pub fn ask_admin(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut admin = client(self.admin());
        let length = body.len().to_string();
        let host = self.admin().to_string();
        let headers = [
            ("host", host.as_str()),
            ("content-length", &length),
            ("content-type", "application/json"),
            ("connection", "close"),
        ];
        admin.request(method, path, &headers, body.as_bytes());
        let response = admin.read_response();
        (response.status, response.text())
    }

    /// The metrics as they stand.
    pub fn metrics(&self) -> Page {
        Page::parse(&self.app().metrics().render())
    }

    /// The metrics once they say what is expected.
    pub fn metrics_when(&self, what: &str, fits: impl Fn(&Page) -> bool) -> Page {
        eventually(PATIENCE, what, || fits(&self.metrics()));
        self.metrics()
    }

    /// The metrics once so many mirrored requests were compared, or cannot be.
    pub fn compared(&self, count: u32) -> Page {
        self.metrics_when(&format!("{count} comparisons"), |page| {
            page.sum("umbrage_comparisons_total", &[("leg", "shadow")]) >= f64::from(count)
        })
    }

    /// How often this was decided.
    pub fn decided(&self, decision: &str) -> f64 {
        self.metrics().sum("umbrage_mirror_decisions_total", &[("decision", decision)])
    }

    /// The report as of now.
    pub fn report(&self) -> Value {
        serde_json::to_value(self.app().ledger().report()).expect("a report is JSON")
    }

    /// The folder with the config and the store.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The config file.
    pub fn config_file(&self) -> PathBuf {
        self.dir().join("umbrage.toml")
    }

    /// Writes another config to the file, from the builder that this proxy was started with.
    pub fn rewrite(&self, change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) {
        let text = change(self.builder.clone()).toml(self.dir());
        std::fs::write(self.config_file(), text).expect("writes the config");
    }

    /// Drains it, and hands back its last metrics and its folder.
    pub fn drain(mut self) -> (Page, TempDir) {
        let app = self.app.take().expect("running");
        let metrics = app.metrics().clone();
        app.drain();
        let dir = std::mem::replace(&mut self.dir, TempDir::new().expect("a folder"));
        (Page::parse(&metrics.render()), dir)
    }

    /// Asserts the laws of the counters once nothing is under way any more.
    pub fn assert_laws(&self) -> Page {
        // The last counters of a request follow its last byte.
        let last = std::cell::RefCell::new(String::new());
        eventually(PATIENCE, "the laws of the counters", || {
            let broken = laws(&self.metrics()).and_then(|()| report_laws(&self.report()));
            let broken = broken.err().unwrap_or_default();
            let settled = broken.is_empty() && self.metrics().sum("umbrage_requests_in_flight", &[]) == 0.0;
            if *last.borrow() != broken {
                println!("not yet: {broken}");
                last.replace(broken);
            }
            settled
        });
        self.metrics()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.drain();
        }
    }
}

/// The laws that the counts of one report obey at every drained moment.
pub fn report_laws(report: &Value) -> Result<(), String> {
    let coverage = &report["coverage"];
    let sum = |counts: &Value| counts.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let (decisions, outcomes) = (sum(&coverage["decisions"]), sum(&coverage["outcomes"]));
    let verdicts = number(&coverage["compared"]) + sum(&coverage["incomparable"]);
    let mirrored = number(&coverage["decisions"]["mirrored"]);
    if (number(&coverage["requests"]), mirrored, outcomes) == (decisions, outcomes, verdicts) {
        return Ok(());
    }
    Err(format!("the report contradicts itself: {coverage:#}"))
}

/// The laws that the counters obey at every drained moment.
pub fn laws(page: &Page) -> Result<(), String> {
    let shadow = [("leg", "shadow")];
    let sums = [
        ("requests_total", page.sum("umbrage_requests_total", &[])),
        ("mirror_decisions_total", page.sum("umbrage_mirror_decisions_total", &[])),
        ("decisions mirrored", page.sum("umbrage_mirror_decisions_total", &[("decision", "mirrored")])),
        ("outcomes of the shadow", page.sum("umbrage_mirror_outcomes_total", &shadow)),
        ("comparisons of the shadow", page.sum("umbrage_comparisons_total", &shadow)),
    ];
    let same = |a: usize, b: usize| {
        #[allow(clippy::float_cmp)]
        let equal = sums[a].1 == sums[b].1;
        if equal {
            Ok(())
        } else {
            Err(format!("{} = {} but {} = {}", sums[a].0, sums[a].1, sums[b].0, sums[b].1))
        }
    };
    same(0, 1)?;
    same(2, 3)?;
    same(3, 4)
}
