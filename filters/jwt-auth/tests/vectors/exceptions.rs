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

const THREE: &str =
    "the key has the exponent 3: right, but we let no key with so small an exponent in";
const SHORT: &str = "right, but RFC 7518 section 3.2 forbids secrets shorter than the hash";

pub(crate) const EXCEPTIONS: &[Exception] = &[
    except("Rsa2048Sha256", 258..=259, SMALL_EXPONENT, THREE),
    except("Rsa2048Sha512", 259..=259, SMALL_EXPONENT, THREE),
    except("Rsa3072Sha256", 259..=259, SMALL_EXPONENT, THREE),
    except("Rsa3072Sha512", 260..=260, SMALL_EXPONENT, THREE),
    except(
        "RsaPss2048Sha256Mgf1SaltLen0",
        69..=69,
        "right",
        "the set asks for no salt, and this one has the 32 bytes that PS256 asks for",
    ),
    except("HmacSha256", 163..=165, SHORT_SECRET, SHORT),
    except("HmacSha384", 163..=165, SHORT_SECRET, SHORT),
    except("HmacSha512", 163..=165, SHORT_SECRET, SHORT),
];

const fn except(
    set: &'static str,
    ids: RangeInclusive<usize>,
    ours: &'static str,
    reason: &'static str,
) -> Exception {
    Exception {
        set,
        ids,
        ours,
        reason,
    }
}
