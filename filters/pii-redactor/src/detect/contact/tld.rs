//! Whether a name is a top-level domain.

/// Whether it is one of the IANA root zone, or one that names hosts of private networks and examples.
pub(super) fn is_tld(name: &[u8]) -> bool {
    let mut lower = [0; LONGEST_BYTES];
    let Some(lower) = lower.get_mut(..name.len()) else {
        return false;
    };
    for (to, from) in lower.iter_mut().zip(name) {
        *to = from.to_ascii_lowercase();
    }
    crate::steps::step(12);
    let first = lower.first().copied().unwrap_or(0).wrapping_sub(b'a');
    let (begin, end) = RANGES.get(usize::from(first)).copied().unwrap_or((0, 0));
    let same_letter = TLDS.get(begin..end).unwrap_or_default();
    same_letter
        .binary_search_by(|known| known.as_bytes().cmp(lower))
        .is_ok()
        || lower.starts_with(b"xn--") && lower.len() > 4
}

// `TLDS`, sorted, and `RANGES` by first letter, from the list of the `tld` crate.
include!(concat!(env!("OUT_DIR"), "/tlds.rs"));

const LONGEST_BYTES: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_root_zone_and_what_is_not() {
        for known in ["com", "DE", "museum", "xn--p1ai", "internal", "example"] {
            assert!(is_tld(known.as_bytes()), "{known}");
        }
        for other in [
            "png",
            "jpg",
            "js",
            "json",
            "html",
            "",
            "c",
            "xn--",
            "localhostx",
        ] {
            assert!(!is_tld(other.as_bytes()), "{other}");
        }
        assert!(TLDS.is_sorted() && TLDS.len() > 1200);
    }
}
