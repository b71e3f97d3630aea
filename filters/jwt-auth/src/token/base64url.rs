//! base64url without padding (RFC 4648 section 5, RFC 7515 section 2), decoded as strictly as
//! tokens need it: there is one accepted spelling for each sequence of bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The bytes that a text stands for. `None` for padding, other characters, a length that no bytes
/// have, and bits at the end that stand for nothing.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn one_spelling_for_each_sequence_of_bytes() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg", Some(b"f")),
            ("Zm8", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9vYg", Some(b"foob")),
            ("-_-_", Some(&[0xfb, 0xff, 0xbf])),
            ("Z", None),
            ("Zm9vY", None),
            ("Zh", None),
            ("Zm9", None),
            ("Zg==", None),
            ("Zm8=", None),
            ("+/+/", None),
            ("Zm 9", None),
            ("Zm9v\n", None),
            ("Zm9é", None),
            ("Zé", None),
        ] {
            assert_eq!(decode(text).as_deref(), bytes, "{text}");
        }
    }
}
