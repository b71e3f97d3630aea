//! Whose records are meant: a subject as it is, or by its pseudonyms, made anew with the keys of
//! their epochs.

use std::collections::BTreeSet;

use audit_emitter::pseudonym::Pseudonymizer;
use serde_json::Value;

use crate::scan::{Fields, Span};

/// A subject by all names that records may have for it.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// As JSON strings are written inside of records.
    names: BTreeSet<String>,
    /// Pseudonyms of the same person as somebody whom data is about.
    people: BTreeSet<String>,
    /// Who has issued the tokens of the subject, if only one of several is meant.
    issuer: Option<String>,
}

impl Subject {
    /// A subject as it is, and its pseudonyms in some epochs.
    #[must_use]
    pub fn new(subject: &str, epochs: &[(String, Vec<u8>)]) -> Self {
        let pseudonym = |(epoch, key): &(String, Vec<u8>)| {
            Pseudonymizer::new(key, epoch.clone()).pseudonym(subject)
        };
        let names = std::iter::once(subject.to_owned()).chain(epochs.iter().map(pseudonym));
        Self {
            names: names.map(written).collect(),
            people: BTreeSet::new(),
            issuer: None,
        }
    }

    /// Somebody whom data is about, by the pseudonyms of some epochs.
    #[must_use]
    pub fn of_data(person: &str, epochs: &[(String, Vec<u8>)]) -> Self {
        let pseudonym = |(epoch, key): &(String, Vec<u8>)| {
            Pseudonymizer::new(key, epoch.clone()).data_subject(person)
        };
        Self {
            names: BTreeSet::new(),
            people: epochs.iter().map(pseudonym).map(written).collect(),
            issuer: None,
        }
    }

    /// The same, only as this issuer names it: another may call somebody else so.
    #[must_use]
    pub fn of_issuer(mut self, issuer: Option<String>) -> Self {
        self.issuer = issuer;
        self
    }

    /// Whether a record is one of this subject's.
    #[must_use]
    pub fn is_in(&self, text: &str, fields: &Fields) -> bool {
        self.acts_in(text, fields) || self.is_about(text, fields)
    }

    /// Whether the subject acted: by its id, or by its name where that is all that the gateway knew of somebody.
    /// `anonymous` in the place of a name is nobody's, and what an application did for somebody is that one's.
    fn acts_in(&self, text: &str, fields: &Fields) -> bool {
        let is_called = |span: Span| {
            let name = span.of(text);
            name.is_some_and(|name| self.names.contains(name))
        };
        let by_id = is_called(fields.user_uid);
        if !by_id && !is_called(fields.user_name) {
            return false;
        }
        if by_id && self.issuer.is_none() {
            return true;
        }
        let Some(actor) = actor_of(text, fields) else {
            return false;
        };
        let is_known = by_id || actor.pointer("/user/type_id") == Some(&Value::from(1));
        let issuer = self.issuer.as_deref();
        is_known && (issuer.is_none() || issuer == issuer_in(&actor))
    }

    /// Whether a record may be about this person, whom it does not name: it leaves somebody out.
    #[must_use]
    pub fn may_be_left_out_of(&self, text: &str, fields: &Fields) -> bool {
        self.is_data_subject()
            && Self::people_in(text, fields).is_some_and(|people| people.leaves_out)
    }

    /// Whether the data of a record is about this person.
    fn is_about(&self, text: &str, fields: &Fields) -> bool {
        let people = fields.data_subject.of(text);
        people.is_some_and(|people| self.people.iter().any(|one| people.contains(one.as_str())))
    }

    /// All names in a record of who acted, also those that it shares with others: a hold keeps rather too much.
    pub(crate) fn names_in<'t>(text: &'t str, fields: &Fields) -> impl Iterator<Item = &'t str> {
        [fields.user_uid, fields.user_name, fields.app_uid]
            .into_iter()
            .filter_map(|span| span.of(text))
    }

    /// The people whom the data of a record is about; `None` where it says nothing of any.
    pub(crate) fn people_in(text: &str, fields: &Fields) -> Option<People> {
        let people = fields.data_subject.of(text)?;
        let people: Value = serde_json::from_str(people).ok()?;
        let uids = people.get("uids").and_then(Value::as_array);
        let uids = uids.into_iter().flatten();
        let is_incomplete = people.get("incomplete") == Some(&Value::Bool(true));
        Some(People {
            names: uids
                .filter_map(|uid| uid.as_str().map(|uid| written(uid.to_owned())))
                .collect(),
            leaves_out: is_incomplete || people.get("omitted").is_some(),
        })
    }

    /// All names of who acts, as records write them.
    pub(crate) const fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// All pseudonyms of somebody whom data is about, as records write them.
    pub(crate) const fn people(&self) -> &BTreeSet<String> {
        &self.people
    }

    /// The pseudonym of this person among those of all whom a record is about.
    pub fn pseudonym_among<'p>(
        &self,
        mut people: impl Iterator<Item = &'p str>,
    ) -> Option<&'p str> {
        people.find(|one| self.people.contains(&written((*one).to_owned())))
    }

    /// Whether this is somebody whom data is about, and not who acts.
    #[must_use]
    pub fn is_data_subject(&self) -> bool {
        self.names.is_empty()
    }
}

/// Who has issued the token of whoever acted.
#[must_use]
pub fn issuer_of(text: &str, fields: &Fields) -> Option<String> {
    issuer_in(&actor_of(text, fields)?).map(str::to_owned)
}

fn actor_of(text: &str, fields: &Fields) -> Option<Value> {
    serde_json::from_str(fields.actor.of(text)?).ok()
}

fn issuer_in(actor: &Value) -> Option<&str> {
    actor.pointer("/session/issuer").and_then(Value::as_str)
}

/// The people whom a record is about.
pub(crate) struct People {
    /// As the record writes them.
    pub(crate) names: Vec<String>,
    /// There are more than it names.
    pub(crate) leaves_out: bool,
}

/// A name as JSON strings are written inside of records.
fn written(name: String) -> String {
    let mut text = String::new();
    audit::canonical::push_string(&mut text, &name);
    text
}
