//! Which route a request takes: by host, path template and method; the first match wins.

use std::sync::Arc;

use http::Method;

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

/// `/orders/{id}`: literal segments, `{name}` for any one segment, `{*name}` last for any rest, none included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One,
    Rest,
}

/// Why a path template is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A path starts with a slash.
    #[error("a path template starts with '/'")]
    NoSlash,
    /// `{*rest}` stands before the end.
    #[error("'{{*{0}}}' may only stand at the end")]
    RestNotLast(String),
    /// A brace is left open, is empty, or shares its segment with other text.
    #[error("'{0}' is neither a literal segment nor a whole '{{name}}'")]
    Segment(String),
    /// `?` and `#` are not part of a path.
    #[error("a path template has no '{0}'")]
    NotPath(char),
}

impl PathTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] names what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let rest = text.strip_prefix('/').ok_or(TemplateError::NoSlash)?;
        if let Some(c) = text.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(TemplateError::NotPath(c));
        }
        let mut segments = Vec::new();
        for part in rest.split('/') {
            if matches!(segments.last(), Some(Segment::Rest)) {
                return Err(TemplateError::RestNotLast(part.to_owned()));
            }
            segments.push(Segment::parse(part)?);
        }
        Ok(PathTemplate { segments })
    }

    /// Whether a raw path (no query) fits; segments are compared as sent, without decoding.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else {
            return false;
        };
        let mut parts = path.split('/');
        for segment in &self.segments {
            match segment {
                Segment::Rest => return true,
                Segment::One => match parts.next() {
                    Some(part) if !part.is_empty() => {}
                    _ => return false,
                },
                Segment::Literal(text) => {
                    if parts.next() != Some(text) {
                        return false;
                    }
                }
            }
        }
        parts.next().is_none()
    }
}

impl Segment {
    fn parse(part: &str) -> Result<Self, TemplateError> {
        let bad = || TemplateError::Segment(part.to_owned());
        match part.strip_prefix('{') {
            None if part.contains(['{', '}']) => Err(bad()),
            None => Ok(Segment::Literal(part.to_owned())),
            Some(inner) => {
                let name = inner.strip_suffix('}').ok_or_else(bad)?;
                let (name, segment) = match name.strip_prefix('*') {
                    Some(name) => (name, Segment::Rest),
                    None => (name, Segment::One),
                };
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                (!name.is_empty() && name.chars().all(plain)).then_some(segment).ok_or_else(bad)
            }
        }
    }
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
