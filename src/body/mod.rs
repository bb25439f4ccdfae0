//! Bodies on their way through: the tap that sees every byte pass, the recorder that copies up to a bound, the whole body of a copy.

pub mod recorder;
pub mod tap;
pub mod whole;

pub use recorder::Recorder;
pub use tap::{End, Tap, Tapped};
pub use whole::{Left, Whole};
