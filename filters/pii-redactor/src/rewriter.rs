//! A body, or a part of one, as its media type says: text in its encoding, taken apart by its
//! framing. What the type leaves open, the first bytes say.

use std::rc::Rc;

use crate::bytes::{at, count_while, part, rest};
use crate::charset::{self, Transcoder, detect, is_shown};
use crate::csv::CsvRewriter;
use crate::json::JsonRewriter;
use crate::malformed::{Malformed, Unsearched};
use crate::media::{Charset, CsvFormat, Framing};
use crate::multipart::MultipartRewriter;
use crate::names::KeyInfo;
use crate::pairs::{PairsRewriter, Syntax};
use crate::plan::Plan;
use crate::sse::SseRewriter;
use crate::tally::Tally;
use crate::text::{TextForm, TextRewriter};

/// Rewrites one body or part.
#[derive(Debug)]
pub(crate) struct Rewriter {
    framed: FramedRewriter,
    encoding: Encoding,
    charset: Charset,
}

/// How the text is encoded, as far as that is known.
#[derive(Debug)]
enum Encoding {
    /// The first bytes are awaited.
    Unknown(Vec<u8>),
    /// An encoding in which ASCII characters are their own bytes.
    Narrow,
    /// UTF-16 or UTF-32.
    Wide(Box<Transcoder>),
}

/// Rewrites text that is ASCII where it matters.
#[derive(Debug)]
struct FramedRewriter {
    plan: Rc<Plan>,
    framing: Framing,
    /// In so many multipart bodies this is a part.
    depth: u8,
    /// It is a part that is a field of a form.
    is_field: bool,
    /// What the name of the part announces.
    info: KeyInfo,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// The first bytes are awaited, to tell what it is.
    Undecided(Vec<u8>),
    Json {
        rewriter: Box<JsonRewriter>,
        /// The type says that it is JSON, or nothing says that it is a text and members decide.
        is_declared: bool,
    },
    Events(Box<SseRewriter>),
    Pairs(Box<PairsRewriter>),
    Multipart(Box<MultipartRewriter>),
    Csv(Box<CsvRewriter>),
    Text(Box<TextRewriter>),
    /// Binary: it leaves as it is.
    Binary,
}

impl Rewriter {
    pub(crate) fn new(plan: Rc<Plan>, framing: Framing, charset: Charset, depth: u8) -> Self {
        Self {
            framed: FramedRewriter {
                plan,
                framing,
                depth,
                is_field: false,
                info: KeyInfo::default(),
                content: Content::Undecided(Vec::new()),
            },
            encoding: Encoding::Unknown(Vec::new()),
            charset,
        }
    }

    /// What the name of the part says about its value.
    pub(crate) fn announce(&mut self, info: KeyInfo) {
        self.framed.info = info;
    }

    /// It is a field of a form: a text or JSON to those who read it, and never binary.
    pub(crate) const fn expect_field(&mut self) {
        self.framed.is_field = true;
    }

    pub(crate) fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        match &mut self.encoding {
            Encoding::Narrow => self.framed.write(chunk, out, tally),
            Encoding::Wide(transcoder) => {
                let (mut text, mut new) = (Vec::new(), Vec::new());
                transcoder.decode(chunk, &mut text);
                self.framed.write(&text, &mut new, tally);
                transcoder.encode(&new, out);
            }
            Encoding::Unknown(first) if first.is_empty() && is_shown(self.charset, chunk) => {
                self.begin(chunk, out, tally);
            }
            Encoding::Unknown(first) => {
                first.extend_from_slice(chunk);
                if is_shown(self.charset, first) {
                    let first = std::mem::take(first);
                    self.begin(&first, out, tally);
                }
            }
        }
    }

    fn begin(&mut self, first: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let is_text = self.framed.is_field
            || !matches!(
                self.framed.framing,
                Framing::Unknown | Framing::Grpc | Framing::Binary
            );
        let shown = first.get(..charset::FIRST_BYTES).unwrap_or(first);
        self.encoding = match detect(self.charset, shown, is_text) {
            Some(wide) => Encoding::Wide(Box::new(Transcoder::new(wide))),
            None => Encoding::Narrow,
        };
        self.write(first, out, tally);
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if let Encoding::Unknown(first) = &mut self.encoding {
            let first = std::mem::take(first);
            self.begin(&first, out, tally);
        }
        match &mut self.encoding {
            Encoding::Wide(transcoder) => {
                let (mut text, mut new) = (Vec::new(), Vec::new());
                let rest = transcoder.finish(&mut text);
                self.framed.write(&text, &mut new, tally);
                self.framed.finish(&mut new, tally);
                transcoder.encode(&new, out);
                transcoder.encode_rest(out);
                out.extend_from_slice(&rest);
            }
            Encoding::Narrow | Encoding::Unknown(_) => self.framed.finish(out, tally),
        }
    }

    /// Bytes that are held at the moment.
    pub(crate) fn held(&self) -> usize {
        let encoded = match &self.encoding {
            Encoding::Unknown(first) => first.len(),
            Encoding::Narrow => 0,
            Encoding::Wide(transcoder) => transcoder.held(),
        };
        encoded.saturating_add(self.framed.held())
    }

    pub(crate) fn malformed(&self) -> Option<Malformed> {
        match &self.framed.content {
            // What only begins like JSON may be a text. Where members decide, it may not once it has one.
            Content::Json {
                rewriter,
                is_declared,
            } => rewriter.malformed().filter(|_| {
                *is_declared || rewriter.has_value() && self.framed.plan.relies_on_members()
            }),
            Content::Csv(csv) => csv.malformed(),
            Content::Events(events) => events.malformed(),
            Content::Multipart(multipart) => multipart.malformed(),
            _ => None,
        }
    }

    pub(crate) fn unsearched(&self) -> Unsearched {
        match &self.framed.content {
            Content::Multipart(multipart) => multipart.unsearched(),
            Content::Binary => Unsearched {
                is_binary: true,
                ..Unsearched::default()
            },
            _ => Unsearched::default(),
        }
    }
}

impl FramedRewriter {
    fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        match &mut self.content {
            Content::Undecided(first) => {
                let mut first = std::mem::take(first);
                let begun = if first.is_empty() {
                    chunk
                } else {
                    first.extend_from_slice(chunk);
                    &first
                };
                match self.decided(begun, false) {
                    Some(decided) => {
                        self.content = self.begun(decided);
                        self.write(begun, out, tally);
                    }
                    None if first.is_empty() => {
                        self.content = Content::Undecided(chunk.to_vec());
                    }
                    None => self.content = Content::Undecided(first),
                }
            }
            Content::Json { rewriter, .. } => rewriter.write(chunk, out, tally),
            Content::Events(events) => events.write(chunk, out, tally),
            Content::Pairs(pairs) => pairs.write(chunk, out, tally),
            Content::Multipart(multipart) => multipart.write(chunk, out, tally),
            Content::Csv(csv) => csv.write(chunk, out, tally),
            Content::Text(text) => text.write(chunk, out, tally),
            Content::Binary => out.extend_from_slice(chunk),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if let Content::Undecided(first) = &mut self.content {
            let first = std::mem::take(first);
            let decided = self.decided(&first, true);
            self.content = self.begun(decided.unwrap_or(Decided::AsDeclared));
            self.write(&first, out, tally);
        }
        match &mut self.content {
            Content::Json { rewriter, .. } => rewriter.finish(out, tally),
            Content::Events(events) => events.finish(out, tally),
            Content::Pairs(pairs) => pairs.finish(out, tally),
            Content::Multipart(multipart) => multipart.finish(out, tally),
            Content::Csv(csv) => csv.finish(out, tally),
            Content::Text(text) => text.finish(out, tally),
            Content::Binary | Content::Undecided(_) => {}
        }
    }

    fn begun(&self, decided: Decided) -> Content {
        let plan = || Rc::clone(&self.plan);
        let json = |is_declared, is_lines| {
            let mut rewriter = JsonRewriter::new(plan());
            rewriter.announce(self.info.clone());
            if is_lines {
                rewriter.expect_lines();
            }
            Content::Json {
                rewriter: Box::new(rewriter),
                is_declared,
            }
        };
        let text = |form| {
            let mut text = TextRewriter::new(plan(), form);
            text.announce(self.info.announcement());
            Content::Text(Box::new(text))
        };
        match (decided, &self.framing) {
            (Decided::Binary, _) => Content::Binary,
            (Decided::Json, framing) => {
                let is_text = matches!(
                    framing,
                    Framing::Text | Framing::Lines | Framing::Markup | Framing::Csv(_)
                );
                let may_be_text = is_text || self.is_field;
                let mut json = json(!may_be_text && self.plan.relies_on_members(), false);
                if let Content::Json { rewriter, .. } = &mut json
                    && is_text
                {
                    rewriter.expect_text();
                }
                json
            }
            (Decided::Markup, _) | (_, Framing::Markup) => text(TextForm::Markup),
            (_, Framing::Json) => json(true, false),
            (_, Framing::JsonLines) => json(true, true),
            (_, Framing::Events) => Content::Events(Box::new(SseRewriter::new(plan()))),
            (_, Framing::Form) => {
                Content::Pairs(Box::new(PairsRewriter::new(plan(), Syntax::Form)))
            }
            (_, Framing::Multipart(boundary)) if self.depth < MAX_DEPTH => {
                let depth = self.depth.saturating_add(1);
                Content::Multipart(Box::new(MultipartRewriter::at_depth(
                    plan(),
                    boundary,
                    depth,
                )))
            }
            (_, Framing::Lines) => text(TextForm::Lines),
            (_, Framing::Message) if self.depth < MAX_DEPTH => {
                let depth = self.depth.saturating_add(1);
                Content::Multipart(Box::new(MultipartRewriter::message(plan(), depth)))
            }
            (_, Framing::Csv(format)) => Content::Csv(Box::new(CsvRewriter::new(plan(), *format))),
            (_, Framing::Grpc | Framing::Binary) if !self.is_field => Content::Binary,
            (
                _,
                Framing::Multipart(_)
                | Framing::Message
                | Framing::Text
                | Framing::Graphql
                | Framing::Unknown
                | Framing::Grpc
                | Framing::Binary,
            ) => text(TextForm::Plain),
        }
    }

    /// What it is, by its type and its first bytes.
    fn decided(&self, first: &[u8], is_all: bool) -> Option<Decided> {
        match decided(&self.framing, first, is_all, self.is_field)? {
            Decided::Binary if self.is_field || self.is_held_to_members() => {
                Some(Decided::AsDeclared)
            }
            decided => Some(decided),
        }
    }

    /// Whether it has the type of rows, of which only named cells pass.
    fn is_held_to_members(&self) -> bool {
        matches!(self.framing, Framing::Csv(_)) && self.plan.minimizes_bodies()
    }

    fn held(&self) -> usize {
        match &self.content {
            Content::Undecided(first) => first.len(),
            Content::Json { rewriter, .. } => rewriter.held(),
            Content::Events(events) => events.held(),
            Content::Pairs(pairs) => pairs.held(),
            Content::Multipart(multipart) => multipart.held(),
            Content::Csv(csv) => csv.held(),
            Content::Text(text) => text.held(),
            Content::Binary => 0,
        }
    }
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decided {
    /// Nothing else than the type.
    AsDeclared,
    Json,
    Markup,
    Binary,
}

/// What a body is, by its type and its first bytes, or all of them; `None`: more are needed.
fn decided(framing: &Framing, first: &[u8], is_all: bool, is_field: bool) -> Option<Decided> {
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    let space = count_while(text, 0, |byte| byte.is_ascii_whitespace());
    let begun = rest(text, space);
    let is_space_enough = is_all || first.len() >= MAX_SPACE_BYTES;
    if matches!(framing, Framing::Json | Framing::JsonLines) {
        return Some(Decided::AsDeclared);
    }
    // What is more is read as JSON, which is the strictest.
    let is_endless_space = || {
        is_space_enough.then_some(if is_all {
            Decided::AsDeclared
        } else {
            Decided::Json
        })
    };
    if begun.is_empty() {
        return is_endless_space();
    }
    // A document of GraphQL begins with the same brace, and has no string behind it.
    if *framing == Framing::Graphql && at(begun, 0) == b'{' {
        let space = count_while(begun, 1, |byte| byte.is_ascii_whitespace());
        let next = begun.get(space.saturating_add(1));
        return match next {
            Some(b'"') => Some(Decided::Json),
            None => is_endless_space(),
            Some(_) => Some(Decided::AsDeclared),
        };
    }
    match begins_json(begun) {
        // No markup, event or part begins so, and clients that expect JSON parse it whatever its type
        // says. `curl -d` sends JSON as a form.
        Some(true) if *framing != Framing::Form || is_field => return Some(Decided::Json),
        Some(true) => match may_be_name(part(begun, 0, FIRST_BYTES)) {
            Some(false) => return Some(Decided::Json),
            None if begun.len() >= FIRST_BYTES => return Some(Decided::Json),
            None if !is_all => return None,
            _ => {}
        },
        None => return is_endless_space(),
        _ => {}
    }
    match framing {
        Framing::Grpc | Framing::Binary => Some(Decided::Binary),
        Framing::Unknown
        | Framing::Csv(CsvFormat {
            may_be_file: true, ..
        }) => {
            let most = space.saturating_add(length_of_first_field(first).max(FIRST_BYTES));
            let seen = first.get(..most).unwrap_or(first);
            let is_text = starts_with_line(seen);
            if starts_binary(seen) || !is_text && seen.iter().copied().any(is_binary) {
                return Some(Decided::Binary);
            }
            let is_enough = is_all || is_text || first.len() >= most;
            is_enough.then_some(if at(begun, 0) == b'<' {
                Decided::Markup
            } else {
                Decided::AsDeclared
            })
        }
        _ => Some(Decided::AsDeclared),
    }
}

/// Whether what begins like JSON may be the name of a field, such as `[0].id` or `[]`; `None`: it takes
/// more of it to tell.
fn may_be_name(begun: &[u8]) -> Option<bool> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let end = count_while(begun, 1, is_of_name).saturating_add(1);
    let end = begun.get(end);
    match at(begun, 0) {
        b'[' => end.map(|end| *end == b']'),
        _ => Some(false),
    }
}

/// Whether a text begins like a document that is an object or an array; `None`: it takes more of it
/// to tell. A label such as `[EMAIL]` is none, so that redacting twice changes nothing.
pub(crate) fn begins_json(text: &[u8]) -> Option<bool> {
    // A record of `application/json-seq` (RFC 7464).
    let text = text.strip_prefix(b"\x1e").unwrap_or(text);
    match text.first()? {
        b'{' => Some(true),
        b'[' => {
            let space = count_while(text, 1, |byte| byte.is_ascii_whitespace());
            let next = text.get(space.saturating_add(1))?;
            Some(matches!(
                next,
                b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'
            ))
        }
        _ => Some(false),
    }
}

/// Whether a line of text comes first: it is UTF-8, has no byte that no text has, and is not empty. The
/// first bytes of what is compressed have a line end among them by chance, and an empty line may be the
/// tag of the first field of a protobuf message.
fn starts_with_line(first: &[u8]) -> bool {
    let end = memchr::memchr(b'\n', first).unwrap_or(0);
    let line = part(first, 0, end);
    !line.trim_ascii().is_empty()
        && !line.iter().copied().any(is_binary)
        && std::str::from_utf8(line).is_ok()
}

/// So many bytes there are up to the tag behind the first field, and that one, if the body is a message
/// of protobuf whose first field is a short text; of a text that begins with an empty line some number.
fn length_of_first_field(first: &[u8]) -> usize {
    match first {
        [b'\n', length @ 0..0x80, ..] => usize::from(*length).saturating_add(3),
        _ => 0,
    }
}

/// Formats whose first line is text.
fn starts_binary(first: &[u8]) -> bool {
    [&b"%PDF-"[..], b"%!PS", b"PK\x03\x04", b"!<arch>\n"]
        .iter()
        .any(|magic| first.starts_with(magic))
}

/// A byte that no text has.
const fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f)
}

/// A body of an unknown type is held up to so many bytes behind white space, or up to its first line.
const FIRST_BYTES: usize = 64;
/// So much white space may stand before what tells.
const MAX_SPACE_BYTES: usize = 4096;
/// Multipart bodies and messages in parts of multipart bodies: no deeper. Mails that are passed on are three
/// or four levels each.
const MAX_DEPTH: u8 = 9;
