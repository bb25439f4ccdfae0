//! Policies, experiments and requests for the tests of the planes at both ends of the gate.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method};

pub(crate) use crate::upstream::fixture::leg;

use super::{Credentials, Experiment, Policy, PolicySettings, SampleBy};
use crate::model::{Chunks, MirroredRequest, Ppm};
use crate::{compare, evidence};

/// The plainest experiment: no control, no edits, no mark, the default rules.
pub(crate) fn experiment() -> Experiment {
    Experiment {
        route: "r".into(),
        epoch: OnceLock::new(),
        breaker: OnceLock::new(),
        shadow: Arc::new(leg(1)),
        timeout: Duration::from_mins(1),
        drain: Duration::from_secs(2),
        control: None,
        rules: Arc::new(compare::Rules::compile(compare::Settings::default()).unwrap()),
        endpoints: Arc::new(evidence::Endpoints::compile(&[]).unwrap()),
        credentials: Credentials::Keep,
        idempotency_suffix: None,
        set_headers: Vec::new(),
        remove_headers: Vec::new(),
        mark: None,
        max_capture: 100,
        redact: Arc::new([]),
    }
}

/// A route's policy at 5 %.
pub(crate) fn policy(route: &str) -> Arc<Policy> {
    Arc::new(Policy::new(PolicySettings {
        has_shadow: true,
        route: route.into(),
        percent: Ppm::from_percent(5.0).unwrap(),
        sample_by: SampleBy::Random,
        seed: 1,
        methods: vec![Method::GET],
        max_body: 1024,
        max_capture: 1024,
    }))
}

/// A request as it was copied.
pub(crate) fn copied(method: Method, target: &str, fields: &[(&str, &str)], body: &str) -> MirroredRequest {
    MirroredRequest {
        method,
        target: target.parse().unwrap(),
        headers: headers(fields),
        trace: None,
        client: None,
        extensions: Extensions::new(),
        body: Chunks::from(Bytes::copy_from_slice(body.as_bytes())),
    }
}

/// Fields in this order, repeated names repeated.
pub(crate) fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}
