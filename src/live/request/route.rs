//! Which route a request takes: by host, path template and method; the first match wins.

use std::sync::Arc;

use http::Method;

pub use super::PathTemplate;
use crate::gate;
use crate::upstream;

/// The routes of one configuration in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// First match wins.
    pub routes: Vec<Arc<Route>>,
}

/// One route: what it matches, where it leads, and what of it is mirrored.
#[derive(Debug)]
pub struct Route {
    /// Name, unique; the metric label `route`.
    pub name: Arc<str>,
    /// What it matches.
    pub matcher: Match,
    /// Where its requests are answered.
    pub stable: Arc<upstream::Settings>,
    /// What of it is mirrored.
    pub mirror: Arc<gate::Policy>,
    /// What a mirrored request is tried against; `None` where no shadow is configured.
    pub experiment: Option<Arc<gate::Experiment>>,
}

/// The conditions of a route; an empty list is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Host names without port, lower case.
    pub hosts: Vec<String>,
    /// Path template.
    pub path: Option<PathTemplate>,
    /// Methods.
    pub methods: Vec<Method>,
}

impl Match {
    /// Whether a request fits every condition. `host` is without port and lower case.
    #[must_use]
    pub fn fits(&self, host: &str, path: &str, method: &Method) -> bool {
        (self.methods.is_empty() || self.methods.contains(method))
            && (self.hosts.is_empty() || self.hosts.iter().any(|h| h == host))
            && self.path.as_ref().is_none_or(|t| t.matches(path))
    }
}

impl Routes {
    /// The first route that fits.
    #[must_use]
    pub fn find(&self, host: &str, path: &str, method: &Method) -> Option<&Arc<Route>> {
        self.routes.iter().find(|r| r.matcher.fits(host, path, method))
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
