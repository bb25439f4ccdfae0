//! The customers' plane: nothing here waits for anything but the client and stable. The files in the order of the way.

pub mod arrival;
pub mod peer;

pub mod handle;

pub mod request;

pub mod mirror;

pub mod stable;

pub mod upgrade;

pub mod access_log;

pub mod error;
pub mod meters;
pub mod settings;
pub mod snapshot;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

pub use arrival::{Plane, Started, Tls, tls};
pub use request::{MARK, Match, PathTemplate, Route, Routes, TemplateError};
pub use settings::{CertificateFiles, ClientAuth, Settings, TlsSettings};
pub use snapshot::{Identity, Shared, Snapshot};
pub use upgrade::{Protocol, ProtocolError};
