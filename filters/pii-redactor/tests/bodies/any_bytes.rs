//! Properties that hold for any bytes, cut in any way.

use super::*;
use crate::compressed::{decode, gzip};

/// Bytes that look like every framing, and bytes that look like none.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    pieces().prop_map(|pieces| pieces.concat())
}

fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        Just(b"jane@example.com".to_vec()),
        Just(b"4111 1111 1111 1111".to_vec()),
        Just(b"{\"mail\":\"a\\u0040b.com\",".to_vec()),
        Just(b"\"secret\":[1,{}]}".to_vec()),
        Just(b"data: {\"a\":".to_vec()),
        Just(b"\r\n--b-1\r\n".to_vec()),
        Just(b"Content-Disposition: form-data; name=\"secret\"\r\n\r\n".to_vec()),
        Just(b"--b-1--".to_vec()),
        Just(b"&secret=1&mail=jane%40example.com&".to_vec()),
        Just(b"-----BEGIN PRIVATE KEY-----".to_vec()),
        Just(b"-----END PRIVATE KEY-----".to_vec()),
        Just(b"+1 212 555 0147 \n\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
        proptest::collection::vec(
            prop_oneof![
                Just(b'"'),
                Just(b'\\'),
                Just(b'{'),
                Just(b'}'),
                Just(b','),
                Just(b':'),
                Just(b'u'),
                Just(b'%'),
                Just(b'1'),
                Just(b' ')
            ],
            0..12
        ),
    ];
    proptest::collection::vec(piece, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn chunks_make_no_difference(body in bodies(), cuts in proptest::collection::vec(1_usize..30, 1..12)) {
        for rules in [RULES, r#"{"presets":["gdpr","hipaa","secrets"]}"#] {
            let plan = plan(rules);
            for kind in ["application/json", "text/event-stream", FORM, MULTIPART, "text/plain", "text/csv"] {
                let (whole, _) = run(&plan, kind, std::iter::once(body.as_slice()));
                let mut rest = body.as_slice();
                let mut chunks = Vec::new();
                for cut in cuts.iter().cycle() {
                    let (chunk, after) = rest.split_at((*cut).min(rest.len()));
                    chunks.push(chunk);
                    rest = after;
                    if rest.is_empty() { break; }
                }
                let (pieces, _) = run(&plan, kind, chunks.into_iter());
                prop_assert_eq!(String::from_utf8_lossy(&pieces), String::from_utf8_lossy(&whole), "{}", kind);
            }
        }
    }

    #[test]
    fn without_a_match_every_byte_stays(body in bodies(), size in 1_usize..50) {
        let nothing = plan(r#"{"rules":[{"detect":["UK_NHS"],"fields":[{"path":"$.never.there","action":"remove"}]}]}"#);
        for kind in ["application/json", "text/event-stream", FORM, MULTIPART, "text/plain", "text/csv"] {
            let (out, _) = run(&nothing, kind, body.chunks(size));
            prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&body), "{}", kind);
        }
    }

    #[test]
    fn a_second_time_changes_nothing(pieces in pieces()) {
        // What is glued to a value is part of it, until the value is a label.
        let body = pieces.join(&b" , "[..]);
        let plan = plan(RULES);
        for kind in ["application/json", "text/event-stream", FORM, "text/plain"] {
            let (once, _) = run(&plan, kind, std::iter::once(body.as_slice()));
            let (twice, _) = run(&plan, kind, std::iter::once(once.as_slice()));
            prop_assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once), "{}", kind);
        }
    }

    #[test]
    fn no_compressed_body_breaks_anything(body in proptest::collection::vec(any::<u8>(), 0..400), size in 1_usize..60) {
        for coding in [Coding::Gzip, Coding::Deflate] {
            let _ = decode(coding, &body, size, InflateLimits::default());
            let mut with_head = gzip(b"{\"a\":1}");
            with_head.truncate(20);
            with_head.extend_from_slice(&body);
            let _ = decode(coding, &with_head, size, InflateLimits::default());
        }
    }
}
