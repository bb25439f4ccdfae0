//! Plain data that every plane speaks: legs, exchanges, captures, decisions, outcomes, comparisons. No I/O.

pub mod capture;
pub mod clock;
pub mod comparison;
pub mod ends;
pub mod exchange;
pub mod leg;
pub mod outcome;
pub mod refusal;
pub mod request;
pub mod trace;
pub mod units;

pub use capture::{Absent, Capture, Chunks};
pub use comparison::{Comparison, Difference, Incomparable, Kind, Part, Severity, Verdict};
pub use ends::Ends;
pub use exchange::{Answer, Exchange, Failure, Timing};
pub use leg::Leg;
pub use outcome::Outcome;
pub use refusal::{Decision, Refusal};
pub use request::MirroredRequest;
pub use trace::TraceContext;
pub use units::Ppm;
