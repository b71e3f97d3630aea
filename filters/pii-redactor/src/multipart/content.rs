//! What is in a part, and how it is rewritten.

use std::rc::Rc;

use super::base64_lines::Base64Lines;
use super::quoted::QuotedText;
use crate::bytes::{part, rest};
use crate::malformed::{Malformed, Unsearched};
use crate::plan::Plan;
use crate::rewriter::Rewriter;
use crate::spelled::Sink;
use crate::tally::Tally;
use crate::text::{TextForm, TextRewriter};
use crate::value::ValueScanner;

/// The content of a part, or what stands outside of parts.
#[derive(Debug)]
pub(super) enum Content {
    /// What stands outside of parts.
    Text(Box<TextRewriter>),
    /// Text in quoted-printable (RFC 2045, section 6.7).
    Quoted(Box<QuotedText>),
    /// A part, as its type says.
    Typed(Box<Rewriter>),
    /// A text that an action is applied to as a whole.
    Whole(Box<ValueScanner>),
    /// Any of these in base64.
    Base64(Box<Base64Content>),
    /// What cannot be read: as it is.
    Raw,
    Dropped,
}

#[derive(Debug)]
pub(super) struct Base64Content {
    lines: Base64Lines,
    inner: Content,
    /// Something came that is no base64: it and the rest are text.
    is_broken: bool,
}

impl Content {
    /// What stands outside of parts. It has no members, and may not pass where only those do.
    pub(super) fn text(plan: &Rc<Plan>) -> Self {
        if plan.minimizes_bodies() {
            return Self::Dropped;
        }
        let text = TextRewriter::new(Rc::clone(plan), TextForm::Plain);
        Self::Text(Box::new(text))
    }

    /// The same content, encoded in base64.
    pub(super) fn in_base64(self) -> Self {
        Self::Base64(Box::new(Base64Content {
            lines: Base64Lines::default(),
            inner: self,
            is_broken: false,
        }))
    }

    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        plan: &Rc<Plan>,
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) {
        match self {
            Self::Text(text) => text.write(bytes, out, tally),
            Self::Quoted(text) => text.write(bytes, out, tally),
            Self::Typed(typed) => typed.write(bytes, out, tally),
            Self::Whole(value) => value.push(bytes, &mut Sink { plan, out, tally }),
            Self::Base64(content) => content.write(bytes, plan, out, tally),
            Self::Raw => out.extend_from_slice(bytes),
            Self::Dropped => {}
        }
    }

    pub(super) fn finish(&mut self, plan: &Rc<Plan>, out: &mut Vec<u8>, tally: &mut Tally) {
        match self {
            Self::Text(text) => text.finish(out, tally),
            Self::Quoted(text) => text.finish(out, tally),
            Self::Typed(typed) => typed.finish(out, tally),
            Self::Whole(value) => value.end(&mut Sink { plan, out, tally }),
            Self::Base64(content) => content.finish(plan, out, tally),
            Self::Raw | Self::Dropped => {}
        }
    }

    /// Bytes that are held at the moment.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Text(text) => text.held(),
            Self::Quoted(text) => text.held(),
            Self::Typed(typed) => typed.held(),
            Self::Whole(value) => value.held(),
            Self::Base64(content) => content.lines.held().saturating_add(content.inner.held()),
            Self::Raw | Self::Dropped => 0,
        }
    }

    pub(super) fn malformed(&self) -> Option<Malformed> {
        match self {
            Self::Typed(typed) => typed.malformed(),
            Self::Base64(content) => content.inner.malformed(),
            _ => None,
        }
    }

    pub(super) fn unsearched(&self) -> Unsearched {
        match self {
            Self::Typed(typed) => typed.unsearched(),
            Self::Quoted(text) => Unsearched {
                encoded_parts: u64::from(text.is_document()),
                ..Unsearched::default()
            },
            Self::Base64(content) => {
                let mut unsearched = content.inner.unsearched();
                unsearched.encoded_parts = unsearched
                    .encoded_parts
                    .saturating_add(u64::from(content.is_broken));
                unsearched
            }
            _ => Unsearched::default(),
        }
    }
}

impl Base64Content {
    fn write(&mut self, bytes: &[u8], plan: &Rc<Plan>, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.is_broken {
            return self.inner.write(bytes, plan, out, tally);
        }
        let (mut text, mut new) = (Vec::new(), Vec::new());
        let taken = self.lines.decode(bytes, &mut text);
        self.inner.write(&text, plan, &mut new, tally);
        self.lines.encode(&new, out);
        if taken < bytes.len() {
            self.end_lines(plan, out, tally);
            self.is_broken = true;
            self.inner = Content::text(plan);
            self.inner.write(rest(bytes, taken), plan, out, tally);
        }
    }

    fn finish(&mut self, plan: &Rc<Plan>, out: &mut Vec<u8>, tally: &mut Tally) {
        if self.is_broken {
            self.inner.finish(plan, out, tally);
        } else {
            self.end_lines(plan, out, tally);
        }
    }

    fn end_lines(&mut self, plan: &Rc<Plan>, out: &mut Vec<u8>, tally: &mut Tally) {
        let (mut text, mut new) = (Vec::new(), Vec::new());
        self.lines.decode_rest(&mut text);
        self.inner.write(&text, plan, &mut new, tally);
        self.inner.finish(plan, &mut new, tally);
        self.lines.encode(&new, out);
        self.lines.encode_rest(out);
    }
}

/// A text as the transfer encoding of the part wants it.
pub(super) fn in_encoding(text: &[u8], is_base64: bool) -> Vec<u8> {
    if !is_base64 {
        return text.to_vec();
    }
    let mut lines = Base64Lines::default();
    let mut out = Vec::new();
    lines.encode(part(text, 0, text.len()), &mut out);
    lines.encode_rest(&mut out);
    out
}
