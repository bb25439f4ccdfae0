//! The copy of a client's request that shadow and control are sent.

use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Uri};

use super::{Chunks, Ends, TraceContext};

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
    /// The trace that each leg is told a parent of its own in; `None` leaves the trace fields as they are.
    pub trace: Option<TraceContext>,
    /// Whose it is, where a leg is told; `None` where none is.
    pub client: Option<Arc<Ends>>,
    /// The complete body.
    pub body: Chunks,
}
