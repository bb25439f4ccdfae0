//! The copy of a client's request that shadow and control are sent.

use http::{Extensions, HeaderMap, Method, Uri};

use super::Chunks;

/// A whole request: what a leg of the shadow plane is asked.
#[derive(Clone, Debug)]
pub struct MirroredRequest {
    /// The method as the client sent it.
    pub method: Method,
    /// Path and query as the client sent them.
    pub target: Uri,
    /// End-to-end fields in their order.
    pub headers: HeaderMap,
    /// What the protocol layer keeps beside the fields, such as their case.
    pub extensions: Extensions,
    /// The complete body.
    pub body: Chunks,
}
