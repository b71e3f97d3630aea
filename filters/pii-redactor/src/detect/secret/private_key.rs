//! PRIVATE_KEY: a private key in PEM.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "PRIVATE_KEY",
    about: "A private key in PEM",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["private key"],
    examples: &[
        "-----BEGIN PRIVATE KEY-----MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEAq7BFUpkGp3-----END PRIVATE KEY-----",
    ],
    counterexamples: &["-----BEGIN CERTIFICATE-----MIIB-----END CERTIFICATE-----"],
};

/// The end of a key whose `-----BEGIN` is at `start`, and whether its own end is there too.
pub(crate) fn end(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let line = part(text, start, start.plus(64));
    let name = line.strip_prefix(b"-----BEGIN ")?;
    let label = crate::bytes::count_while(name, 0, |byte| byte != b'-');
    let label_text = part(name, 0, label);
    if !label_text.ends_with(b"PRIVATE KEY") && !label_text.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    match memchr::memmem::find(crate::bytes::rest(text, start.plus(10)), END) {
        Some(offset) => Some((closing_line(text, start.plus(10).plus(offset)), true)),
        None => Some((text.len(), false)),
    }
}

/// The end of what is left of a key that began before this text; `None` if it does not end here.
pub(crate) fn rest_end(text: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, END).map(|offset| closing_line(text, offset))
}

/// Behind the dashes that close the line at `end_mark`.
fn closing_line(text: &[u8], end_mark: usize) -> usize {
    let name = end_mark.plus(END.len());
    let label = crate::bytes::count_while(text, name, |byte| {
        byte.is_ascii_alphanumeric() || byte == b' '
    });
    let dashes = crate::bytes::count_while(text, name.plus(label), |byte| byte == b'-').min(5);
    name.plus(label).plus(dashes)
}

const END: &[u8] = b"-----END ";
