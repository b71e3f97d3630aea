//! EMAIL: an address as people and systems write it (RFC 5321 section 4.1.2, dot-atom form).
//!
//! Acts alone: the sign and the shape of the domain leave little room for doubt. A local part that
//! is longer than the standard allows is matched as far as it is held, so that a long prefix does
//! not hide an address.

use std::ops::Range;

/// The addresses in a run.
pub(super) fn find(run: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut free_from = 0;
    for (at, _) in run.iter().enumerate().filter(|(_, byte)| **byte == b'@') {
        let local = local_part(run, free_from, at);
        let domain = domain(run, at.saturating_add(1));
        if let (Some(local), Some(domain)) = (local, domain) {
            free_from = domain.end;
            found.push(local.start..domain.end);
        }
    }
    found
}

/// The name before the sign, without signs that only border it.
fn local_part(run: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let before = run.get(from..at)?;
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-'".contains(byte);
    let length = before
        .iter()
        .rev()
        .take_while(|byte| is_local(byte))
        .count();
    let start = at.checked_sub(length)?;
    let border = |byte: &&u8| matches!(**byte, b'.' | b'-' | b'\'');
    let trimmed = run.get(start..at)?.iter().take_while(border).count();
    let start = start.checked_add(trimmed)?;
    (start < at).then_some(start..at)
}

/// At least two labels, the last one a top-level domain: letters, or `xn--`.
fn domain(run: &[u8], start: usize) -> Option<Range<usize>> {
    let after = run.get(start..)?;
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let length = after.iter().take_while(|byte| is_domain(byte)).count();
    let text = after.get(..length)?;
    // What follows the address in a sentence is not part of it: shorten until it is a domain.
    (3..=text.len())
        .rev()
        .map(|end| (end, text.get(..end)))
        .find_map(|(end, candidate)| {
            let end = start.checked_add(end)?;
            is_domain_name(candidate?).then_some(start..end)
        })
}

fn is_domain_name(text: &[u8]) -> bool {
    let labels: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
    let well_formed = |label: &&[u8]| {
        (1..=63).contains(&label.len())
            && label.first() != Some(&b'-')
            && label.last() != Some(&b'-')
    };
    let top = labels.last().copied().unwrap_or_default();
    let top_level =
        top.len() >= 2 && (top.iter().all(u8::is_ascii_alphabetic) || top.starts_with(b"xn--"));
    labels.len() >= 2 && text.len() <= 253 && labels.iter().all(well_formed) && top_level
}

#[cfg(test)]
mod tests {
    use super::find;

    fn found(run: &str) -> Vec<&str> {
        find(run.as_bytes())
            .into_iter()
            .map(|span| &run[span])
            .collect()
    }

    #[test]
    fn addresses() {
        for (run, expected) in [
            ("jane.doe@example.com", "jane.doe@example.com"),
            ("JANE+tag@mail.example.co.uk", "JANE+tag@mail.example.co.uk"),
            ("o'brien@example.com", "o'brien@example.com"),
            ("'jane@example.com'", "jane@example.com"),
            ("jane@example.com.", "jane@example.com"),
            ("jane@example.com-", "jane@example.com"),
            ("a@b.xn--p1ai", "a@b.xn--p1ai"),
            ("..jane@example.com", "jane@example.com"),
            ("x@1.2.example.org", "x@1.2.example.org"),
        ] {
            assert_eq!(found(run), [expected], "{run}");
        }
        assert_eq!(found("a@b.com@c.com"), ["a@b.com"]);
        let long = format!("{}@example.com", "x".repeat(400));
        assert_eq!(found(&long), [long.as_str()]);
    }

    #[test]
    fn look_alikes() {
        for run in [
            "@example.com",
            "jane@",
            "jane@localhost",
            "jane@1.2.3.4",
            "a@b.c",
            "@",
            "jane@-x.com",
            "x@.com",
        ] {
            assert_eq!(found(run), Vec::<&str>::new(), "{run}");
        }
    }
}
