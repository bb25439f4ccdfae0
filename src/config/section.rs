//! How a section of the file is described once: its struct, its reader, its documentation and its defaults.

use std::fmt::Debug;
use std::ops::Range;

use serde_json::json;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table as Shown};

use super::hint;
use super::limits::{self, Limit};
use super::problem::Problem;

/// A value as written and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its bytes in the text.
    pub span: Range<usize>,
}

/// A key as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Left out.
    #[default]
    Absent,
    /// Given, and of no use; the problem is already known.
    Bad,
    /// Given.
    Given(At<T>),
}

/// What holds for a key that has a default.
#[derive(Clone, Debug)]
pub struct Spec<T> {
    default: T,
    bounds: Option<(T, T)>,
}

/// What is known of one key without its type: for the schema, and to prove that files and documentation are complete.
#[derive(Clone, Debug)]
pub struct Key {
    /// As written in the file.
    pub name: &'static str,
    /// One or more sentences.
    pub doc: &'static str,
    /// JSON Schema of its values, with the default.
    pub schema: serde_json::Value,
    /// The keys of a nested section; empty for a plain value.
    pub inner: Vec<Key>,
}

/// One key of a section that was read: what was given, what holds otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// As written in the file.
    pub name: &'static str,
    /// What was given, secrets masked.
    pub given: Option<toml::Value>,
    /// What holds when nothing is given.
    pub default: Option<toml::Value>,
}

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

/// What may stand behind a key.
pub trait Value: Sized + Clone {
    /// Reads it; `None` once a problem was added.
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self>;
    /// JSON Schema of what is accepted.
    fn schema() -> serde_json::Value;
    /// As it would be written, secrets masked; `full` adds the defaults of what was left out.
    fn show(&self, full: bool) -> toml::Value;
    /// What holds where `self` is written over `base`: a section inherits key by key, a plain value replaces.
    #[must_use]
    fn over(self, _base: &Self) -> Self {
        self
    }
    /// The keys of a section.
    fn keys() -> Vec<Key> {
        Vec::new()
    }
    /// Whether it lies within bounds, both included; types without an order have none.
    fn within(&self, _min: &Self, _max: &Self) -> bool {
        true
    }
}

/// A table of known keys.
pub trait Section: Sized + Clone + Default {
    /// Every key, in the order of the documentation.
    fn keys() -> Vec<Key>;
    /// The names of the keys.
    fn names() -> Vec<&'static str>;
    /// Takes every key that it knows out of the table.
    fn take(table: &mut Table<'_>) -> Self;
    /// Key by key: its own, else the base's.
    #[must_use]
    fn inherit(self, base: &Self) -> Self;
    /// Every key with what was given and its default.
    fn entries(&self, full: bool) -> Vec<Entry>;
}

impl<T> Field<T> {
    /// The value, if one was given and is of use.
    pub fn get(&self) -> Option<&T> {
        self.at().map(|at| &at.value)
    }

    /// The value and its place.
    pub fn at(&self) -> Option<&At<T>> {
        match self {
            Field::Given(at) => Some(at),
            Field::Absent | Field::Bad => None,
        }
    }

    /// Where it stands.
    pub fn span(&self) -> Option<&Range<usize>> {
        self.at().map(|at| &at.span)
    }

    /// A part of it, at the same place.
    #[must_use]
    pub fn map<U>(&self, part: impl FnOnce(&T) -> U) -> Field<U> {
        match self {
            Field::Absent => Field::Absent,
            Field::Bad => Field::Bad,
            Field::Given(at) => Field::Given(At { value: part(&at.value), span: at.span.clone() }),
        }
    }

    /// Whether it was given and is of no use.
    pub fn is_bad(&self) -> bool {
        matches!(self, Field::Bad)
    }

    /// Whether the key was left out.
    pub fn is_absent(&self) -> bool {
        matches!(self, Field::Absent)
    }
}

impl<T: Value> Field<T> {
    /// Its own value, else the base's; sections inherit key by key.
    #[must_use]
    pub fn over(self, base: &Field<T>) -> Field<T> {
        match (self, base) {
            (Field::Absent, base) => base.clone(),
            (Field::Given(own), Field::Given(base)) => {
                Field::Given(At { value: own.value.over(&base.value), span: own.span })
            }
            (own, _) => own,
        }
    }
}

impl<T: Clone> Field<T> {
    /// What was given, or the default.
    pub fn or_default(&self, spec: &Spec<T>) -> T {
        self.get().unwrap_or(&spec.default).clone()
    }
}

impl<T> From<Limit<T>> for Spec<T> {
    fn from(limit: Limit<T>) -> Self {
        Spec { default: limit.default, bounds: Some((limit.min, limit.max)) }
    }
}

impl<T> Spec<T> {
    /// A key with a default whose bounds lie in its type.
    pub fn plain(default: T) -> Self {
        Spec { default, bounds: None }
    }
}

impl<T: Value> Spec<T> {
    /// The value, or a problem if it is out of bounds.
    fn check(&self, node: Node<'_>, value: T, findings: &mut Findings) -> Option<T> {
        let Some((min, max)) = self.bounds.as_ref().filter(|(min, max)| !value.within(min, max)) else {
            return Some(value);
        };
        let (low, high) = (min.show(false), max.show(false));
        let title = format!("`{}` is out of bounds", node.path);
        findings.add(Problem::error(title).at(Some(node.span)).label(format!("from {low} to {high}")));
        None
    }
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

/// A section as a table: what was given, and with `full` also what holds otherwise.
pub fn show_section<S: Section>(section: &S, full: bool) -> Shown {
    let shown = |e: Entry| {
        let value = e.given.or(e.default.filter(|_| full))?;
        Some((e.name.to_owned(), value))
    };
    section.entries(full).into_iter().filter_map(shown).collect()
}

/// JSON Schema of a table with these keys and no others.
pub fn table_schema(keys: &[Key]) -> serde_json::Value {
    let properties: serde_json::Map<_, _> = keys
        .iter()
        .map(|key| {
            let mut schema = key.schema.clone();
            schema["description"] = json!(key.doc);
            (key.name.to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

impl<S: Section> Value for S {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        match node.value.as_table() {
            Some(entries) => Some(read_section(node.path, entries, findings)),
            None => node.wrong_type(findings, "a table", ""),
        }
    }

    fn schema() -> serde_json::Value {
        table_schema(&<S as Section>::keys())
    }

    fn show(&self, full: bool) -> toml::Value {
        toml::Value::Table(show_section(self, full))
    }

    fn over(self, base: &Self) -> Self {
        self.inherit(base)
    }

    fn keys() -> Vec<Key> {
        <S as Section>::keys()
    }
}

impl<T: Value> Value for At<T> {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        Some(At { value: T::read(node, findings)?, span: node.span.clone() })
    }

    fn schema() -> serde_json::Value {
        T::schema()
    }

    fn show(&self, full: bool) -> toml::Value {
        self.value.show(full)
    }

    fn keys() -> Vec<Key> {
        T::keys()
    }
}

impl Key {
    /// A key of that type; `spec` where it has a default.
    pub fn of<T: Value>(name: &'static str, doc: &'static str, spec: Option<&Spec<T>>) -> Self {
        let mut schema = T::schema();
        if let Some(spec) = spec {
            schema["default"] = json!(spec.default.show(true));
            if let Some((min, max)) = spec.bounds.as_ref().filter(|_| schema["type"] == "integer") {
                schema["minimum"] = json!(min.show(false));
                schema["maximum"] = json!(max.show(false));
            }
        }
        Key { name: plain(name), doc: doc.trim(), schema, inner: T::keys() }
    }
}

impl Entry {
    /// One key as it was read.
    pub fn of<T: Value>(name: &'static str, field: &Field<T>, spec: Option<&Spec<T>>, full: bool) -> Self {
        Entry {
            name: plain(name),
            given: field.get().map(|v| v.show(full)),
            default: spec.map(|s| s.default.show(full)),
        }
    }
}

/// A path with one more name.
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A field's name without the mark of a raw identifier.
pub fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
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

/// Declares a section: `key: Type,` or, with a default, `key: Type = spec,`; `..part: Section,` takes over all keys of another.
macro_rules! section {
    (
        $(#[doc = $doc:literal])+
        $name:ident {
            $(..$part:ident: $whole:ty,)*
            $($(#[doc = $key_doc:literal])+ $key:ident: $kind:ty $(= $spec:expr)?,)*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $(
                #[doc = concat!("The keys of [`", stringify!($whole), "`].")]
                pub $part: $whole,
            )*
            $($(#[doc = $key_doc])+ pub $key: $crate::config::section::Field<$kind>,)*
        }

        impl $crate::config::section::Section for $name {
            fn keys() -> Vec<$crate::config::section::Key> {
                use $crate::config::section::Key;
                let parts: Vec<Vec<Key>> = vec![$(<$whole as $crate::config::section::Section>::keys(),)*];
                let own = vec![$(Key::of::<$kind>(
                    stringify!($key),
                    concat!($($key_doc),+),
                    section!(@spec $($spec)?),
                ),)*];
                parts.into_iter().flatten().chain(own).collect()
            }

            fn names() -> Vec<&'static str> {
                let parts: Vec<Vec<&'static str>> =
                    vec![$(<$whole as $crate::config::section::Section>::names(),)*];
                let own = [$($crate::config::section::plain(stringify!($key)),)*];
                parts.into_iter().flatten().chain(own).collect()
            }

            fn take(table: &mut $crate::config::section::Table<'_>) -> Self {
                use $crate::config::section::plain;
                $name {
                    $($part: <$whole as $crate::config::section::Section>::take(table),)*
                    $($key: section!(@take table, plain(stringify!($key)) $(, $spec)?),)*
                }
            }

            fn inherit(self, base: &Self) -> Self {
                $name {
                    $($part: self.$part.inherit(&base.$part),)*
                    $($key: self.$key.over(&base.$key),)*
                }
            }

            fn entries(&self, full: bool) -> Vec<$crate::config::section::Entry> {
                use $crate::config::section::Entry;
                let parts: Vec<Vec<Entry>> = vec![$(self.$part.entries(full),)*];
                let own =
                    vec![$(Entry::of(stringify!($key), &self.$key, section!(@spec $($spec)?), full),)*];
                parts.into_iter().flatten().chain(own).collect()
            }
        }

        impl $name {
            $($(
                /// What was given, or the default.
                pub fn $key(&self) -> $kind {
                    self.$key.or_default(&$spec.into())
                }
            )?)*
        }
    };
    (@spec) => { None };
    (@spec $spec:expr) => { Some(&$spec.into()) };
    (@take $table:ident, $name:expr) => { $table.take($name) };
    (@take $table:ident, $name:expr, $spec:expr) => { $table.take_spec($name, &$spec.into()) };
}
pub(super) use section;
