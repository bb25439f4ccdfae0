//! What stands between a request and its answer, and the one table that turns it into a status.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::upstream::ConnectError;

/// Names the guilty leg and the reason on answers that are not stable's own.
pub const ERROR_FIELD: &str = "umbrage-error";

/// Why a request got no answer from stable.
#[derive(Debug)]
pub enum Obstacle {
    /// The request is not one that may be forwarded.
    BadRequest(&'static str),
    /// CONNECT: this is no forward proxy.
    Connect,
    /// An expectation that is not `100-continue`.
    Expectation,
    /// No route matches.
    NoRoute,
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
            Obstacle::Connect => {
                (StatusCode::METHOD_NOT_ALLOWED, "client", "connect", "CONNECT is not served here")
            }
            Obstacle::Expectation => {
                (StatusCode::EXPECTATION_FAILED, "client", "expectation", "unknown expectation")
            }
            Obstacle::NoRoute => {
                (StatusCode::NOT_FOUND, "client", "no_route", "no route matches this request")
            }
            Obstacle::UploadStalled => {
                (StatusCode::REQUEST_TIMEOUT, "client", "upload_stalled", "the request body stopped coming")
            }
            Obstacle::UploadBroken => {
                (StatusCode::BAD_REQUEST, "client", "upload_broken", "the request body broke off")
            }
            Obstacle::Unreached(error @ ConnectError::Timeout(_)) => (
                StatusCode::GATEWAY_TIMEOUT,
                "stable",
                error.label(),
                "the backend could not be reached in time",
            ),
            Obstacle::Unreached(error @ ConnectError::Resolve { .. }) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "stable",
                error.label(),
                "the backend's name has no address",
            ),
            Obstacle::Unreached(error) => {
                (StatusCode::BAD_GATEWAY, "stable", error.label(), "the backend could not be reached")
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
        if self.closes() {
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_obstacle_names_the_guilty_leg() {
        let timeout = ConnectError::Timeout(std::time::Duration::from_secs(1));
        let cases = [
            (Obstacle::NoRoute, 404, "client; no_route"),
            (Obstacle::BadRequest("no Host"), 400, "client; bad_request"),
            (Obstacle::Unreached(timeout), 504, "stable; connect_timeout"),
            (Obstacle::Late, 504, "stable; timeout"),
            (Obstacle::Broken("reset"), 502, "stable; reset"),
        ];
        for (obstacle, status, field) in cases {
            let response = obstacle.response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[ERROR_FIELD], field);
            assert_eq!(response.headers().contains_key(header::CONNECTION), status == 400);
            assert!(response.body().ends_with(b"\n"));
        }
    }
}
