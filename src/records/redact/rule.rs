//! Rules as written: `$.user.email`, `$.items[*].card`, `$..password`, `$['odd name']`, `header:x-api-key`, `query:email`.

/// A rule, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A path into a JSON body.
    Body(Vec<Step>),
    /// A field, lower case.
    Header(String),
    /// A query parameter, lower case.
    Query(String),
}

/// A rule that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule:?}: {message}")]
pub struct RuleError {
    /// The rule as written.
    pub rule: String,
    /// What is wrong with it.
    pub message: String,
}

/// One step from a value to values within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member of an object.
    Name(String),
    /// An item of a list.
    Index(u64),
    /// Every member or item.
    Any,
    /// What follows applies here and everywhere below.
    Descend,
}

/// One segment of a place that a comparison names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A member's name, or an index in a JSON pointer, which look alike.
    Text(String),
    /// Any item: `[*]`.
    Any,
}

/// Bytes of a rule.
const MAX_RULE: usize = 1024;
/// Steps of a rule.
const MAX_STEPS: usize = 64;

/// Understands a rule, or says what is wrong with it.
pub(super) fn parse(rule: &str) -> Result<Rule, String> {
    if rule.len() > MAX_RULE {
        return Err(format!("longer than {MAX_RULE} bytes"));
    }
    if let Some(name) = rule.strip_prefix("header:") {
        return match http::HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => Ok(Rule::Header(name.as_str().to_owned())),
            Err(_) => Err(format!("{name:?} is not the name of a field; write `header:x-api-key`")),
        };
    }
    if let Some(name) = rule.strip_prefix("query:") {
        return if name.is_empty() {
            Err("the parameter's name is missing".to_owned())
        } else {
            Ok(Rule::Query(name.to_lowercase()))
        };
    }
    match rule.strip_prefix('$') {
        Some(path) => steps(path).map(Rule::Body),
        None => {
            Err("begins with neither `$`, `header:` nor `query:`; write `$.user.email` or `header:x-api-key`"
                .to_owned())
        }
    }
}

/// The segments of a difference's path; `None` if it is not one into JSON.
pub(super) fn parse_path(path: &str) -> Option<Vec<Segment>> {
    let steps = steps_of(path.strip_prefix('$')?).ok()?;
    Some(steps.into_iter().map(Segment::from).collect())
}

impl Segment {
    /// The segments of an RFC 6901 pointer.
    pub(super) fn of_pointer(pointer: &str) -> Vec<Segment> {
        let names = pointer.split('/').skip(1);
        names.map(|name| Segment::Text(name.replace("~1", "/").replace("~0", "~"))).collect()
    }
}

impl From<Step> for Segment {
    fn from(step: Step) -> Self {
        match step {
            Step::Name(name) => Segment::Text(name),
            Step::Index(index) => Segment::Text(index.to_string()),
            Step::Any | Step::Descend => Segment::Any,
        }
    }
}

fn steps(path: &str) -> Result<Vec<Step>, String> {
    let steps = steps_of(path)?;
    if steps.len() > MAX_STEPS { Err(format!("more than {MAX_STEPS} steps")) } else { Ok(steps) }
}

fn steps_of(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            steps.push(Step::Descend);
            rest = after;
            if !rest.starts_with('[') {
                rest = dotted(rest, &mut steps)?;
            }
        } else if let Some(after) = rest.strip_prefix('.') {
            rest = dotted(after, &mut steps)?;
        } else if let Some(after) = rest.strip_prefix('[') {
            rest = bracketed(after, &mut steps)?;
        } else {
            return Err(format!("expected `.name`, `[*]`, `[0]` or `['name']` at {rest:?}"));
        }
    }
    Ok(steps)
}

/// `name` or `*` after a dot; gives what follows.
fn dotted<'r>(rest: &'r str, steps: &mut Vec<Step>) -> Result<&'r str, String> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    match name {
        "" => return Err("a name is missing after `.`".to_owned()),
        "*" => steps.push(Step::Any),
        _ if name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@')) => {
            steps.push(Step::Name(name.to_owned()));
        }
        _ => return Err(format!("{name:?} must be written as ['{}']", name.replace('\'', "\\'"))),
    }
    Ok(after)
}

/// `*]`, `0]`, `'name']` or `"name"]`; gives what follows.
fn bracketed<'r>(rest: &'r str, steps: &mut Vec<Step>) -> Result<&'r str, String> {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (name, after) = quoted(&rest[1..], quote)?;
        steps.push(Step::Name(name));
        return after.strip_prefix(']').ok_or_else(|| "a `]` is missing after the quote".to_owned());
    }
    let (inside, after) = rest.split_once(']').ok_or("a `]` is missing")?;
    match inside.parse() {
        Ok(index) if inside.bytes().all(|b| b.is_ascii_digit()) => steps.push(Step::Index(index)),
        _ if inside == "*" => steps.push(Step::Any),
        _ => return Err(format!("`[{inside}]` is not supported; write [*], [0] or ['name']")),
    }
    Ok(after)
}

/// A name up to its closing quote; a backslash takes the next character as it is. Gives what follows.
fn quoted(rest: &str, quote: char) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, escaped @ ('\\' | '\'' | '"' | '/'))) => name.push(escaped),
                _ => return Err("after `\\` only a quote, `/` or `\\` may stand".to_owned()),
            },
            c if c == quote => return Ok((name, &rest[at + 1..])),
            c => name.push(c),
        }
    }
    Err("a closing quote is missing".to_owned())
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
