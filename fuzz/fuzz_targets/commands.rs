#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ushield_fuzz_targets::commands(data));
