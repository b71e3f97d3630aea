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
    !value.iter().all(|byte| matches!(byte, b'"' | b'\''))
        && !is_message(value)
        && !is_path(value)
        && !WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// The same of a token, which is no code of a currency either: `"token": "USDC"`.
pub(crate) fn is_token(value: &[u8]) -> bool {
    let is_code = value.len() <= 6 && value.iter().all(u8::is_ascii_uppercase);
    !is_code && is_secret(value)
}

/// The path of a file or a folder: `"pwd": "/home/app"`.
fn is_path(value: &[u8]) -> bool {
    let is_of_path =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/._-".contains(byte);
    value.starts_with(b"/")
        && value.iter().filter(|byte| **byte == b'/').count() > 1
        && value.iter().all(is_of_path)
}

/// What a form says about a password, and not one: `This field is required.`, `Forgot password?`
fn is_message(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 20] = [
        b"must",
        b"required",
        b"invalid",
        b"incorrect",
        b"wrong",
        b"forgot",
        b"forgotten",
        b"reset",
        b"characters",
        b"cannot",
        b"can't",
        b"please",
        b"should",
        b"blank",
        b"match",
        b"doesn't",
        b"don't",
        b"too",
        b"field",
        b"missing",
    ];
    let words = || value.split(|byte| matches!(byte, b' ' | b'.' | b'?' | b'!' | b','));
    let is_known = |word: &[u8]| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    value.len() <= 200
        && words().take(3).count() > 1
        && value.contains(&b' ')
        && words().any(is_known)
}
