//! What may be sent twice: a safe request without a body whose connection had been used before and ended without a byte of
//! an answer. RFC 9110 section 9.2.2 lets a proxy repeat no others, and RFC 9112 section 9.3.1 says why connections end so.

use http::Request;
use hyper::body::Body as _;

use crate::live::mirror::{LiveBody, nothing};

/// The request once more, if it may be sent twice; hyper does not give back what it has written.
pub(super) fn spare(request: &Request<LiveBody>) -> Option<Request<LiveBody>> {
    if !(request.method().is_safe() && request.body().is_end_stream()) {
        return None;
    }
    let mut spare = Request::new(nothing());
    *spare.method_mut() = request.method().clone();
    *spare.uri_mut() = request.uri().clone();
    *spare.version_mut() = request.version();
    *spare.headers_mut() = request.headers().clone();
    // The case of its field names.
    *spare.extensions_mut() = request.extensions().clone();
    Some(spare)
}
