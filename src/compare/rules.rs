//! What a comparison leaves out, compiled once.

use http::HeaderName;
use http::header::SET_COOKIE;

use super::json::query::Query;

/// Fields that are not compared unless the config says so: they differ between any two servers, or describe the
/// connection, or the body is compared itself. Set-Cookie is not among them: the names of cookies are compared, never
/// their values. Content-Length is compared in spite of this list where both bodies are empty (answers to HEAD), unless
/// the config names it once more.
pub const DEFAULT_IGNORED_HEADERS: &[&str] = &[
    // When and by whom.
    "date",
    "server",
    "via",
    "x-powered-by",
    "x-served-by",
    "x-backend-server",
    // The connection and the framing (RFC 9110 section 7.6.1).
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "alt-svc",
    // The body is compared itself, decoded.
    "content-length",
    "content-encoding",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
    // Caching: made of times, counters and hashes of bytes.
    "age",
    "etag",
    "expires",
    "last-modified",
    "x-cache",
    "x-cache-hits",
    "x-varnish",
    // Identity of the request.
    "request-id",
    "x-request-id",
    "x-correlation-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-amz-request-id",
    "x-amz-id-2",
    "x-amz-cf-id",
    "x-cloud-trace-context",
    "cf-ray",
    "fly-request-id",
    "x-vercel-id",
    "traceparent",
    "tracestate",
    "traceresponse",
    "x-trace-id",
    "x-b3-traceid",
    // How long it took.
    "server-timing",
    "x-runtime",
    "x-response-time",
    "x-envoy-upstream-service-time",
    "x-timer",
];

/// Most rules on paths: each costs a walk of every JSON body that is not equal byte for byte.
pub const MAX_PATH_RULES: usize = 256;

/// When two numbers of JSON bodies are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// By their exact value: 1, 1.0 and 1e0 are one number.
    #[default]
    Value,
    /// As they are written: 1, 1.0 and 1e0 are three. Some readers take the first for an integer only.
    Written,
}

/// The `[compare]` section as far as the engine relies on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Names of fields that are not compared; the whole list, so that [`DEFAULT_IGNORED_HEADERS`] hold only where they
    /// stand here. A name of that list counts as the default where it stands first and as written by somebody after that.
    pub ignored_headers: Vec<String>,
    /// RFC 9535 queries into JSON bodies; what they select is not compared.
    pub ignored_paths: Vec<String>,
    /// When two numbers are the same.
    pub numbers: Numbers,
    /// Largest decoded body in bytes; an encoded one that gives more is incomparable.
    pub max_decoded: usize,
}

impl Default for Settings {
    /// The default list, no paths, numbers by value, 8 MiB.
    fn default() -> Self {
        Settings {
            ignored_headers: DEFAULT_IGNORED_HEADERS.iter().map(|&name| name.to_owned()).collect(),
            ignored_paths: Vec::new(),
            numbers: Numbers::Value,
            max_decoded: 8 << 20,
        }
    }
}

/// Compiled [`Settings`]. A rule's index is its place among the ignored headers followed by the ignored paths.
#[derive(Debug)]
pub struct Rules {
    settings: Settings,
    /// By name; of equal names the last rule written.
    headers: Vec<(HeaderName, usize)>,
    /// Those that are not defaults.
    written: Vec<(HeaderName, usize)>,
    /// By index in the settings.
    defaults: Vec<bool>,
    paths: Vec<Query>,
}

/// A rule that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    /// The rule as written.
    pub rule: String,
    /// What is wrong with it.
    pub message: String,
}

impl Rules {
    /// Compiles the rules.
    ///
    /// # Errors
    /// Every rule that cannot be compiled.
    pub fn compile(settings: Settings) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut headers: Vec<(HeaderName, usize)> = Vec::new();
        let mut defaults = Vec::new();
        for (index, name) in settings.ignored_headers.iter().enumerate() {
            match HeaderName::from_bytes(name.as_bytes()) {
                Ok(parsed) => {
                    let repeated = headers.iter().any(|(earlier, _)| *earlier == parsed);
                    defaults.push(!repeated && DEFAULT_IGNORED_HEADERS.contains(&parsed.as_str()));
                    headers.push((parsed, index));
                }
                Err(_) => errors.push(error(name, "is not the name of a field")),
            }
        }
        let mut paths = Vec::new();
        for (index, written) in settings.ignored_paths.iter().enumerate() {
            let compiled = match index {
                MAX_PATH_RULES.. => Err(format!("one path more than the {MAX_PATH_RULES} that there may be")),
                _ => Query::compile(written),
            };
            match compiled {
                Ok(query) => paths.push(query),
                Err(message) => errors.push(error(written, &message)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let written = headers.iter().filter(|(_, index)| !defaults[*index]).cloned().collect();
        headers.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()).then(b.1.cmp(&a.1)));
        headers.dedup_by(|a, b| a.0 == b.0);
        Ok(Rules { settings, headers, written, defaults, paths })
    }

    /// What they were compiled from.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.settings.ignored_headers.len() + self.settings.ignored_paths.len()
    }

    /// True when nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What each rule is called, by its index: `header:date`, `$.meta.request_id`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let headers = self.settings.ignored_headers.iter();
        headers
            .map(|name| format!("header:{}", name.to_ascii_lowercase()))
            .chain(self.settings.ignored_paths.iter().cloned())
            .collect()
    }

    /// Whether a rule comes from [`DEFAULT_IGNORED_HEADERS`] and was not written by somebody: that it matches nothing is
    /// no news.
    #[must_use]
    pub fn is_default(&self, rule: usize) -> bool {
        self.defaults.get(rule).copied().unwrap_or(false)
    }

    /// What holds for every pair without anybody having written it, or without selecting a place, in words.
    #[must_use]
    pub fn standing(&self) -> Vec<String> {
        let numbers = match self.settings.numbers {
            Numbers::Value => "numbers are compared by value: 1, 1.0 and 1e0 are equal",
            Numbers::Written => "numbers are compared as they are written: 1, 1.0 and 1e0 differ",
        };
        let mut rules = vec![numbers.to_owned()];
        let listed =
            self.settings.ignored_headers.iter().zip(&self.defaults).filter(|(_, default)| **default);
        let names: Vec<&str> = listed.map(|(name, _)| name.as_str()).collect();
        if !names.is_empty() {
            rules.push(format!(
                "fields that differ between any two servers are not compared: {}",
                names.join(", ")
            ));
        }
        if self.ignored_header(&SET_COOKIE).is_none() {
            rules.push("Set-Cookie is compared by the names of the cookies, not by their values".to_owned());
        }
        rules
    }

    /// The rule that leaves out a field.
    pub(super) fn ignored_header(&self, name: &HeaderName) -> Option<usize> {
        let found = self.headers.binary_search_by(|(known, _)| known.as_str().cmp(name.as_str())).ok()?;
        Some(self.headers[found].1)
    }

    /// The rules on fields that somebody wrote.
    pub(super) fn written_headers(&self) -> &[(HeaderName, usize)] {
        &self.written
    }

    /// Whether there are rules on paths.
    pub(super) fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// The rules on paths, each with its index.
    pub(super) fn paths(&self) -> impl Iterator<Item = (usize, &Query)> {
        let first = self.settings.ignored_headers.len();
        self.paths.iter().enumerate().map(move |(index, query)| (first + index, query))
    }
}

fn error(rule: &str, problem: &str) -> RuleError {
    RuleError { rule: rule.to_owned(), message: format!("`{}` {problem}", super::findings::excerpt(rule)) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings(headers: &[&str], paths: &[&str]) -> Settings {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Settings {
            ignored_headers: owned(headers),
            ignored_paths: owned(paths),
            max_decoded: 1,
            ..Settings::default()
        }
    }

    #[test]
    fn names_follow_the_order_of_the_indices() {
        let rules = Rules::compile(settings(&["Date", "x-build"], &["$.a", "$..b"])).unwrap();
        assert_eq!(rules.names(), ["header:date", "header:x-build", "$.a", "$..b"]);
        assert_eq!(
            (0..5).map(|rule| rules.is_default(rule)).collect::<Vec<_>>(),
            [true, false, false, false, false]
        );
        assert_eq!(rules.paths().map(|(rule, _)| rule).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(rules.len(), 4);
        assert!(!rules.is_empty());
    }

    #[test]
    fn a_default_named_again_is_written_by_somebody() {
        let rules = Rules::compile(settings(&["date", "content-length", "Content-Length"], &[])).unwrap();
        let found = rules.ignored_header(&http::header::CONTENT_LENGTH).unwrap();
        assert_eq!(found, 2);
        assert!(!rules.is_default(found) && rules.is_default(1));
        assert_eq!(rules.written_headers().len(), 1);
        assert_eq!(rules.ignored_header(&http::header::ACCEPT), None);
    }

    #[test]
    fn what_holds_without_being_written_is_said() {
        let said = |settings| Rules::compile(settings).unwrap().standing().join("; ");
        let usual = said(Settings::default());
        for part in ["by value", "date, server, via", "x-timer", "Set-Cookie is compared by the names"] {
            assert!(usual.contains(part), "{part} is not in {usual}");
        }
        let own =
            said(Settings { numbers: Numbers::Written, ..settings(&["x-build", "set-cookie"], &["$.a"]) });
        assert_eq!(own, "numbers are compared as they are written: 1, 1.0 and 1e0 differ");
    }

    #[test]
    fn every_problem_is_reported() {
        let errors = Rules::compile(settings(&["a b", "ok"], &["$.a", "a", "$..*..*..*"])).unwrap_err();
        assert_eq!(errors.iter().map(|e| e.rule.as_str()).collect::<Vec<_>>(), ["a b", "a", "$..*..*..*"]);
        assert!(errors.iter().all(|e| e.message.starts_with(&format!("`{}` ", e.rule))));
        let many = vec!["$.a"; MAX_PATH_RULES + 1];
        assert_eq!(Rules::compile(settings(&[], &many)).unwrap_err().len(), 1);
    }

    #[test]
    fn the_default_list_is_lower_case_without_repeats_and_leaves_cookies_in() {
        let mut sorted = DEFAULT_IGNORED_HEADERS.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), DEFAULT_IGNORED_HEADERS.len());
        assert!(sorted.iter().all(|name| HeaderName::from_bytes(name.as_bytes()).unwrap().as_str() == *name));
        assert!(!sorted.contains(&"set-cookie") && !sorted.contains(&"content-type"));
        assert!(Rules::compile(Settings::default()).is_ok());
    }
}
