//! Routes put together: what each leaves out is inherited from the top.

use std::sync::{Arc, OnceLock};

use super::demands;
use super::file::{self, Control, File, RouteCompare, RouteMirror, RouteShadow};
use super::legs::Legs;
use super::problem::Problem;
use super::reader::Findings;
use super::section::{Field, Section};
use crate::gate::{ControlPlan, Experiment, Policy, PolicySettings};
use crate::live::{Match, PathTemplate, Route, Routes};
use crate::model::{Leg, Ppm};
use crate::{compare, evidence, upstream};

/// The name of the route that takes everything when no route is configured.
const IMPLICIT: &str = "default";

/// One route with everything that it inherits.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    /// Its name; empty if that is not usable.
    pub(super) name: String,
    /// What was written for it alone.
    pub(super) own: file::Route,
    /// Its legs.
    pub(super) stable: Field<file::Leg>,
    pub(super) shadow: Field<RouteShadow>,
    pub(super) control: Field<Control>,
    /// What of it is mirrored and how it is compared.
    pub(super) share: RouteMirror,
    pub(super) rules: RouteCompare,
}

/// Every route that is usable; problems are added for the others.
pub(super) fn build(file: &File, legs: &mut Legs, findings: &mut Findings) -> Routes {
    let all = whole(file);
    demands::check(file, &all, findings);
    let routes = all.iter().filter_map(|route| plan(file, route, legs, findings));
    Routes { routes: routes.map(Arc::new).collect() }
}

fn whole(file: &File) -> Vec<Whole> {
    let implicit = |_: &File| vec![inherit(file, IMPLICIT.to_owned(), file::Route::default())];
    match file.route.get() {
        Some(written) if !written.is_empty() => written
            .iter()
            .map(|at| inherit(file, at.value.name.get().cloned().unwrap_or_default(), at.value.clone()))
            .collect(),
        _ => implicit(file),
    }
}

fn inherit(file: &File, name: String, own: file::Route) -> Whole {
    let stable = own.stable.clone().over(&base(&file.stable, own.stable.get()));
    let shadow = file.shadow.map(|shadow| {
        let mut shadow = shadow.base.clone();
        shadow.leg = own.shadow.get().map_or(shadow.leg.clone(), |own| shadow.leg.inherited_by(&own.leg));
        shadow
    });
    let control = file.control.map(|control| {
        let mut control = control.clone();
        control.leg = own.control.get().map_or(control.leg.clone(), |own| control.leg.inherited_by(&own.leg));
        control
    });
    let control = own.control.clone().over(&control);
    let asked = stable.get().cloned().unwrap_or_default();
    let share = own.mirror.clone().over(&file.mirror.map(|mirror| mirror.share.clone()));
    let rules = own.compare.clone().over(&file.compare.map(|compare| compare.rules.clone()));
    Whole {
        name,
        shadow: own.shadow.clone().over(&shadow),
        control: control
            .map(|c| Control { leg: c.leg.clone().inherit(&asked.inherited_by(&c.leg)), ..c.clone() }),
        share: share.get().cloned().unwrap_or_default(),
        rules: rules.get().cloned().unwrap_or_default(),
        stable,
        own,
    }
}

/// What a route's leg inherits from the top.
fn base(top: &Field<file::Leg>, own: Option<&file::Leg>) -> Field<file::Leg> {
    top.map(|top| own.map_or_else(|| top.clone(), |own| top.inherited_by(own)))
}

fn plan(file: &File, route: &Whole, legs: &mut Legs, findings: &mut Findings) -> Option<Route> {
    let name: Arc<str> = Arc::from(route.name.as_str());
    let compare = file.compare.get().cloned().unwrap_or_default();
    // What is wrong with one leg must not hide what is wrong with the other.
    let stable = legs.add(Leg::Stable, route.stable.get()?, findings);
    let experiment = match route.shadow.get() {
        None => None,
        Some(keys) => {
            let shadow = legs.add(Leg::Shadow, &keys.leg, findings)?;
            Some(Arc::new(experiment(file, route, (keys, shadow), legs, findings)?))
        }
    };
    let stable = stable?;
    let mirror = PolicySettings {
        route: Arc::clone(&name),
        has_shadow: experiment.is_some(),
        percent: route.share.percent.get().copied().unwrap_or(Ppm::ZERO),
        sample_by: route.share.sample_by(),
        seed: route.share.seed(),
        methods: route.share.methods(),
        max_body: route.share.max_body().bytes(),
        max_capture: compare.max_body().bytes(),
    };
    let matcher = matcher(&route.own.r#match.get().cloned().unwrap_or_default());
    Some(Route { name, matcher, stable, mirror: Arc::new(Policy::new(mirror)), experiment })
}

fn matcher(keys: &file::Match) -> Match {
    Match {
        hosts: keys.hosts().into_iter().map(|host| host.0).collect(),
        path: keys.path.get().and_then(|template| PathTemplate::parse(&template.0).ok()),
        methods: keys.methods(),
    }
}

fn experiment(
    file: &File,
    route: &Whole,
    (keys, shadow): (&RouteShadow, Arc<upstream::Settings>),
    legs: &mut Legs,
    findings: &mut Findings,
) -> Option<Experiment> {
    let mirror = file.mirror.get().cloned().unwrap_or_default();
    let edits = mirror.headers.get().cloned().unwrap_or_default();
    let compare = file.compare.get().cloned().unwrap_or_default();
    let rules = rules(route, &compare, findings);
    let endpoints = endpoints(route, findings);
    let control = route.control.get().and_then(|control| {
        let upstream = legs.add(Leg::Control, &control.leg, findings)?;
        Some(ControlPlan { percent: *control.percent.get()?, upstream })
    });
    Some(Experiment {
        route: Arc::from(route.name.as_str()),
        epoch: OnceLock::new(),
        breaker: OnceLock::new(),
        shadow,
        timeout: keys.timeout(),
        drain: mirror.drain(),
        control,
        rules: Arc::new(rules?),
        endpoints: Arc::new(endpoints?),
        credentials: route.share.credentials(),
        idempotency_suffix: route.share.idempotency_suffix.get().map(|suffix| suffix.0.clone()),
        set_headers: edits.set().0,
        remove_headers: edits.remove(),
        mark: mirror.mark().0,
        max_capture: compare.max_body().bytes(),
        redact: route.rules.redact().into_iter().map(|redaction| redaction.0).collect(),
    })
}

fn rules(route: &Whole, compare: &file::Compare, findings: &mut Findings) -> Option<compare::Rules> {
    let headers = route.rules.headers.get().cloned().unwrap_or_default();
    let defaults: &[&str] = if headers.defaults() { compare::DEFAULT_IGNORED_HEADERS } else { &[] };
    let mut ignored: Vec<String> = defaults.iter().map(|name| (*name).to_owned()).collect();
    // In this order and with repetitions: a default that is named again counts as the user's own rule.
    ignored.extend(headers.ignore().iter().map(ToString::to_string));
    let settings = compare::Settings {
        ignored_headers: ignored,
        ignored_paths: route.rules.ignore().into_iter().map(|path| path.0).collect(),
        numbers: route.rules.numbers(),
        max_decoded: compare.max_decoded().bytes(),
    };
    let refused = |error: compare::rules::RuleError| {
        Problem::error(format!("the rule `{}` cannot be used", error.rule))
            .at(route.rules.ignore.span())
            .label(error.message)
    };
    compare::Rules::compile(settings)
        .map_err(|errors| errors.into_iter().for_each(|error| findings.add(refused(error))))
        .ok()
}

fn endpoints(route: &Whole, findings: &mut Findings) -> Option<evidence::Endpoints> {
    let templates: Vec<String> = route.rules.endpoints().into_iter().map(|template| template.0).collect();
    let refused = |error: evidence::endpoint::EndpointError| {
        Problem::error(format!("the endpoint `{}` cannot be used", error.template))
            .at(route.rules.endpoints.span())
            .label(error.message)
    };
    evidence::Endpoints::compile(&templates)
        .map_err(|errors| errors.into_iter().for_each(|error| findings.add(refused(error))))
        .ok()
}
