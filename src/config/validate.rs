//! From keys to settings: what one key cannot know alone is checked here, and every problem is collected.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use super::file::{Admin, File, Mirror};
use super::guard::guard;
use super::legs::{Legs, is_own, overlap, sections};
use super::listener::listener;
use super::problem::Problem;
use super::reader::Findings;
use super::value::{is_editable, usable_token};
use super::{Config, Source, epoch, limits, routes};
use crate::{admin, gate, records, shadow};

/// The config, or `None` once an error was added.
pub(super) fn validate(file: File, source: Source, findings: &mut Findings) -> Option<Config> {
    let mirror = file.mirror.get().cloned().unwrap_or_default();
    let live = listener(&file, findings);
    let admin = admin_settings(&file, live.as_ref().map(|l| l.address), findings);
    own_addresses(&file, live.as_ref().map(|l| l.address), findings);
    mirror_bounds(&file, &mirror, findings);
    let mut legs = Legs::default();
    let routes = routes::build(&file, &mut legs, findings);
    let records = file.records.get().cloned().unwrap_or_default();
    let version = file.shadow.get().and_then(|shadow| shadow.version.get().cloned());
    Some(Config {
        live: live?,
        gate: gate::Bounds {
            max_in_flight: mirror.max_in_flight(),
            max_per_second: mirror.max_per_second(),
            burst: mirror.burst(),
            memory: mirror.memory().bytes(),
        },
        breaker: breaker(&file, findings),
        guard: guard(&file, findings),
        shadow: shadow::Settings { nice: mirror.nice(), max_drain: mirror.max_drain().bytes() },
        records: records::Settings {
            dir: records.dir(),
            max_size: records.max_size().0,
            max_age: records.max_age(),
            samples_per_signature: records.samples_per_signature(),
        },
        admin,
        max_endpoints: file.compare.get().cloned().unwrap_or_default().max_endpoints(),
        legs: legs.into_pairs(),
        epoch_key: epoch::mark(version.as_deref(), &routes),
        version,
        routes,
        source,
        file,
    })
}

fn admin_settings(file: &File, listen: Option<SocketAddr>, findings: &mut Findings) -> admin::Settings {
    let keys = file.admin.get().cloned().unwrap_or_default();
    let token = token(&keys, findings);
    let address = keys.address();
    let span = keys.address.span().or(file.admin.span());
    if !address.ip().is_loopback() && token.is_none() {
        let problem = Problem::error(format!("`admin.address` {address} needs a token"))
            .at(span)
            .label("other machines can reach it")
            .help("set admin.token or admin.token_file, or listen on loopback: \"127.0.0.1:9901\"");
        findings.add(problem);
    }
    if listen.is_some_and(|listen| overlap(listen, address)) {
        let span = span.or_else(|| file.listen.get().and_then(|l| l.address.span()));
        let problem = Problem::error(format!("`admin.address` and `listen.address` share {address}"))
            .at(span)
            .label("taken twice")
            .help("give one of them another port");
        findings.add(problem);
    }
    admin::Settings { address, token }
}

fn token(keys: &Admin, findings: &mut Findings) -> Option<String> {
    let (token, span) = match (keys.token.at(), keys.token_file.at()) {
        (Some(_), Some(file)) => {
            let problem = Problem::error("`admin.token` and `admin.token_file` are both given")
                .at(Some(&file.span))
                .label("one is enough")
                .help("keep the one that is meant");
            findings.add(problem);
            return None;
        }
        (Some(token), None) => (token.value.0.clone(), &token.span),
        (None, Some(file)) => match read_token(&file.value) {
            Ok(token) => (token, &file.span),
            Err(why) => {
                findings
                    .add(Problem::error("`admin.token_file` cannot be used").at(Some(&file.span)).label(why));
                return None;
            }
        },
        (None, None) => return None,
    };
    if token.chars().count() < limits::TOKEN_GOOD_CHARS {
        let problem = Problem::warning("the admin token is short")
            .at(Some(span))
            .label(format!("fewer than {} characters can be guessed", limits::TOKEN_GOOD_CHARS));
        findings.add(problem);
    }
    Some(token)
}

fn read_token(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut text = String::new();
    // Room for the line's end, and one byte more so that a longer one is seen.
    let bound = limits::TOKEN_BYTES as u64 + 3;
    file.take(bound).read_to_string(&mut text).map_err(|e| e.to_string())?;
    let token = text.trim_end_matches(['\n', '\r']);
    usable_token(token).map_err(|why| format!("its content {why}"))?;
    Ok(token.to_owned())
}

/// No leg may be ourselves: every request would come back, for ever.
fn own_addresses(file: &File, listen: Option<SocketAddr>, findings: &mut Findings) {
    let Some(listen) = listen else { return };
    for (path, leg) in sections(file) {
        let url = leg.url.at().map(|at| ("url", &at.span, std::slice::from_ref(&at.value)));
        let urls = leg.urls.at().map(|at| ("urls", &at.span, &at.value[..]));
        for (key, span, origins) in url.into_iter().chain(urls) {
            if origins.iter().any(|origin| is_own(listen, origin)) {
                let verb = if key == "url" { "is" } else { "names" };
                let problem = Problem::error(format!("`{path}.{key}` {verb} our own listener"))
                    .at(Some(span))
                    .label(format!("we listen at {listen}"))
                    .help("every request would come back for ever; name the backend's own address");
                findings.add(problem);
            }
        }
    }
}

fn breaker(file: &File, findings: &mut Findings) -> gate::BreakerSettings {
    let keys = file.breaker.get().cloned().unwrap_or_default();
    let settings = gate::BreakerSettings {
        failures: keys.failures(),
        share: keys.failing_percent().percent() / 100.0,
        window: keys.window(),
        min_requests: keys.min_requests(),
        rest: keys.rest(),
        max_rest: keys.max_rest(),
        recovery: keys.recovery(),
    };
    if settings.rest > settings.max_rest {
        let problem = Problem::error("`breaker.rest` is longer than `breaker.max_rest`")
            .at(keys.rest.span().or(keys.max_rest.span()))
            .label("the first rest is the shortest");
        findings.add(problem);
    }
    if settings.share == 0.0 {
        let problem = Problem::error("`breaker.failing_percent` is 0")
            .at(keys.failing_percent.span())
            .label("a shadow that never fails would be left alone")
            .help("breaker.failures = 0 switches the breaker off");
        findings.add(problem);
    }
    settings
}

/// Bounds that do not fit each other, and edits that are not ours to make.
fn mirror_bounds(file: &File, mirror: &Mirror, findings: &mut Findings) {
    if mirror.share.max_body() > mirror.memory() {
        let problem = Problem::error("`mirror.max_body` is larger than `mirror.memory`")
            .at(mirror.share.max_body.span().or(mirror.memory.span()))
            .label("a body of this size could never be copied")
            .help("lower max_body or raise memory");
        findings.add(problem);
    }
    let compare = file.compare.get().cloned().unwrap_or_default();
    if compare.max_decoded() < compare.max_body() {
        let problem = Problem::warning("`compare.max_decoded` is smaller than `compare.max_body`")
            .at(compare.max_decoded.span().or(compare.max_body.span()))
            .label("captures between the two could not be compared");
        findings.add(problem);
    }
    let edits = mirror.headers.get().cloned().unwrap_or_default();
    for name in edits.remove().iter().filter(|name| !is_editable(name)) {
        let problem = Problem::error(format!("`mirror.headers.remove` names {name}"))
            .at(edits.remove.span())
            .label("this field is derived for each request")
            .help("connection fields, framing and Host cannot be edited; see the key `host` of a leg");
        findings.add(problem);
    }
}
