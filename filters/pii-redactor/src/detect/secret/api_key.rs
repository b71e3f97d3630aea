//! API_KEY: a key, secret or token of a program.

/// Whether a value may be a secret, and not a word that says whether or how there is one.
pub(crate) fn is_secret(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 24] = [
        b"true",
        b"false",
        b"null",
        b"none",
        b"nil",
        b"yes",
        b"no",
        b"on",
        b"off",
        b"bearer",
        b"basic",
        b"digest",
        b"mac",
        b"dpop",
        b"optional",
        b"required",
        b"enabled",
        b"disabled",
        b"include",
        b"omit",
        b"same-origin",
        b"undefined",
        b"unset",
        b"n/a",
    ];
    !value.is_empty() && !WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}
