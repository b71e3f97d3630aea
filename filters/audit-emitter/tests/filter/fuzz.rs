//! What the fuzz targets fuzz, on random input and on input that is nearly right.

#[path = "../../fuzz/entries.rs"]
mod entries;

use proptest::prelude::*;

/// Texts that get far.
const SEEDS: [&str; 5] = [
    include_str!("../../examples/everything.json"),
    include_str!("../../examples/signed.json"),
    r#"{"actor":{"user":{"name":"jane"}},"metadata":{"sequence":1,"uid":"09090909090909090909090909090909:1"},"time":1,"unmapped":{"record_integrity":{"chain_uid":"09090909090909090909090909090909","commitments":{"subject":"4d18bf3d7c9581853f5f2e556151276c80da661b11e8bedf521ef5117356f2ff"},"fingerprint":"3844286c64f5b1d28a587d09aaf3703ea29c48327549e60fe60d4369d010e187","previous":"d0f83747af8c11adcbea0086cf2b2cea54c3ee176fa7e35070d30f9512d97a45","salts":{"subject":"01010101010101010101010101010101"},"version":1},"retention":{"class":"hipaa"}}}"#,
    r#"xx{"partialSuccess":{"rejectedLogRecords":"1"}}"#,
    "xxWed, 21 Oct 2015 07:28:30 GMT",
];

fn all(bytes: &[u8]) {
    entries::record(bytes);
    entries::configuration(bytes);
    entries::response(bytes);
}

proptest! {
    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        all(&bytes);
    }

    #[test]
    fn nearly_right(
        seed in 0..SEEDS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut bytes = SEEDS.get(seed).copied().unwrap_or_default().as_bytes().to_vec();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        all(&bytes);
    }
}
