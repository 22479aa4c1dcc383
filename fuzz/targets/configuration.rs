//! The `configuration` target of cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orgtap_fuzz::configuration(data));
