//! Runs `tests/properties/wire_answer.rs` on whatever the fuzzer makes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use umbrage_fuzz::properties::wire_answer::check;

fuzz_target!(|data: &[u8]| check(data));
