//! The one integration binary: each file holds one promise, `support` the words it is written in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]
#![allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::format_push_string,
    clippy::large_stack_arrays,
    clippy::too_many_lines,
    clippy::similar_names,
    clippy::duration_suboptimal_units,
    reason = "counters are small whole numbers, which are exact; texts are short; a test reads from top to bottom"
)]

mod access_log;
mod admin;
mod arrival;
mod bad_json;
mod breaker;
mod builders;
mod checklist;
mod commands;
mod copies;
mod coverage;
mod demo;
mod descriptors;
mod epochs;
mod first_light;
mod guard;
mod http2_exchange;
mod http2_floods;
mod http2_frames;
mod http2_hpack;
mod http2_malformed;
mod http2_pauses;
mod identity;
mod interop;
mod kill_switch;
mod laws;
mod legs_addresses;
mod legs_http2;
mod legs_proxy_protocol;
mod legs_tls;
mod life;
mod live_errors;
mod live_http;
mod live_stream;
#[cfg(target_os = "linux")]
mod matrix;
mod nothing_of_the_shadow;
mod offers;
mod pool;
mod process;
mod reload;
mod restart;
mod retries;
mod samples;
mod secrets;
mod shadow_plane;
mod support;
mod tls;
mod transfers;
mod upgrades;
mod websockets_http2;
mod whatever_a_client_sends;
mod workers;
