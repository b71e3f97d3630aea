//! What the fuzz targets run, with random bytes and with what is nearly right.

use proptest::prelude::*;

#[path = "../../fuzz/entries.rs"]
mod entries;

/// Texts from which small changes make the interesting mistakes.
const CORPUS: [&[u8]; 8] = [
    include_bytes!("../../examples/everything.json"),
    include_bytes!("../../examples/per-client.json"),
    include_bytes!("../../examples/fleet.json"),
    b"\x08\x02\x12\x12\x08\x02\x12\x08\x08\x0a\x10\x02\x1a\x02ab\x22\x02\x08\x20\x1a\x08\x0a\x03x-a\x12\x011",
    br#"{"overallCode":"OVER_LIMIT","statuses":[{"code":2,"currentLimit":{"name":"x","requestsPerUnit":10,"unit":"MINUTE"},"durationUntilReset":"32.5s"}]}"#,
    b"\"a\";r=3;t=1, \"b\\\"c\";r=0\n\"a\";q=9;w=60",
    b"3\n17",
    b"2001:db8::/32",
];

fn all(bytes: &[u8]) {
    entries::stored_set(bytes);
    entries::service_response(bytes);
    entries::configuration(bytes);
    entries::header_merge(bytes);
}

#[test]
fn the_corpus_and_every_prefix_of_it() {
    for text in CORPUS {
        for length in 0..=text.len() {
            all(&text[..length]);
        }
    }
}

proptest! {
    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        all(&bytes);
    }

    #[test]
    fn nearly_right(
        which in 0..CORPUS.len(),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = CORPUS[which].to_vec();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        all(&bytes);
    }
}
