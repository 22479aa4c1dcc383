//! The `json_escape` target of cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orgtap_fuzz::json_escape(data));
