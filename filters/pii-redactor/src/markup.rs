//! What the names of elements and attributes say about values in XML and HTML: `<dob>1931-12-10</dob>`, `<birthDate
//! value="1931-12-10"/>`, `<input name="cvv" value="123">`, `<th>MRN</th><td>0012345</td>`.
//!
//! The text is searched line by line as any other; what is announced is searched here once more, as the value of a
//! member would be. Nothing is held: a name may be lines before its value, but where an attribute stands before the
//! one that names it, both must be on one line.

use crate::bytes::{Position as _, at, part};
use crate::detect::Span;
use crate::names::KeyInfo;
use crate::plan::Plan;
use crate::role::Role;
use crate::steps::step;

/// Reads a text piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Markup {
    state: State,
    /// A name, or the beginning of a declaration.
    name: Vec<u8>,
    tag: Tag,
    /// What the name of the attribute says whose value is read.
    attribute: KeyInfo,
    /// The elements around, the innermost last.
    elements: Vec<Element>,
    table: Table,
    /// In a script or a style, where only its own end is a tag.
    is_raw: bool,
}

/// An element whose content is being read.
#[derive(Clone, Debug, Default)]
struct Element {
    name: Vec<u8>,
    info: KeyInfo,
    /// What its attributes, or elements in it, call the value in it, a line each.
    naming: Vec<u8>,
}

/// A table of HTML whose first row has the names of the columns.
#[derive(Clone, Debug, Default)]
struct Table {
    columns: Vec<Vec<u8>>,
    /// The names in the row that is read, and the place of the cell behind the one that is.
    row: Vec<Vec<u8>>,
    next: usize,
    /// Whether the row has cells with values.
    has_values: bool,
}

impl Table {
    /// An element begins. What the column of a cell is called is returned.
    fn begin(&mut self, name: &[u8]) -> Option<&[u8]> {
        match name {
            b"table" => *self = Self::default(),
            b"tr" => {
                if !self.has_values && !self.row.is_empty() {
                    std::mem::swap(&mut self.columns, &mut self.row);
                }
                self.row.clear();
                self.next = 0;
                self.has_values = false;
            }
            b"th" => self.next = self.next.plus(1),
            b"td" => {
                self.next = self.next.plus(1);
                self.has_values = true;
                let column = self.columns.get(self.next.less(1));
                return column.map(Vec::as_slice).filter(|name| !name.is_empty());
            }
            _ => {}
        }
        None
    }

    /// A text in a cell of names.
    fn name(&mut self, text: &[u8]) {
        if (1..=MAX_COLUMNS).contains(&self.next) && text.len() <= MAX_NAME_BYTES {
            self.row.resize(self.next, Vec::new());
            if let Some(name) = self.row.last_mut() {
                text.clone_into(name);
            }
        }
    }
}

/// A tag that is being read.
#[derive(Clone, Debug, Default)]
struct Tag {
    element: Element,
    /// What its attributes call the value among them.
    naming: Vec<u8>,
    /// Values that nothing has named yet, by their places.
    unnamed: Vec<(usize, usize)>,
    /// It is a button, the value of which is what it says.
    is_button: bool,
    /// The element ends with it.
    closes: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Content,
    /// Behind `<`.
    Open,
    /// In the name of an element that begins.
    Name,
    /// In the name of one that ends.
    Close,
    /// In a tag, between attributes.
    InTag,
    /// In the name of an attribute.
    AttributeName,
    /// Behind the name of an attribute.
    AfterName,
    /// Behind `=`, before an attribute's value.
    BeforeValue,
    /// In its value, up to this quote; 0 for none.
    Value(u8),
    /// In a declaration or an instruction, behind `<!` or `<?`.
    Declaration,
    /// In a comment, behind so many dashes.
    Comment(u8),
}

/// A text of which a part is read.
pub(crate) struct Source<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) text: &'a [u8],
    /// Whether the character at a place is spelled as it is: a reference to a sign of markup is none.
    pub(crate) is_literal: &'a dyn Fn(usize) -> bool,
}

impl Markup {
    /// Reads what is between two places, and adds what is found.
    pub(crate) fn read(
        &mut self,
        source: &Source<'_>,
        (from, to): (usize, usize),
        found: &mut Vec<Span>,
    ) {
        // Where the content or the value begins that is read.
        let mut start = from;
        let mut place = from;
        while place < to {
            let ahead = part(source.text, place, to);
            let end = match self.state {
                State::Content => memchr::memchr(b'<', ahead),
                State::Value(0) => ahead.iter().position(|byte| *byte <= b' ' || *byte == b'>'),
                State::Value(quote) => memchr::memchr(quote, ahead),
                _ => Some(0),
            };
            let Some(length) = end else {
                step(ahead.len() / 4);
                break;
            };
            step((length / 4).plus(1));
            place = place.plus(length);
            let is_literal = (source.is_literal)(place);
            let byte = at(source.text, place);
            match self.state {
                State::Content | State::Value(_) if !is_literal => {
                    place = place.plus(1);
                    continue;
                }
                State::Content => {
                    self.content(source, (start, place), found);
                    self.open();
                }
                State::Value(quote) => {
                    self.attribute_value(source, (start, place), found);
                    self.state = State::InTag;
                    if quote == 0 {
                        continue;
                    }
                }
                State::BeforeValue if byte > b' ' && !matches!(byte, b'"' | b'\'' | b'>') => {
                    self.state = State::Value(0);
                    start = place;
                    continue;
                }
                _ => self.sign(if is_literal { byte } else { b'_' }, source.plan),
            }
            place = place.plus(1);
            start = place;
        }
        match self.state {
            State::Content => self.content(source, (start, to), found),
            State::Value(_) => self.attribute_value(source, (start, to), found),
            _ => {}
        }
        self.tag.unnamed.clear();
    }

    /// The line is over, and with it a name.
    pub(crate) fn end_line(&mut self, plan: &Plan) {
        match self.state {
            State::Content | State::Value(b'"' | b'\'') => {}
            State::Value(_) => self.state = State::InTag,
            _ => self.sign(b' ', plan),
        }
    }

    fn open(&mut self) {
        self.name.clear();
        self.state = State::Open;
    }

    /// A byte of a tag or a declaration.
    fn sign(&mut self, byte: u8, plan: &Plan) {
        let is_blank = byte <= b' ';
        self.state = match (self.state, byte) {
            (State::Open, b'/') => State::Close,
            (State::Open, _) if self.is_raw => State::Content,
            (State::Open, b'!' | b'?') => State::Declaration,
            (State::Open, _) if is_name(byte) && !byte.is_ascii_digit() => {
                self.push(byte, State::Name)
            }
            (State::Open, _) => State::Content,
            (State::Close, b'>') => {
                self.close();
                State::Content
            }
            (State::Declaration, _) => match (self.name.as_slice(), byte) {
                (b"-", b'-') => State::Comment(0),
                (b"[CDATA", b'[') | (_, b'>') => State::Content,
                _ => self.push(byte, State::Declaration),
            },
            (State::Comment(dashes), b'>') if dashes > 1 => State::Content,
            (State::Comment(dashes), b'-') => State::Comment(dashes.saturating_add(1)),
            (State::Comment(_), _) => State::Comment(0),
            // The tag before it has no end.
            (_, b'<') => return self.open(),
            (State::Name | State::Close | State::AttributeName, _) if is_name(byte) => {
                self.push(byte, self.state)
            }
            (State::Close, _) => State::Close,
            (State::AttributeName | State::AfterName, b'=') => {
                self.attribute = self.attribute_info(plan);
                State::BeforeValue
            }
            (State::AttributeName | State::AfterName, _) if is_blank => State::AfterName,
            (State::BeforeValue, b'"' | b'\'') => State::Value(byte),
            (State::BeforeValue, _) if is_blank => State::BeforeValue,
            (state, _) => {
                if state == State::Name {
                    self.begin_tag(plan);
                }
                self.between(byte)
            }
        };
    }

    /// A byte between two attributes.
    fn between(&mut self, byte: u8) -> State {
        match byte {
            b'>' => {
                self.end_tag();
                State::Content
            }
            b'/' => {
                self.tag.closes = true;
                State::InTag
            }
            _ if is_name(byte) => {
                self.tag.closes = false;
                self.name.clear();
                self.push(byte, State::AttributeName)
            }
            _ => State::InTag,
        }
    }

    fn push(&mut self, byte: u8, state: State) -> State {
        if self.name.len() < MAX_NAME_BYTES {
            self.name.push(byte);
        }
        state
    }

    /// What the innermost element announces, and its name.
    fn parent(elements: &[Element]) -> (KeyInfo, &[u8]) {
        let last = elements.last();
        last.map_or((KeyInfo::default(), &b""[..]), |element| {
            (element.info.clone(), &*element.name)
        })
    }

    /// The name of an element has been read.
    fn begin_tag(&mut self, plan: &Plan) {
        let name = local(&self.name).to_vec();
        while let Some(last) = self.elements.last()
            && is_ended_by(&last.name, &name)
        {
            self.elements.pop();
        }
        let (around, around_name) = Self::parent(&self.elements);
        let parent = (&around, around_name);
        let mut info = plan.name_info(parent, &name);
        match name.as_slice() {
            b"th" | b"dt" => info.role = Role::Name,
            // A map of Java: its first text is the name of the second.
            b"string"
                if around_name == b"entry"
                    && self
                        .elements
                        .last()
                        .is_some_and(|entry| entry.naming.is_empty()) =>
            {
                info.role = Role::Name;
            }
            b"td" | b"dd" | b"string" | b"integer" | b"date" | b"input" | b"textarea" => {
                info.role = Role::Value;
            }
            // XML-RPC calls what a structure has so, and its name.
            b"name" if around_name == b"member" => info.kinds = None,
            _ => {}
        }
        if around.role == Role::Value && info.role == Role::Value && info.kinds.is_none() {
            info.kinds.clone_from(&around.kinds);
        }
        if (info.role == Role::Value || info.role.is_any_name())
            && let Some(last) = self.elements.last()
        {
            info.add_named(plan, parent, &last.naming);
        }
        if let Some(column) = self.table.begin(&name) {
            info.add_named(plan, (&KeyInfo::default(), b""), column);
        }
        self.tag = Tag {
            element: Element {
                name,
                info,
                naming: Vec::new(),
            },
            ..Tag::default()
        };
    }

    fn attribute_info(&self, plan: &Plan) -> KeyInfo {
        let name = local(&self.name);
        let element = &self.tag.element;
        // An attribute says something about an element, and is no part of its value.
        let around = KeyInfo {
            kinds: None,
            id: element.info.id ^ IN_A_TAG,
            ..element.info.clone()
        };
        let mut info = plan.name_info((&around, &element.name), name);
        if info.kinds.is_none() && info.role == Role::Value {
            info.kinds.clone_from(&element.info.kinds);
        }
        match name {
            b"content" => info.role = Role::Value,
            b"id" | b"itemprop" => info.role = Role::Name,
            _ => {}
        }
        info
    }

    /// A piece of the value of an attribute.
    fn attribute_value(
        &mut self,
        source: &Source<'_>,
        place: (usize, usize),
        found: &mut Vec<Span>,
    ) {
        let place = trimmed(source.text, place);
        let text = part(source.text, place.0, place.1);
        if text.is_empty() {
            return;
        }
        let mut info = self.attribute.clone();
        let tag = &mut self.tag;
        if info.role.names() {
            let text = info.role.read(text);
            add_line(&mut tag.naming, text);
            // Those are about the element, and not about the text in it.
            if !matches!(local(&self.name), b"id" | b"type" | b"title" | b"label") {
                add_line(&mut tag.element.naming, text);
            }
            tag.is_button |= matches!(text, b"submit" | b"button" | b"reset");
            let mut named = KeyInfo {
                role: Role::Value,
                ..KeyInfo::default()
            };
            if !tag.is_button
                && !tag.unnamed.is_empty()
                && named.add_named(source.plan, (&KeyInfo::default(), b""), &tag.naming)
            {
                for place in std::mem::take(&mut tag.unnamed) {
                    search(source.plan, source.text, place, &named, found);
                }
            }
        } else if info.role == Role::Value {
            if tag.element.info.role.names() {
                note(&mut self.elements, tag.element.info.role, text);
            }
            let is_named = !tag.is_button
                && info.add_named(source.plan, (&KeyInfo::default(), b""), &tag.naming);
            if !is_named && tag.unnamed.len() < MAX_UNNAMED {
                tag.unnamed.push(place);
            }
        }
        search(source.plan, source.text, place, &info, found);
    }

    /// The tag has been read.
    fn end_tag(&mut self) {
        let tag = std::mem::take(&mut self.tag);
        if tag.closes || VOID.contains(&tag.element.name.as_slice()) {
            return self.forget_naming(&tag.element);
        }
        self.is_raw = matches!(tag.element.name.as_slice(), b"script" | b"style");
        if self.elements.len() >= MAX_ELEMENTS {
            self.elements.drain(..MAX_ELEMENTS / 2);
        }
        self.elements.push(tag.element);
    }

    /// The end of an element has been read: of the innermost one with this name, if it is near.
    fn close(&mut self) {
        let name = local(&self.name);
        let mut near = self.elements.iter().rev().take(NEAR_ELEMENTS);
        let is_same = |element: &Element| element.name.eq_ignore_ascii_case(name);
        step(1);
        if let Some(above) = near.position(is_same) {
            let place = self.elements.len().less(above.plus(1));
            let element = self.elements.drain(place..).next();
            self.forget_naming(&element.unwrap_or_default());
            self.is_raw = false;
        }
    }

    /// A value has been read: what named it names nothing behind it.
    fn forget_naming(&mut self, element: &Element) {
        if element.info.role == Role::Value
            && let Some(around) = self.elements.last_mut()
        {
            around.naming.clear();
        }
    }

    /// A piece of text between two tags.
    fn content(&mut self, source: &Source<'_>, place: (usize, usize), found: &mut Vec<Span>) {
        // What is behind the end of a CDATA section is a text of its own.
        let (mut from, to) = place;
        while let Some(section) = memchr::memmem::find(part(source.text, from, to), b"]]>") {
            self.text(source, (from, from.plus(section)), found);
            from = from.plus(section).plus(3);
        }
        self.text(source, (from, to), found);
    }

    /// A piece of text without markup.
    fn text(&mut self, source: &Source<'_>, place: (usize, usize), found: &mut Vec<Span>) {
        let (start, end) = trimmed(source.text, place);
        let text = part(source.text, start, end);
        if text.is_empty() || self.is_raw {
            return;
        }
        let Some((element, around)) = self.elements.split_last_mut() else {
            return;
        };
        // `<td>First name:</td><td>Jane</td>`, `<b>DOB:</b> 01/02/1970`.
        let label = text.strip_suffix(b":");
        if label.is_some() && LABELS.contains(&&*element.name) {
            element.info.role = Role::Name;
        }
        if element.info.role.names() {
            note(around, element.info.role, label.unwrap_or(text));
        }
        if element.name == b"th" {
            self.table.name(text);
        }
        let mut info = element.info.clone();
        if !element.naming.is_empty() {
            let (parent, name) = Self::parent(around);
            info.role = Role::Value;
            info.add_named(source.plan, (&parent, name), &element.naming);
        }
        search(source.plan, source.text, (start, end), &info, found);
    }
}

/// What is announced is searched as a value.
pub(crate) fn search(
    plan: &Plan,
    text: &[u8],
    (start, end): (usize, usize),
    info: &KeyInfo,
    found: &mut Vec<Span>,
) {
    if info.kinds.is_none() {
        return;
    }
    let mut spans = Vec::new();
    let text = part(text, start, end);
    plan.search(text, 0, &info.announcement(), true, &mut spans);
    found.extend(spans.into_iter().map(|span| Span {
        start: span.start.plus(start),
        end: span.end.plus(start),
        ..span
    }));
}

/// A text names the value in the innermost element; what is in a type of FHIR names the one beside the type.
fn note(elements: &mut [Element], role: Role, text: &[u8]) {
    let is_around = |element: &&mut Element| {
        role != Role::Code || !matches!(element.info.role, Role::Type | Role::Coding)
    };
    if let Some(element) = elements.iter_mut().rev().take(3).find(is_around) {
        add_line(&mut element.naming, role.read(text));
    }
}

fn add_line(lines: &mut Vec<u8>, line: &[u8]) {
    if line.len() <= MAX_NAME_BYTES && lines.len() <= MAX_NAME_BYTES {
        lines.extend_from_slice(line);
        lines.push(b'\n');
    }
}

fn trimmed(text: &[u8], (start, end): (usize, usize)) -> (usize, usize) {
    let piece = part(text, start, end);
    let start = start.plus(piece.len().less(piece.trim_ascii_start().len()));
    (
        start,
        start.plus(part(text, start, end).trim_ascii_end().len()),
    )
}

/// A name without the prefix of its namespace.
fn local(name: &[u8]) -> &[u8] {
    let prefix = memchr::memrchr(b':', name).map_or(0, |colon| colon.plus(1));
    crate::bytes::rest(name, prefix)
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b':' | b'@')
        || !byte.is_ascii()
}

/// Whether an element of HTML ends where this one begins.
fn is_ended_by(name: &[u8], next: &[u8]) -> bool {
    match name {
        b"dt" | b"dd" => matches!(next, b"dt" | b"dd"),
        b"td" | b"th" => matches!(next, b"td" | b"th" | b"tr"),
        b"p" | b"li" | b"tr" | b"option" => name == next,
        _ => false,
    }
}

/// Elements of HTML without an end.
#[rustfmt::skip]
const VOID: &[&[u8]] = &[
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"source", b"track", b"wbr",
];
/// What an element of HTML has that ends with a colon names what is behind it.
const LABELS: &[&[u8]] = &[
    b"td", b"b", b"strong", b"em", b"span", b"label", b"th", b"dt",
];
/// With the number of a name: what is in its tag, and not in its content.
const IN_A_TAG: u32 = 1 << 31;
const MAX_NAME_BYTES: usize = 128;
const MAX_ELEMENTS: usize = 64;
const MAX_UNNAMED: usize = 4;
const MAX_COLUMNS: usize = 64;
/// An end is that of one of so many elements, or of none.
const NEAR_ELEMENTS: usize = 16;

#[cfg(test)]
mod tests;
