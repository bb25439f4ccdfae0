//! The one integration binary: each file holds one promise, `support` the words it is written in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]
#![allow(clippy::float_cmp, reason = "counters are small whole numbers, which are exact")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::format_push_string,
    clippy::large_stack_arrays,
    reason = "small numbers and short texts, written to be read"
)]

mod builders;
mod demo;
mod first_light;
mod laws;
mod live_errors;
mod live_http;
mod live_stream;
mod offers;
mod pool;
mod shadow_plane;
mod support;
mod workers;
