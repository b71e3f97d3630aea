//! STREET_ADDRESS: a street address.

use crate::detect::prelude::*;

/// Finds a street address.
pub(crate) const DETECTOR: Detector = Detector {
    name: "STREET_ADDRESS",
    about: "A street address",
    category: Category::Personal,
    presets: GDPR | CCPA | HIPAA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "street",
        "street address",
        "address",
        "address line",
        "address line 1",
        "address line 2",
        "address line 3",
        "address1",
        "address2",
        "address3",
        "addr",
        "addr1",
        "addr2",
        "street1",
        "street2",
        "street name",
        "house number",
        "home address",
        "postal address",
        "mailing address",
        "billing address",
        "shipping address",
        "residence",
        "strasse",
        "rue",
        "calle",
        "apartment",
        "unit number",
        "po box",
        "formatted address",
        "full address",
        "census tract",
        "neighborhood",
        "neighbourhood",
        "geohash",
    ],
    lookalikes: &[
        "ip address",
        "email address",
        "mail address",
        "mac address",
        "hardware address",
        "remote address",
        "server address",
        "host address",
        "node address",
        "addresses address",
        "peer address",
        "listen address",
        "bind address",
        "socket address",
        "service address",
        "endpoint address",
        "cluster address",
        "internal address",
        "external address",
        "source address",
        "destination address",
        "callback address",
        "memory address",
        "base address",
        "web address",
        "wallet address",
        "contract address",
        "token address",
        "btc address",
        "bitcoin address",
        "eth address",
    ],
    examples: &["1 Main St"],
    counterexamples: &[
        "node:9090",
        "https://example.com",
        "db.example.com",
        "0x5aAeb6053F",
    ],
};

/// Not the address of a host, a page or a wallet: those are one word with signs that streets lack.
fn check(value: &[u8]) -> bool {
    let is_one_word = !value.iter().any(|byte| matches!(byte, b' ' | b',' | b'\n'));
    let is_technical = value
        .iter()
        .any(|byte| matches!(byte, b':' | b'.' | b'@' | b'_' | b'/'))
        || value.starts_with(b"0x");
    !(is_one_word && is_technical)
}
