//! Bytes of a request as text.

use std::borrow::Cow;

/// As [`String::from_utf8_lossy`], which looks at one byte after the other: nearly all bytes that a filter reads are
/// ASCII, which is checked in words.
#[must_use]
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn text_is_borrowed_and_what_is_none_is_marked() {
        assert!(matches!(lossy("Zoë".as_bytes()), Cow::Borrowed("Zoë")));
        assert_eq!(lossy(b"a\xffb"), "a\u{fffd}b");
    }
}
