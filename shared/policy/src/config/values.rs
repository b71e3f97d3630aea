//! Values of single keys: texts, names, numbers, durations, sizes, rates and words.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Node;
use super::describe::Shape;
use super::names::{self, NameError};
use super::node::{alternatives, suggestion};
use crate::json::Json;
use crate::units::{self, Rate};

impl<'a> Node<'a> {
    /// Reads a string; another type is a problem.
    #[inline(never)]
    #[must_use]
    pub fn string(&self) -> Option<&'a str> {
        self.ask(|| Shape::Text(String::new()));
        self.expected(self.json.as_str(), "a string")
    }

    /// A string with at least one character, at most `max_bytes` long, without control characters.
    #[inline(never)]
    #[must_use]
    pub fn name(&self, max_bytes: usize) -> Option<&'a str> {
        self.ask(|| Shape::Name(max_bytes));
        let text = self.expected(self.json.as_str(), "a string")?;
        if text.is_empty() || text.len() > max_bytes || text.chars().any(char::is_control) {
            self.reject(format_args!(
                "expected 1 to {max_bytes} bytes without control characters"
            ));
            return None;
        }
        Some(text)
    }

    /// The lower-case name of a header (RFC 9110 section 5.1).
    #[inline(never)]
    #[must_use]
    pub fn header_name(&self) -> Option<String> {
        self.checked("header", names::header_name)
    }

    /// The lower-case name of a header that a filter writes into responses: see [`names::own_response_header_name`].
    #[inline(never)]
    #[must_use]
    pub fn own_response_header_name(&self) -> Option<String> {
        self.checked("header", names::own_response_header_name)
    }

    /// The name of a header that a request has as one: `host` it has as `:authority` (HTTP/2, and
    /// Envoy whatever the version), so a condition on it would never hold.
    #[inline(never)]
    #[must_use]
    pub fn field_name(&self) -> Option<String> {
        self.checked("header", names::field_name)
    }

    /// The dotted path of a claim, such as `realm_access.roles`.
    #[inline(never)]
    #[must_use]
    pub fn claim_path(&self) -> Option<String> {
        self.checked("claim", names::claim_path)
    }

    /// The name of a cookie (RFC 6265 section 4.1.1).
    #[inline(never)]
    #[must_use]
    pub fn cookie_name(&self) -> Option<String> {
        self.checked("cookie", names::cookie_name)
    }

    /// The name of a query parameter, decoded.
    #[inline(never)]
    #[must_use]
    pub fn parameter_name(&self) -> Option<String> {
        self.checked("parameter", names::parameter_name)
    }

    fn checked(
        &self,
        what: &'static str,
        check: fn(&str) -> Result<String, NameError>,
    ) -> Option<String> {
        self.ask(|| Shape::NameOf(what));
        let text = self.expected(self.json.as_str(), "a string")?;
        check(text).map_err(|error| self.reject(error)).ok()
    }

    /// Reads `true` or `false`; another type is a problem.
    #[inline(never)]
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        self.ask(|| Shape::Boolean);
        let value = match self.json {
            Json::Bool(value) => Some(*value),
            _ => None,
        };
        self.expected(value, "true or false")
    }

    /// Reads an integer within `range`; anything else is a problem.
    #[inline(never)]
    #[must_use]
    pub fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        self.ask(|| Shape::Integer(range.clone()));
        let value = match self.json {
            Json::Number(number) => number.as_u64().filter(|value| range.contains(value)),
            _ => None,
        };
        if value.is_none() {
            self.reject(format_args!(
                "expected an integer from {} to {}",
                range.start(),
                range.end()
            ));
        }
        value
    }

    /// A duration such as `"250ms"`, within `range`.
    #[inline(never)]
    #[must_use]
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.ask(|| Shape::Duration(range.clone()));
        let value = self.parsed_quietly(
            units::parse_duration,
            r#"a duration such as "250ms" or "10s""#,
        )?;
        if !range.contains(&value) {
            self.reject(format_args!(
                "expected from {} to {}",
                units::DurationText(*range.start()),
                units::DurationText(*range.end())
            ));
            return None;
        }
        Some(value)
    }

    /// A size in bytes such as `"64KiB"`, within `range`.
    #[inline(never)]
    #[must_use]
    pub fn size(&self, range: RangeInclusive<u64>) -> Option<u64> {
        self.ask(|| Shape::Size(range.clone()));
        let value = self.parsed_quietly(units::parse_size, r#"a size such as "64KiB""#)?;
        if !range.contains(&value) {
            self.reject(format_args!(
                "expected from {} to {} bytes",
                range.start(),
                range.end()
            ));
            return None;
        }
        Some(value)
    }

    /// A rate such as `"100/min"`.
    #[inline(never)]
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        self.ask(|| Shape::Rate);
        self.parsed_quietly(Rate::parse, r#"a rate such as "100/min""#)
    }

    /// A string that `parse` understands; `parse` says what is wrong with one that it does not.
    #[must_use]
    pub fn parsed<T, E: fmt::Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        expected: &str,
    ) -> Option<T> {
        self.ask(|| Shape::Text(expected.to_owned()));
        self.parsed_quietly(parse, expected)
    }

    fn parsed_quietly<T, E: fmt::Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        expected: &str,
    ) -> Option<T> {
        let text = self.expected(self.json.as_str(), expected)?;
        parse(text).map_err(|error| self.reject(error)).ok()
    }

    /// One of several words, each with its meaning.
    #[must_use]
    pub fn one_of<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        self.ask(|| Shape::Words(names.iter().map(|name| (*name).to_owned()).collect()));
        let (_, value) = words.get(self.place_among(&names)?)?;
        Some(value.clone())
    }

    #[inline(never)]
    fn place_among(&self, words: &[&str]) -> Option<usize> {
        let Some(text) = self.json.as_str() else {
            return self.expected(None, &alternatives(words));
        };
        let place = words.iter().position(|word| *word == text);
        if place.is_none() {
            self.reject(suggestion(text, words));
        }
        place
    }

    /// Whether this is exactly this word, where a word is one form of several; reports nothing.
    #[inline(never)]
    #[must_use]
    pub fn is_word(&self, word: &str) -> bool {
        self.ask(|| Shape::Words(vec![word.to_owned()]));
        self.json.as_str() == Some(word)
    }
}
