//! Searching one text: what is wanted in it, and which of several matches counts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use policy::finding::Category;

use super::{FIRST_CUSTOM, Plan};
use crate::bytes::{Position as _, enclosing_bytes, part};
use crate::custom::searchable;
use crate::detect::kind::{HEALTH, MESSAGE_CONTENT};
use crate::detect::{
    Confidence, DETECTORS, Form, List, Scratch, Span, Text, find, is_special_category,
};
use crate::entity::EntitySet;
use crate::lexicon::Announcement;
use crate::placeholder::NOTHING;

impl Plan {
    /// Everything that is wanted in a text, without overlaps, in order. `whole` says that the text
    /// is all of a value.
    pub(crate) fn search(
        &self,
        bytes: &[u8],
        from: usize,
        announcement: &Announcement,
        whole: bool,
        spans: &mut Vec<Span>,
    ) {
        let whole = (whole, &mut Vec::new());
        self.search_part((bytes, from, usize::MAX), None, announcement, whole, spans);
    }

    /// As [`Self::search`], in a text that leaves up to `cut`: `list` is the list that goes on at its
    /// beginning, and what names in the text announce has been found already. Returns the list that goes on behind
    /// the cut.
    pub(crate) fn search_part(
        &self,
        (bytes, from, cut): (&[u8], usize, usize),
        list: List,
        announcement: &Announcement,
        (whole, announced): (bool, &mut Vec<Span>),
        spans: &mut Vec<Span>,
    ) -> List {
        spans.clear();
        let text = Text {
            bytes,
            from,
            announcement,
            wanted: &self.wanted,
            assignable: &self.assignable,
            shapes: &self.shapes,
            lexicon: &self.lexicon,
            heeds_negative: !self.settings.ignores_negative,
            least: self.settings.min_confidence,
            cards_in_ids: self.finds_cards_in_ids,
            list,
            cut,
        };
        let mut scratch = self.scratch.borrow_mut();
        find(&text, &mut scratch, spans);
        if whole && from == 0 {
            self.find_whole(bytes, announcement, spans);
        }
        if !self.customs.is_empty() {
            self.find_custom(&text, &mut scratch, spans);
        }
        let list = scratch.list;
        drop(scratch);
        if bytes.len() >= LEAST_REPORT_BYTES {
            self.find_reported(bytes, from, spans);
        }
        spans.append(announced);
        if !spans.is_empty() {
            self.resolve(bytes, spans);
        }
        list
    }

    /// Whether a name announces kinds that are a whole value.
    pub(crate) fn is_whole(&self, announcement: &Announcement) -> bool {
        !announcement.kinds.and(&self.whole).is_empty()
    }

    /// The kind that a whole value is by its name.
    pub(crate) fn whole_kind(&self, announcement: &Announcement, value: &[u8]) -> Option<u8> {
        if !self.is_whole(announcement) {
            return None;
        }
        let mut kinds = announcement.kinds.and(&self.whole);
        let value = value.trim_ascii();
        // What an earlier redaction left of a value is checked by itself.
        let is_redacted = self.has_placeholder(value);
        let left = self.without_placeholders(value);
        let value = &*left;
        if is_redacted && !value.iter().any(u8::is_ascii_alphanumeric) {
            return None;
        }
        let enclosed = enclosing_bytes(value);
        let value = part(value, enclosed, value.len().less(enclosed)).trim_ascii();
        while let Some(entity) = kinds.first() {
            kinds.remove(entity);
            let passes = match DETECTORS
                .get(usize::from(entity))
                .map(|detector| detector.form)
            {
                Some(Form::NamedIf(check)) => check(value),
                // Services have a state, too.
                _ => entity != HEALTH || !is_state(value),
            };
            let is_personal = DETECTORS
                .get(usize::from(entity))
                .is_some_and(|detector| detector.category == Category::Personal);
            if announcement.is_paired && is_type(value) {
                return None;
            }
            if passes && !(is_personal && entity != MESSAGE_CONTENT && is_remark(value)) {
                return Some(entity);
            }
        }
        None
    }

    /// The kind that an object (`{`), a boolean (`t`, `f`) or null (`n`) is by its name. Secrets are
    /// none of these, and that there is no value tells something only of the special categories.
    pub(crate) fn whole_kind_of_any(&self, announcement: &Announcement, first: u8) -> Option<u8> {
        if self.settings.min_confidence > Confidence::Medium {
            return None;
        }
        let mut kinds = announcement.kinds.and(&self.whole);
        while let Some(entity) = kinds.first() {
            kinds.remove(entity);
            let detector = DETECTORS.get(usize::from(entity))?;
            let is_any = matches!(detector.form, Form::Named)
                && detector.category != Category::Security
                && (first != b'n' || is_special_category(entity))
                // Whether there is one tells nothing about a name or an address.
                && (!matches!(first, b't' | b'f') || detector.category != Category::Personal)
                // Declarations have such names too: `"username": { "type": "string" }`.
                && (first != b'{' || is_special_category(entity));
            if is_any {
                return Some(entity);
            }
        }
        None
    }

    /// The kind that a text is as a whole, if it may not stay whatever it is.
    pub(crate) fn whole_match(&self, announcement: &Announcement, text: &[u8]) -> Option<u8> {
        let entity = self.announced(announcement, text)?;
        let stays = !self.settings.allowed.is_empty() && self.settings.allowed.has(text);
        (!stays).then_some(entity)
    }

    /// Of the kinds that a name announces, those that are parts of values.
    pub(crate) fn parts_of(&self, kinds: Option<&EntitySet>) -> Option<Rc<EntitySet>> {
        let parts = kinds?.and(&self.wanted);
        (!parts.is_empty()).then(|| Rc::new(parts))
    }

    fn announced(&self, announcement: &Announcement, text: &[u8]) -> Option<u8> {
        if !self.is_whole(announcement)
            || self.is_placeholder(text.trim_ascii())
            || text.is_empty()
            || self.is_choice(announcement, &self.without_placeholders(text))
            || self.settings.min_confidence > Confidence::Medium
        {
            return None;
        }
        self.whole_kind(announcement, text)
    }

    /// What is left of a text without what an earlier redaction put there.
    fn without_placeholders<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let left = if self.has_placeholder(text) {
            self.lexicon.labels().taken_from(text, NOTHING)
        } else {
            text.into()
        };
        match left {
            Cow::Borrowed(left) => left.trim_ascii().into(),
            Cow::Owned(left) => left.trim_ascii().to_vec().into(),
        }
    }

    /// Whether a text is what a form or a catalogue of texts shows, and no value: anything that is called so
    /// (`"city": "City"`); beside no name, a secret only as a title, and no illness is called `pregnancy` for that.
    fn is_choice(&self, announcement: &Announcement, text: &[u8]) -> bool {
        // `PassWord` is a password.
        let is_title = text.first().is_some_and(u8::is_ascii_uppercase)
            && !text
                .windows(2)
                .any(|pair| matches!(pair, [b'a'..=b'z', b'A'..=b'Z']));
        let mut kinds = announcement.kinds;
        while let Some(entity) = kinds.first().filter(|_| !announcement.is_paired) {
            kinds.remove(entity);
            let may_be = match self.category(entity) {
                Category::Personal | Category::Financial | Category::Governmental => true,
                Category::Security => is_title,
                _ => false,
            };
            if !may_be {
                return false;
            }
        }
        self.is_name_of(announcement, text)
    }

    /// Whether a text is no value, but what values of the kinds that are announced are called: all of it, for
    /// `New York City` and `Main Street` are values. A choice in a list has a name of its own (`shipping_address`).
    fn is_name_of(&self, announcement: &Announcement, text: &[u8]) -> bool {
        let is_word = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'_' | b'-');
        let is_identifier = || {
            announcement.is_paired
                && text.first().is_some_and(u8::is_ascii_lowercase)
                && !text.contains(&b' ')
        };
        text.len() <= LONGEST_NAME_BYTES
            && text.iter().all(is_word)
            && self
                .lexicon
                .of_name(b"", text)
                .kinds
                .meets(&announcement.kinds)
            && (is_identifier() || self.lexicon.is_phrase(text, &announcement.kinds))
    }

    fn find_whole(&self, bytes: &[u8], announcement: &Announcement, spans: &mut Vec<Span>) {
        let whole = self.announced(announcement, bytes).or_else(|| {
            // As it will be checked when what has been found in it is gone.
            let mut left = bytes.to_vec();
            let places = spans.iter().filter(|span| self.changes(span.entity));
            for place in places.clone() {
                if let Some(found) = left.get_mut(place.start..place.end) {
                    found.fill(b' ');
                }
            }
            let is_left = places.count() > 0 && left.iter().any(u8::is_ascii_alphanumeric);
            is_left
                .then(|| self.announced(announcement, &left))
                .flatten()
        });
        if let Some(entity) = whole {
            spans.push(Span {
                start: 0,
                end: bytes.len(),
                entity,
                confidence: Confidence::Medium,
            });
        }
    }

    fn find_custom(&self, text: &Text<'_>, scratch: &mut Scratch, spans: &mut Vec<Span>) {
        scratch.near.forget();
        let searched = searchable(text.bytes);
        for (entity, custom) in (FIRST_CUSTOM..).zip(self.customs.iter()) {
            if !self.wanted.has(entity) {
                continue;
            }
            let places = (text.from, &scratch.looks);
            custom.find(&searched, places, |start, end| {
                let mut announced = || {
                    let near = &mut scratch.near;
                    text.announcement.kinds.has(entity)
                        || near
                            .announced(&self.lexicon, text.bytes, start, end)
                            .has(entity)
                };
                if !custom.needs_context || announced() {
                    spans.push(Span {
                        start,
                        end,
                        entity,
                        confidence: Confidence::High,
                    });
                }
            });
        }
    }

    /// Chooses among overlapping matches: those that are acted on, then the longest, then the
    /// surest, then by the order of the table.
    fn resolve(&self, bytes: &[u8], spans: &mut Vec<Span>) {
        if !self.settings.allowed.is_empty() {
            spans.retain(|span| !self.settings.allowed.has(part(bytes, span.start, span.end)));
        }
        // Nearly always there is nothing to choose.
        policy::sort::by_key(spans, |span| span.start);
        let overlaps = spans.windows(2).any(|pair| match pair {
            [left, right] => left.end > right.start,
            _ => false,
        });
        if overlaps {
            policy::sort::by_key(spans, |span| {
                let enforces = self
                    .binding(span.entity)
                    .is_some_and(|binding| binding.enforces);
                let length = span.end.saturating_sub(span.start);
                (
                    std::cmp::Reverse((enforces, length, span.confidence)),
                    span.entity,
                    span.start,
                )
            });
            let enforced = |span: &Span| {
                self.binding(span.entity)
                    .is_some_and(|binding| binding.enforces)
            };
            // Of many matches only those nearby can overlap: in order of their places.
            let mut taken: BTreeMap<usize, Span> = BTreeMap::new();
            for span in spans.iter() {
                let mut pieces: Vec<Span> = Vec::new();
                let mut start = span.start;
                let first = taken
                    .range(..=span.start)
                    .next_back()
                    .map_or(span.start, |(start, _)| *start);
                for known in taken.range(first..span.end).map(|(_, known)| known) {
                    if known.start > start {
                        pieces.push(Span {
                            start,
                            end: known.start,
                            ..*span
                        });
                    }
                    start = start.max(known.end);
                }
                if start < span.end {
                    pieces.push(Span {
                        start,
                        end: span.end,
                        ..*span
                    });
                }
                // What sticks out of a better match still is personal data.
                let whole = pieces.first() == Some(span);
                if whole || enforced(span) {
                    taken.extend(pieces.into_iter().map(|piece| (piece.start, piece)));
                }
            }
            spans.clear();
            spans.extend(taken.into_values());
        }
    }
}

/// The state of a service.
fn is_state(value: &[u8]) -> bool {
    #[rustfmt::skip]
    const STATES: [&[u8]; 19] = [
        b"healthy", b"unhealthy", b"green", b"yellow", b"red", b"ok", b"up", b"down", b"starting", b"degraded", b"passing",
        b"warning", b"critical", b"pass", b"fail", b"running",
        // What an experiment shows.
        b"on", b"off", b"control",
    ];
    STATES.iter().any(|state| value.eq_ignore_ascii_case(state))
}

/// What JavaScript calls the type of a value, as an error says it: `"received": "undefined"`.
fn is_type(value: &[u8]) -> bool {
    const TYPES: [&[u8]; 12] = [
        b"undefined",
        b"null",
        b"nan",
        b"string",
        b"number",
        b"boolean",
        b"object",
        b"array",
        b"date",
        b"bigint",
        b"function",
        b"unknown",
    ];
    TYPES.contains(&value)
}

/// What says something about a member, and is none of its values: in which order it stands, who may see it, or what
/// is wrong with it (`has already been taken`).
fn is_remark(value: &[u8]) -> bool {
    #[rustfmt::skip]
    const WORDS: [&[u8]; 12] = [
        b"asc", b"desc", b"ascending", b"descending", b"visible", b"hidden", b"read", b"write", b"readonly", b"read-only",
        b"required", b"optional",
    ];
    const VERBS: [&[u8]; 10] = [
        b"is", b"be", b"been", b"must", b"has", b"can't", b"cannot", b"should", b"please", b"too",
    ];
    const FAULTS: [&[u8]; 14] = [
        b"required",
        b"blank",
        b"empty",
        b"invalid",
        b"valid",
        b"taken",
        b"short",
        b"long",
        b"unknown",
        b"allowed",
        b"exist",
        b"exists",
        b"match",
        b"characters",
    ];
    let has = |list: &[&[u8]]| {
        let mut words = value.split(|byte| matches!(byte, b' ' | b'.' | b'!' | b','));
        words.any(|word| list.iter().any(|known| word.eq_ignore_ascii_case(known)))
    };
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.len() <= LONGEST_REMARK_BYTES
            && !value.iter().any(u8::is_ascii_digit)
            && has(&VERBS)
            && has(&FAULTS)
}

/// `Key (a)=(b)` is not shorter.
const LEAST_REPORT_BYTES: usize = 11;
const LONGEST_REMARK_BYTES: usize = 120;
/// No choice in a list is called longer.
const LONGEST_NAME_BYTES: usize = 40;
