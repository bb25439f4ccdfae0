//! When evidence may no longer be added to the evidence before it.

use std::sync::Arc;

use crate::live::Routes;

/// Tells every experiment which epoch it belongs to.
pub(super) fn mark(version: Option<&str>, routes: &Routes) -> String {
    let key = key(version, routes);
    for experiment in routes.routes.iter().filter_map(|route| route.experiment.as_ref()) {
        // New experiments, never marked before.
        let _ = experiment.epoch.set(Arc::from(key.as_str()));
    }
    key
}

/// A key that changes with the version, and for any route with the shadow's address, the rules or the endpoints.
fn key(version: Option<&str>, routes: &Routes) -> String {
    let mut lines: Vec<String> = routes
        .routes
        .iter()
        .filter_map(|route| {
            let experiment = route.experiment.as_ref()?;
            // Debug output shows every field: a kind of rule that is added later cannot be forgotten here.
            Some(format!(
                "{}\n{}\n{:?}\n{:?}\n{}",
                route.name,
                addresses(&experiment.shadow),
                experiment.rules.settings(),
                experiment.endpoints,
                experiment.max_capture,
            ))
        })
        .collect();
    lines.sort();
    let text = format!("{version:?}\n{}", lines.join("\n\n"));
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// Where a leg is, in words that do not change when more keys come.
fn addresses(leg: &crate::upstream::Settings) -> String {
    // A single cleartext address is written as it was before there were others, so that its evidence goes on.
    let one = |origin: &crate::upstream::Origin| {
        if origin.secure { origin.to_string() } else { origin.authority.to_string() }
    };
    leg.origins.iter().map(one).collect::<Vec<_>>().join(",")
}
