//! Every metric's name and help in one documented struct of handles; logging.

pub mod family;
pub mod histogram;
pub mod log_queue;
pub mod logging;
pub mod metrics;
mod page;
pub mod priority;
pub mod record_file;
pub mod roster;
pub mod shortage;

pub use family::Kept;
pub use histogram::Histogram;
pub use metrics::Metrics;
pub use record_file::RecordFile;
pub use shortage::Shortage;
