//! How a section of the file is described once: its struct, its reader, its documentation and its defaults.

use std::fmt::Debug;
use std::ops::Range;

use serde_json::json;
use toml::Table as Shown;

use super::limits::Limit;
use super::problem::Problem;
use super::reader::{Findings, Node, Table, read_section};

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
    pub(super) fn check(&self, node: Node<'_>, value: T, findings: &mut Findings) -> Option<T> {
        let Some((min, max)) = self.bounds.as_ref().filter(|(min, max)| !value.within(min, max)) else {
            return Some(value);
        };
        let (low, high) = (min.show(false), max.show(false));
        let title = format!("`{}` is out of bounds", node.path);
        findings.add(Problem::error(title).at(Some(node.span)).label(format!("from {low} to {high}")));
        None
    }
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

/// A field's name without the mark of a raw identifier.
pub fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
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

            fn take(table: &mut $crate::config::reader::Table<'_>) -> Self {
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
