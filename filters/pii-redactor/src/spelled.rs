//! Texts with their spelling: the bytes of a body, what they say, and what is written in the place of
//! a match.

use crate::action::Replacement;
use crate::bytes::{Position as _, part, rest};
use crate::detect::Span;
use crate::lexicon::Announcement;
use crate::plan::Plan;
use crate::quoting::{self, Line, Quotes, Style};
use crate::redaction::{Found, Redaction};
use crate::tally::Tally;

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
    /// In a string of JSON5 with single quotes.
    SingleQuoted,
    /// In the name of a member, spelled in the same way, which nothing cannot take the place of.
    Name,
    /// In a form or a query (`application/x-www-form-urlencoded`).
    Form,
    /// In the name of a field of these, which nothing cannot take the place of.
    FormName,
    /// The text is spelled as it is.
    Plain,
    /// Lines of YAML and TOML, spelled as they are, whose values may need quotes.
    Lines,
    /// In XML or HTML, with character references.
    Markup,
    /// In quoted-printable (RFC 2045 section 6.7).
    QuotedPrintable,
    /// In a cell of CSV without quotes.
    Cell,
    /// In a cell of CSV with quotes (RFC 4180).
    QuotedCell,
}

impl Spelling {
    /// Whether texts are lines, of which one may say what those below it are.
    pub(crate) const fn is_lines(self) -> bool {
        matches!(
            self,
            Self::Plain | Self::Lines | Self::Markup | Self::QuotedPrintable
        )
    }

    /// Whether a secret that began in one text may go on in the next: lines and rows belong
    /// together.
    pub(crate) const fn joins_texts(self) -> bool {
        matches!(
            self,
            Self::Plain | Self::Lines | Self::Markup | Self::QuotedPrintable | Self::Cell
        )
    }
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
    /// The line before says that a value comes.
    pub(crate) is_awaited: bool,
}

impl<'a> Spelled<'a> {
    /// A text that is all here and spelled as it is, at a place of the body.
    pub(crate) const fn whole(text: &'a [u8], offset: u64, spelling: Spelling) -> Self {
        Self {
            text,
            raw: text,
            breaks: &[],
            from: 0,
            offset,
            spelling,
            is_awaited: false,
        }
    }

    /// Writes the spelling with what takes the place of the matches.
    pub(crate) fn write(&self, spans: &[Span], sink: &mut Sink<'_>) {
        let mut raw_done = 0;
        let mut scalar = None;
        let mut line = Line::new(self.is_awaited);
        for (index, span) in spans.iter().enumerate() {
            let value = part(self.text, span.start, span.end);
            let redaction = match self.spelling {
                Spelling::Name | Spelling::FormName => {
                    Redaction::of_kind_in_name(sink.plan, span.entity, value)
                }
                _ => Redaction::of_kind(sink.plan, span.entity, Some(value)),
            };
            let mut start = self.raw_place(span.start);
            let mut end = self.raw_place(span.end);
            let mut new = redaction.spelled(self.spelling);
            if new.is_some()
                && let Some(quotes) = self.quotes(span, &mut line, &redaction)
            {
                let next = spans
                    .get(index.plus(1))
                    .map_or(usize::MAX, |next| next.start);
                match quotes.style {
                    Style::Scalar if scalar.is_none() => {
                        let place = self.raw_place(quotes.start).less(raw_done);
                        scalar = Some((sink.out.len().plus(place), self.raw_place(quotes.end)));
                    }
                    Style::Scalar => {}
                    Style::Double | Style::Single | Style::Like(..) => {
                        let old = (start, end);
                        if self.raw_place(quotes.start) >= raw_done && quotes.start >= self.from {
                            start = self.raw_place(quotes.start);
                        }
                        if quotes.end <= next {
                            end = self.raw_place(quotes.end);
                        }
                        new = Some(match redaction.replacement {
                            Replacement::Null => b"null".to_vec(),
                            _ => self.quoted(quotes.style, (start, end), old, new.as_deref()),
                        });
                    }
                }
            }
            let found = Found {
                offset: self
                    .offset
                    .saturating_add(u64::try_from(start).unwrap_or(0)),
                length: end.less(start),
                old: part(self.raw, start, end),
                new: new.as_deref(),
            };
            redaction.record(sink.tally, found);
            // The scalar that gets quotes ends before the match.
            if let Some((from, to)) = scalar
                && to <= start
            {
                scalar = None;
                sink.out.extend_from_slice(part(self.raw, raw_done, to));
                quote_scalar(sink.out, from);
                raw_done = to;
            }
            if let Some(new) = new {
                sink.out.extend_from_slice(part(self.raw, raw_done, start));
                sink.out.extend_from_slice(&new);
                raw_done = end;
            }
        }
        if let Some((from, to)) = scalar {
            let to = to.max(raw_done);
            sink.out.extend_from_slice(part(self.raw, raw_done, to));
            quote_scalar(sink.out, from);
            raw_done = to;
        }
        sink.out.extend_from_slice(rest(self.raw, raw_done));
    }

    fn raw_place(&self, place: usize) -> usize {
        raw_position(self.breaks, place.less(self.from))
    }

    /// The quotes that a replacement needs in the place of a match.
    fn quotes(&self, span: &Span, line: &mut Line, redaction: &Redaction) -> Option<Quotes> {
        let place = (span.start, span.end);
        let quotes = match self.spelling {
            Spelling::Name | Spelling::FormName => None,
            Spelling::Lines => quoting::of_member(self.text, place)
                .or_else(|| quoting::of_line(self.text, line, place)),
            _ => quoting::of_member(self.text, place)
                .or_else(|| quoting::of_program(self.text, place)),
        };
        quotes.filter(|_| !quoting::is_number(redaction))
    }

    /// A replacement in quotes, with what of the value stands beside the match.
    fn quoted(
        &self,
        style: Style,
        (start, end): (usize, usize),
        (match_start, match_end): (usize, usize),
        new: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut quote = Vec::new();
        match style {
            Style::Like(from, to) if from >= self.from => {
                let raw = part(self.raw, self.raw_place(from), self.raw_place(to));
                quote.extend_from_slice(raw);
            }
            // The window begins behind them: others in it are spelled alike.
            Style::Like(from, to) => {
                let known = part(self.text, from, to);
                let own = rest(self.text, self.from);
                match memchr::memmem::find(own, known) {
                    Some(place) => {
                        let place = self.from.plus(place);
                        let end = self.raw_place(place.plus(known.len()));
                        quote.extend_from_slice(part(self.raw, self.raw_place(place), end));
                    }
                    None => {
                        let known = String::from_utf8_lossy(known);
                        write_spelled(&known, self.spelling, &mut quote);
                    }
                }
            }
            Style::Single if self.spelling != Spelling::Form => quote.push(b'\''),
            Style::Single => write_spelled("'", self.spelling, &mut quote),
            _ => quote.push(b'"'),
        }
        [
            &*quote,
            part(self.raw, start, match_start),
            new.unwrap_or_default(),
            part(self.raw, match_end, end),
            &*quote,
        ]
        .concat()
    }
}

/// Puts quotes around the scalar of YAML that begins at a place of what is written, and ends with it.
fn quote_scalar(out: &mut Vec<u8>, from: usize) {
    let scalar = out.split_off(from.min(out.len()));
    out.push(b'\'');
    for byte in scalar {
        if byte == b'\'' {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'\'');
}

/// A short text that is all here, with what takes the place of the matches; `None`: it stays.
pub(crate) fn searched(
    plan: &Plan,
    text: &[u8],
    announcement: &Announcement,
    offset: u64,
    tally: &mut Tally,
) -> Option<Vec<u8>> {
    let mut spans = Vec::new();
    plan.search(text, 0, announcement, true, &mut spans);
    if spans.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut sink = Sink {
        plan,
        out: &mut out,
        tally,
    };
    Spelled::whole(text, offset, Spelling::Plain).write(&spans, &mut sink);
    Some(out).filter(|out| out != text)
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
    // Most labels are written alike everywhere but in a form.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"[]_-*. ".contains(&byte);
    if !matches!(spelling, Spelling::Form | Spelling::FormName) && text.bytes().all(is_plain) {
        return out.extend_from_slice(text.as_bytes());
    }
    match spelling {
        Spelling::Plain | Spelling::Lines => out.extend_from_slice(text.as_bytes()),
        Spelling::Json | Spelling::Name | Spelling::SingleQuoted => {
            for character in text.chars() {
                match character {
                    '\'' if spelling == Spelling::SingleQuoted => {
                        out.extend_from_slice(b"\\u0027");
                    }
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
        Spelling::Markup => {
            for character in text.chars() {
                match character {
                    '&' => out.extend_from_slice(b"&amp;"),
                    '<' => out.extend_from_slice(b"&lt;"),
                    '>' => out.extend_from_slice(b"&gt;"),
                    '"' => out.extend_from_slice(b"&quot;"),
                    '\'' => out.extend_from_slice(b"&#39;"),
                    other => {
                        let mut buffer = [0; 4];
                        out.extend_from_slice(other.encode_utf8(&mut buffer).as_bytes());
                    }
                }
            }
        }
        Spelling::QuotedPrintable => {
            for byte in text.bytes() {
                match byte {
                    b'=' | 0..b' ' | 0x7f.. => out.extend(format!("={byte:02X}").into_bytes()),
                    _ => out.push(byte),
                }
            }
        }
        // What would end the cell cannot stand in it.
        Spelling::Cell => out.extend(text.bytes().map(|byte| match byte {
            b',' | b';' | b'|' | b'"' | b'\t' | b'\r' | b'\n' => b' ',
            other => other,
        })),
        Spelling::QuotedCell => out.extend_from_slice(text.replace('"', "\"\"").as_bytes()),
        Spelling::Form | Spelling::FormName => {
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
