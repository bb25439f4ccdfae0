//! Makes the copy into the request that a leg is sent: the same request, but for its framing, the host policy, its place in
//! the trace, the mark and the configured edits.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};

use crate::body::Whole;
use crate::gate::Experiment;
use crate::model::MirroredRequest;
use crate::upstream;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The request for one leg.
pub(super) fn prepare(
    copy: &MirroredRequest,
    experiment: &Experiment,
    leg: &upstream::Settings,
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
    leg.write_host(&mut fields);
    write_parent(&mut fields, copy);
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

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
