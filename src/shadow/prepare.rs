//! Makes the copy into the request that a leg is sent: the same request, but for its framing, the host policy, its place in
//! the trace, what is asked of credentials and keys, the mark and the configured edits.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};

use crate::body::Whole;
use crate::gate::{CREDENTIALS, Credentials, Experiment};
use crate::model::{Leg, MirroredRequest};
use crate::upstream;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The request for one leg.
pub(super) fn prepare(
    copy: &MirroredRequest,
    experiment: &Experiment,
    (leg, upstream): (Leg, &upstream::Settings),
) -> Request<Whole> {
    let mut request = Request::new(Whole::from(copy.body.clone()));
    *request.method_mut() = copy.method.clone();
    *request.uri_mut() = copy.target.clone();
    *request.extensions_mut() = copy.extensions.clone();
    let mut fields = copy.headers.clone();
    let framed =
        fields.remove(header::TRANSFER_ENCODING).is_some() | fields.contains_key(header::CONTENT_LENGTH);
    if framed || !copy.body.is_empty() || matches!(copy.method, Method::POST | Method::PUT | Method::PATCH) {
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(copy.body.len() as u64));
    }
    // Trailers are not copied.
    fields.remove(header::TRAILER);
    upstream.write_host(&mut fields);
    write_parent(&mut fields, copy);
    if experiment.credentials == Credentials::Remove {
        for name in CREDENTIALS {
            fields.remove(name);
        }
    }
    if let Some(suffix) = &experiment.idempotency_suffix {
        tell_keys_apart(&mut fields, &format!("{suffix}-{leg}"));
    }
    for name in &experiment.remove_headers {
        fields.remove(name);
    }
    for (name, value) in &experiment.set_headers {
        fields.insert(name.clone(), value.clone());
    }
    if let Some(mark) = &experiment.mark {
        fields.insert(mark.clone(), HeaderValue::from_static("1"));
    }
    *request.headers_mut() = fields;
    request
}

/// Every leg is a child of its own in the trace: two that share a parent id could not be told apart.
fn write_parent(fields: &mut HeaderMap, copy: &MirroredRequest) {
    let parent = copy.trace.and_then(|trace| HeaderValue::from_bytes(&trace.child(fastrand::u64(1..))).ok());
    if let Some(parent) = parent {
        fields.insert(TRACEPARENT, parent);
    }
}

/// Puts `suffix` behind every key; within the quotes of a string (RFC 8941), as the draft of the field wants one.
fn tell_keys_apart(fields: &mut HeaderMap, suffix: &str) {
    if let http::header::Entry::Occupied(mut keys) = fields.entry(IDEMPOTENCY_KEY) {
        for key in keys.iter_mut() {
            let text = key.as_bytes();
            let inside =
                if text.len() > 1 && text.starts_with(b"\"") { text.strip_suffix(b"\"") } else { None };
            let end: &[u8] = if inside.is_some() { b"\"" } else { b"" };
            let told = [inside.unwrap_or(text), suffix.as_bytes(), end].concat();
            // Only what may stand in a value was added to one.
            if let Ok(told) = HeaderValue::from_bytes(&told) {
                *key = told;
            }
        }
    }
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
