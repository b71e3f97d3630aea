//! The parts of a record that can be erased without breaking the chain.
//!
//! A record holds a salted commitment to each of them. Whoever erases one takes the value and its
//! salt away and leaves the commitment, which without the salt tells nothing about the value, not
//! even to those who can guess it.

use policy::hex;
use policy::json::Json;

use crate::canonical::{self, Writer};
use crate::hash::Hash;

/// Members of a record that are committed to, and erased, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// What the person agreed to.
    Consent,
    /// About whom the data is that was asked for.
    DataSubject,
    /// Where the request came from, and with what program.
    Source,
    /// Who sent the request.
    Subject,
    /// The path and the query, which may name people.
    Url,
}

impl Group {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 5] = [
        Self::Consent,
        Self::DataSubject,
        Self::Source,
        Self::Subject,
        Self::Url,
    ];

    /// The group's name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::DataSubject => "data_subject",
            Self::Source => "source",
            Self::Subject => "subject",
            Self::Url => "url",
        }
    }

    /// The group of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// The members, as JSON pointers (RFC 6901) in order.
    #[must_use]
    pub const fn pointers(self) -> &'static [&'static str] {
        match self {
            Self::Consent => &["/unmapped/consent"],
            Self::DataSubject => &["/unmapped/data_subject"],
            Self::Source => &[
                "/http_request/http_headers",
                "/http_request/user_agent",
                "/src_endpoint",
            ],
            Self::Subject => &["/actor"],
            Self::Url => &[
                "/http_request/url/path",
                "/http_request/url/query_string",
                "/http_request/url/url_string",
            ],
        }
    }

    /// What stands in place of a member that was erased and that the schema wants; `None` is
    /// nothing.
    #[must_use]
    pub const fn erased_form(pointer: &str) -> Option<&'static str> {
        match pointer.as_bytes() {
            b"/actor" => Some(r#"{"user":{"name":"erased","type_id":0}}"#),
            b"/src_endpoint" => Some(r#"{"name":"erased"}"#),
            b"/http_request/url/path" => Some(r#""/erased""#),
            _ => None,
        }
    }

    /// What of this group a record holds: an object of pointers and values. `None` if nothing.
    #[must_use]
    pub fn value(self, record: &Json) -> Option<String> {
        let present = self
            .pointers()
            .iter()
            .filter_map(|pointer| Some(((*pointer).to_owned(), at(record, pointer)?.clone())));
        let members: Vec<(String, Json)> = present.collect();
        (!members.is_empty()).then(|| canonical::to_string(&Json::Object(members)))
    }

    /// What is left of it after erasure, in the same form.
    #[must_use]
    pub fn erased_value(self) -> Option<String> {
        let forms = self.pointers().iter().filter_map(|pointer| {
            Self::erased_form(pointer).map(|form| format!("{pointer:?}:{form}"))
        });
        let members: Vec<String> = forms.collect();
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
    }

    /// Erases the group from a record. Afterwards its core is what it was.
    pub fn erase(self, record: &mut Json) {
        let salt = format!("/unmapped/record_integrity/salts/{}", self.name());
        if remove(record, &salt).is_none() {
            // Not in this record, or erased before.
            return;
        }
        for pointer in self.pointers() {
            let form =
                Self::erased_form(pointer).and_then(|form| Json::parse(form.as_bytes()).ok());
            remove(record, pointer);
            if let (Some(form), Some((parent, name))) = (form, pointer.rsplit_once('/'))
                && let Some(Json::Object(members)) = at_mut(record, parent)
            {
                members.push((name.to_owned(), form));
            }
        }
    }
}

/// The commitments of one record and what opens them.
#[derive(Clone, Debug, Default)]
pub struct Committed([Option<(Hash, [u8; 16])>; Group::ALL.len()]);

impl Committed {
    /// Commits to the members of a group: pointers in order, values as canonical text. No member,
    /// no commitment.
    pub fn commit(&mut self, group: Group, salt: [u8; 16], members: &[(&str, Option<&str>)]) {
        let mut value = String::from("{");
        for (pointer, text) in members {
            let Some(text) = text else { continue };
            if value.len() > 1 {
                value.push(',');
            }
            value.push('"');
            value.push_str(pointer);
            value.push_str("\":");
            value.push_str(text);
        }
        value.push('}');
        if value.len() > 2 {
            self.set(group, salt, &value);
        }
    }

    /// Commits to a value as [`Group::value`] gives it.
    pub fn set(&mut self, group: Group, salt: [u8; 16], value: &str) {
        for (slot, of) in self.0.iter_mut().zip(Group::ALL) {
            if of == group {
                *slot = Some((Hash::commitment(&salt, value), salt));
            }
        }
    }

    /// Whether no group has a commitment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    pub(crate) fn write_commitments(&self, writer: &mut Writer) {
        self.write(writer, |(digest, _)| hex::encode(&digest.0));
    }

    pub(crate) fn write_salts(&self, writer: &mut Writer) {
        self.write(writer, |(_, salt)| hex::encode(salt));
    }

    fn write(&self, writer: &mut Writer, text: impl Fn(&(Hash, [u8; 16])) -> String) {
        writer.object(|writer| {
            for (slot, group) in self.0.iter().zip(Group::ALL) {
                if let Some(slot) = slot {
                    writer.text_member(group.name(), &text(slot));
                }
            }
        });
    }
}

/// What a pointer points to. Names of records have no `~`, so nothing is unescaped.
#[must_use]
pub(crate) fn at<'j>(json: &'j Json, pointer: &str) -> Option<&'j Json> {
    pointer
        .split('/')
        .skip(1)
        .try_fold(json, |json, name| json.member(name))
}

fn at_mut<'j>(json: &'j mut Json, pointer: &str) -> Option<&'j mut Json> {
    pointer.split('/').skip(1).try_fold(json, |json, name| {
        let Json::Object(members) = json else {
            return None;
        };
        let found = members.iter_mut().find(|(member, _)| member == name);
        found.map(|(_, value)| value)
    })
}

pub(crate) fn remove(json: &mut Json, pointer: &str) -> Option<Json> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let Json::Object(members) = at_mut(json, parent)? else {
        return None;
    };
    let position = members.iter().position(|(member, _)| member == name)?;
    Some(members.remove(position).1)
}
