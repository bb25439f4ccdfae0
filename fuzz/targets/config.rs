//! Runs `tests/properties/config.rs` on whatever the fuzzer makes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use umbrage_fuzz::properties::config::check;

fuzz_target!(|data: &[u8]| check(data));
