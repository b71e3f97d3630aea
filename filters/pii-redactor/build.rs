//! Writes the top-level domains as a sorted table.

use std::path::Path;
use std::{env, fs};

/// Names of private networks and of examples, which people write in addresses as well (RFC 2606,
/// RFC 6762 appendix G, RFC 7686 and the reservation of `internal`).
const RESERVED: [&str; 12] = [
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "onion",
    "private",
    "test",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut names: Vec<&str> = tld::TLD
        .iter()
        .copied()
        .filter(|name| !name.starts_with("xn--"))
        .chain(RESERVED)
        .collect();
    names.sort_unstable();
    names.dedup();
    let folder = env::var("OUT_DIR").unwrap_or_default();
    let ranges: Vec<(usize, usize)> = (b'a'..=b'z')
        .map(|letter| {
            let begin = names.partition_point(|name| name.bytes().next() < Some(letter));
            let end = names.partition_point(|name| name.bytes().next() <= Some(letter));
            (begin, end)
        })
        .collect();
    let table = format!(
        "/// Top-level domains in ASCII, sorted.\nstatic TLDS: [&str; {}] = {names:?};\n\
         /// Where those with each first letter stand.\nstatic RANGES: [(usize, usize); 26] = {ranges:?};\n",
        names.len()
    );
    if let Err(error) = fs::write(Path::new(&folder).join("tlds.rs"), table) {
        println!("cargo::error=the table of top-level domains cannot be written: {error}");
    }
}
