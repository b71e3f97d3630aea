//! One value of the document, and the conversions to plain types.

use std::fmt;

use super::describe::Shape;
use super::{Fields, Problem, Sink, Warning};
use crate::json::Json;
use crate::nearest::nearest;

/// A value of the document and its place in it.
///
/// Each conversion reports what is wrong and returns `None`; it never stops the others.
#[derive(Clone)]
pub struct Node<'a> {
    pub(super) json: &'a Json,
    path: String,
    sink: &'a Sink,
    /// The most items or members that this value may have.
    max_items: usize,
    /// The path with `[]` for every index and `*` for every name that the user has chosen.
    #[cfg(feature = "describe")]
    place: String,
}

/// The most items of a list, or members of an object, unless [`Node::at_most`] says otherwise.
///
/// Small enough that comparing every item with every other takes no time to speak of.
pub const MAX_ITEMS: usize = 1_024;

impl<'a> Node<'a> {
    pub(crate) const fn root(json: &'a Json, sink: &'a Sink) -> Self {
        Self {
            json,
            path: String::new(),
            sink,
            max_items: MAX_ITEMS,
            #[cfg(feature = "describe")]
            place: String::new(),
        }
    }

    /// The same value, with another maximum than [`MAX_ITEMS`] for its items or members.
    ///
    /// The maximum is checked before any item is read, so that a list far beyond it costs nothing.
    #[must_use]
    pub const fn at_most(mut self, max_items: usize) -> Self {
        self.max_items = max_items;
        self
    }

    /// The JSON path of this value.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value itself, for parts that have their own rules (an inline JWK set).
    #[must_use]
    pub fn json(&self) -> &'a Json {
        self.ask(|| Shape::Raw);
        self.json
    }

    /// Reports this value as wrong, with the value in the message:
    /// `limits[2].rate: "100/fortnight": <message>`.
    pub fn reject(&self, message: impl fmt::Display) {
        self.report(&self.path, true, &message);
    }

    /// Compiled once, and not for each type of message.
    #[inline(never)]
    fn report(&self, path: &str, shows_value: bool, message: &dyn fmt::Display) {
        let message = self.with_value(shows_value, message);
        self.sink.report(Problem::new(path, message));
    }

    /// As [`Self::report`], of what is accepted.
    #[inline(never)]
    fn caution(
        &self,
        path: &str,
        code: &'static str,
        shows_value: bool,
        message: &dyn fmt::Display,
    ) {
        let message = self.with_value(shows_value, message);
        self.sink.warn(Warning::new(code, path, message));
    }

    fn with_value(&self, shows_value: bool, message: &dyn fmt::Display) -> String {
        if shows_value {
            format!("{}: {message}", abbreviated(self.json))
        } else {
            message.to_string()
        }
    }

    /// Reports this value as wrong without showing it, for secrets and for mistakes between keys.
    pub fn reject_unseen(&self, message: impl fmt::Display) {
        self.report(&self.path, false, &message);
    }

    /// Reports another place of the document as wrong, for what is known only when all of it is read.
    pub fn reject_at(&self, path: &str, message: impl fmt::Display) {
        self.report(path, false, &message);
    }

    /// Warns about this value, with the value in the message, under a stable code.
    pub fn warn(&self, code: &'static str, message: impl fmt::Display) {
        self.caution(&self.path, code, true, &message);
    }

    /// Warns about this value without showing it.
    pub fn warn_unseen(&self, code: &'static str, message: impl fmt::Display) {
        self.caution(&self.path, code, false, &message);
    }

    /// Warns about another place of the document, for what is known only when all of it is read.
    pub fn warn_at(&self, path: &str, code: &'static str, message: impl fmt::Display) {
        self.caution(path, code, false, &message);
    }

    /// Each item of an array, converted; items that fail are reported and left out.
    #[must_use]
    pub fn list<T>(&self, mut convert: impl FnMut(Self) -> Option<T>) -> Option<Vec<T>> {
        let items = self.items()?.iter().enumerate();
        let mut list = Vec::new();
        for (index, item) in items {
            list.extend(convert(self.item(index, item)));
        }
        Some(list)
    }

    #[inline(never)]
    fn items(&self) -> Option<&'a [Json]> {
        self.ask(|| Shape::List {
            at_most: self.max_items,
            is_never_empty: false,
        });
        let items = match self.json {
            Json::Array(items) => items,
            Json::Object(_) => {
                self.reject("expected an array");
                return None;
            }
            single => {
                // Most who write this mean a list of one.
                self.reject(format_args!(
                    "expected an array, such as [{}]",
                    abbreviated(single)
                ));
                return None;
            }
        };
        self.within_maximum(items.len(), "items")?;
        Some(items)
    }

    #[inline(never)]
    fn item(&self, index: usize, item: &'a Json) -> Self {
        Node {
            json: item,
            path: format!("{}[{index}]", self.path),
            sink: self.sink,
            max_items: MAX_ITEMS,
            #[cfg(feature = "describe")]
            place: format!("{}[]", self.place),
        }
    }

    /// As [`Node::list`], and an empty array is a mistake.
    #[must_use]
    pub fn non_empty_list<T>(&self, convert: impl FnMut(Self) -> Option<T>) -> Option<Vec<T>> {
        self.ask(|| Shape::List {
            at_most: self.max_items,
            is_never_empty: true,
        });
        if matches!(self.json, Json::Array(items) if items.is_empty()) {
            self.reject("expected at least one item");
            return None;
        }
        self.list(convert)
    }

    /// As [`Node::non_empty_list`], and what is no array is a list of one.
    #[must_use]
    pub fn one_or_more<T>(&self, mut convert: impl FnMut(Self) -> Option<T>) -> Option<Vec<T>> {
        match self.json {
            Json::Array(_) => self.non_empty_list(convert),
            _ => convert(self.clone()).map(|one| vec![one]),
        }
    }

    /// An array of strings, or one string alone.
    #[must_use]
    pub fn strings(&self) -> Option<Vec<String>> {
        self.ask(|| Shape::Text(String::new()));
        match self.json {
            Json::String(text) => Some(vec![text.clone()]),
            _ => self.non_empty_list(|item| item.string().map(str::to_owned)),
        }
    }

    /// Each member of an object whose names the user chooses.
    #[must_use]
    pub fn named<T>(
        &self,
        mut convert: impl FnMut(&'a str, Self) -> Option<T>,
    ) -> Option<Vec<(String, T)>> {
        self.ask(|| Shape::Named(self.max_items));
        let mut list = Vec::new();
        for (name, value) in self.members()? {
            let converted = convert(name, self.named_member(name, value));
            list.extend(converted.map(|converted| (name.clone(), converted)));
        }
        Some(list)
    }

    #[inline(never)]
    fn members(&self) -> Option<&'a [(String, Json)]> {
        let members = match self.json {
            Json::Object(members) => Some(members.as_slice()),
            _ => None,
        };
        let members = self.expected(members, "an object")?;
        self.within_maximum(members.len(), "members")?;
        Some(members)
    }

    /// An object with known keys. Keys that `convert` did not ask for are mistakes.
    #[must_use]
    pub fn object<T>(&self, convert: impl FnOnce(&mut Fields<'a>) -> Option<T>) -> Option<T> {
        self.ask(|| Shape::Object);
        let mut fields = Fields::new(self.clone(), self.members()?);
        let converted = convert(&mut fields);
        fields.finish();
        converted
    }

    /// One of several forms: a word alone (`"label"`) or an object with that word as its only key
    /// (`{"mask": {...}}`). Returns the word and the node behind it.
    #[must_use]
    pub fn variant(&self, words: &[&'static str]) -> Option<(&'static str, Option<Self>)> {
        self.ask(|| Shape::Variant(words.to_vec()));
        for word in words {
            self.sink.asked_for(general_path(&self.key_path(word)));
        }
        let (name, value) = match self.json {
            Json::String(text) => (text.as_str(), None),
            Json::Object(members) => match members.as_slice() {
                [(name, value)] => (name.as_str(), Some(self.member(name, value))),
                _ => {
                    self.reject(format_args!(
                        "expected exactly one of {}",
                        alternatives(words)
                    ));
                    return None;
                }
            },
            _ => {
                self.reject(format_args!("expected {}", alternatives(words)));
                return None;
            }
        };
        let known = words.iter().copied().find(|word| *word == name);
        match known {
            Some(word) => Some((word, value)),
            None => {
                self.reject(suggestion(name, words));
                None
            }
        }
    }

    pub(super) const fn sink(&self) -> &'a Sink {
        self.sink
    }

    #[inline(never)]
    pub(super) fn member(&self, name: &str, value: &'a Json) -> Self {
        Node {
            json: value,
            path: self.key_path(name),
            sink: self.sink,
            max_items: MAX_ITEMS,
            #[cfg(feature = "describe")]
            place: join(&self.place, name),
        }
    }

    /// As [`Node::member`], for a name that the user has chosen.
    fn named_member(&self, name: &str, value: &'a Json) -> Self {
        Node {
            #[cfg(feature = "describe")]
            place: join(&self.place, "*"),
            ..self.member(name, value)
        }
    }

    /// Writes down what a converter asks, where somebody wants to know.
    #[cfg_attr(
        not(feature = "describe"),
        expect(clippy::unused_self, reason = "only to describe")
    )]
    pub(super) fn ask(&self, shape: impl FnOnce() -> Shape) {
        #[cfg(feature = "describe")]
        self.sink.asks.borrow_mut().push(super::describe::Ask {
            place: self.place.clone(),
            path: self.path.clone(),
            shape: shape(),
        });
        #[cfg(not(feature = "describe"))]
        let _ = shape;
    }

    pub(super) fn key_path(&self, name: &str) -> String {
        join(&self.path, name)
    }

    fn within_maximum(&self, count: usize, what: &str) -> Option<()> {
        let most = self.max_items;
        if count > most {
            self.reject_unseen(format_args!("{count} {what}; expected at most {most}"));
            return None;
        }
        Some(())
    }

    pub(super) fn expected<T>(&self, value: Option<T>, what: &str) -> Option<T> {
        if value.is_none() {
            self.reject_kind(what);
        }
        value
    }

    #[inline(never)]
    fn reject_kind(&self, expected: &str) {
        self.reject(format_args!("expected {expected}"));
    }
}

/// The path of a member: `limits[2].rate`, `headers["x y"]`.
#[must_use]
pub fn join(path: &str, name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-*$".contains(&byte);
    let plain = !name.is_empty() && name.bytes().all(is_plain);
    match (path.is_empty(), plain) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[{name:?}]"),
    }
}

/// A path without its indices: `limits[2].rate` as `limits[].rate`.
pub(super) fn general_path(path: &str) -> String {
    let mut general = String::with_capacity(path.len());
    let mut in_index = false;
    for character in path.chars() {
        match character {
            '[' => in_index = true,
            ']' => in_index = false,
            _ if in_index => continue,
            _ => {}
        }
        general.push(character);
    }
    general
}

/// What was found, short enough for a log line.
fn abbreviated(json: &Json) -> String {
    const MAX_CHARACTERS: usize = 60;
    match json {
        Json::Array(_) | Json::Object(_) => json.kind().to_owned(),
        scalar => {
            let text = scalar.to_string();
            if text.chars().count() <= MAX_CHARACTERS {
                text
            } else {
                text.chars()
                    .take(MAX_CHARACTERS)
                    .chain("...".chars())
                    .collect()
            }
        }
    }
}

pub(super) fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

pub(super) fn suggestion(found: &str, names: &[&str]) -> String {
    nearest(found, names.iter().copied()).map_or_else(
        || format!("expected {}", alternatives(names)),
        |name| format!("did you mean {name:?}? expected {}", alternatives(names)),
    )
}
