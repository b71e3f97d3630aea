//! The modules in `dist/` as they go out.

use std::fs;

use envoy_test::{BUNDLE, FILTERS, paths};
use sha2::{Digest, Sha256};

/// The most that a module may weigh, in KiB: each Envoy worker holds it compiled.
///
/// Every module has the readings of paths and other ambiguous input, the address of clients, the
/// warnings of configurations, and what evens the hosts out: about 150 KiB.
const BUDGETS_KIB: [(&str, usize); 5] = [
    ("audit-emitter", 1030),
    ("jwt-auth", 1291),
    // Expressions in conditions on claims, and the rate limit service over gRPC and JSON.
    ("token-bucket", 860),
    // 146 kinds with their words and checks, expressions and dictionaries of users, the names of
    // top-level domains, CSV, names in lines, inflate, what documents and GraphQL operations ask for, and budgets.
    ("pii-redactor", 1790),
    // All four, with what they have in common once.
    (BUNDLE, 3112),
];

fn modules() -> impl Iterator<Item = &'static str> {
    FILTERS.into_iter().chain([BUNDLE])
}

fn module(filter: &str) -> Vec<u8> {
    fs::read(paths::wasm(filter).unwrap()).unwrap()
}

#[test]
fn each_keeps_to_its_size() {
    for (filter, most) in BUDGETS_KIB {
        let size = module(filter).len().div_ceil(1024);
        assert!(
            size <= most,
            "{filter}.wasm has {size} KiB, more than the {most} it may have"
        );
        println!("{filter}.wasm: {size} of {most} KiB");
    }
}

#[test]
fn checksums_are_those_of_the_modules() {
    let sums = fs::read_to_string(paths::root().join("dist/SHA256SUMS")).unwrap();
    let expected: String = modules()
        .map(|filter| {
            let digest = Sha256::digest(module(filter));
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hex}  {filter}.wasm\n")
        })
        .collect();
    assert_eq!(sums, expected, "`make build` makes them anew");
}

#[test]
fn none_tells_where_it_was_built() {
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    let root = paths::root().display().to_string();
    for filter in modules() {
        let module = module(filter);
        for place in [
            root.as_str(),
            cargo.as_str(),
            "/.cargo/registry",
            "/rustup/",
        ] {
            let found = module
                .windows(place.len())
                .any(|window| window == place.as_bytes());
            assert!(!found, "{filter}.wasm contains {place}");
        }
    }
}
