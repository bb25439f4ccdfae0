//! What routes, legs and shares demand of each other: what must be given, what must be unique, what is probably not meant.

use std::collections::HashMap;
use std::ops::Range;

use http::Method;

use super::file::{self, File};
use super::limits;
use super::problem::Problem;
use super::reader::Findings;
use super::routes::Whole;
use super::section::Field;

/// The label of what no route took: a route of this name could not be told from it.
const RESERVED: &str = "other";

/// Checks every demand.
pub(super) fn check(file: &File, routes: &[Whole], findings: &mut Findings) {
    super::legs::check(file, findings);
    super::legs::one_client_each(routes, findings);
    stable(file, findings);
    shadow(file, routes, findings);
    control(file, routes, findings);
    unsafe_methods(file, findings);
    names(file, findings);
    reach(file, findings);
}

/// Adds that a key is missing, at its section or, without one, at the whole file.
pub(super) fn missing(findings: &mut Findings, path: &str, section: Option<&Range<usize>>, help: &str) {
    let label = if section.is_some() { "it belongs in here" } else { "" };
    findings.add(Problem::error(format!("`{path}` is missing")).at(section).label(label).help(help));
}

fn stable(file: &File, findings: &mut Findings) {
    let lacks = match &file.stable {
        Field::Absent => true,
        Field::Bad => false,
        Field::Given(at) => !at.value.has_address(),
    };
    if lacks {
        let help = "the backend whose answer the client gets: [stable] url = \"http://127.0.0.1:9001\"";
        missing(findings, "stable.url", file.stable.span(), help);
    }
}

fn shadow(file: &File, routes: &[Whole], findings: &mut Findings) {
    if let Some(at) = file.shadow.at().filter(|at| !at.value.base.leg.has_address()) {
        let help = "the backend under trial: url = \"http://127.0.0.1:9002\"";
        missing(findings, "shadow.url", Some(&at.span), help);
    }
    for (n, route) in routes.iter().enumerate() {
        let Some(effective) = route.shadow.get() else { continue };
        if !effective.leg.has_address() && file.shadow.is_absent() {
            let help = "the backend under trial: url = \"http://127.0.0.1:9002\"";
            missing(findings, &format!("route[{n}].shadow.url"), route.own.shadow.span(), help);
        }
        let bad = file.mirror.is_bad() || route.own.mirror.is_bad();
        if route.share.percent.is_absent() && !bad {
            let span = file.mirror.span().or(file.shadow.span()).or(route.own.shadow.span());
            let help = "how much is mirrored is never guessed: [mirror] percent = 5";
            missing(findings, "mirror.percent", span, help);
        }
    }
    if routes.iter().all(|route| route.shadow.is_absent()) && !file.mirror.is_absent() {
        let problem = Problem::warning("[mirror] is of no use without [shadow]")
            .at(file.mirror.span())
            .label("nothing is mirrored")
            .help("name the backend under trial: [shadow] url = \"http://127.0.0.1:9002\"");
        findings.add(problem);
    }
}

fn control(file: &File, routes: &[Whole], findings: &mut Findings) {
    let mut alone = |span: Option<&Range<usize>>| {
        let problem = Problem::error("a control without a shadow")
            .at(span)
            .label("nothing is compared here")
            .help("add [shadow], or leave the control out");
        findings.add(problem);
    };
    if routes.iter().all(|route| route.shadow.is_absent()) {
        file.control.span().into_iter().for_each(|span| alone(Some(span)));
    }
    for route in routes.iter().filter(|route| route.shadow.is_absent()) {
        route.own.control.span().into_iter().for_each(|span| alone(Some(span)));
    }
    for (n, route) in routes.iter().enumerate() {
        if route.control.get().is_some_and(|control| control.percent.is_absent()) {
            let own = route.own.control.span();
            let path = if own.is_some() {
                format!("route[{n}].control.percent")
            } else {
                "control.percent".to_owned()
            };
            let help = "which share of the mirrored requests it is asked for: percent = 10";
            missing(findings, &path, own.or(file.control.span()), help);
        }
        if let Some(at) = route.own.stable.at().filter(|at| at.value.has_address()) {
            let leg = &at.value;
            let span = leg.url.span().or(leg.urls.span()).unwrap_or(&at.span);
            elsewhere(file, route, span, findings);
        }
    }
}

/// A route with a stable of its own that inherits a control of another service.
fn elsewhere(file: &File, route: &Whole, span: &Range<usize>, findings: &mut Findings) {
    let inherited = route.own.control.get().is_none_or(|control| !control.leg.has_address());
    let fixed = file.control.get().is_some_and(|control| !control.leg.origins().is_empty());
    if inherited && fixed && route.shadow.get().is_some() {
        let problem =
            Problem::warning(format!("route `{}` has its own stable and inherits `control.url`", route.name))
                .at(Some(span))
                .label("control is a second asking of the same service")
                .help("give the route its own control.url, or drop the one at the top");
        findings.add(problem);
    }
}

/// Methods that change something are said loudly.
fn unsafe_methods(file: &File, findings: &mut Findings) {
    let top = ("mirror".to_owned(), file.mirror.get().map(|mirror| &mirror.share));
    let routes = file.route.get().into_iter().flatten().enumerate();
    let routes = routes.map(|(n, at)| (format!("route[{n}].mirror"), at.value.mirror.get()));
    for (path, share) in std::iter::once(top).chain(routes) {
        let Some(at) = share.and_then(|share| share.methods.at()) else { continue };
        let changing: Vec<&str> = at.value.iter().filter(|m| !m.is_safe()).map(Method::as_str).collect();
        if !changing.is_empty() {
            let problem = Problem::warning(format!("`{path}.methods` names {}", changing.join(", ")))
                .at(Some(&at.span))
                .label("the shadow will carry these out")
                .help("make sure that the shadow has data of its own, and that a second order, mail or payment hurts nobody");
            findings.add(problem);
        }
    }
}

fn names(file: &File, findings: &mut Findings) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (n, at) in file.route.get().into_iter().flatten().enumerate() {
        if n == limits::ROUTES {
            let label = format!("at most {}", limits::ROUTES);
            findings.add(Problem::error("too many routes").at(Some(&at.span)).label(label));
        }
        let Some(name) = at.value.name.at() else {
            if at.value.name.is_absent() {
                missing(
                    findings,
                    &format!("route[{n}].name"),
                    Some(&at.span),
                    "metrics tell routes apart by it",
                );
            }
            continue;
        };
        if let Some(why) = unusable(&name.value) {
            let problem =
                Problem::error(format!("`{}` cannot be the name of a route", name.value.escape_debug()))
                    .at(Some(&name.span))
                    .label(why)
                    .help("lower-case letters, digits, - and _, as it becomes a metric label");
            findings.add(problem);
        }
        if let Some(first) = seen.insert(&name.value, n) {
            seen.insert(&name.value, first);
            let problem = Problem::error(format!("two routes are named `{}`", name.value.escape_debug()))
                .at(Some(&name.span))
                .label(format!("route[{first}] has this name already"))
                .help("evidence is kept by name, so each route needs its own");
            findings.add(problem);
        }
    }
}

fn unusable(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    match name {
        RESERVED => Some("this is the label of what no route took"),
        _ if name.chars().all(plain) => None,
        _ => Some("has other characters"),
    }
}

/// Routes that are never reached, and requests that reach none.
fn reach(file: &File, findings: &mut Findings) {
    let Some(routes) = file.route.get().filter(|routes| !routes.is_empty()) else { return };
    let takes_all = |route: &file::Route| {
        let keys = route.r#match.get().cloned().unwrap_or_default();
        // A condition that could not be read is one.
        let bad =
            route.r#match.is_bad() || keys.path.is_bad() || keys.methods.is_bad() || keys.hosts.is_bad();
        let anywhere = keys.path.get().is_none_or(|path| path.0.starts_with("/{*"));
        !bad && anywhere && keys.methods().is_empty() && keys.hosts().is_empty()
    };
    match routes.iter().position(|at| takes_all(&at.value)) {
        None => {
            let span = routes.last().map(|at| &at.span);
            let problem = Problem::warning("requests that no route matches are answered 404")
                .at(span)
                .label("the last route does not take everything")
                .help("if that is not meant, add a last [[route]] without match");
            findings.add(problem);
        }
        Some(first) => {
            if let Some(at) = routes.get(first + 1) {
                let problem = Problem::warning(format!("`route[{}]` is never reached", first + 1))
                    .at(Some(&at.span))
                    .label(format!("route[{first}] takes everything before it"))
                    .help("the first match wins: put the route that takes everything last");
                findings.add(problem);
            }
        }
    }
}
