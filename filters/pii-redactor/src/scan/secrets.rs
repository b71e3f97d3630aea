//! What is longer than a window: the rest of a token, a key or a value is swallowed as it comes.

use policy::finding::Category;

use super::TextScanner;
use crate::bytes::{Position as _, at, before, count_while, rest};
use crate::detect::{KeyLine, PRIVATE_KEY, Span, open_key, rest_of_key};
use crate::lexicon::Announcement;
use crate::plan::Plan;
use crate::redaction::{Found, Redaction};
use crate::spelled::Sink;

/// What goes on with the rest of a secret that began before this window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swallow {
    Nothing,
    /// The letters of a token.
    Token,
    /// All that belongs to the value.
    Value,
    /// A key over lines, behind a line of this kind.
    Key(KeyLine),
}

impl TextScanner {
    /// Writes what ends a line. Behind a line of a key it waits: the next line takes it along, or brings it
    /// back if it is none of the key.
    pub(crate) fn end_line(&mut self, end: &[u8], out: &mut Vec<u8>) {
        if self.is_in_key() {
            self.line_ends.extend_from_slice(end);
        } else {
            out.extend_from_slice(end);
        }
    }

    /// What follows is no line of a key, whatever it is.
    pub(crate) fn leave_key(&mut self, out: &mut Vec<u8>) {
        if self.is_in_key() {
            self.swallowing = Swallow::Nothing;
            out.append(&mut self.line_ends);
        }
    }

    /// Whether a key is being swallowed that may go on in the next text. The end of this line stays away
    /// then: the next line brings it back if it is none of the key.
    pub(crate) const fn is_in_key(&self) -> bool {
        matches!(self.swallowing, Swallow::Key(_))
    }

    /// A secret fills the text to its end: what follows may still be part of it.
    pub(super) fn run_on(&mut self, span: Span, last: bool, plan: &Plan) {
        // One that is in base64 has no lines.
        if span.entity == PRIVATE_KEY && at(&self.text, span.start) == b'-' {
            if let Some(line) = open_key(&self.text, span.start, span.end) {
                self.swallowing = Swallow::Key(line);
                self.swallowed_bytes = 0;
                self.line_ends.clear();
                if before(&self.text, span.end) == b'\r' {
                    self.line_ends.push(b'\r');
                }
            }
        } else if plan.category(span.entity) == Category::Security && !last {
            self.swallowing = Swallow::Token;
        }
    }

    /// Of a value that is too long to be held, its beginning says what it is. What takes its place leaves then,
    /// and nothing else of it. Returns whether that is so.
    pub(super) fn lose_value(&mut self, announcement: &Announcement, sink: &mut Sink<'_>) -> bool {
        let Some(kind) = sink.plan.whole_match(announcement, &self.text) else {
            return false;
        };
        let redaction = Redaction::of_kind(sink.plan, kind, None);
        let new = redaction.spelled(self.spelling);
        let found = Found {
            offset: self.raw_offset,
            length: 0,
            old: &self.raw,
            new: new.as_deref(),
        };
        redaction.record(sink.tally, found);
        let Some(new) = new else {
            // It only counts, so it goes on as any other text.
            return false;
        };
        sink.out.extend_from_slice(&new);
        self.swallowing = Swallow::Value;
        self.leave(self.text.len(), self.raw.len());
        true
    }

    /// Takes the rest of a secret away. Returns whether there is nothing else.
    pub(super) fn swallow(&mut self, last: bool, sink: &mut Sink<'_>) -> bool {
        let held = rest(&self.text, self.from);
        let (end, is_over) = match self.swallowing {
            Swallow::Nothing => return false,
            Swallow::Token => {
                let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+/=~".contains(&byte);
                let end = count_while(held, 0, token);
                (end, end < held.len())
            }
            Swallow::Value => (held.len(), false),
            Swallow::Key(line) => self.swallow_key(line, last, sink),
        };
        let cut = self.from.plus(end);
        let raw_cut = self.raw_position(cut);
        self.leave(cut, raw_cut);
        self.swallowed_bytes = self.swallowed_bytes.plus(end);
        // A beginning without an end must not take the rest of a body with it.
        let is_endless = self.is_in_key() && self.swallowed_bytes > MAX_KEY_BYTES;
        if is_over || is_endless {
            self.swallowing = Swallow::Nothing;
            self.swallowed_bytes = 0;
        }
        !(is_over || is_endless) || self.text.len() == self.from
    }

    /// How much of what is held belongs to a key, and whether the key is over. What stands between its
    /// lines goes with them.
    fn swallow_key(&mut self, line: KeyLine, last: bool, sink: &mut Sink<'_>) -> (usize, bool) {
        let held = rest(&self.text, self.from);
        let body = rest_of_key(held, line);
        let left = held.len().less(body.end);
        // The line that ends a key may be cut in two: its beginning stays for the next window.
        let is_cut = !last && body.end > 0 && left < KEY_END_BYTES;
        let is_blank = body.end == 0 && !body.is_over;
        if body.end == 0 && body.is_over || is_blank && self.line_ends.len() > MAX_LINE_ENDS {
            sink.out.append(&mut self.line_ends);
            return (0, true);
        }
        if body.end > 0 {
            self.line_ends.clear();
        }
        self.swallowing = Swallow::Key(body.line);
        if body.is_over && !is_cut {
            return (body.end, true);
        }
        if is_cut {
            return (body.end, false);
        }
        // Nothing but blanks is behind it.
        self.line_ends.extend_from_slice(rest(held, body.end));
        (held.len(), false)
    }
}

/// The most bytes that a private key may have.
const MAX_KEY_BYTES: usize = 32 * 1024;
/// More blank lines are not within a key.
const MAX_LINE_ENDS: usize = 8;
/// Longer than the line that ends a key.
const KEY_END_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use crate::fixtures::{plan_of, redacted};

    #[test]
    fn a_value_of_any_length_is_what_its_name_says() {
        let plan = plan_of(
            r#"{"rules":[{"detect":["API_KEY","MESSAGE_CONTENT","PERSON_NAME","US_SSN"]}]}"#,
        );
        let token = "aB3_".repeat(3000);
        let message = "See you at eight, +. ".repeat(900);
        let part = |name: &str, encoding: &str, value: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{value}\r\n--b--\r\n"
            )
        };
        for (name, value, label) in [
            ("access_token", &token, "[API_KEY]"),
            ("message_body", &message, "[MESSAGE_CONTENT]"),
            ("other", &token, ""),
        ] {
            let base64 = STANDARD.encode(value);
            let label_or = |value: &str| if label.is_empty() { value } else { label }.to_owned();
            let spelled = label_or(value);
            let form = spelled
                .replace(' ', "+")
                .replace('[', "%5B")
                .replace(']', "%5D");
            for (content_type, body, expected) in [
                (
                    "application/json",
                    format!("{{\"{name}\":\"{value}\",\"ssn\":536221234}}"),
                    format!("{{\"{name}\":\"{spelled}\",\"ssn\":\"[US_SSN]\"}}"),
                ),
                (
                    "application/x-www-form-urlencoded",
                    format!("{name}={}&ssn=536221234", value.replace(' ', "+")),
                    format!("{name}={form}&ssn=%5BUS_SSN%5D"),
                ),
                (
                    "text/csv",
                    format!("{name},ssn\n\"{value}\",536221234\n"),
                    format!("{name},ssn\n\"{spelled}\",[US_SSN]\n"),
                ),
                (
                    "multipart/form-data; boundary=b",
                    part(name, "binary", value),
                    part(name, "binary", &spelled),
                ),
                (
                    "multipart/form-data; boundary=b",
                    part(name, "quoted-printable", value),
                    part(name, "quoted-printable", &spelled),
                ),
                (
                    "multipart/form-data; boundary=b",
                    part(name, "base64", &base64),
                    part(name, "base64", &STANDARD.encode(&spelled)),
                ),
            ] {
                let out = redacted(&plan, content_type, &body);
                assert!(
                    out == expected,
                    "{content_type} {name}: {}",
                    &out[..200.min(out.len())]
                );
            }
        }
    }

    #[test]
    fn keys_in_base64_go_to_their_end() {
        let plan = plan_of(r#"{"presets":["secrets"]}"#);
        let key = |label: &str, count: usize| {
            let lines =
                "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n".repeat(count);
            STANDARD.encode(format!(
                "-----BEGIN {label}-----\n{lines}-----END {label}-----\n"
            ))
        };
        for label in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
        ] {
            for count in [1, 20, 80] {
                let body = format!(r#"{{"data":{{"a.pem":"{}","b":1}}}}"#, key(label, count));
                assert_eq!(
                    redacted(&plan, "application/json", &body),
                    r#"{"data":{"a.pem":"[PRIVATE_KEY]","b":1}}"#,
                    "{label} {count}"
                );
                let body = format!("data:\n  a.pem: {}\n  b: 1\n", key(label, count));
                assert_eq!(
                    redacted(&plan, "application/yaml", &body),
                    "data:\n  a.pem: \"[PRIVATE_KEY]\"\n  b: 1\n",
                    "{label} {count}"
                );
            }
        }
        for label in ["CERTIFICATE", "PUBLIC KEY"] {
            let body = format!(r#"{{"data":{{"a.pem":"{}","b":1}}}}"#, key(label, 20));
            assert_eq!(redacted(&plan, "application/json", &body), body);
        }
    }

    #[test]
    fn a_secret_in_a_text_may_be_longer_than_a_window() {
        let plan = plan_of(r#"{"presets":["secrets"]}"#);
        let token = "aB3/x+_-".repeat(1500);
        for (text, expected) in [
            ("api_key: ", "api_key: [API_KEY] and more"),
            ("the password=", "the password=[PASSWORD] and more"),
            (
                "Authorization: Bearer ",
                "Authorization: Bearer [API_KEY] and more",
            ),
        ] {
            for before in ["", &"words ".repeat(400)] {
                let body = format!("{before}{text}{token} and more");
                let out = redacted(&plan, "text/plain", &body);
                assert_eq!(out, format!("{before}{expected}"));
                let out = redacted(&plan, "application/json", &format!("[\"{body}\"]"));
                assert_eq!(out, format!("[\"{before}{expected}\"]"));
            }
        }
    }
}
