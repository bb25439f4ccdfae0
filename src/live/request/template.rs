//! Path templates: `/orders/{id}`.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_whole_segments() {
        let cases: [(&str, &[&str], &[&str]); 5] = [
            ("/", &["/"], &["", "/a", "//"]),
            (
                "/orders/{id}",
                &["/orders/7", "/orders/a%2Fb"],
                &["/orders", "/orders/", "/orders/7/", "/orders/7/x", "/order/7"],
            ),
            ("/files/{*rest}", &["/files/", "/files/a", "/files/a/b"], &["/file", "/filesystem"]),
            ("/{*all}", &["/", "/a", "/a/b"], &["", "*"]),
            ("/a/{x}/b", &["/a/1/b"], &["/a//b", "/a/1/c", "/a/1/b/"]),
        ];
        for (text, fits, fails) in cases {
            let template = PathTemplate::parse(text).expect(text);
            for path in fits {
                assert!(template.matches(path), "{text} should match {path}");
            }
            for path in fails {
                assert!(!template.matches(path), "{text} should not match {path}");
            }
        }
    }

    #[test]
    fn what_is_not_a_template_is_named() {
        let cases = [
            ("orders", TemplateError::NoSlash),
            ("/{*rest}/x", TemplateError::RestNotLast("x".into())),
            ("/a{b}", TemplateError::Segment("a{b}".into())),
            ("/{}", TemplateError::Segment("{}".into())),
            ("/{a", TemplateError::Segment("{a".into())),
            ("/{a b}", TemplateError::Segment("{a b}".into())),
            ("/a?b", TemplateError::NotPath('?')),
        ];
        for (text, error) in cases {
            assert_eq!(PathTemplate::parse(text), Err(error), "{text}");
        }
    }
}
