//! See `pii_redactor::fuzzing::csv`, which `make test` runs too.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pii_redactor::fuzzing::csv(data));
