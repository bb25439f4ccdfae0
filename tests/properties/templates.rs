//! Path templates of routes and of endpoints, against a matcher that knows nothing but what the documentation says.

use umbrage::evidence::Endpoints;
use umbrage::evidence::endpoint::{MAX_NAME, MAX_SEGMENTS};
use umbrage::live::PathTemplate;

/// A path, and templates; one to a line.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let path = lines.next().unwrap_or_default();
    let bare = path.split(['?', '#']).next().unwrap_or_default();
    let templates: Vec<&str> = lines.take(8).collect();
    for template in &templates {
        let parsed = PathTemplate::parse(template);
        assert_eq!(parsed.is_ok(), is_template(template), "{template:?}: {parsed:?}");
        let endpoints = Endpoints::compile(&[(*template).to_owned()]);
        assert!(endpoints.is_err() || parsed.is_ok(), "an endpoint and no route: {template:?}");
        let Ok(parsed) = parsed else { continue };
        assert_eq!(parsed.matches(bare), fits(template, bare), "{template:?} and {bare:?}");
        if let Ok(endpoints) = endpoints {
            let named = endpoints.name("GET", path) == format!("GET {template}");
            assert!(named || !fits(template, bare), "{template:?} does not name {path:?}");
        }
    }
    let all: Vec<String> = templates.iter().map(|template| (*template).to_owned()).collect();
    let name = match Endpoints::compile(&all) {
        Ok(endpoints) => {
            let first = templates.iter().find(|template| fits(template, bare));
            let name = endpoints.name("GET", path);
            assert!(
                first.is_none_or(|first| name == format!("GET {first}")),
                "not the first that fits {path:?}: {name:?}"
            );
            name
        }
        Err(_) => Endpoints::default().name("GET", path),
    };
    assert!(name.len() <= "GET ".len() + MAX_NAME, "{name:?} of {path:?}");
    let inferred = Endpoints::default().name("GET", path);
    // A rest comes on top.
    assert!(inferred.split('/').count() <= MAX_SEGMENTS + 2, "{inferred:?} of {path:?}");
    assert_eq!(Endpoints::default().name("GET", bare), inferred, "a query makes another endpoint: {path:?}");
}

fn is_placeholder(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    let word = name.strip_prefix('*').unwrap_or(name);
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    plain.then_some(name)
}

/// Whether it starts with a slash, has nothing of a query, and every segment is a literal without braces or a placeholder, of
/// which one for the rest comes last.
fn is_template(template: &str) -> bool {
    let segments: Vec<&str> = template.split('/').skip(1).collect();
    template.starts_with('/')
        && !template.contains(['?', '#'])
        && segments.iter().enumerate().all(|(n, segment)| match is_placeholder(segment) {
            Some(name) => !name.starts_with('*') || n + 1 == segments.len(),
            None => !segment.contains(['{', '}']),
        })
}

/// Whether a path fits: segment by segment, from the first.
fn fits(template: &str, path: &str) -> bool {
    let (Some(template), Some(path)) = (template.strip_prefix('/'), path.strip_prefix('/')) else {
        return false;
    };
    let (segment, more) =
        template.split_once('/').map_or((template, None), |(first, more)| (first, Some(more)));
    let (part, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let here = match is_placeholder(segment) {
        Some(name) if name.starts_with('*') => return true,
        Some(_) => !part.is_empty(),
        None => segment == part,
    };
    match (more, rest) {
        _ if !here => false,
        (None, None) => true,
        // A rest may be no segment at all.
        (Some(more), None) => is_placeholder(more).is_some_and(|name| name.starts_with('*')),
        (Some(more), Some(rest)) => fits(&format!("/{more}"), &format!("/{rest}")),
        (None, Some(_)) => false,
    }
}
