//! Reading a table of the file: what was taken, what is unknown, and every problem on the way.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::section::{At, Field, Section, Spec, Value};
use super::{hint, limits};

/// What is collected while reading.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Bytes that must not be shown.
    pub secrets: Vec<Range<usize>>,
}

/// A value in the file, with its path for messages.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// `mirror.percent`
    pub path: &'a str,
    /// The value.
    pub value: &'a DeValue<'a>,
    /// Its bytes in the text.
    pub span: &'a Range<usize>,
}

/// A table being read: what is never taken is unknown.
#[derive(Debug)]
pub struct Table<'a> {
    path: &'a str,
    entries: &'a DeTable<'a>,
    findings: &'a mut Findings,
}

impl Findings {
    /// Adds a problem.
    pub fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

impl Node<'_> {
    /// Adds "`path` …" at this value; answers `None`, for the end of a reader.
    pub fn refuse<T>(&self, findings: &mut Findings, said: &str, label: &str, help: &str) -> Option<T> {
        let title = format!("`{}` {said}", self.path);
        findings.add(Problem::error(title).at(Some(self.span)).label(label).help(help));
        None
    }

    /// Adds that another type was expected.
    pub fn wrong_type<T>(&self, findings: &mut Findings, expected: &str, help: &str) -> Option<T> {
        let found = self.value.type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        self.refuse(findings, &format!("must be {expected}"), &format!("this is {article} {found}"), help)
    }

    /// The text of a string.
    pub fn text(&self, findings: &mut Findings, help: &str) -> Option<&str> {
        self.value.as_str().or_else(|| self.wrong_type(findings, "a string", help))
    }
}

impl Table<'_> {
    /// Takes a key without a default.
    pub fn take<T: Value>(&mut self, name: &str) -> Field<T> {
        self.take_with(name, |_, value, _| Some(value))
    }

    /// Takes a key with a default, within its bounds.
    pub fn take_spec<T: Value>(&mut self, name: &str, spec: &Spec<T>) -> Field<T> {
        self.take_with(name, |node, value, findings| spec.check(node, value, findings))
    }

    fn take_with<T: Value>(
        &mut self,
        name: &str,
        check: impl FnOnce(Node<'_>, T, &mut Findings) -> Option<T>,
    ) -> Field<T> {
        let Some(value) = self.entries.get(name) else {
            return Field::Absent;
        };
        let path = join(self.path, name);
        let span = value.span();
        let node = Node { path: &path, value: value.get_ref(), span: &span };
        match T::read(node, self.findings).and_then(|value| check(node, value, self.findings)) {
            Some(value) => Field::Given(At { value, span }),
            None => Field::Bad,
        }
    }

    fn refuse_unknown(&mut self, known: &[&str]) {
        for (key, _) in self.entries {
            if self.findings.problems.len() >= limits::PROBLEMS_KEPT {
                return;
            }
            if !known.contains(&key.get_ref().as_ref()) {
                self.findings.add(unknown(self.path, key, known));
            }
        }
    }
}

/// Reads a whole table as a section: every key it knows, and a problem for each that it does not.
pub fn read_section<S: Section>(path: &str, entries: &DeTable<'_>, findings: &mut Findings) -> S {
    let mut table = Table { path, entries, findings };
    let section = S::take(&mut table);
    table.refuse_unknown(&S::names());
    section
}

/// A path with one more name.
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn unknown(path: &str, key: &Spanned<toml::de::DeString<'_>>, known: &[&str]) -> Problem {
    let name = key.get_ref().as_ref();
    let place = match path {
        "" => "at the top".to_owned(),
        _ => format!("in [{path}]"),
    };
    if hint::is_not_yet(path, name) {
        return Problem::error(format!("this version does not know `{name}` {place} yet"))
            .at(Some(&key.span()))
            .label("not built yet")
            .help("leave it out for now; a key that is not understood is never silently accepted");
    }
    let help = match (hint::nearest(name, known), super::file::home_of(name)) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(home)) => format!("`{name}` belongs in [{home}]"),
        (None, None) => format!("known here: {}", known.join(", ")),
    };
    Problem::error(format!("unknown key `{name}` {place}"))
        .at(Some(&key.span()))
        .label("unknown key")
        .help(help)
}
