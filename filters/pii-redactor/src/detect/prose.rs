//! What prose says about people in forms of its own: days with the names of months, ages over 89, and numbers of
//! which the beginning has been masked.

use super::Confidence;
use super::find::{Span, Text};
use super::kind::{AGE, US_SSN_LAST4};
use crate::bytes::{Position as _, at, before, count_while, part, rest};
use crate::steps::step;

/// Finds what no name needs to announce.
pub(super) fn find(text: &Text<'_>, spans: &mut Vec<Span>) {
    let mut push = |entity: u8, start: usize, end: usize| {
        if start >= text.from {
            spans.push(Span {
                start,
                end,
                entity,
                confidence: Confidence::Medium,
            });
        }
    };
    step(text.bytes.len() / 8);
    if text.assignable.has(US_SSN_LAST4) {
        masked(text.bytes, |start, end| push(US_SSN_LAST4, start, end));
    }
    if text.assignable.has(AGE) {
        ages(text.bytes, |start, end| push(AGE, start, end));
    }
}

/// Finds social security numbers of which only the last digits are shown: `***-**-1234`, `xxx-xx-1234`.
fn masked(text: &[u8], mut found: impl FnMut(usize, usize)) {
    let is_mask = |byte: &u8| matches!(byte, b'*' | b'x' | b'X' | b'#');
    for dash in memchr::memchr_iter(b'-', text) {
        step(1);
        let behind = part(text, dash.plus(1), dash.plus(5));
        if before(text, dash).is_ascii_alphanumeric() && !is_mask(&before(text, dash)) || dash < 6 {
            continue;
        }
        let head = part(text, dash.less(6), dash);
        let is_masked = matches!(head, [area @ .., b'-', first, second]
            if area.iter().all(is_mask) && is_mask(first) && is_mask(second));
        let is_number = behind.len() == 4 && behind.iter().all(u8::is_ascii_digit);
        if is_masked && is_number && !at(text, dash.plus(5)).is_ascii_alphanumeric() {
            found(dash.plus(1), dash.plus(5));
        }
    }
}

/// `93 years old`, `a 93-year-old`, `93 y/o`, `93yo`: of ages over 89, the number.
fn ages(text: &[u8], mut found: impl FnMut(usize, usize)) {
    for unit in memchr::memchr2_iter(b'y', b'Y', text) {
        step(1);
        let joint = usize::from(matches!(before(text, unit), b' ' | b'-'));
        let end = unit.less(joint);
        if !before(text, end).is_ascii_digit() || !says_old(rest(text, unit)) {
            continue;
        }
        let start = end.less(if before(text, end.less(2)).is_ascii_digit() {
            3
        } else {
            2
        });
        if is_over_89(part(text, start, end)) && !is_inside(before(text, start)) {
            found(start, end);
        }
    }
}

fn says_old(text: &[u8]) -> bool {
    let text = part(text, 0, 16).to_ascii_lowercase();
    [&b"y/o"[..], b"yo", b"years", b"year", b"yrs", b"yr"]
        .iter()
        .find_map(|unit| text.strip_prefix(*unit).map(|behind| (unit, behind)))
        .is_some_and(|(unit, behind)| {
            let is_end = !at(behind, 0).is_ascii_alphanumeric();
            let behind = behind
                .strip_prefix(b" ")
                .or_else(|| behind.strip_prefix(b"-"));
            let is_old =
                behind.is_some_and(|word| word.starts_with(b"old") || word.starts_with(b"of age"));
            is_end && (is_old || unit.len() < 4 && unit.ends_with(b"o"))
        })
}

/// Whether a number is an age that the Safe Harbor of HIPAA does not let stay.
pub(super) fn is_over_89(number: &[u8]) -> bool {
    number.iter().all(u8::is_ascii_digit) && (90..=125).contains(&crate::bytes::number(number))
}

/// Whether what is behind a number says that it counts something else than years.
pub(super) fn is_of_another_unit(behind: &[u8]) -> bool {
    let word = behind.strip_prefix(b" ").unwrap_or(behind);
    let length = count_while(word, 0, |byte| byte.is_ascii_alphabetic());
    let word = part(word, 0, length).to_ascii_lowercase();
    at(behind, 0) == b'%'
        || is_inside(at(behind, 0)) && !at(behind, 0).is_ascii_alphabetic()
        || matches!(
            word.as_slice(),
            b"s" | b"sec"
                | b"secs"
                | b"second"
                | b"seconds"
                | b"ms"
                | b"m"
                | b"min"
                | b"mins"
                | b"minute"
                | b"minutes"
                | b"h"
                | b"hour"
                | b"hours"
                | b"d"
                | b"day"
                | b"days"
                | b"week"
                | b"weeks"
                | b"month"
                | b"months"
                | b"percent"
        )
}

const fn is_inside(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'/' | b':')
}

/// The end of a day that is written with the name of its month and all of its year: `November 10, 1980`,
/// `10 Nov 1980`, `the 10th of November 1980`.
pub(super) fn written_date(text: &[u8], start: usize) -> Option<usize> {
    let mut position = start;
    let mut has_month = false;
    for _ in 0..MAX_WORDS {
        let length = count_while(text, position, |byte| {
            byte.is_ascii_alphanumeric() || byte >= 0x80
        });
        let word = part(text, position, position.plus(length));
        let digits = count_while(word, 0, |byte| byte.is_ascii_digit());
        let behind = rest(word, digits).to_ascii_lowercase();
        let is_word = match (digits, behind.as_slice()) {
            (4, b"") => {
                let is_year = has_month && (1800..2200).contains(&crate::bytes::number(word));
                return is_year.then_some(position.plus(length));
            }
            (1..=2, b"" | b"st" | b"nd" | b"rd" | b"th") => true,
            (0, b"the" | b"of" | b"de" | b"den") => true,
            (0, letters) if length >= 3 => {
                let first = part(letters, 0, 3);
                let is_month = length <= 10 && MONTHS.contains(&first);
                has_month |= is_month;
                is_month || letters.ends_with(b"day")
            }
            _ => false,
        };
        if !is_word {
            return None;
        }
        position = position.plus(length);
        let signs = count_while(part(text, 0, position.plus(3)), position, |byte| {
            matches!(byte, b' ' | b',' | b'.' | b'-' | b'/')
        });
        position = position.plus(signs);
    }
    None
}

#[rustfmt::skip]
const MONTHS: &[&[u8]] = &[
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
    b"mai", b"okt", b"dez", b"m\xc3\xa4", b"f\xc3\xa9", b"avr", b"jui", b"d\xc3\xa9", b"ene", b"abr", b"ago", b"dic",
];
const MAX_WORDS: usize = 6;

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use crate::fixtures::{assert_keeps, plan_of, redacted};
    use crate::plan::Plan;

    /// By itself and as a string of a document.
    #[track_caller]
    fn redacts(plan: &Rc<Plan>, text: &str, expected: &str) {
        assert_eq!(redacted(plan, "text/plain", text), expected);
        let document = format!("[{text:?}]");
        assert_eq!(
            redacted(plan, "application/json", &document),
            format!("[{expected:?}]")
        );
    }

    #[test]
    fn prose_about_people() {
        let plan = plan_of(r#"{"presets":["hipaa"]}"#);
        for (text, expected) in [
            ("SSN ending in 1234.", "SSN ending in [US_SSN_LAST4]."),
            ("last 4 of SSN: 1234", "last 4 of SSN: [US_SSN_LAST4]"),
            ("SSN last four: 1234", "SSN last four: [US_SSN_LAST4]"),
            (
                "ssn xxx-xx-1234, ***-**-1234",
                "ssn xxx-xx-[US_SSN_LAST4], ***-**-[US_SSN_LAST4]",
            ),
            ("born on November 10, 1980 in Rome", "born on 1980 in Rome"),
            ("DOB: 10 Nov 1980", "DOB: 1980"),
            (
                "DOB 12/10/1971, MRN 0012345",
                "DOB 1971, MRN [MEDICAL_RECORD]",
            ),
            ("DOB: 1971-12-10T00:00:00Z", "DOB: 1971"),
            (
                "date of birth is the 10th of November 1980",
                "date of birth is 1980",
            ),
            ("MRN #0012345", "MRN #[MEDICAL_RECORD]"),
            (
                "a 93-year-old, 93 years old, 42 years old",
                "a 90-year-old, 90 years old, 42 years old",
            ),
            (
                "93 y/o, 93yo, Age: 93, aged 93, age 42",
                "90 y/o, 90yo, Age: 90, aged 90, age 42",
            ),
        ] {
            redacts(&plan, text, expected);
        }
        assert_keeps(
            &plan,
            "text/plain",
            &[
                "max-age=93, cache age: 93 seconds, age 93%, age: 93 days, page 93",
                "it took 93 years to build, 93 yards, 1.93 years old",
                "xxx-xx-12345, a-**-1234, born in the USA, born 4 May",
                "the medical record 2019 was updated, SSN ending in 12345",
            ],
        );
    }

    #[test]
    fn credentials_behind_a_scheme() {
        let plan = plan_of(r#"{"presets":["secrets"]}"#);
        for (text, expected) in [
            (
                "curl -H 'Authorization: Bearer abcdefghijklmnop1234' x",
                "curl -H 'Authorization: Bearer [API_KEY]' x",
            ),
            (
                "authorization=bearer abcdefghijklmnop1234",
                "authorization=bearer [API_KEY]",
            ),
            (
                "got BEARER  abcdefghijklmnop1234.",
                "got BEARER  [API_KEY].",
            ),
            (
                r#"sent {"Authorization": "Token 9944b09199c6"}"#,
                r#"sent {"Authorization": "Token [API_KEY]"}"#,
            ),
            (
                "authorization: basic amFuZTpodW50ZXIy",
                "authorization: basic [API_KEY]",
            ),
            (
                "Authorization: Basic amFuZTpodW50ZXIy",
                "Authorization: [BASIC_AUTH]",
            ),
            (
                "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlc2lnbmF0dXJl",
                "Authorization: Bearer [JWT]",
            ),
        ] {
            redacts(&plan, text, expected);
        }
        assert_keeps(
            &plan,
            "text/plain",
            &[
                "Bearer authentication is required",
                "bearer of the news",
                "Authorization: Bearer",
            ],
        );
    }

    #[test]
    fn what_a_name_or_a_line_announces_is_found_whatever_is_between() {
        let plan = plan_of(r#"{"presets":["ccpa","hipaa","secrets"]}"#);
        for (content_type, text, expected) in [
            (
                "text/plain",
                "ip:2001:db8::1 client_ip:2001:db8::ff00:42:8329 mac:00:1A:2B:3C:4D:5E",
                "ip:[IP_ADDRESS] client_ip:[IP_ADDRESS] mac:[MAC_ADDRESS]",
            ),
            (
                "text/plain",
                "SSNs: 536221000,\n      536221001,\n      536221002\n536221003 orders\n",
                "SSNs: [US_SSN],\n      [US_SSN],\n      [US_SSN]\n536221003 orders\n",
            ),
            (
                "text/html",
                "<p>SSNs:</p><ul><li>536221000</li><li>536221001</li> <li>536221002</li></ul>",
                "<p>SSNs:</p><ul><li>[US_SSN]</li><li>[US_SSN]</li> <li>[US_SSN]</li></ul>",
            ),
            (
                "application/json",
                r#"{"téléphone":"01 23 45 67 89"}"#,
                r#"{"téléphone":"[PHONE]"}"#,
            ),
        ] {
            assert_eq!(redacted(&plan, content_type, text), expected);
        }
    }

    #[test]
    fn keys_go_whole_however_their_lines_end() {
        let plan = plan_of(r#"{"presets":["secrets"]}"#);
        let line = "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEAq7BFUpkGp3abcdef";
        for end in [
            "\n", "\r\n", " \n", "\t\r\n", "<br>\n", "\n> ", "\n# ", "\n    ", r"\n", r"\\n",
            r"\\\\n",
        ] {
            let key = [
                "key: -----BEGIN PRIVATE KEY-----",
                line,
                line,
                "MIIB",
                "-----END PRIVATE KEY-----",
            ]
            .join(end);
            for content_type in ["text/plain", "application/yaml"] {
                let out = redacted(&plan, content_type, &format!("{key}{end}next: 1\n"));
                // In YAML a label is in quotes.
                let out = out.replace(['"', '\''], "");
                assert!(
                    out.starts_with("key: [PRIVATE_KEY]") && out.ends_with("next: 1\n"),
                    "{end:?}: {out}"
                );
                assert!(
                    !out.contains("MII") && !out.contains("END"),
                    "{end:?}: {out}"
                );
            }
            let out = redacted(&plan, "application/json", &format!("[{key:?}]"));
            assert_eq!(out, r#"["key: [PRIVATE_KEY]"]"#, "{end:?}");
        }
    }
}
