//! See `pii_redactor::fuzzing::multipart`, which `make test` runs too.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pii_redactor::fuzzing::multipart(data));
