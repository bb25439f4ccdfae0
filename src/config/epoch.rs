//! When evidence may no longer be added to the evidence before it.

use crate::live::Routes;

/// A key that changes with the version, and for any route with the shadow's address, the rules or the endpoints.
pub(super) fn key(version: Option<&str>, routes: &Routes) -> String {
    let mut lines: Vec<String> = routes
        .routes
        .iter()
        .filter_map(|route| {
            let experiment = route.experiment.as_ref()?;
            // Debug output shows every field: a kind of rule that is added later cannot be forgotten here.
            Some(format!(
                "{}\n{}\n{:?}\n{:?}\n{}",
                route.name,
                experiment.shadow.origin.authority,
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
