//! Arguments of a POST: query parameters, or a small JSON body; not both.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Query, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::answer::Problem;

/// Arguments read from wherever they are.
pub(super) struct Input<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let uri = request.uri().clone();
        let body = Bytes::from_request(request, state).await.map_err(|e| refused(&e))?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return query(&uri).map(Input);
        }
        if uri.query().is_some_and(|q| !q.is_empty()) {
            return Err(Problem::bad_request(
                "give arguments as query parameters or as a JSON body, not as both",
            ));
        }
        let value = serde_json::from_slice(&body);
        value
            .map(Input)
            .map_err(|e| Problem::bad_request(format!("the body is not the JSON that this takes: {e}")))
    }
}

/// Query parameters by themselves.
pub(super) fn query<T: DeserializeOwned>(uri: &axum::http::Uri) -> Result<T, Problem> {
    let read = Query::<T>::try_from_uri(uri);
    read.map(|Query(value)| value).map_err(|e| Problem::bad_request(e.body_text()))
}

fn refused(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        _ => Problem::bad_request("the body ended early"),
    }
}
