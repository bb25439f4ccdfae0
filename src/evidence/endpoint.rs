//! How a request becomes an endpoint: method and path template, configured or inferred.

use super::segment;

/// Longest name given, in bytes, without the method; what goes on beyond it becomes `{*rest}`.
pub const MAX_NAME: usize = 256;
/// Most segments of an inferred name; deeper ones become `{*rest}`.
pub const MAX_SEGMENTS: usize = 12;
/// Longest template accepted, in bytes.
pub const MAX_TEMPLATE: usize = 256;
/// Most templates accepted: they are tried in order for each mirrored request.
pub const MAX_TEMPLATES: usize = 1000;

/// Templates in force.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    templates: Vec<Template>,
}

/// A template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EndpointError {
    /// The template as written.
    pub template: String,
    /// What is wrong with it.
    pub message: String,
}

/// One template, cut into its segments.
#[derive(Clone, Debug)]
struct Template {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One(String),
    Rest(String),
}

impl Endpoints {
    /// Compiles the configured templates: `/users/{id}` takes one non-empty segment, `/files/{*rest}` any rest, none
    /// included, as routes do. Every path that fits none of them is inferred.
    ///
    /// # Errors
    /// Every template that cannot be used, in their order.
    pub fn compile(templates: &[String]) -> Result<Self, Vec<EndpointError>> {
        let mut compiled: Vec<Template> = Vec::with_capacity(templates.len().min(MAX_TEMPLATES));
        let mut errors = Vec::new();
        for text in templates {
            match Template::parse(text).and_then(|t| t.reachable(&compiled)) {
                Ok(template) => compiled.push(template),
                Err(message) => errors.push(EndpointError { template: text.clone(), message }),
            }
        }
        if errors.is_empty() { Ok(Endpoints { templates: compiled }) } else { Err(errors) }
    }

    /// The endpoint's name: `GET /orders/{id}`. The first template that fits gives it; without one, the segments that
    /// look like identifiers give way to placeholders. At most [`MAX_NAME`] bytes and [`MAX_SEGMENTS`] segments.
    #[must_use]
    pub fn name(&self, method: &str, path: &str) -> String {
        let method = known(method);
        let end = path.bytes().position(|byte| matches!(byte, b'?' | b'#'));
        let path = end.map_or(path, |end| &path[..end]);
        if let Some(template) = self.templates.iter().find(|t| t.matches(path)) {
            return [method, " ", &template.text].concat();
        }
        let mut name = String::with_capacity(method.len() + 1 + path.len().min(MAX_NAME) + 16);
        name.push_str(method);
        name.push(' ');
        infer(&mut name, path);
        name
    }
}

impl Template {
    fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or("an endpoint's path starts with '/'")?;
        if text.len() > MAX_TEMPLATE {
            return Err(format!("an endpoint's path has at most {MAX_TEMPLATE} bytes"));
        }
        if let Some(c) = text.chars().find(|c| matches!(c, '?' | '#') || c.is_control() || c.is_whitespace())
        {
            return Err(format!("an endpoint's path has no {c:?}"));
        }
        let mut segments: Vec<Segment> = Vec::new();
        for part in rest.split('/') {
            if let Some(Segment::Rest(name)) = segments.last() {
                return Err(format!("'{{*{name}}}' may only stand at the end"));
            }
            let segment = Segment::parse(part)?;
            if segment.name().is_some_and(|n| segments.iter().any(|s| s.name() == Some(n))) {
                return Err(format!("'{part}' stands there twice"));
            }
            segments.push(segment);
        }
        Ok(Template { text: text.to_owned(), segments })
    }

    /// Refuses a template that an earlier one of the same shape hides, and one too many.
    fn reachable(self, earlier: &[Template]) -> Result<Self, String> {
        if earlier.len() >= MAX_TEMPLATES {
            return Err(format!("at most {MAX_TEMPLATES} endpoints can be named"));
        }
        match earlier.iter().find(|t| t.same_shape(&self)) {
            Some(first) => Err(format!("never reached: '{}' before it takes the same paths", first.text)),
            None => Ok(self),
        }
    }

    fn same_shape(&self, other: &Template) -> bool {
        let same = |(a, b): (&Segment, &Segment)| match (a, b) {
            (Segment::Literal(a), Segment::Literal(b)) => a == b,
            (Segment::One(_), Segment::One(_)) | (Segment::Rest(_), Segment::Rest(_)) => true,
            _ => false,
        };
        self.segments.len() == other.segments.len() && self.segments.iter().zip(&other.segments).all(same)
    }

    fn matches(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else { return false };
        let mut parts = path.split('/');
        for segment in &self.segments {
            match segment {
                Segment::Rest(_) => return true,
                Segment::One(_) if parts.next().is_none_or(str::is_empty) => return false,
                Segment::Literal(text) if parts.next() != Some(text) => return false,
                Segment::One(_) | Segment::Literal(_) => {}
            }
        }
        parts.next().is_none()
    }
}

impl Segment {
    fn parse(part: &str) -> Result<Self, String> {
        let bad = || format!("'{part}' is neither a literal segment nor a whole '{{name}}'");
        let Some(inner) = part.strip_prefix('{') else {
            return if part.contains(['{', '}']) {
                Err(bad())
            } else {
                Ok(Segment::Literal(part.to_owned()))
            };
        };
        let inner = inner.strip_suffix('}').ok_or_else(bad)?;
        let name = inner.strip_prefix('*').unwrap_or(inner);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(bad());
        }
        let name = name.to_owned();
        Ok(if inner.starts_with('*') { Segment::Rest(name) } else { Segment::One(name) })
    }

    fn name(&self) -> Option<&str> {
        match self {
            Segment::Literal(_) => None,
            Segment::One(name) | Segment::Rest(name) => Some(name),
        }
    }
}

/// The method, if it is one that RFC 9110, RFC 5789 or RFC 10008 (QUERY) defines: others are the client's to invent.
fn known(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "QUERY" => "QUERY",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => "OTHER",
    }
}

/// Appends the inferred template of a path.
fn infer(name: &mut String, path: &str) {
    let start = name.len();
    let Some(rest) = path.strip_prefix('/') else {
        name.push_str(match path {
            "" => "/",
            "*" => "*",
            _ => segment::TEXT,
        });
        return;
    };
    for (index, part) in rest.split('/').enumerate() {
        let part = segment::template(part);
        if index == MAX_SEGMENTS || name.len() - start + part.len() + REST.len() >= MAX_NAME {
            name.push_str(REST);
            return;
        }
        name.push('/');
        part.push_to(name);
    }
}

const REST: &str = "/{*rest}";

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
