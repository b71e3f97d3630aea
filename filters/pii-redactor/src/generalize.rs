//! Values that become less precise, so that many people share them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::action::Generalization;
use crate::bytes::{Position as _, enclosing_bytes};
use crate::detect::checksum::is_digits;

/// The value with less in it; `None` if it has no form that is known, and must go whole.
#[must_use]
pub fn apply(how: Generalization, value: &str) -> Option<String> {
    let value = value.trim();
    let enclosed = enclosing_bytes(value.as_bytes());
    let end = value.len().less(enclosed);
    let less = generalized(how, value.get(enclosed..end)?.trim())?;
    Some([value.get(..enclosed)?, &less, value.get(end..)?].concat())
}

fn generalized(how: Generalization, value: &str) -> Option<String> {
    match how {
        Generalization::Year | Generalization::YearOfLife => date(value).map(|(year, _)| year),
        Generalization::Month => {
            let (year, month) = date(value)?;
            Some(match month {
                Some(month) => format!("{year}-{month}"),
                None => year,
            })
        }
        Generalization::Zip3 => zip3(value),
        Generalization::Network(bits4, bits6) => network(value, bits4, bits6),
        Generalization::Decimals(decimals) => rounded(value, usize::from(decimals)),
        Generalization::AgeCap(cap) => {
            // `90.5`, `93 years`, `90+`: the years decide, and what is kept stays as it is.
            let digits = value.bytes().take_while(u8::is_ascii_digit).count();
            let age: u32 = value.get(..digits)?.parse().ok()?;
            let above = u32::from(cap).saturating_add(1);
            let behind = value.get(digits..)?.trim_start_matches([' ', '-']);
            // `1116 months`, `80-95`, `9.3e1`: the first number is not all that there is to it.
            let is_other = behind.starts_with(['m', 'M', 'w', 'W', 'd', 'D'])
                || value.contains(['e', 'E']) && !value.contains("ear")
                || behind.split(|c: char| !c.is_ascii_digit()).any(|number| {
                    number
                        .parse()
                        .is_ok_and(|number: u32| age < above && number >= above)
                });
            if is_other {
                return None;
            }
            let is_above = age >= above || age == u32::from(cap) && value.contains('+');
            Some(if is_above {
                above.to_string()
            } else {
                value.to_owned()
            })
        }
    }
}

/// The year with four digits, and the month if it stands beside it in the order of ISO 8601.
fn date(value: &str) -> Option<(String, Option<String>)> {
    let numbers: Vec<&str> = value
        .split(|character: char| !character.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .collect();
    // `19700506`
    let (year, rest) = match numbers.as_slice() {
        [whole] if whole.len() == 8 => (whole.get(..4)?, whole.get(4..6)),
        [first, second, ..] if first.len() == 4 && second.len() == 2 => (*first, Some(*second)),
        list => (*list.iter().find(|part| part.len() == 4)?, None),
    };
    let in_range = (1800..2200).contains(&year.parse::<u32>().ok()?);
    let month = rest.filter(|month| {
        month
            .parse()
            .is_ok_and(|month: u32| (1..=12).contains(&month))
    });
    in_range.then(|| (year.to_owned(), month.map(str::to_owned)))
}

fn zip3(value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    let is_zip = match bytes.len() {
        3 | 5 | 9 => is_digits(bytes),
        10 => {
            is_digits(bytes.get(..5)?) && bytes.get(5) == Some(&b'-') && is_digits(bytes.get(6..)?)
        }
        _ => false,
    };
    let area = value.get(..3).filter(|_| is_zip)?;
    Some(
        if SPARSE_AREAS.contains(&area) {
            "000"
        } else {
            area
        }
        .to_owned(),
    )
}

fn network(value: &str, bits4: u8, bits6: u8) -> Option<String> {
    if let Ok(address) = value.parse::<Ipv4Addr>() {
        let mask = u32::MAX
            .checked_shl(32_u32.saturating_sub(u32::from(bits4)))
            .unwrap_or(0);
        return Some(Ipv4Addr::from_bits(address.to_bits() & mask).to_string());
    }
    let address: Ipv6Addr = value.parse().ok()?;
    let mask = u128::MAX
        .checked_shl(128_u32.saturating_sub(u32::from(bits6)))
        .unwrap_or(0);
    Some(Ipv6Addr::from_bits(address.to_bits() & mask).to_string())
}

/// Each number of the text cut to so many decimals: cutting is the coarser rounding, and needs no
/// arithmetic.
fn rounded(value: &str, decimals: usize) -> Option<String> {
    let is_coordinate =
        |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | ',' | ';' | ' ');
    // With a comma for the point, or without one, there is nothing to cut.
    let whole_numbers = value.split(|c: char| !c.is_ascii_digit() && c != '.');
    let is_whole = |number: &str| !number.contains('.') && number.len() > 3;
    if value.is_empty()
        || !value.chars().all(is_coordinate)
        || whole_numbers.clone().any(is_whole)
        || value.contains(',') && !value.contains('.')
    {
        return None;
    }
    let mut out = String::with_capacity(value.len());
    let mut seen: Option<usize> = None;
    for character in value.chars() {
        match (character, seen) {
            ('.', _) => {
                seen = Some(0);
                if decimals > 0 {
                    out.push(character);
                }
            }
            ('0'..='9', Some(count)) => {
                seen = Some(count.saturating_add(1));
                if count < decimals {
                    out.push(character);
                }
            }
            ('0'..='9', None) => out.push(character),
            _ => {
                seen = None;
                out.push(character);
            }
        }
    }
    Some(out)
}

/// The areas of three digits with 20,000 people or fewer by the census of 2000, as the guidance of the Department of
/// Health and Human Services on de-identification lists them, and by that of 2010 (ZIP Code Tabulation Areas, Bureau of
/// the Census): 45 CFR 164.514(b)(2)(i)(B) asks for current data, and an area that either census has is too small to tell.
const SPARSE_AREAS: [&str; 21] = [
    "036", "059", "063", "102", "203", "205", "369", "556", "692", "753", "772", "790", "821",
    "823", "830", "831", "878", "879", "884", "890", "893",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_left_and_twice_is_once() {
        for (how, value, expected) in [
            (Generalization::Year, "1970-05-06", Some("1970")),
            (Generalization::Year, "06.05.1970", Some("1970")),
            (Generalization::Year, "May 6, 1970", Some("1970")),
            (Generalization::Year, "19700506", Some("1970")),
            (Generalization::Year, "1970-05-06T10:00:00Z", Some("1970")),
            (Generalization::Year, "5/6/70", None),
            (Generalization::Year, "unknown", None),
            (Generalization::Month, "1970-05-06", Some("1970-05")),
            (Generalization::Month, "5/6/1970", Some("1970")),
            (Generalization::Zip3, "94110", Some("941")),
            (Generalization::Zip3, "94110-1234", Some("941")),
            (Generalization::Zip3, "03601", Some("000")),
            (Generalization::Zip3, "SW1A 1AA", None),
            (
                Generalization::Network(24, 48),
                "203.0.113.7",
                Some("203.0.113.0"),
            ),
            (
                Generalization::Network(0, 48),
                "203.0.113.7",
                Some("0.0.0.0"),
            ),
            (
                Generalization::Network(24, 48),
                "2001:db8:1:2::3",
                Some("2001:db8:1::"),
            ),
            (Generalization::Decimals(2), "52.52001", Some("52.52")),
            (
                Generalization::Decimals(2),
                "-122.4194, 37.1",
                Some("-122.41, 37.1"),
            ),
            (Generalization::Decimals(0), "52.52", Some("52")),
            (Generalization::Decimals(2), "north", None),
            (Generalization::AgeCap(89), "42", Some("42")),
            (Generalization::AgeCap(89), "97", Some("90")),
            (Generalization::AgeCap(89), "90.5", Some("90")),
            (Generalization::AgeCap(89), "93 years", Some("90")),
            (Generalization::AgeCap(89), "90+", Some("90")),
            (Generalization::AgeCap(89), "42 years", Some("42 years")),
            (Generalization::AgeCap(89), "-1", None),
        ] {
            let once = apply(how, value);
            assert_eq!(once.as_deref(), expected, "{value}");
            if let Some(once) = once {
                assert_eq!(apply(how, &once), Some(once.clone()), "{value} twice");
            }
        }
    }
}
