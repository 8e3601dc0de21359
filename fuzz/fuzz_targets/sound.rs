#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| imfl_fuzz::parse("sound", input));
