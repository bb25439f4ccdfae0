//! What may be sent twice: a safe request without a body whose connection had been used before and ended without a byte of
//! an answer. RFC 9110 section 9.2.2 lets a proxy repeat no others, and RFC 9112 section 9.3.1 says why connections end so.

use http::{HeaderName, HeaderValue, Method, Request, Uri, Version};
use hyper::body::Body as _;

use crate::live::mirror::{LiveBody, nothing};

/// A request's head, kept while the request is on its way: hyper does not give back what it has written. It is kept for
/// most requests and wanted for few, so it is what costs least, and the names of its fields are without the case that they
/// came in.
pub(super) struct Spare {
    method: Method,
    target: Uri,
    version: Version,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Spare {
    /// The head of a request, if that may be sent twice.
    pub(super) fn of(request: &Request<LiveBody>) -> Option<Self> {
        if !(request.method().is_safe() && request.body().is_end_stream()) {
            return None;
        }
        Some(Spare {
            method: request.method().clone(),
            target: request.uri().clone(),
            version: request.version(),
            fields: request.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        })
    }

    /// The request once more.
    pub(super) fn request(self) -> Request<LiveBody> {
        let mut request = Request::new(nothing());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.target;
        *request.version_mut() = self.version;
        for (name, value) in self.fields {
            request.headers_mut().append(name, value);
        }
        request
    }
}
