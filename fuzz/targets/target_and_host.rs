//! Runs `tests/properties/target_and_host.rs` on whatever the fuzzer makes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use umbrage_fuzz::properties::target_and_host::check;

fuzz_target!(|data: &[u8]| check(data));
