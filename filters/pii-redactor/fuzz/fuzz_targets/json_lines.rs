//! See `pii_redactor::fuzzing::json_lines`, which `make test` runs too.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pii_redactor::fuzzing::json_lines(data));
