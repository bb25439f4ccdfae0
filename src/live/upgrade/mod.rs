//! A client asks for another protocol: what of it is passed on, stable's consent, and the tunnel that follows.

pub mod ask;
mod key;
pub mod protocol;
pub mod relay;
mod stream;
pub mod tunnel;

pub(super) use ask::Ask;
pub(super) use key::Key;
pub use protocol::{Protocol, ProtocolError};
pub(super) use tunnel::Tunnel;
