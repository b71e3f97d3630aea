#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn wanted(purposes: &[u32], vendor: Option<u64>) -> Wanted {
    let named = |number: &u32| (*number, format!("p{number}"));
    Wanted {
        purposes: purposes.iter().map(named).collect(),
        vendor,
        ..Wanted::default()
    }
}

fn granted(text: &str, purposes: &[u32], vendor: Option<u64>) -> Option<Vec<String>> {
    let decoded = tcf(text, &wanted(purposes, vendor))?;
    Some(decoded.granted.into_iter().collect())
}

/// Purposes 3 to 9 have consent, and vendors 23, 37, 47, 48, 53, 65 and 98: a string of the IAB's
/// own library.
const CORE: &str =
    "COrEAV4OrXx94ACABBENAHCIAD-AAAAAAACAAxAAAAgAIAwgAgAAAAEAgQAAAAAEAYQAQAAAACAAAABAAA";
/// Discloses vendors 23, 37, 47, 48, 53, 65, 98 and 129.
const DISCLOSED: &str = "IBAgAAAgAIAwgAgAAAAEAAAACA";

#[test]
fn purposes_and_vendors_of_a_tc_string() {
    let all: Vec<u32> = (1..=24).collect();
    let three_to_nine: Vec<String> = (3..=9).map(|number| format!("p{number}")).collect();
    assert_eq!(granted(CORE, &all, None), Some(three_to_nine.clone()));
    for vendor in [23, 37, 47, 48, 53, 65, 98] {
        let found = granted(CORE, &all, Some(vendor));
        assert_eq!(found, Some(three_to_nine.clone()), "{vendor}");
    }
    for vendor in [1, 22, 24, 99, 129, 755, 65_535] {
        assert_eq!(granted(CORE, &all, Some(vendor)), Some(vec![]), "{vendor}");
    }
    let with_segments = format!("{CORE}.{DISCLOSED}.QAagAQAgAIAwgA");
    assert_eq!(
        granted(&with_segments, &[3], Some(23)),
        Some(vec!["p3".to_owned()])
    );
    let cut_short = format!("{CORE}.IA");
    assert_eq!(granted(&cut_short, &[3], Some(23)), None);
    let undisclosed = format!("{CORE}.IAAA");
    assert_eq!(granted(&undisclosed, &[3], Some(23)), Some(vec![]));
    let refused = tcf(CORE, &wanted(&[1, 3], None)).unwrap();
    assert_eq!(refused.refused, BTreeSet::from(["p1".to_owned()]));
    assert!(!refused.bits.contains(CORE));
}

#[test]
fn what_does_not_fit_the_format_is_unreadable() {
    let another_version = format!("B{}", CORE.get(1..).unwrap());
    for text in [
        "",
        ".",
        "C",
        "hello world",
        "1YNN",
        another_version.as_str(),
        CORE.get(..40).unwrap(),
        &format!("{CORE}!"),
        &format!("{CORE}."),
        &"C".repeat(9000),
    ] {
        assert_eq!(tcf(text, &wanted(&[1], Some(1))), None, "{text}");
    }
    // Cut anywhere it is read as far as it says something whole, or not at all, and never grants
    // more.
    for end in 0..CORE.len() {
        let found = granted(CORE.get(..end).unwrap(), &[1, 3], Some(99));
        assert!(found.is_none_or(|found| found.is_empty()), "{end}");
    }
}

/// Numbers and how many bits each has, in base64url.
fn encoded(fields: &[(u64, u32)]) -> String {
    let bits: Vec<u8> = fields
        .iter()
        .flat_map(|(value, width)| {
            (0..*width)
                .rev()
                .map(move |at| u8::from(value >> at & 1 == 1))
        })
        .collect();
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |six: &[u8]| {
        let bit = |at: usize| six.get(at).copied().unwrap_or(0);
        let value = (0..6).fold(0, |value, at| (value << 1) | bit(at));
        char::from(letters[usize::from(value)])
    };
    bits.chunks(6).map(letter).collect()
}

/// Purpose 3 and vendors 1 to 32 have consent, but for the vendors of a range.
fn restricted(first: u64, last: u64) -> String {
    let head = [
        (2, 6),
        (0, 64),
        (0, 64),
        (0, 6),
        (0, 12),
        (1 << 21, 24),
        (0, 37),
    ];
    let vendors = [(32, 16), (0, 1), (0xffff_ffff, 32), (0, 17)];
    let restrictions = [
        (1, 12),
        (3, 6),
        (0, 2),
        (1, 12),
        (1, 1),
        (first, 16),
        (last, 16),
    ];
    encoded(&[&head[..], &vendors, &restrictions].concat())
}

#[test]
fn no_part_of_a_tc_string_hides_a_refusal() {
    let third = Some(vec!["p3".to_owned()]);
    for (first, last, expected) in [(10, 30, Some(vec![])), (24, 30, third), (30, 10, None)] {
        let found = granted(&restricted(first, last), &[3], Some(23));
        assert_eq!(found, expected, "{first} to {last}");
    }
    let segments = ".QAAA".repeat(4);
    let undisclosed = format!("{CORE}{segments}.IAAA");
    assert_eq!(granted(&undisclosed, &[3], Some(23)), None);
}

#[test]
fn sections_of_a_gpp_string() {
    let refusals = |text: &str| {
        let decoded = gpp(text, &wanted(&[1], None))?;
        Some(decoded.refused.into_iter().collect::<Vec<_>>())
    };
    let three = ["sale", "sharing", "targeted_advertising"];
    for (text, expected) in [
        // The examples of the specification: a TC string, and the same with a US Privacy string.
        (
            "DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
            &["p1"][..],
        ),
        (
            "DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN",
            &["p1"],
        ),
        (
            "DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YYN",
            &["p1", "sale", "sharing"],
        ),
        ("DBABLA~BVVVVVVVVWA", &three),
        ("DBABLA~BVVVVVVVVWA.YA", &three),
        ("DBABBg~BAAAAACA", &[]),
        ("DBABBg~BVVVVVVY", &["sale", "sharing"]),
        ("DBABRg~BAAAABA", &[]),
        ("DBABRg~BVVVVWY", &["sale", "targeted_advertising"]),
        ("DBABFg~BVVVVVmA", &["sale", "targeted_advertising"]),
        ("DBABVg~BVVVVVVg.YA", &three),
        // The sections of Canada and of the first European framework are not read.
        ("DBABDA~CPXxRfA", &["p1"]),
        ("DBABYA~BOXxRfA", &["p1"]),
    ] {
        let expected = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(refusals(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "DBABMA",
        "DBABMA~",
        "DBABMA~CPXx",
        "DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN",
        "DCABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
        "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
        "DBABLA~CVVVVVVVVWA",
        "D____~BVVVVVVVVWA",
        // What stands behind more segments than there are could be an opt-out.
        "DBABBg~BAAAAACA.AA.AA.AA.AA.YA",
    ] {
        // The section of a later version of the national one is known.
        let is_version_two = text == "DBABLA~CVVVVVVVVWA";
        assert_eq!(refusals(text).is_some(), is_version_two, "{text}");
    }
}
