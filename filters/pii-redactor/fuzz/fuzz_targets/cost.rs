#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pii_redactor::fuzzing::cost(data));
