//! Nothing that a sick shadow or control does reaches a customer: every fault against 2,000 requests, every one mirrored.
//!
//! A fault is declared once, in the file of its kind, and becomes a test for each of the two legs. [`rig`] says what must hold.

mod ailing;
mod traffic;

mod rig;

/// Tests of what a sick leg does, as shadow and as control.
macro_rules! faults {
    ($($(#[$meta:meta])* $name:ident: $ailing:expr;)+) => {
        mod of_the_shadow {
            use super::*;
            $($(#[$meta])* #[test] fn $name() { crate::matrix::rig::endures("shadow", $ailing); })+
        }
        mod of_control {
            use super::*;
            $($(#[$meta])* #[test] fn $name() { crate::matrix::rig::endures("control", $ailing); })+
        }
    };
}

mod connecting;
mod endings;
mod floods;
mod http2;
mod lies;
mod silence;
