//! The members of a JSON object as they stand in its text, without a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in their order; a name that comes twice is an error.
pub(super) struct Members<'l>(Vec<(Cow<'l, str>, &'l RawValue)>);

impl<'l> Members<'l> {
    pub(super) fn read(text: &'l str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The text of the value of a member.
    pub(super) fn get(&self, name: &str) -> Option<&'l str> {
        let found = self.0.iter().find(|(member, _)| member == name);
        found.map(|(_, value)| value.get())
    }

    /// The value of a member, if it is a string.
    pub(super) fn string(&self, name: &str) -> Option<Cow<'l, str>> {
        string(self.get(name)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'l str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.get()))
    }

    /// Whether they are those of a record, whatever else is wrong with it.
    pub(super) fn are_of_a_record(&self) -> bool {
        let unmapped = self.get("unmapped").map(Members::read);
        matches!(unmapped, Some(Ok(unmapped)) if unmapped.get("record_integrity").is_some())
    }
}

/// The items of an array.
pub(super) fn raw_items(text: &str) -> Result<Vec<&RawValue>, serde_json::Error> {
    serde_json::from_str(text)
}

/// The text of a string, if it is one.
pub(super) fn string(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(text).ok().map(Cow::Owned)
}

/// The text of a string that is a whole document.
pub(super) fn whole_string(text: &str) -> Option<Cow<'_, str>> {
    let Name(string) = serde_json::from_str(text).ok()?;
    Some(string)
}

impl<'de: 'l, 'l> Deserialize<'de> for Members<'l> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members: Self::Value = Vec::new();
        while let Some(Name(name)) = access.next_key::<Name<'de>>()? {
            if members.len() >= MAX_MEMBERS {
                return Err(de::Error::custom(format_args!(
                    "an object has more than {MAX_MEMBERS} members"
                )));
            }
            if members.iter().any(|(known, _)| *known == name) {
                return Err(de::Error::custom(format_args!("duplicate key {name:?}")));
            }
            members.push((name, access.next_value()?));
        }
        Ok(members)
    }
}

/// Borrowed where there is nothing to unescape.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'l>(#[serde(borrow)] Cow<'l, str>);

/// Each is compared with those before it.
const MAX_MEMBERS: usize = 1000;
