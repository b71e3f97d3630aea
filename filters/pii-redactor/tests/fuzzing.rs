//! The fuzz targets on random bytes and on what is close to the formats, with a stable compiler.

use pii_redactor::fuzzing;
use proptest::prelude::*;

/// Pieces that are close to every format, and bytes that are close to none.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"{\"a\":[1,2,\"jane@example.com\"],".to_vec()),
        Just(b"\"b\":\"\\u0040".to_vec()),
        Just(b"\"c\":4111111111111111}".to_vec()),
        Just(br#"{"a":["{\"c\":1,\"ssn\":123456789,"#.to_vec()),
        Just(br#"{"jane@example.com":{"c":1,"x 4111\u0020111111111111":"#.to_vec()),
        Just(br#"\"b\":[]}", "\u007b\"c\":"#.to_vec()),
        Just(br#"2}","[{\"d\":\"{\\\"c\\\":1}\"}]"]}"#.to_vec()),
        Just(b"data: {\"a\":\n".to_vec()),
        Just(b"\n\ndata:".to_vec()),
        Just(b"\r\n--b\r\n".to_vec()),
        Just(b"Content-Disposition: form-data; name=\"b\"\r\n\r\n".to_vec()),
        Just(b"a,b;\"c\",\"x \"\"y\r\n".to_vec()),
        Just(b"&#64;&amp;&x".to_vec()),
        Just(b"a=%40&b=+1+212+555+0147&c".to_vec()),
        Just(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec()),
        Just(b"-----BEGIN PRIVATE KEY-----".to_vec()),
        Just(vec![b'x'; 4090]),
        Just(vec![b'\\'; 7]),
        proptest::collection::vec(any::<u8>(), 0..30),
        "[\\[\\]{}:,\"a1 \\\\u-]{0,20}".prop_map(String::into_bytes),
    ];
    (any::<u8>(), proptest::collection::vec(piece, 0..10)).prop_map(|(first, pieces)| {
        let mut bytes = vec![first];
        bytes.extend(pieces.concat());
        bytes
    })
}

/// Documents that are close to configurations.
fn configurations() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("\"rules\""),
        Just("\"detect\""),
        Just("\"EMAIL\""),
        Just("\"fields\""),
        Just("\"path\""),
        Just("\"$..a[0:2]\""),
        Just("\"action\""),
        Just("\"mask\""),
        Just("\"presets\""),
        Just("\"gdpr\""),
        Just("\"actions\""),
        Just("\"regex\""),
        Just("\"(a|b)+[0-9]{2,5}\""),
        Just("\"detectors\""),
        Just("\"name\""),
        Just("\"X\""),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(":"),
        Just(","),
        Just("1"),
        Just("null"),
        Just("\"dictionary\""),
        Just("\"allow_fields\""),
        Just("\"nested_json\""),
        Just("\"search_names\""),
    ];
    proptest::collection::vec(word, 0..30).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bodies(bytes in bytes()) {
        fuzzing::json(&bytes);
        fuzzing::events(&bytes);
        fuzzing::multipart(&bytes);
        fuzzing::form(&bytes);
        fuzzing::csv(&bytes);
        fuzzing::json_lines(&bytes);
        fuzzing::markup(&bytes);
        fuzzing::unknown(&bytes);
        fuzzing::inflate(&bytes);
    }

    #[test]
    fn documents_that_are_close_to_configurations(text in configurations()) {
        fuzzing::config(text.as_bytes());
    }
}

#[test]
fn the_examples_and_what_is_left_of_them() {
    for example in [
        include_str!("../examples/everything.json"),
        include_str!("../examples/patients.json"),
    ] {
        fuzzing::config(example.as_bytes());
        for cut in (0..example.len()).step_by(37) {
            fuzzing::config(&example.as_bytes()[cut..]);
            fuzzing::config(&example.as_bytes()[..cut]);
        }
    }
}
