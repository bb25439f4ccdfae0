//! Who may import whom, as data, and the check that production code keeps to it.

use super::Complaint;
use super::source::{Source, module_of};

/// One top-level module and those it may name; what is not listed is forbidden.
pub struct Layer {
    /// The module.
    pub module: &'static str,
    /// Modules it may import.
    pub may: &'static [&'static str],
}

/// Below everything.
const GROUND: [&str; 4] = ["model", "body", "telemetry", "tls"];

macro_rules! layers {
    ($($module:literal: [$($may:literal),*];)+) => {
        &[$(Layer { module: $module, may: &[$($may),*] },)+]
    };
}

/// The table. `+` of the ground (model, body, telemetry, tls) is implied from layer 1 up, but for the pure ones.
pub const LAYERS: &[Layer] = layers! {
    // 0: no one else. Labels come from model's enums.
    "model": [];
    "body": ["model"];
    "telemetry": ["model"];
    "tls": ["model"];
    // 1: never each other.
    "upstream": [];
    "compare": [];
    "evidence": [];
    "records": [];
    // 2
    "gate": ["upstream", "compare", "evidence", "records"];
    // 3: live and shadow know each other only through the gate.
    "live": ["gate", "upstream"];
    "shadow": ["gate", "upstream", "compare", "evidence", "records"];
    "admin": ["gate", "evidence", "records"];
    // 4: fills the settings of the parts below.
    "config": ["gate", "live", "shadow", "admin", "upstream", "compare", "evidence", "records"];
    // 5
    "reload": ["config", "gate", "live", "shadow", "admin", "upstream", "compare", "evidence", "records"];
    "app": ["reload", "config", "gate", "live", "shadow", "admin", "upstream", "compare", "evidence", "records"];
    // 6
    "cli": ["app", "reload", "config", "gate", "live", "shadow", "admin", "upstream", "compare", "evidence", "records"];
};

/// Where only some names of a module may be used: the back office flips switches and never offers.
pub const ONLY: &[(&str, &str, &[&str])] =
    &[("admin", "gate", &["switches", "Switches", "Pause", "UnknownRoute", "Policy", "policy"])];

/// Modules without clock, I/O, async or randomness: the same input gives the same output for ever.
pub const PURE: &[&str] = &["compare", "evidence"];

/// What a pure module never names.
pub const IMPURE: &[&str] = &[
    "model::clock",
    "clock::now",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "tokio",
    "async",
    "SystemTime",
    "Instant",
    "fastrand",
    "rand",
    "RandomState",
];

/// What `main.rs` may name of the library.
const MAIN: &str = "umbrage::cli";

/// Every import in production code that the table does not allow, and every module that it does not know.
pub fn check(source: &Source) -> Vec<Complaint> {
    if source.path == "src/main.rs" {
        return main_names_only_cli(source);
    }
    let Some(module) = module_of(&source.path).into_iter().next() else { return Vec::new() };
    let Some(layer) = LAYERS.iter().find(|layer| layer.module == module) else {
        return vec![Complaint::new(
            source,
            1,
            format!("module `{module}` stands in no layer of tests/tidy/layers.rs"),
        )];
    };
    let mut complaints = Vec::new();
    for import in source.imports().into_iter().filter(|import| !import.test) {
        let Some(target) = import.path.first() else { continue };
        if *target == module || !LAYERS.iter().any(|other| other.module == *target) {
            continue;
        }
        if !may(layer, target) {
            complaints.push(Complaint::new(
                source,
                import.line,
                format!("`{module}` must not import `{target}`"),
            ));
        } else if let Some(name) = import.path.get(1).filter(|name| !allowed(&module, target, name)) {
            let what = format!("`{module}` must not use `{target}::{name}`");
            complaints.push(Complaint::new(source, import.line, what));
        }
    }
    if PURE.contains(&module.as_str()) {
        complaints.extend(impurities(source));
    }
    complaints
}

fn may(layer: &Layer, target: &str) -> bool {
    let ground = GROUND.contains(&target) && !GROUND.contains(&layer.module);
    let pure = PURE.contains(&layer.module);
    layer.may.contains(&target) || (ground && (!pure || target == "model"))
}

fn allowed(module: &str, target: &str, name: &str) -> bool {
    ONLY.iter().filter(|(m, t, _)| *m == module && *t == target).all(|(_, _, names)| names.contains(&name))
}

fn impurities(source: &Source) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for pattern in IMPURE {
        for at in source.find(pattern).filter(|at| !source.in_test(*at)) {
            let what = format!("`{pattern}` in a pure module: no clock, I/O, async or randomness here");
            complaints.push(Complaint::new(source, source.line_of(at), what));
        }
    }
    complaints
}

fn main_names_only_cli(source: &Source) -> Vec<Complaint> {
    let names = source.find("umbrage::").filter(|at| !source.code[*at..].starts_with(MAIN));
    names
        .map(|at| {
            Complaint::new(source, source.line_of(at), "main may import only `umbrage::cli`".to_owned())
        })
        .collect()
}
