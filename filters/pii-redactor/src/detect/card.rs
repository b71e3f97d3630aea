//! CREDIT_CARD: a payment card number (PAN): issuer range, length, check digit (ISO/IEC 7812-1).
//!
//! Acts alone. Written in one piece, or in groups with single spaces or dashes. Where more groups
//! follow each other than one card has, every stretch of whole groups is tried.

use std::ops::Range;

use super::{Context, digit_groups, digits_of};

/// The card numbers in a run.
pub(super) fn find(run: &[u8], context: Context) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for groups in digit_groups(run, context) {
        let mut first = 0;
        while first < groups.len() {
            match longest_card(run, groups.get(first..).unwrap_or_default()) {
                Some((span, used)) => {
                    found.push(span);
                    first = first.saturating_add(used);
                }
                None => first = first.saturating_add(1),
            }
        }
    }
    found
}

/// The longest card that begins with the first group, and how many groups it has.
fn longest_card(run: &[u8], groups: &[Range<usize>]) -> Option<(Range<usize>, usize)> {
    let start = groups.first()?.start;
    let most = groups.len().min(MAX_DIGITS);
    (1..=most).rev().find_map(|count| {
        let end = groups.get(count.checked_sub(1)?)?.end;
        is_card(&digits_of(run, start..end)).then_some((start..end, count))
    })
}

fn is_card(digits: &[u8]) -> bool {
    (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) && has_issuer(digits) && luhn(digits)
}

/// Whether an issuer has numbers that begin like this and are so long.
fn has_issuer(digits: &[u8]) -> bool {
    let prefix = |length: usize| {
        digits.iter().take(length).fold(0_u32, |value, digit| {
            value.saturating_mul(10).saturating_add(u32::from(*digit))
        })
    };
    let (one, two, three, four) = (prefix(1), prefix(2), prefix(3), prefix(4));
    let length = digits.len();
    match length {
        // Visa; Maestro
        13 => one == 4 || is_maestro(two, four),
        // Diners Club; Maestro
        14 => {
            two == 36
                || two == 38
                || two == 39
                || (300..=305).contains(&three)
                || is_maestro(two, four)
        }
        // American Express; JCB; Maestro
        15 => two == 34 || two == 37 || four == 2131 || four == 1800 || is_maestro(two, four),
        16 => {
            one == 4
                || (51..=55).contains(&two)
                || (2221..=2720).contains(&four)
                || (3528..=3589).contains(&four)
                || is_discover(two, three, four)
                || two == 62
                || two == 81
                || (2200..=2204).contains(&four)
                || is_rupay(two, three)
                || two == 30
                || two == 36
                || two == 38
                || two == 39
                || is_maestro(two, four)
        }
        // Maestro, UnionPay, JCB, Discover
        12 => is_maestro(two, four),
        17..=18 => {
            two == 62
                || (3528..=3589).contains(&four)
                || is_discover(two, three, four)
                || is_maestro(two, four)
        }
        // And Visa
        19 => {
            one == 4
                || two == 62
                || (3528..=3589).contains(&four)
                || is_discover(two, three, four)
                || is_maestro(two, four)
        }
        _ => false,
    }
}

fn is_maestro(two: u32, four: u32) -> bool {
    two == 50
        || (56..=58).contains(&two)
        || matches!(
            four,
            6304 | 6759 | 6761..=6763 | 6390 | 5018 | 5020 | 5038 | 5893
        )
        || two == 67
}

const fn is_discover(two: u32, three: u32, four: u32) -> bool {
    four == 6011 || two == 65 || (three >= 644 && three <= 649)
}

const fn is_rupay(two: u32, three: u32) -> bool {
    two == 60 || three == 508 || three == 353 || three == 356 || two == 82
}

/// ISO/IEC 7812-1 annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum = digits
        .iter()
        .rev()
        .enumerate()
        .fold(0_u32, |sum, (place, digit)| {
            let digit = u32::from(*digit);
            let counted = match (place % 2, digit) {
                (1, 5..) => digit.saturating_mul(2).saturating_sub(9),
                (1, _) => digit.saturating_mul(2),
                _ => digit,
            };
            sum.saturating_add(counted)
        });
    sum % 10 == 0 && digits.iter().any(|digit| *digit != 0)
}

const MIN_DIGITS: usize = 12;
const MAX_DIGITS: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(run: &str) -> Vec<&str> {
        find(run.as_bytes(), Context::default())
            .into_iter()
            .map(|span| &run[span])
            .collect()
    }

    #[test]
    fn cards() {
        for run in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4222222222222",
            "5555555555554444",
            "2223003122003222",
            "2720990000000007",
            "378282246310005",
            "3782 822463 10005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "213100000000001",
            "6759649826438453",
            "6304000000000000",
            "501800000009",
            "4000000000000000006",
            "6200000000000005",
        ] {
            assert_eq!(found(run), [run], "{run}");
        }
        assert_eq!(found("4111 1111 1111 1111 123"), ["4111 1111 1111 1111"]);
        assert_eq!(
            found("4111111111111111 5555555555554444"),
            ["4111111111111111", "5555555555554444"]
        );
        assert_eq!(found("4111111111111111."), ["4111111111111111"]);
        assert_eq!(found("-4111111111111111"), ["4111111111111111"]);
    }

    #[test]
    fn look_alikes() {
        for run in [
            "4111111111111112",
            "1700000000000",
            "1234567812345670",
            "0000000000000000",
            "41111111111111111",
            "x4111111111111111",
            "4111111111111111x",
            "4111111111111111_1",
            "1.4111111111111111",
            "4111111111111111.5",
            "4111 1111-1111 1111",
            "550e8400-e29b-41d4-a716-446655440000",
            "a-4111111111111111",
            "2026-11-24",
            "4111",
        ] {
            assert_eq!(found(run), Vec::<&str>::new(), "{run}");
        }
        let continued = Context {
            continued: true,
            announced: None,
        };
        assert_eq!(find(b"4111111111111111", continued), []);
    }
}
