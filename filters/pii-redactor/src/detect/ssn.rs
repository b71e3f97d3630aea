//! US_SSN: a United States social security number (area, group, serial; SSA rules since 2011).
//!
//! Acts alone when written with dashes; nine plain digits count only where the member's name says
//! what they are.

use std::ops::Range;

use super::{Context, Entity, digit_groups, digits_of};

/// The numbers in a run.
pub(super) fn find(run: &[u8], context: Context) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for groups in digit_groups(run, context) {
        let lengths: Vec<usize> = groups.iter().map(ExactSizeIterator::len).collect();
        let (Some(first), Some(last)) = (groups.first(), groups.last()) else {
            continue;
        };
        let announced = context.announced == Some(Entity::UsSsn);
        let separator = run.get(first.end);
        let shaped = match lengths.as_slice() {
            [3, 2, 4] => separator == Some(&b'-') || announced,
            [9] => announced,
            _ => false,
        };
        if shaped && is_issued(&digits_of(run, first.start..last.end)) {
            found.push(first.start..last.end);
        }
    }
    found
}

/// Whether the number can have been issued: areas 000, 666 and from 900, group 00 and serial 0000
/// never are, and a few became famous in print.
fn is_issued(digits: &[u8]) -> bool {
    let number = digits.iter().fold(0_u32, |value, digit| {
        value.saturating_mul(10).saturating_add(u32::from(*digit))
    });
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    let never = matches!(area, 0 | 666 | 900..) || group == 0 || serial == 0;
    let famous = matches!(number, 78_051_120 | 219_099_999 | 457_555_462);
    digits.len() == 9 && !never && !famous
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(run: &str, announced: Option<Entity>) -> Vec<&str> {
        let context = Context {
            continued: false,
            announced,
        };
        find(run.as_bytes(), context)
            .into_iter()
            .map(|span| &run[span])
            .collect()
    }

    #[test]
    fn numbers() {
        assert_eq!(found("123-45-6789", None), ["123-45-6789"]);
        assert_eq!(found("899-99-9999.", None), ["899-99-9999"]);
        let ssn = Some(Entity::UsSsn);
        assert_eq!(found("123456789", ssn), ["123456789"]);
        assert_eq!(found("123 45 6789", ssn), ["123 45 6789"]);
    }

    #[test]
    fn look_alikes() {
        for run in [
            "123456789",
            "123 45 6789",
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "123-00-4567",
            "123-45-0000",
            "078-05-1120",
            "1123-45-6789",
            "123-45-67890",
            "123-45-6789-1",
            "x123-45-6789",
            "2026-11-24",
            "12-345-6789",
        ] {
            assert_eq!(found(run, None), Vec::<&str>::new(), "{run}");
        }
    }
}
