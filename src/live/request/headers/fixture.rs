//! A peer, a configuration and a map of fields, as the tests of this folder want them.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::live::settings::{Forwarded, IdentitySettings, RequestId, Trace, Via};
use crate::live::snapshot::Identity;

/// Everything as it is by default, for an instance called `a1`.
pub(super) fn settings() -> IdentitySettings {
    IdentitySettings {
        forwarded: Forwarded::XForwarded,
        via: Via::Requests,
        instance: Some("a1".into()),
        request_id: RequestId::Trusted,
        trace: Trace::Propagate,
        trace_method: false,
        access_log_query: false,
    }
}

pub(super) fn snapshot(settings: &IdentitySettings, trusted: &[&str]) -> Snapshot {
    Snapshot {
        routes: crate::live::Routes::default(),
        trusted_proxies: trusted.iter().map(|net| net.parse().unwrap()).collect(),
        upgrades: Vec::new(),
        mark: MARK,
        identity: Identity::new(settings, "drawn"),
    }
}

pub(super) fn peer(client: &str) -> Peer {
    Peer::new(client.parse().unwrap(), "192.0.2.1:8080".parse().unwrap())
}

pub(super) fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

pub(super) fn all<'a>(map: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    map.get_all(name).iter().map(|v| v.to_str().unwrap()).collect()
}

/// The fields of a request of 10.1.2.3 as they are forwarded.
pub(super) fn prepared(fields: &mut HeaderMap, snapshot: &Snapshot) -> Said {
    let survey = Survey::of(fields, Some(&snapshot.mark));
    prepare_request(fields, Version::HTTP_11, &peer("10.1.2.3:5000"), snapshot, survey)
}
