//! `targets::dpop_proof` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    portcullis_fuzz::targets::dpop_proof::run(data);
});
