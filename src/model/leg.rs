//! Who answered.

use serde::{Deserialize, Serialize};

/// One of the three backends that a request may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    /// The backend whose answer the client gets.
    Stable,
    /// The backend under trial; its answer is never passed on.
    Shadow,
    /// A second asking of the stable code.
    Control,
}

impl Leg {
    /// Every leg, in the order in which they are shown.
    pub const ALL: [Leg; 3] = [Leg::Stable, Leg::Shadow, Leg::Control];

    /// The value of the metric label `leg`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Leg::Stable => "stable",
            Leg::Shadow => "shadow",
            Leg::Control => "control",
        }
    }
}

impl std::fmt::Display for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.label())
    }
}
