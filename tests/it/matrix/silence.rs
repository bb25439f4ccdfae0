//! Legs that keep one waiting.

use std::time::Duration;

use super::ailing::{Ailing, echo};
use crate::support::server;

faults! {
    it_accepts_and_never_reads: Ailing::server(server().accepts_never_reads(), &["timeout"]);
    it_reads_and_never_answers: Ailing::server(server().never_answers(), &["timeout"]);
    it_stalls_after_the_head: Ailing::server(server().hangs_after_head(), &["timeout"]);
    a_byte_a_second: Ailing::server(server().drips("x".repeat(100), Duration::from_secs(1)), &["timeout"]);
    it_reads_a_large_upload_slowly: Ailing::server(
        server().answers_with(echo).reads_slowly(1024, Duration::from_millis(20)),
        &["timeout", "answered"]
    );
}
