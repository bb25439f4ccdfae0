//! What stands between a request and its answer, and the one table that turns it into a status.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::arrival::Fault;
use crate::upstream::ConnectError;

/// Names the guilty leg and the reason on answers that are not stable's own.
pub const ERROR_FIELD: &str = "umbrage-error";

/// What may be asked of any target here; RFC 9110 section 15.5.6 wants it on every 405.
pub(in crate::live) const ALLOWED: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Why a request got no answer from stable.
#[derive(Debug)]
pub enum Obstacle {
    /// The request is not one that may be forwarded.
    BadRequest(&'static str),
    /// The target is longer than `listen.max_target_bytes`.
    TargetTooLong,
    /// The head is larger than `listen.max_header_bytes`.
    FieldsTooLarge,
    /// A version of HTTP that is not served.
    Version,
    /// A transfer coding that is not served.
    Coding,
    /// CONNECT: this is no forward proxy.
    Connect,
    /// An extended CONNECT for a protocol that is not spoken here, or not to this leg.
    Protocol,
    /// TRACE, where it is not allowed.
    Trace,
    /// An expectation that is not `100-continue`.
    Expectation,
    /// More fields than may be.
    TooManyFields,
    /// No route matches.
    NoRoute,
    /// It passed here before: stable's address leads back to us.
    Loop,
    /// The client stopped sending its body.
    UploadStalled,
    /// The client's body broke off, or what came of it was no chunk.
    UploadBroken,
    /// Stable was not reached.
    Unreached(ConnectError),
    /// Stable took the request and gave no answer in time.
    Late,
    /// Stable's connection broke before an answer came, or what came was no answer.
    Broken(&'static str),
}

impl Obstacle {
    /// Status, guilty leg, reason, and one line for the client.
    #[must_use]
    pub fn row(&self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Obstacle::BadRequest(why) => (StatusCode::BAD_REQUEST, "client", "bad_request", why),
            Obstacle::Unreached(error) => unreached(error),
            Obstacle::TargetTooLong => {
                (StatusCode::URI_TOO_LONG, "client", "target_too_long", "the target is too long")
            }
            Obstacle::FieldsTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "client",
                "fields_too_large",
                "the header fields are too large",
            ),
            Obstacle::Version => (
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "client",
                "version",
                "this version of HTTP is not served here",
            ),
            Obstacle::Coding => {
                (StatusCode::NOT_IMPLEMENTED, "client", "coding", "this transfer coding is not served here")
            }
            Obstacle::Connect => {
                (StatusCode::METHOD_NOT_ALLOWED, "client", "connect", "CONNECT is not served here")
            }
            Obstacle::Protocol => {
                (StatusCode::NOT_IMPLEMENTED, "client", "protocol", "this protocol is not spoken here")
            }
            Obstacle::Trace => {
                (StatusCode::METHOD_NOT_ALLOWED, "client", "trace", "TRACE is not served here")
            }
            Obstacle::Expectation => {
                (StatusCode::EXPECTATION_FAILED, "client", "expectation", "unknown expectation")
            }
            Obstacle::TooManyFields => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "client",
                "too_many_fields",
                "the request has too many fields",
            ),
            Obstacle::NoRoute => {
                (StatusCode::NOT_FOUND, "client", "no_route", "no route matches this request")
            }
            Obstacle::Loop => (StatusCode::LOOP_DETECTED, "stable", "loop", "the request goes in a circle"),
            Obstacle::UploadStalled => {
                (StatusCode::REQUEST_TIMEOUT, "client", "upload_stalled", "the request body stopped coming")
            }
            Obstacle::UploadBroken => {
                (StatusCode::BAD_REQUEST, "client", "upload_broken", "the request body broke off")
            }
            Obstacle::Late => {
                (StatusCode::GATEWAY_TIMEOUT, "stable", "timeout", "the backend did not answer in time")
            }
            Obstacle::Broken(reason) => {
                (StatusCode::BAD_GATEWAY, "stable", reason, "the backend gave no valid answer")
            }
        }
    }

    /// True when the rest of the connection cannot be trusted.
    #[must_use]
    pub fn closes(&self) -> bool {
        matches!(
            self,
            Obstacle::BadRequest(_)
                | Obstacle::TargetTooLong
                | Obstacle::FieldsTooLarge
                | Obstacle::TooManyFields
                | Obstacle::Version
                | Obstacle::Coding
                | Obstacle::Connect
                | Obstacle::Expectation
                | Obstacle::UploadStalled
                | Obstacle::UploadBroken
        )
    }

    /// The answer that the client gets.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        let (status, leg, reason, line) = self.row();
        let mut response = Response::new(Bytes::from(format!("{line}\n")));
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Ok(value) = HeaderValue::from_str(&format!("{leg}; {reason}")) {
            fields.insert(ERROR_FIELD, value);
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            fields.insert(header::ALLOW, HeaderValue::from_static(ALLOWED));
        }
        if self.closes() {
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Fault> for Obstacle {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed(why) => Obstacle::BadRequest(why),
            Fault::TargetTooLong => Obstacle::TargetTooLong,
            Fault::FieldsTooLarge => Obstacle::FieldsTooLarge,
            Fault::TooManyFields => Obstacle::TooManyFields,
            Fault::Connect => Obstacle::Connect,
            Fault::Version => Obstacle::Version,
            Fault::Coding => Obstacle::Coding,
        }
    }
}

/// The row of a backend to which there is no connection.
fn unreached(error: &ConnectError) -> (StatusCode, &'static str, &'static str, &'static str) {
    let (status, line) = match error {
        ConnectError::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "the backend could not be reached in time"),
        ConnectError::Resolve { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "the backend's name has no address")
        }
        ConnectError::Full | ConnectError::Queue(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the backend is busy")
        }
        ConnectError::Io(_) | ConnectError::Tls(_) => {
            (StatusCode::BAD_GATEWAY, "the backend could not be reached")
        }
    };
    (status, "stable", error.label(), line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each; a new one that is forgotten here does not compile.
    fn every_obstacle() -> Vec<Obstacle> {
        let io = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let known = |obstacle: &Obstacle| match obstacle {
            Obstacle::BadRequest(_)
            | Obstacle::TargetTooLong
            | Obstacle::FieldsTooLarge
            | Obstacle::Version
            | Obstacle::Coding
            | Obstacle::Connect
            | Obstacle::Protocol
            | Obstacle::Trace
            | Obstacle::Expectation
            | Obstacle::TooManyFields
            | Obstacle::NoRoute
            | Obstacle::Loop
            | Obstacle::UploadStalled
            | Obstacle::UploadBroken
            | Obstacle::Unreached(
                ConnectError::Timeout(_)
                | ConnectError::Io(_)
                | ConnectError::Resolve { .. }
                | ConnectError::Tls(_)
                | ConnectError::Full
                | ConnectError::Queue(_),
            )
            | Obstacle::Late
            | Obstacle::Broken(_) => true,
        };
        let all = vec![
            Obstacle::BadRequest("no Host"),
            Obstacle::TargetTooLong,
            Obstacle::FieldsTooLarge,
            Obstacle::Version,
            Obstacle::Coding,
            Obstacle::Connect,
            Obstacle::Protocol,
            Obstacle::Trace,
            Obstacle::Expectation,
            Obstacle::TooManyFields,
            Obstacle::NoRoute,
            Obstacle::Loop,
            Obstacle::UploadStalled,
            Obstacle::UploadBroken,
            Obstacle::Unreached(ConnectError::Timeout(std::time::Duration::from_secs(1))),
            Obstacle::Unreached(ConnectError::Io(io())),
            Obstacle::Unreached(ConnectError::Resolve { host: "secret.internal".into() }),
            Obstacle::Unreached(ConnectError::Tls("the certificate of secret.internal".into())),
            Obstacle::Unreached(ConnectError::Full),
            Obstacle::Unreached(ConnectError::Queue(std::time::Duration::from_secs(1))),
            Obstacle::Late,
            Obstacle::Broken("reset"),
            Obstacle::Broken("invalid_response"),
        ];
        assert!(all.iter().all(known));
        all
    }

    #[test]
    fn the_table_is_complete_and_each_reason_has_its_own_row() {
        let rows: Vec<_> = every_obstacle().iter().map(Obstacle::row).collect();
        let reasons: std::collections::BTreeSet<&str> = rows.iter().map(|row| row.2).collect();
        assert_eq!(reasons.len(), rows.len(), "two obstacles share a reason: {rows:?}");
        for (status, leg, reason, line) in rows {
            assert!(["client", "stable"].contains(&leg), "{reason}");
            // Of what a client asks for and nobody serves, HTTP says so with a 5xx.
            let unserved = [StatusCode::HTTP_VERSION_NOT_SUPPORTED, StatusCode::NOT_IMPLEMENTED];
            assert_eq!(status.is_client_error() || unserved.contains(&status), leg == "client", "{reason}");
            assert!(reason.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{reason} is a label");
            assert!(!line.is_empty() && !line.contains('\n'), "{reason}");
        }
    }

    #[test]
    fn answers_say_nothing_of_the_inside_and_close_where_the_connection_is_in_doubt() {
        for obstacle in every_obstacle() {
            let response = obstacle.response();
            let body = std::str::from_utf8(response.body()).expect("text");
            assert!(!body.contains("internal"), "{body}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
            assert_eq!(
                response.headers().contains_key(header::CONNECTION),
                obstacle.closes(),
                "{obstacle:?}"
            );
        }
        assert!(Obstacle::UploadStalled.closes(), "the rest of the body may still come");
        assert!(!Obstacle::Late.closes(), "the client did nothing wrong");
    }

    #[test]
    fn every_obstacle_names_the_guilty_leg() {
        let timeout = ConnectError::Timeout(std::time::Duration::from_secs(1));
        let cases = [
            (Obstacle::NoRoute, 404, "client; no_route"),
            (Obstacle::BadRequest("no Host"), 400, "client; bad_request"),
            (Obstacle::Unreached(timeout), 504, "stable; connect_timeout"),
            (Obstacle::Late, 504, "stable; timeout"),
            (Obstacle::Loop, 508, "stable; loop"),
            (Obstacle::Trace, 405, "client; trace"),
            (Obstacle::Broken("reset"), 502, "stable; reset"),
        ];
        for (obstacle, status, field) in cases {
            let response = obstacle.response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[ERROR_FIELD], field);
            assert_eq!(response.headers().contains_key(header::CONNECTION), status == 400);
            assert_eq!(response.headers().contains_key(header::ALLOW), status == 405);
            assert!(response.body().ends_with(b"\n"));
        }
    }
}
