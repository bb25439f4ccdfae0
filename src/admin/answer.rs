//! How the admin API answers: JSON, errors with a reason, and the header fields that every answer carries.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tower::BoxError;

/// A refusal: its status and one line that says why; answered as `{"error": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Problem { status, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = json_answer(self.status, &json!({ "error": self.message }));
        let fields = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            fields.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // The second one makes browsers ask; any user name goes with the token as password.
            fields.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"umbrage\""));
            fields.append(
                WWW_AUTHENTICATE,
                HeaderValue::from_static(
                    "Basic realm=\"umbrage: any name, the token as password\", charset=\"UTF-8\"",
                ),
            );
        }
        response
    }
}

/// A JSON answer, ended by a line feed for people with curl.
pub(super) fn json_answer(status: StatusCode, value: &Value) -> Response {
    let mut body = value.to_string();
    body.push('\n');
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// What no path matched.
pub(super) async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

/// A path with another method; the router adds `Allow`.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method; see the Allow field")
}

/// What a limit turned away.
pub(super) async fn limited(error: BoxError) -> Problem {
    if error.is::<tower::timeout::error::Elapsed>() {
        Problem::busy("it took too long; the store or the machine may be overloaded")
    } else {
        Problem::busy("too many requests at once")
    }
}

/// Puts the fields of every answer on it; what a handler set itself stays.
pub(super) async fn guarded(mut response: Response) -> Response {
    const FIELDS: [(HeaderName, &str); 6] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    let fields = response.headers_mut();
    for (name, value) in FIELDS {
        fields.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
