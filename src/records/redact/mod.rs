//! Secrets replaced by a keyed hash before anything is stored or shown; equal values stay equal.
//!
//! Always: Authorization, Proxy-Authorization, the values of Cookie and Set-Cookie, fields and query parameters whose names
//! sound secret (`names.rs`). Configured: `$.path.in.json`, `header:NAME`, `query:NAME`. The hash is BLAKE3 keyed with
//! 32 bytes that stay in the store's folder, of which 48 bits are shown, so that nobody without the key can try guesses.

mod cookies;
mod json;
mod message;
mod names;
mod query;
mod rule;

use std::collections::HashSet;

pub use rule::RuleError;

pub use super::folder::redact_key;
use crate::model::{Difference, Part};
use json::Paths;
use rule::{Rule, Segment};

/// Replaces secrets in everything that is about to be stored or shown.
#[derive(Clone, Debug)]
pub struct Redactor {
    hasher: Hasher,
    /// Names of fields, lower case.
    headers: HashSet<String>,
    /// Names of query parameters, lower case.
    queries: HashSet<String>,
    paths: Paths,
}

/// The keyed hash.
#[derive(Clone)]
pub(crate) struct Hasher([u8; 32]);

/// What every replaced value begins with.
const MARK: &str = "redacted:";
/// Hexadecimal digits of the hash that are shown.
const DIGITS: usize = 12;

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher(***)")
    }
}

impl Hasher {
    /// What is shown instead of a value: `redacted:` and 12 hexadecimal digits. What was replaced before stays as it is,
    /// because one text may pass several rules.
    fn replace(&self, value: &str) -> String {
        let digits = value.strip_prefix(MARK).filter(|rest| rest.len() == DIGITS);
        if digits.is_some_and(|digits| digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))) {
            return value.to_owned();
        }
        let hash = blake3::keyed_hash(&self.0, value.as_bytes()).to_hex();
        format!("{MARK}{}", &hash.as_str()[..DIGITS])
    }
}

impl Redactor {
    /// Compiles the rules. The key comes from [`redact_key`].
    ///
    /// # Errors
    /// Every rule that cannot be understood: leaving one out would store what it was to hide.
    pub fn new(key: [u8; 32], rules: &[String]) -> Result<Self, Vec<RuleError>> {
        let mut redactor = Redactor {
            hasher: Hasher(key),
            headers: HashSet::new(),
            queries: HashSet::new(),
            paths: Paths::default(),
        };
        let mut errors = Vec::new();
        for rule in rules {
            match rule::parse(rule) {
                Ok(Rule::Header(name)) => drop(redactor.headers.insert(name)),
                Ok(Rule::Query(name)) => drop(redactor.queries.insert(name)),
                Ok(Rule::Body(steps)) => redactor.paths.add(steps),
                Err(message) => errors.push(RuleError { rule: rule.clone(), message }),
            }
        }
        if errors.is_empty() { Ok(redactor) } else { Err(errors) }
    }

    /// Says what is wrong with a rule.
    ///
    /// # Errors
    /// A sentence for the person who wrote it.
    pub fn check(rule: &str) -> Result<(), String> {
        rule::parse(rule).map(drop)
    }

    /// A request target or URL with the values of its secret parameters replaced.
    #[must_use]
    pub fn target(&self, target: &str) -> String {
        query::target(target, self)
    }

    /// The value of a field, as much of it replaced as the rules say.
    #[must_use]
    pub fn field(&self, name: &str, value: &str) -> String {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "cookie" => cookies::cookie(value, &self.hasher),
            "set-cookie" => cookies::set_cookie(value, &self.hasher),
            _ if self.hides_field(&name) => self.hasher.replace(value),
            "location" | "content-location" | "referer" => query::target(value, self),
            _ => query::embedded(value, self),
        }
    }

    /// A difference with its two values replaced where a rule or its own nature says so.
    #[must_use]
    pub fn difference(&self, difference: &Difference) -> Difference {
        let value =
            |value: &Option<String>| value.as_ref().map(|value| self.difference_value(difference, value));
        Difference {
            stable: value(&difference.stable),
            shadow: value(&difference.shadow),
            ..difference.clone()
        }
    }

    fn difference_value(&self, difference: &Difference, value: &str) -> String {
        match difference.part {
            Part::Status => value.to_owned(),
            Part::Header | Part::Trailer => {
                let name = field_of(&difference.path);
                let hidden = matches!(name.as_str(), "cookie" | "set-cookie") || self.hides_field(&name);
                if hidden { self.hasher.replace(value) } else { self.field(&name, value) }
            }
            Part::Body => self.body_value(difference, value),
        }
    }

    fn body_value(&self, difference: &Difference, value: &str) -> String {
        if self.paths.is_empty() {
            return query::embedded(value, self);
        }
        // Both ways of saying where must be clear of the rules: a name with dots in it is plain in the pointer only.
        let pointer = &difference.pointer;
        let replaced = match rule::parse_path(&difference.path) {
            Some(path) if pointer.is_empty() || pointer.starts_with('/') => {
                let mut states = self.paths.after(&path);
                if !pointer.is_empty() {
                    states.extend(self.paths.after(&Segment::of_pointer(pointer)));
                }
                json::value(value, &self.paths, &states, &self.hasher)
            }
            // A line or a byte: not JSON, so the rules cannot be applied.
            _ => json::plain(value, &self.hasher),
        };
        query::embedded(&replaced, self)
    }

    fn hides_field(&self, lower_name: &str) -> bool {
        names::secret(lower_name) || self.headers.contains(lower_name)
    }

    fn hides_parameter(&self, name: &str) -> bool {
        names::secret(name) || self.queries.contains(&name.to_lowercase())
    }
}

/// `header:set-cookie[session]` lies in the field `set-cookie`.
fn field_of(path: &str) -> String {
    let name = path.split_once(':').map_or(path, |(_, name)| name);
    name.split('[').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
