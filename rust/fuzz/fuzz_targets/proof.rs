#![no_main]

#[path = "../../../tests/rust/fuzz/targets.rs"]
#[allow(dead_code, reason = "each binary runs one of them")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::proof(bytes);
});
