//! A rule on paths: an RFC 9535 query, compiled and bounded.
//!
//! Queries made of names, wildcards, indices and slices are matched step by step by our own walk ([`super::select`]);
//! those with filters go to `jsonpath-rust` ([`super::filter`]). What would cost more than a walk of the document is
//! refused here, so that no rule can make a comparison slow.

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, SingularQuery, Test,
    TestFunction,
};
use jsonpath_rust::parser::parse_json_path;

/// Longest query in characters.
pub(in crate::compare) const MAX_QUERY_CHARS: usize = 512;

/// Most steps of a query: each is one bit of a 64-bit set, and one more says that it is selected.
pub(in crate::compare) const MAX_STEPS: usize = 63;

/// Most `..` in a query. More selects nothing that two do not in any document that people write.
pub(in crate::compare) const MAX_DESCENTS: usize = 2;

/// A compiled rule.
#[derive(Debug)]
pub(in crate::compare) enum Query {
    /// Steps that look at names and indices only.
    Steps(Vec<QueryStep>),
    /// Steps of which one at least looks at values.
    Filter(JpQuery),
}

/// One segment of a query.
#[derive(Debug)]
pub(in crate::compare) struct QueryStep {
    /// Whether it holds for all descendants (`..`).
    pub descends: bool,
    pub selectors: Vec<QuerySelector>,
}

/// One selector of a segment.
#[derive(Debug)]
pub(in crate::compare) enum QuerySelector {
    Name(String),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
}

impl Query {
    /// Compiles what was written; the error ends a sentence that begins with the query.
    pub fn compile(written: &str) -> Result<Self, String> {
        if written.chars().count() > MAX_QUERY_CHARS {
            return Err(format!("is longer than {MAX_QUERY_CHARS} characters"));
        }
        if broken_name(written) {
            return Err("has a space within a name that stands outside of quotes".to_owned());
        }
        let query = parse_json_path(written).map_err(|error| problem(&error.to_string()))?;
        if query.segments.len() > MAX_STEPS {
            return Err(format!("has more than {MAX_STEPS} steps"));
        }
        let descents = query.segments.iter().filter(|s| matches!(s, Segment::Descendant(_))).count();
        if descents > MAX_DESCENTS {
            return Err(format!("descends (`..`) more than {MAX_DESCENTS} times"));
        }
        match query.segments.iter().map(step).collect::<Option<Vec<_>>>() {
            Some(steps) => Ok(Query::Steps(steps)),
            None if descents > 1 => Err("descends (`..`) more than once beside a filter".to_owned()),
            None => check_segments(&query.segments, Outside).map(|()| Query::Filter(query)),
        }
    }
}

/// The parser's message of several lines, as one: `--> 1:5` is where, `= expected selector` what.
fn problem(message: &str) -> String {
    let line =
        |mark: &str| message.lines().find_map(|line| line.trim_start().strip_prefix(mark)).map(str::trim);
    let place = message.split("--> 1:").nth(1).and_then(|rest| rest.lines().next());
    match (line("= "), place) {
        (Some(what), Some(column)) => format!("is not an RFC 9535 query: {what} at character {column}"),
        _ => format!("is not an RFC 9535 query: {}", message.lines().next().unwrap_or_default()),
    }
}

/// Whether a space stands between two characters of names outside of quotes. No RFC 9535 query has one there, but the
/// parser takes `$.a b` for a name.
fn broken_name(written: &str) -> bool {
    let named = |c: char| c.is_alphanumeric() || c == '_';
    let (mut quote, mut escaped, mut spaced, mut before) = (None, false, false, '$');
    for c in written.chars() {
        if let Some(open) = quote {
            if !escaped && c == open {
                quote = None;
            }
            escaped = !escaped && c == '\\';
            before = '\'';
        } else if c.is_ascii_whitespace() {
            spaced = true;
            continue;
        } else if spaced && named(before) && named(c) {
            return true;
        } else {
            quote = matches!(c, '\'' | '"').then_some(c);
            before = c;
        }
        spaced = false;
    }
    false
}

/// A segment as a step; `None` when it holds a filter.
fn step(segment: &Segment) -> Option<QueryStep> {
    let (descends, selectors) = match segment {
        Segment::Descendant(inner) => (true, selectors(inner)),
        Segment::Selector(_) | Segment::Selectors(_) => (false, selectors(segment)),
    };
    let selectors = selectors.iter().map(selector).collect::<Option<Vec<_>>>()?;
    Some(QueryStep { descends, selectors })
}

/// The selectors of a segment.
fn selectors(segment: &Segment) -> &[Selector] {
    match segment {
        Segment::Descendant(inner) => selectors(inner),
        Segment::Selector(selector) => std::slice::from_ref(selector),
        Segment::Selectors(selectors) => selectors,
    }
}

fn selector(selector: &Selector) -> Option<QuerySelector> {
    Some(match selector {
        Selector::Name(name) => QuerySelector::Name(name.clone()),
        Selector::Wildcard => QuerySelector::Wildcard,
        Selector::Index(index) => QuerySelector::Index(*index),
        Selector::Slice(start, end, step) => {
            QuerySelector::Slice { start: *start, end: *end, step: step.unwrap_or(1) }
        }
        Selector::Filter(_) => return None,
    })
}

/// Where in a query a segment stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Outside,
    /// In a filter, from the value that it looks at (`@`).
    Relative,
    /// In a filter, from the root (`$`): evaluated anew for every value.
    Absolute,
}
use Inside::{Absolute, Outside, Relative};

type Checked = Result<(), String>;

/// Refuses what makes a query with filters cost more than its document times its depth.
fn check_segments(segments: &[Segment], inside: Inside) -> Checked {
    for segment in segments {
        if inside != Outside && matches!(segment, Segment::Descendant(_)) {
            return Err(
                "descends (`..`) in a filter, which could take the square of a body's size".to_owned()
            );
        }
        let selectors = selectors(segment);
        let mut names: Vec<&str> = Vec::new();
        for selector in selectors {
            match selector {
                Selector::Name(name) => names.push(name),
                Selector::Filter(filter) => check_filter(filter)?,
                Selector::Wildcard | Selector::Index(_) | Selector::Slice(..) => {}
            }
            let many = matches!(selector, Selector::Wildcard | Selector::Slice(..) | Selector::Filter(_));
            if inside == Absolute && many {
                return Err("looks at many values from the root (`$`) in a filter".to_owned());
            }
        }
        names.sort_unstable();
        names.dedup();
        if selectors.len() > 1 && names.len() < selectors.len() {
            return Err(
                "lists several selectors beside a filter, which may only be different names".to_owned()
            );
        }
    }
    Ok(())
}

fn check_filter(filter: &Filter) -> Checked {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().try_for_each(check_filter),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => check_filter(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => check_test(expr),
        Filter::Atom(FilterAtom::Comparison(comparison)) => check_comparison(comparison),
    }
}

fn check_comparison(comparison: &Comparison) -> Checked {
    let (left, right) = comparison.vals();
    [left, right].into_iter().try_for_each(|side| match side {
        Comparable::Literal(_)
        | Comparable::SingularQuery(SingularQuery::Current(_) | SingularQuery::Root(_)) => Ok(()),
        Comparable::Function(function) => check_function(function),
    })
}

fn check_test(test: &Test) -> Checked {
    match test {
        Test::RelQuery(segments) => check_segments(segments, Relative),
        Test::AbsQuery(query) => check_segments(&query.segments, Absolute),
        Test::Function(function) => check_function(function),
    }
}

fn check_function(function: &TestFunction) -> Checked {
    match function {
        TestFunction::Length(argument) => check_argument(argument),
        TestFunction::Value(argument) | TestFunction::Count(argument) => check_argument(argument),
        TestFunction::Search(..) | TestFunction::Match(..) => {
            Err("uses a regular expression, which would be compiled anew for every value".to_owned())
        }
        TestFunction::Custom(name, _) => Err(format!("uses `{name}`, which is no function of RFC 9535")),
    }
}

fn check_argument(argument: &FnArg) -> Checked {
    match argument {
        FnArg::Literal(_) => Ok(()),
        FnArg::Test(test) => check_test(test),
        FnArg::Filter(filter) => check_filter(filter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_walked_and_what_is_filtered() {
        for walked in [
            "$",
            "$.a",
            "$['a b']",
            "$..id",
            "$.a[*].b",
            "$[0]",
            "$[-1]",
            "$[1:5:2]",
            "$.a..b..c",
            "$['a',0,*]",
        ] {
            assert!(matches!(Query::compile(walked), Ok(Query::Steps(_))), "{walked}");
        }
        for filtered in [
            "$.a[?@.b == 1]",
            "$..[?@.b && !@.c]",
            "$[?@.a == $.b.c]",
            "$[?length(@.a) > 2]",
            "$[?count(@.*) > 2]['x','y']",
            "$[?@[?@.a]]",
            "$.a [ ? @.b == 'it\\'s x y' && @.c == true ]",
        ] {
            assert!(
                matches!(Query::compile(filtered), Ok(Query::Filter(_))),
                "{filtered}: {:?}",
                Query::compile(filtered)
            );
        }
    }

    #[test]
    fn refusals() {
        let long = format!("$.{}", "a".repeat(MAX_QUERY_CHARS));
        let steps = "$".to_owned() + &".a".repeat(MAX_STEPS + 1);
        for (query, problem) in [
            ("", "is not an RFC 9535 query"),
            ("a", "is not an RFC 9535 query"),
            ("$.a[", "is not an RFC 9535 query: expected selector at character 5"),
            ("$.items[?(@.a", "is not an RFC 9535 query"),
            (long.as_str(), "is longer than"),
            (steps.as_str(), "has more than"),
            ("$..*..*..*", "more than 2 times"),
            ("$..a..[?@.b]", "more than once"),
            ("$[?@..a]", "in a filter"),
            ("$[?$..a]", "in a filter"),
            ("$[?$.*]", "from the root"),
            ("$[?count($.*) > 1]", "from the root"),
            ("$[0,0][?@.a]", "several selectors"),
            ("$[?@.a, ?@.b]", "several selectors"),
            ("$['a','a'][?@.b]", "several selectors"),
            ("$[?match(@.a, 'x')]", "regular expression"),
            ("$[?@.a in ['b']]", "has a space"),
            ("$.a b", "has a space"),
            ("$['a'].b\tc", "has a space"),
            ("$[?in(@.a, @.b)]", "no function of RFC 9535"),
        ] {
            let error = Query::compile(query).err();
            assert!(error.as_ref().is_some_and(|e| e.contains(problem)), "{query}: {error:?}");
            assert!(error.is_some_and(|e| !e.contains('\n')), "{query}");
        }
    }
}
