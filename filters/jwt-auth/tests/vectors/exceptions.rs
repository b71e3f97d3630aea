//! Where a published label and our result differ, and why.

use std::ops::RangeInclusive;

/// Some tests of one set, for one reason.
pub(crate) struct Exception {
    pub(crate) set: &'static str,
    pub(crate) ids: RangeInclusive<usize>,
    /// `right`, `wrong`, or why the key is refused.
    pub(crate) ours: &'static str,
    pub(crate) reason: &'static str,
}

const SMALL_EXPONENT: &str = "an RSA exponent other than an odd number from 65537 to 4294967295";
const SHORT_SECRET: &str = "a secret that is shorter than the hash of its algorithm";

pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        set: "Rsa2048Sha256",
        ids: 258..=259,
        ours: SMALL_EXPONENT,
        reason: "the key has the exponent 3: right, but we let no key with so small an exponent in",
    },
    Exception {
        set: "Rsa2048Sha512",
        ids: 259..=259,
        ours: SMALL_EXPONENT,
        reason: "the key has the exponent 3: right, but we let no key with so small an exponent in",
    },
    Exception {
        set: "Rsa3072Sha256",
        ids: 259..=259,
        ours: SMALL_EXPONENT,
        reason: "the key has the exponent 3: right, but we let no key with so small an exponent in",
    },
    Exception {
        set: "Rsa3072Sha512",
        ids: 260..=260,
        ours: SMALL_EXPONENT,
        reason: "the key has the exponent 3: right, but we let no key with so small an exponent in",
    },
    Exception {
        set: "RsaPss2048Sha256Mgf1SaltLen0",
        ids: 69..=69,
        ours: "right",
        reason: "the set asks for no salt, and this one has the 32 bytes that PS256 asks for",
    },
    Exception {
        set: "HmacSha256",
        ids: 163..=165,
        ours: SHORT_SECRET,
        reason: "right, but RFC 7518 section 3.2 forbids secrets shorter than the hash",
    },
    Exception {
        set: "HmacSha384",
        ids: 163..=165,
        ours: SHORT_SECRET,
        reason: "right, but RFC 7518 section 3.2 forbids secrets shorter than the hash",
    },
    Exception {
        set: "HmacSha512",
        ids: 163..=165,
        ours: SHORT_SECRET,
        reason: "right, but RFC 7518 section 3.2 forbids secrets shorter than the hash",
    },
];
