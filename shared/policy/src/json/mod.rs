//! JSON as a tree that keeps the order of members and refuses duplicates.
//!
//! Both matter for security: two parsers that keep different members of a duplicate pair read two
//! different documents (RFC 8259 section 4), so a document with one is refused whole.

mod plain;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Number;

/// A JSON value that keeps numbers as they are spelled.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the kinds of RFC 8259")]
pub enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Self>),
    /// Members in the order of the document, names distinct.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads a document.
    ///
    /// # Errors
    /// Not JSON, nested deeper than 128, trailing text, or a member name twice in one object.
    pub fn parse(text: &[u8]) -> Result<Self, JsonError> {
        match std::str::from_utf8(text).ok().and_then(plain::read) {
            Some(json) => Ok(json),
            None => serde_json::from_slice(text).map_err(|error| JsonError(error.to_string())),
        }
    }

    /// A member of an object by its exact name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(member, _)| member == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// A nested member by a dotted path: `realm_access.roles`.
    ///
    /// A member whose own name has dots wins over the nested reading at every step, so that
    /// `https://example.com/roles` is found as it is.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Self> {
        if let Some(value) = self.member(path) {
            return Some(value);
        }
        path.match_indices('.').find_map(|(dot, _)| {
            let (head, tail) = path.split_at_checked(dot)?;
            self.member(head)?.at(tail.strip_prefix('.')?)
        })
    }

    /// As [`Json::at`], through arrays as well: `purpose_of_use[].code` is the array of what each item
    /// of `purpose_of_use` has under `code`. An object that stands where an array could counts as one
    /// item.
    #[must_use]
    pub fn gathered(&self, path: &str) -> Option<Cow<'_, Self>> {
        let Some((list, rest)) = path.split_once("[]") else {
            return self.at(path).map(Cow::Borrowed);
        };
        let found = self.at(list)?;
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let items = found.as_array().unwrap_or(std::slice::from_ref(found));
        let mut gathered = Vec::new();
        for item in items {
            match rest {
                "" => gathered.push(item.clone()),
                rest => match item.gathered(rest).map(Cow::into_owned) {
                    Some(Self::Array(items)) => gathered.extend(items),
                    other => gathered.extend(other),
                },
            }
        }
        Some(Cow::Owned(Self::Array(gathered)))
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A number that is not negative and has no fraction.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The items of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A string, number or boolean as plain text; `None` for the others.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        match self {
            Self::String(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The texts of an array of scalars, of one scalar, or of a string of words separated by
    /// spaces: the ways in which tokens write lists of scopes and roles.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Array(items) => items.iter().filter_map(Self::scalar_text).collect(),
            Self::String(text) => text.split_ascii_whitespace().map(str::to_owned).collect(),
            other => other.scalar_text().into_iter().collect(),
        }
    }

    /// What the value is called in an error message.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Writes compact JSON text.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// Appends a string to JSON text, with its quotes.
pub fn push_string(json: &mut String, text: &str) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        // Nothing in a string can fail to be written.
        json.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "null".to_owned()));
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

/// Why a text is not a JSON document; the message has line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid JSON: {0}")]
pub struct JsonError(String);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value)
            .map(Json::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        // A few names are compared one by one. A set of them beside the list once it is long: the
        // search of each name would let a hostile document cost the square of its size.
        let mut seen: Option<HashSet<String>> = None;
        while let Some(name) = access.next_key::<String>()? {
            let duplicate = match &mut seen {
                Some(seen) => !seen.insert(name.clone()),
                None => members.iter().any(|(known, _)| *known == name),
            };
            if duplicate {
                return Err(de::Error::custom(format_args!("duplicate key {name:?}")));
            }
            members.push((name, access.next_value()?));
            if seen.is_none() && members.len() >= FEW_MEMBERS {
                seen = Some(members.iter().map(|(name, _)| name.clone()).collect());
            }
        }
        Ok(Json::Object(members))
    }
}

/// So many members are searched one by one.
const FEW_MEMBERS: usize = 24;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn keeps_order_and_exact_integers() {
        for text in [
            r#"{"b":1,"a":[true,null,"x"]}"#,
            r#"{"n":9007199254740993}"#,
            r#"{"n":-9223372036854775808}"#,
            "[]",
            r#""\u0000\\""#,
        ] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_two_parsers_could_read_differently() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":{"a":1,"\u0061":2}}"#,
            r#"{"a":1} x"#,
            "",
            "{",
            "\u{feff}{}",
            "NaN",
        ] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
        for count in [2, 23, 24, 25, 60] {
            let names: Vec<String> = (0..count)
                .map(|number| format!("\"n{number}\":0"))
                .collect();
            let distinct = format!("{{{}}}", names.join(","));
            assert!(Json::parse(distinct.as_bytes()).is_ok(), "{count}");
            let twice = format!("{{{},\"n1\":1}}", names.join(","));
            assert!(Json::parse(twice.as_bytes()).is_err(), "{count}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Json::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn finds_nested_and_dotted_members() {
        let tree = Json::parse(
            br#"{"realm_access":{"roles":["a"]},"https://x.example/roles":["b"],"a.b":{"c":1},"a":{"b":{"c":2,"d":3}}}"#,
        )
        .unwrap();
        let text = |path: &str| tree.at(path).map(ToString::to_string);
        assert_eq!(text("realm_access.roles").as_deref(), Some(r#"["a"]"#));
        assert_eq!(text("https://x.example/roles").as_deref(), Some(r#"["b"]"#));
        assert_eq!(text("a.b.d").as_deref(), Some("3"));
        assert_eq!(text("a.b").as_deref(), Some(r#"{"c":1}"#));
        assert_eq!(text("a.x"), None);
        assert_eq!(text(""), None);
        assert_eq!(text("..."), None);
    }
}
