//! Scanning one text after the other while they stream by.
//!
//! A *text* is what belongs together: a string of a JSON document, a line, a value of a form. It is
//! searched as a whole when it ends. Of one that grows beyond [`WINDOW_BYTES`] the first part is
//! searched and leaves, up to a place that no match can cross; the last bytes that have left are
//! still looked at, as what stands before a match. Where windows end depends on the text alone, so
//! the result cannot depend on how a body was cut.

mod escapes;
mod secrets;

use crate::bytes::{Position as _, at, before, count_while_back, part, rest};
use crate::detect::boundary::separates_values;
use crate::detect::{List, Span};
use crate::entity::EntitySet;
use crate::lexicon::Announcement;
use crate::lines::Lines;
use crate::markup::{Markup, Source};
use crate::plan::{Plan, is_item};
use crate::segments::Segments;
use crate::spelled::{Sink, Spelled, Spelling, raw_position};
use secrets::Swallow;

/// Scans one text after the other.
#[derive(Debug)]
pub(crate) struct TextScanner {
    spelling: Spelling,
    /// Decoded: what has left and is still looked at, then what is held.
    text: Vec<u8>,
    /// Where what is held begins.
    from: usize,
    /// How what is held is spelled.
    raw: Vec<u8>,
    /// Where the spelling is not as long as what it says: places in the held text and in `raw`, from
    /// which on both go on alike.
    breaks: Vec<(usize, usize)>,
    /// The place of `raw` in the body.
    raw_offset: u64,
    /// A part of this text has left already.
    started: bool,
    swallowing: Swallow,
    /// How much of a key has been taken away.
    swallowed_bytes: usize,
    /// Line ends behind what has been taken away of a key: they go with its next line, or stay.
    line_ends: Vec<u8>,
    /// An escape that is not complete.
    escape: Vec<u8>,
    spans: Vec<Span>,
    /// What a line above has announced for the items below it.
    listed: EntitySet,
    /// It goes for lines of items and nothing else: a line above ends with an item.
    listed_alone: bool,
    /// The list that goes on behind what has left of this text.
    list: List,
    /// Reads the names in XML and HTML.
    markup: Option<Box<Markup>>,
    /// Reads the places of fields in HL7 and X12.
    segments: Option<Box<Segments>>,
    /// Reads the names in lines of YAML and the like.
    lines: Option<Box<Lines>>,
}

impl TextScanner {
    pub(crate) const fn new(spelling: Spelling) -> Self {
        Self {
            spelling,
            text: Vec::new(),
            from: 0,
            raw: Vec::new(),
            breaks: Vec::new(),
            raw_offset: 0,
            started: false,
            swallowing: Swallow::Nothing,
            swallowed_bytes: 0,
            line_ends: Vec::new(),
            escape: Vec::new(),
            spans: Vec::new(),
            listed: EntitySet::EMPTY,
            listed_alone: false,
            list: None,
            markup: None,
            segments: None,
            lines: None,
        }
    }

    /// The texts are lines of names and values.
    pub(crate) fn read_lines(&mut self) {
        self.lines = Some(Box::default());
    }

    /// The texts are lines of XML or HTML, in which names of elements and attributes announce.
    pub(crate) fn read_markup(&mut self) {
        self.markup = Some(Box::default());
    }

    /// The texts are lines, perhaps of messages whose fields are known by their places.
    pub(crate) fn read_segments(&mut self) {
        self.segments = Some(Box::default());
    }

    /// The texts from here on are spelled in this way.
    pub(crate) const fn set_spelling(&mut self, spelling: Spelling) {
        self.spelling = spelling;
    }

    /// A new text begins at this place of the body.
    pub(crate) fn begin(&mut self, offset: u64) {
        self.text.clear();
        self.raw.clear();
        self.breaks.clear();
        self.from = 0;
        self.raw_offset = offset;
        self.started = false;
        self.list = None;
        // Only lines of a text go on with a key that began in another one.
        if !self.is_in_key() || !self.spelling.joins_texts() {
            self.swallowing = Swallow::Nothing;
        }
    }

    /// Bytes that have not left.
    pub(crate) const fn held(&self) -> usize {
        self.raw.len().saturating_add(self.escape.len())
    }

    /// Whether a part of this text has left already.
    pub(crate) const fn has_started(&self) -> bool {
        self.started
    }

    /// The text that is held, decoded.
    pub(crate) fn pending(&self) -> &[u8] {
        rest(&self.text, self.from)
    }

    /// The spelling of what is held.
    pub(crate) fn pending_raw(&self) -> &[u8] {
        &self.raw
    }

    /// Takes text that is spelled as it is. `begun` is called before something leaves for the first
    /// time.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        announcement: &Announcement,
        sink: &mut Sink<'_>,
    ) {
        while !bytes.is_empty() {
            let room = WINDOW_BYTES.less(self.text.len().less(self.from));
            let room = room.min(RAW_WINDOW_BYTES.less(self.raw.len())).max(1);
            let (now, later) = bytes
                .split_at_checked(room.min(bytes.len()))
                .unwrap_or((bytes, &[]));
            self.text.extend_from_slice(now);
            self.raw.extend_from_slice(now);
            bytes = later;
            self.make_room(announcement, sink);
        }
    }

    /// Takes a piece whose spelling is not what it says.
    pub(crate) fn push_spelled(
        &mut self,
        decoded: &[u8],
        raw: &[u8],
        announcement: &Announcement,
        sink: &mut Sink<'_>,
    ) {
        self.breaks
            .push((self.text.len().less(self.from), self.raw.len()));
        self.text.extend_from_slice(decoded);
        self.raw.extend_from_slice(raw);
        self.breaks
            .push((self.text.len().less(self.from), self.raw.len()));
        self.make_room(announcement, sink);
    }

    /// The text ends: everything leaves.
    pub(crate) fn end(&mut self, announcement: &Announcement, sink: &mut Sink<'_>) {
        self.end_escape(announcement, sink);
        self.release(true, announcement, sink);
        self.begin(self.raw_offset);
    }

    /// Drops the text that is held.
    pub(crate) fn forget(&mut self) {
        self.escape.clear();
        self.begin(self.raw_offset);
    }

    /// Searches what is held as a whole value; the matches can be read with [`Self::spans`].
    pub(crate) fn search_whole(&mut self, announcement: &Announcement, plan: &Plan) -> &[Span] {
        plan.search(
            &self.text,
            self.from,
            announcement,
            !self.started,
            &mut self.spans,
        );
        &self.spans
    }

    fn make_room(&mut self, announcement: &Announcement, sink: &mut Sink<'_>) {
        if self.text.len().less(self.from) >= WINDOW_BYTES || self.raw.len() >= RAW_WINDOW_BYTES {
            self.release(false, announcement, sink);
        }
    }

    /// Lets what no match can reach leave; at the end everything.
    fn release(&mut self, last: bool, announcement: &Announcement, sink: &mut Sink<'_>) {
        if self.swallow(last, sink) || !last && !self.started && self.lose_value(announcement, sink)
        {
            return;
        }
        let whole = last && !self.started;
        let with_list = self.with_list(announcement);
        let announcement = with_list.as_ref().unwrap_or(announcement);
        let mut cut = if last { self.text.len() } else { self.cut() };
        let first_cut = cut;
        let mut announced = Vec::new();
        let before = (!last).then(|| {
            (
                self.markup.clone(),
                self.segments.clone(),
                self.lines.clone(),
            )
        });
        self.read_names(sink.plan, (cut, last), &mut announced);
        let searched = (&*self.text, self.from, cut);
        let whole = (whole, &mut announced);
        self.list =
            sink.plan
                .search_part(searched, self.list, announcement, whole, &mut self.spans);
        if last && self.spelling.is_lines() {
            self.go_on_with_list(sink.plan);
        }
        if !last {
            for span in &self.spans {
                if span.start < cut && span.end > cut {
                    // It stays whole, unless it fills what may be held.
                    cut = if span.start > self.from {
                        span.start
                    } else {
                        span.end
                    };
                }
            }
        }
        if cut != first_cut
            && let Some(before) = before
        {
            (self.markup, self.segments, self.lines) = before;
            self.read_names(sink.plan, (cut, false), &mut Vec::new());
        }
        self.spans.retain(|span| span.end <= cut);
        let runs_on = self
            .spans
            .last()
            .copied()
            .filter(|span| span.end == self.text.len());
        let raw_cut = self.raw_position(cut);
        let spans = std::mem::take(&mut self.spans);
        let spelled = Spelled {
            text: &self.text,
            raw: part(&self.raw, 0, raw_cut),
            breaks: &self.breaks,
            from: self.from,
            offset: self.raw_offset,
            spelling: match &self.lines {
                Some(lines) if lines.is_record() => Spelling::Plain,
                _ => self.spelling,
            },
            is_awaited: self.lines.as_ref().is_some_and(|lines| lines.is_awaited()),
        };
        spelled.write(&spans, sink);
        self.spans = spans;
        if let Some(span) = runs_on
            && sink.plan.changes(span.entity)
        {
            self.run_on(span, last, sink.plan);
        }
        self.leave(cut, raw_cut);
    }

    /// Reads the names in XML and HTML up to a place, and finds what they announce.
    fn read_names(&mut self, plan: &Plan, (cut, last): (usize, bool), found: &mut Vec<Span>) {
        let (text, from) = (&*self.text, self.from);
        if let Some(segments) = &mut self.segments {
            segments.read((plan, text), (from, cut), last, found);
        }
        if let Some(lines) = &mut self.lines {
            lines.read((plan, text), (from, cut), (!self.started, last), found);
        }
        let Some(markup) = &mut self.markup else {
            return;
        };
        let spelled = |place: usize| at(&self.raw, raw_position(&self.breaks, place.less(from)));
        let is_literal = |place: usize| spelled(place) == at(text, place);
        let source = Source {
            plan,
            text,
            is_literal: &is_literal,
        };
        markup.read(&source, (from, cut), found);
        if last {
            markup.end_line(plan);
        }
    }

    /// What a line above has announced goes for an item as well.
    fn with_list(&self, announcement: &Announcement) -> Option<Announcement> {
        let is_listed = !self.listed.is_empty() && !self.started && self.is_listed(&self.text);
        is_listed.then(|| Announcement {
            kinds: announcement.kinds.or(&self.listed),
            ..*announcement
        })
    }

    /// The line is over: what it announces for those below it, or what one above it has announced, if it
    /// is an item itself, or blank.
    fn go_on_with_list(&mut self, plan: &Plan) {
        let line = self.text.trim_ascii();
        let ends_with_item =
            |end: usize| !rest(&self.text, end).iter().any(u8::is_ascii_alphanumeric);
        if line.last() == Some(&b':') {
            self.listed = plan.announced_below(line);
            self.listed_alone = false;
        } else if let Some((end, kinds)) = self.list
            && (self.listed.is_empty() || self.listed_alone)
            && ends_with_item(end)
        {
            self.listed = kinds.and(&plan.wanted);
            self.listed_alone = true;
        } else if !self.listed.is_empty() && !line.is_empty() && !self.is_listed(line) {
            self.listed = EntitySet::EMPTY;
        }
    }

    /// Whether a line is an item of the list of the line above.
    fn is_listed(&self, line: &[u8]) -> bool {
        is_item(line) && !(self.listed_alone && line.iter().any(u8::is_ascii_alphabetic))
    }

    /// What is before these places is gone, and its last bytes are still looked at.
    fn leave(&mut self, cut: usize, raw_cut: usize) {
        self.started = true;
        let gone = cut.less(self.from);
        let kept_from = cut.less(CONTEXT_BYTES);
        self.text.drain(..kept_from.min(self.text.len()));
        self.from = cut.less(kept_from);
        self.list = self
            .list
            .and_then(|(end, kinds)| Some((end.checked_sub(kept_from)?, kinds)));
        self.raw.drain(..raw_cut.min(self.raw.len()));
        self.raw_offset = self
            .raw_offset
            .saturating_add(u64::try_from(raw_cut).unwrap_or(0));
        self.breaks.retain(|(place, _)| *place >= gone);
        for (place, raw) in &mut self.breaks {
            *place = place.less(gone);
            *raw = raw.less(raw_cut);
        }
    }

    /// A place up to which the text can leave: behind a sign that no match has inside, with enough
    /// text behind for the longest match; if there is none, not within a number.
    fn cut(&self) -> usize {
        let limit = self.text.len().less(KEPT_BYTES).max(self.from.plus(1));
        let mut place = limit;
        while place > self.from {
            let (left, right) = (before(&self.text, place), at(&self.text, place));
            let separates = separates_values(left)
                || matches!(left, b'\n' | b'\r' | b'\t')
                || left == b' '
                    && !right.is_ascii_digit()
                    && !before(&self.text, place.less(1)).is_ascii_digit();
            if separates {
                return place;
            }
            place = place.less(1);
        }
        let digits = count_while_back(
            part(&self.text, self.from, limit),
            limit.less(self.from),
            |byte| byte.is_ascii_digit(),
        );
        if digits < KEPT_BYTES {
            limit.less(digits).max(self.from.plus(1))
        } else {
            limit
        }
    }

    fn raw_position(&self, place: usize) -> usize {
        raw_position(&self.breaks, place.less(self.from))
    }
}

/// So much of a text is held at most, decoded.
pub(crate) const WINDOW_BYTES: usize = 4096;
/// And so much of its spelling.
const RAW_WINDOW_BYTES: usize = 16_384;
/// Longer than any match but a token or a key: an address has at most 320 bytes.
const KEPT_BYTES: usize = 512;
/// So much of what has left is still looked at.
const CONTEXT_BYTES: usize = 64;
