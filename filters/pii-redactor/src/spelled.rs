//! Texts with their spelling: the bytes of a body, what they say, and what is written in the place of
//! a match.

use crate::action::Replacement;
use crate::bytes::{Position as _, part, rest};
use crate::detect::Span;
use crate::plan::Plan;
use crate::tally::{Finding, Tally};

/// Where what leaves goes, and what is counted.
pub(crate) struct Sink<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) tally: &'a mut Tally,
}

/// How a text is spelled, and so its replacements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// In a JSON string (RFC 8259 section 7).
    Json,
    /// The same in the name of a member, which nothing cannot take the place of.
    Name,
    /// In a form or a query (`application/x-www-form-urlencoded`).
    Form,
    /// As it is.
    Plain,
}

/// A text with its spelling.
pub(crate) struct Spelled<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) raw: &'a [u8],
    pub(crate) breaks: &'a [(usize, usize)],
    /// Where in `text` the spelling begins.
    pub(crate) from: usize,
    /// The place of `raw` in the body.
    pub(crate) offset: u64,
    pub(crate) spelling: Spelling,
}

impl Spelled<'_> {
    /// Writes the spelling with what takes the place of the matches.
    pub(crate) fn write(&self, spans: &[Span], sink: &mut Sink<'_>) {
        let mut raw_done = 0;
        for span in spans {
            let start = raw_position(self.breaks, span.start.less(self.from));
            let end = raw_position(self.breaks, span.end.less(self.from));
            let value = part(self.text, span.start, span.end);
            let (replacement, blocks) = match self.spelling {
                Spelling::Name => sink.plan.replacement_in_name(span.entity, value),
                _ => sink.plan.replacement(span.entity, Some(value)),
            };
            let new = match replacement {
                Replacement::Keep => None,
                Replacement::Text(text) => Some(text),
                Replacement::Null => Some(String::new()),
            };
            let new = new.map(|text| {
                let mut spelled = Vec::with_capacity(text.len());
                write_spelled(&text, self.spelling, &mut spelled);
                spelled
            });
            count(sink, span.entity, new.is_some(), blocks);
            let rule = sink
                .plan
                .binding(span.entity)
                .map_or(0, |binding| binding.rule);
            sink.tally.explain(|| Finding {
                offset: self
                    .offset
                    .saturating_add(u64::try_from(start).unwrap_or(0)),
                length: u64::try_from(end.less(start)).unwrap_or(0),
                entity: span.entity,
                rule,
                old: part(self.raw, start, end).to_vec(),
                new: new.clone(),
            });
            if let Some(new) = new {
                sink.out.extend_from_slice(part(self.raw, raw_done, start));
                sink.out.extend_from_slice(&new);
                raw_done = end;
            }
        }
        sink.out.extend_from_slice(rest(self.raw, raw_done));
    }
}

/// Counts a finding.
pub(crate) fn count(sink: &mut Sink<'_>, entity: u8, changed: bool, blocks: bool) {
    let rule = sink.plan.binding(entity).map_or(0, |binding| binding.rule);
    sink.tally.add(entity, rule, changed);
    sink.tally.blocks |= blocks;
}

/// Where in the spelling a place of the text is.
pub(crate) fn raw_position(breaks: &[(usize, usize)], place: usize) -> usize {
    let index = breaks.partition_point(|(known, _)| *known <= place);
    match index.checked_sub(1).and_then(|index| breaks.get(index)) {
        Some((known, raw)) => raw.plus(place.less(*known)),
        None => place,
    }
}

/// Writes a replacement as the text around it is spelled.
pub(crate) fn write_spelled(text: &str, spelling: Spelling, out: &mut Vec<u8>) {
    match spelling {
        Spelling::Plain => out.extend_from_slice(text.as_bytes()),
        Spelling::Json | Spelling::Name => {
            for character in text.chars() {
                match character {
                    '"' => out.extend_from_slice(b"\\\""),
                    '\\' => out.extend_from_slice(b"\\\\"),
                    control if control < ' ' => {
                        out.extend(format!("\\u{:04x}", u32::from(control)).into_bytes());
                    }
                    other => {
                        let mut buffer = [0; 4];
                        out.extend_from_slice(other.encode_utf8(&mut buffer).as_bytes());
                    }
                }
            }
        }
        Spelling::Form => {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            for byte in text.bytes() {
                match byte {
                    b' ' => out.push(b'+'),
                    b'*' | b'-' | b'.' | b'_' => out.push(byte),
                    _ if byte.is_ascii_alphanumeric() => out.push(byte),
                    _ => {
                        let digit =
                            |value: u8| HEX.get(usize::from(value & 15)).copied().unwrap_or(b'0');
                        out.extend([b'%', digit(byte >> 4), digit(byte)]);
                    }
                }
            }
        }
    }
}
