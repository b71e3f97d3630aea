//! The top-level domains as a sorted table.

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

/// The table, and where the domains with each first letter stand in it.
pub(crate) fn table() -> String {
    let mut names: Vec<&str> = tld::TLD
        .iter()
        .copied()
        .filter(|name| !name.starts_with("xn--"))
        .chain(RESERVED)
        .collect();
    names.sort_unstable();
    names.dedup();
    let ranges: Vec<(usize, usize)> = (b'a'..=b'z')
        .map(|letter| {
            let begin = names.partition_point(|name| name.bytes().next() < Some(letter));
            let end = names.partition_point(|name| name.bytes().next() <= Some(letter));
            (begin, end)
        })
        .collect();
    format!(
        "/// Top-level domains in ASCII, sorted.\nstatic TLDS: [&str; {}] = {names:?};\n\
         /// Where those with each first letter stand.\nstatic RANGES: [(usize, usize); 26] = {ranges:?};\n",
        names.len()
    )
}
