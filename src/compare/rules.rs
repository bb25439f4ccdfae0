//! What a comparison leaves out, compiled once.

/// The `[compare]` section as far as the engine relies on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Names of fields that are not compared, lower case.
    pub ignored_headers: Vec<String>,
    /// RFC 9535 queries into JSON bodies; what they select is not compared.
    pub ignored_paths: Vec<String>,
    /// Largest decoded body in bytes.
    pub max_decoded: usize,
}

/// Fields that differ between any two servers, or between two answers of one: left out unless `compare.headers.defaults` is off.
pub const DEFAULT_IGNORED_HEADERS: &[&str] = &[
    "age",
    "alt-svc",
    "connection",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "server",
    "set-cookie",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "via",
    "x-request-id",
];

/// Compiled [`Settings`].
#[derive(Debug)]
pub struct Rules {
    settings: Settings,
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
        Ok(Rules { settings })
    }

    /// What they were compiled from.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
