//! What the fuzz targets, and the tests that replay what they found, reach of the customers' plane.

use std::net::SocketAddr;

use http::{HeaderMap, Request, Version};

pub use super::arrival::fuzzing::Worker;
use super::peer::Peer;
use super::request::headers;
use super::request::survey::Survey;
use super::request::validate;
use super::{Settings, Snapshot, arrival};

/// What hyper would be given of a client's first bytes, all of them there at once.
#[must_use]
pub fn passed(sent: &[u8], settings: &Settings) -> Vec<u8> {
    arrival::fuzzing::passed(sent, settings)
}

/// A header of the PROXY protocol: how long it is and whom it names.
///
/// # Errors
/// It is none; `None` while more is needed.
#[allow(clippy::result_unit_err, reason = "there is nothing to say of what is no header")]
#[must_use]
pub fn proxy_header(bytes: &[u8]) -> Option<Result<(usize, Option<SocketAddr>), ()>> {
    arrival::fuzzing::proxy_header(bytes)
}

/// Whether a request may be forwarded; its target and its `Host` are then as they are forwarded.
#[must_use]
pub fn validate(request: &mut Request<()>) -> bool {
    let survey = Survey::of(request.headers(), None);
    validate::validate(request, survey).is_ok()
}

/// The host that routes are matched by.
#[must_use]
pub fn host_name(fields: &HeaderMap) -> String {
    validate::host_name(fields).into_owned()
}

/// The fields of a request of `from` as they are forwarded.
pub fn prepare_request(fields: &mut HeaderMap, from: SocketAddr, snapshot: &Snapshot) {
    let survey = Survey::of(fields, Some(&snapshot.mark));
    headers::prepare_request(fields, Version::HTTP_11, &Peer::new(from, from), snapshot, survey);
}

/// The fields of stable's answer as they are passed on.
pub fn prepare_response(fields: &mut HeaderMap) {
    headers::prepare_response(fields);
}
