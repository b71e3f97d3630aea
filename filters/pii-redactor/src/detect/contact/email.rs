//! EMAIL: an e-mail address (RFC 5321, dot-atom form).

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "EMAIL",
    about: "An e-mail address (RFC 5321, dot-atom form)",
    presets: GDPR | CCPA | HIPAA,
    form: Form::Scanned,
    checked: true,
    words: &["email", "e mail", "mail", "email address"],
    examples: &["jane.doe+tag@mail.example.co.uk", "o'brien@example.com"],
    counterexamples: &["jane@localhost", "@example.com", "jane@1.2.3.4"],
};

/// The addresses in a text, from `from` on. A local part that is longer than the standard allows is
/// matched as far as it is held, so that a long prefix does not hide an address.
pub(crate) fn find(text: &[u8], from: usize, mut found: impl FnMut(usize, usize)) {
    let mut free_from = 0;
    let mut position = from;
    while let Some(offset) = memchr::memchr(b'@', crate::bytes::rest(text, position)) {
        let sign = position.plus(offset);
        position = sign.plus(1);
        let local = local_part(text, free_from, sign);
        let domain_end = domain(text, position);
        if let (Some(start), Some(end)) = (local, domain_end) {
            free_from = end;
            position = end;
            found(start, end);
        }
    }
}

/// The beginning of the name before the sign, without signs that only border it.
fn local_part(text: &[u8], from: usize, sign: usize) -> Option<usize> {
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"._%+-'".contains(&byte);
    let name = part(text, from, sign);
    let length = crate::bytes::count_while_back(name, name.len(), is_local);
    let start = sign.less(length);
    let border = |byte: u8| matches!(byte, b'.' | b'-' | b'\'');
    let start = start.plus(crate::bytes::count_while(
        part(text, 0, sign),
        start,
        border,
    ));
    (start < sign).then_some(start)
}

/// The end of a domain: at least two labels, the last one a top-level domain (letters, or `xn--`).
fn domain(text: &[u8], start: usize) -> Option<usize> {
    let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let length = crate::bytes::count_while(text, start, is_domain).min(MAX_DOMAIN_BYTES);
    let name = part(text, start, start.plus(length));
    // What follows the address in a sentence is not part of it: the longest beginning that is a
    // domain ends where a label ends.
    let mut end = None;
    let mut label_start = 0;
    let mut labels = 0_usize;
    while label_start < name.len() {
        let label_length = crate::bytes::count_while(name, label_start, |byte| byte != b'.');
        let label = part(name, label_start, label_start.plus(label_length));
        let trimmed =
            label
                .len()
                .less(crate::bytes::count_while_back(label, label.len(), |byte| {
                    byte == b'-'
                }));
        let label = part(label, 0, trimmed);
        if label.is_empty() || label.len() > 63 || label.first() == Some(&b'-') {
            break;
        }
        labels = labels.plus(1);
        // `example.com1` is no domain, but its beginning may be one: letters, as far as they go.
        let letters = crate::bytes::count_while(label, 0, |byte| byte.is_ascii_alphabetic());
        if labels >= 2 {
            if label.starts_with(b"xn--") {
                end = Some(label_start.plus(label.len()));
            } else if letters >= 2 {
                end = Some(label_start.plus(letters));
            }
        }
        if trimmed != label_length {
            break;
        }
        label_start = label_start.plus(label_length).plus(1);
    }
    end.map(|end| start.plus(end))
}

const MAX_DOMAIN_BYTES: usize = 253;
