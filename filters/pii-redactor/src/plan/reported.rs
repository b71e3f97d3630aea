//! Values that errors of databases repeat, with the columns that they are of: `Key (ssn)=(536221234) already exists`,
//! `Duplicate entry 'jane' for key 'users.username'`.

use memchr::memmem;

use super::Plan;
use crate::bytes::{Position as _, part, rest};
use crate::detect::Span;
use crate::lexicon::Announcement;
use crate::steps::step;

impl Plan {
    /// Finds such values from a place on.
    pub(super) fn find_reported(&self, text: &[u8], from: usize, spans: &mut Vec<Span>) {
        if self.lexicon.is_empty() {
            return;
        }
        step(text.len() / 8);
        if memchr::memchr2(b'(', b'\'', rest(text, from)).is_none() {
            return;
        }
        self.find_keys(text, from, spans);
        self.find_quoted(text, from, spans);
        self.find_duplicate(text, from, spans);
    }

    /// `Key (first_name, dob)=(Jane, 1970-05-04) already exists.` of PostgreSQL.
    fn find_keys(&self, text: &[u8], from: usize, spans: &mut Vec<Span>) {
        let mut position = from;
        while let Some(sign) = memmem::find(rest(text, position), b")=(") {
            let names_end = position.plus(sign);
            let start = names_end.plus(3);
            position = start;
            let head = part(text, names_end.less(MAX_BYTES), names_end);
            let Some(key) = memmem::rfind(head, b"Key (") else {
                continue;
            };
            step(MAX_BYTES / 4);
            let names = rest(head, key.plus(5));
            let behind = part(text, start, start.plus(MAX_BYTES));
            let ends: [&[u8]; 3] = [b") already", b") is ", b") conflicts"];
            let end = ends
                .iter()
                .filter_map(|end| memmem::find(behind, end))
                .min();
            let end = end.or_else(|| memchr::memchr(b')', behind));
            let values = part(behind, 0, end.unwrap_or(behind.len()));
            position = start.plus(values.len());
            let commas = |list: &[u8]| memmem::find_iter(list, b", ").count();
            if commas(names) != commas(values) {
                self.find_one(text, names, (start, position), spans);
                continue;
            }
            let (mut names, mut place) = (names, start);
            for _ in 0..=commas(names) {
                let length = |list| memmem::find(list, b", ");
                let name = length(names).unwrap_or(names.len());
                let value = length(part(text, place, position)).unwrap_or(position.less(place));
                self.find_one(
                    text,
                    part(names, 0, name),
                    (place, place.plus(value)),
                    spans,
                );
                names = rest(names, name.plus(2));
                place = place.plus(value).plus(2);
            }
        }
    }

    /// `Duplicate entry 'jane' for key 'users.username'` and `Incorrect date value: 'x' for column 'dob'` of MySQL.
    fn find_quoted(&self, text: &[u8], from: usize, spans: &mut Vec<Span>) {
        let mut position = from;
        while let Some(sign) = memmem::find(rest(text, position), b"' for ") {
            let end = position.plus(sign);
            position = end.plus(6);
            let behind = part(text, position, position.plus(MAX_BYTES));
            let name = [&b"key '"[..], b"column '"]
                .iter()
                .find_map(|word| behind.strip_prefix(*word));
            let head = part(text, end.less(MAX_BYTES), end);
            if let Some(name) = name
                && let Some(begin) = memmem::rfind(head, b" '")
            {
                step(MAX_BYTES / 8);
                let length = memchr::memchr(b'\'', name).unwrap_or(name.len());
                let start = end.less(head.len()).plus(begin).plus(2);
                self.find_one(text, part(name, 0, length), (start, end), spans);
            }
        }
    }

    /// `Violation of UNIQUE KEY constraint 'UQ_ssn'. … The duplicate key value is (536221234).` of SQL Server.
    fn find_duplicate(&self, text: &[u8], from: usize, spans: &mut Vec<Span>) {
        let words = b"key value is (";
        let Some(place) = memmem::find(rest(text, from), words) else {
            return;
        };
        let start = from.plus(place).plus(words.len());
        let head = part(text, start.less(4 * MAX_BYTES), start);
        let quoted = [&b"constraint '"[..], b"index '"]
            .iter()
            .find_map(|word| memmem::rfind(head, word).map(|place| place.plus(word.len())));
        if let Some(name) = quoted {
            step(MAX_BYTES / 2);
            let name = rest(head, name);
            let length = memchr::memchr(b'\'', name).unwrap_or(0);
            let behind = part(text, start, start.plus(MAX_BYTES));
            let value = memchr::memchr(b')', behind).unwrap_or(behind.len());
            self.find_one(
                text,
                part(name, 0, length),
                (start, start.plus(value)),
                spans,
            );
        }
    }

    /// What a value is by the name of its column.
    fn find_one(
        &self,
        text: &[u8],
        name: &[u8],
        (start, end): (usize, usize),
        spans: &mut Vec<Span>,
    ) {
        let announcement = Announcement {
            is_paired: true,
            ..self.lexicon.of_name(b"", name)
        };
        if announcement.kinds.is_empty() {
            return;
        }
        let mut found = Vec::new();
        self.search(part(text, start, end), 0, &announcement, true, &mut found);
        spans.extend(found.into_iter().map(|span| Span {
            start: start.plus(span.start),
            end: start.plus(span.end),
            ..span
        }));
    }
}

/// Names and values are not longer.
const MAX_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use crate::fixtures::{assert_redacts, plan_of};

    #[test]
    fn errors_of_databases_are_read_in_every_format() {
        let plan = plan_of(r#"{"presets":["gdpr"]}"#);
        // Nothing else in them would be looked at: no digit, no `@`, no sign of a setting.
        let error = "Duplicate entry 'Jane' for key 'users.firstname'";
        let left = "Duplicate entry '[PERSON_NAME]' for key 'users.firstname'";
        let form = |text: &str| {
            text.replace(' ', "+")
                .replace('[', "%5B")
                .replace(']', "%5D")
        };
        for (content_type, body, expected) in [
            ("text/plain", error.to_owned(), left.to_owned()),
            (
                "application/yaml",
                format!("- {error}\n"),
                format!("- {left}\n"),
            ),
            (
                "application/json",
                format!("{{\"m\":\"{error}\"}}"),
                format!("{{\"m\":\"{left}\"}}"),
            ),
            (
                "application/xml",
                format!("<a>{error}</a>"),
                format!("<a>{left}</a>"),
            ),
            (
                "text/csv",
                format!("m,n\n{error},b\n"),
                format!("m,n\n{left},b\n"),
            ),
            (
                "text/event-stream",
                format!("data: {error}\n\n"),
                format!("data: {left}\n\n"),
            ),
            (
                "application/x-www-form-urlencoded",
                format!("m={}", form(error)),
                format!("m={}", form(left)),
            ),
            (
                "multipart/form-data; boundary=b",
                format!(
                    "--b\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n{error}\r\n--b--\r\n"
                ),
                format!(
                    "--b\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n{left}\r\n--b--\r\n"
                ),
            ),
        ] {
            assert_redacts(&plan, content_type, &[(&body, &expected)]);
        }
    }
}
