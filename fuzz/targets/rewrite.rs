//! Runs `tests/properties/rewrite.rs` on whatever the fuzzer makes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use umbrage_fuzz::properties::rewrite::check;

fuzz_target!(|data: &[u8]| check(data));
