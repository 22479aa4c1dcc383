//! The `raw_event` target of cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orgtap_fuzz::raw_event(data));
