//! A part in quoted-printable: a text, unless it begins like JSON.

use std::rc::Rc;

use crate::names::KeyInfo;
use crate::plan::Plan;
use crate::rewriter::begins_json;
use crate::tally::Tally;
use crate::text::{TextForm, TextRewriter};

/// Rewrites one part in quoted-printable.
#[derive(Debug)]
pub(super) struct QuotedText {
    text: TextRewriter,
    beginning: Beginning,
}

/// What the text begins with, once it is decoded. Readers that know nothing of the encoding read the
/// same beginning, where it is JSON to them.
#[derive(Debug, Default)]
struct Beginning {
    /// An escape, as far as it is there.
    escape: Vec<u8>,
    /// The first bytes, but for white space.
    bytes: Vec<u8>,
    is_json: Option<bool>,
}

impl QuotedText {
    /// A rewriter for the part whose name announces this.
    pub(super) fn new(plan: &Rc<Plan>, info: &KeyInfo) -> Self {
        let mut text = TextRewriter::new(Rc::clone(plan), TextForm::QuotedPrintable);
        text.announce(info.announcement());
        Self {
            text,
            beginning: Beginning::default(),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        self.beginning.take(bytes);
        self.text.write(bytes, out, tally);
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.text.finish(out, tally);
    }

    /// Bytes that are held at the moment.
    pub(super) fn held(&self) -> usize {
        self.text.held()
    }

    /// Whether it is a document, whose members are not read here.
    pub(super) fn is_document(&self) -> bool {
        self.beginning.is_json == Some(true)
    }
}

impl Beginning {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.is_json.is_some() {
                return;
            }
            if self.escape.is_empty() && *byte != b'=' {
                self.push(*byte);
                continue;
            }
            // White space may have come to the end of a line on its way.
            if self.escape.len() == 1 && matches!(byte, b' ' | b'\t') {
                continue;
            }
            self.escape.push(*byte);
            match self.escape.as_slice() {
                // The line goes on in the next one.
                [.., b'\n'] => self.escape.clear(),
                [_, high, low] => {
                    let digits = [*high, *low];
                    let code = std::str::from_utf8(&digits).ok();
                    let decoded = code.and_then(|code| u8::from_str_radix(code, 16).ok());
                    self.escape.clear();
                    self.push(decoded.unwrap_or(b'='));
                }
                _ => {}
            }
        }
    }

    fn push(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            return;
        }
        self.bytes.push(byte);
        let text = self.bytes.strip_prefix(BYTE_ORDER_MARK);
        let text = text.unwrap_or(&self.bytes);
        if !BYTE_ORDER_MARK.starts_with(text) {
            self.is_json = begins_json(text);
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
