//! Runs `tests/properties/proxy_protocol.rs` on whatever the fuzzer makes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use umbrage_fuzz::properties::proxy_protocol::check;

fuzz_target!(|data: &[u8]| check(data));
