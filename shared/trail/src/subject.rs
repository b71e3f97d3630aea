//! Whose records are meant: a subject as it is, or by its pseudonyms, made anew with the keys of
//! their epochs.

use std::collections::BTreeSet;

use audit_emitter::pseudonym::Pseudonymizer;
use audit_emitter::record::{MAX_NAME_BYTES, cut};
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
    /// Through which application the requests came, by all its names, if only those of one are meant.
    applications: Option<BTreeSet<String>>,
    /// The epochs whose pseudonyms are among the names.
    epochs: BTreeSet<String>,
    /// The check values of the keys of those epochs.
    key_checks: BTreeSet<String>,
    /// It was named by a pseudonym: no record with another is meant.
    is_pseudonym: bool,
}

impl Subject {
    /// A subject as it is, and its pseudonyms in some epochs.
    #[must_use]
    pub fn new(subject: &str, epochs: &[(String, Vec<u8>)]) -> Self {
        Self {
            names: names_of(subject, epochs),
            is_pseudonym: epoch_of(subject).is_some(),
            ..Self::default()
        }
        .with_keys(epochs)
    }

    /// Somebody whom data is about, by the pseudonyms of some epochs.
    #[must_use]
    pub fn of_data(person: &str, epochs: &[(String, Vec<u8>)]) -> Self {
        let pseudonym = |(epoch, key): &(String, Vec<u8>)| {
            Pseudonymizer::new(key, epoch.clone()).data_subject(person)
        };
        Self {
            people: epochs.iter().map(pseudonym).map(written).collect(),
            ..Self::default()
        }
        .with_keys(epochs)
    }

    /// The same, only as this issuer names it: another may call somebody else so.
    #[must_use]
    pub fn of_issuer(mut self, issuer: Option<String>) -> Self {
        self.issuer = issuer;
        self
    }

    /// The same, only through this application.
    #[must_use]
    pub fn through(mut self, application: &str, epochs: &[(String, Vec<u8>)]) -> Self {
        self.applications = Some(names_of(application, epochs));
        self.with_keys(epochs)
    }

    fn with_keys(mut self, epochs: &[(String, Vec<u8>)]) -> Self {
        for (epoch, key) in epochs {
            let keyed = Pseudonymizer::new(key, epoch.clone());
            self.key_checks.insert(keyed.key_check());
            self.epochs.insert(epoch.clone());
        }
        self
    }

    /// Whether a record is one of this subject's.
    #[must_use]
    pub fn is_in(&self, text: &str, fields: &Fields) -> bool {
        let is_through = |names: &BTreeSet<String>| {
            let application = fields.app_uid.of(text);
            application.is_some_and(|application| names.contains(application))
        };
        let is_anybody = self.names.is_empty() && self.people.is_empty();
        let fits = match &self.applications {
            Some(names) => is_through(names),
            None => !is_anybody,
        };
        fits && (is_anybody || self.acts_in(text, fields) || self.is_about(text, fields))
    }

    /// The epochs whose keys are known.
    pub(crate) const fn epochs(&self) -> &BTreeSet<String> {
        &self.epochs
    }

    /// The check values of the keys that are known, as chains state them.
    pub(crate) const fn key_checks(&self) -> &BTreeSet<String> {
        &self.key_checks
    }

    /// The epochs of the pseudonyms in a record by which it may name this subject.
    pub(crate) fn epochs_in(&self, text: &str, fields: &Fields) -> BTreeSet<String> {
        if self.is_pseudonym {
            return BTreeSet::new();
        }
        let people = fields
            .data_subject
            .of(text)
            .filter(|_| self.is_data_subject());
        let people = people.and_then(|people| serde_json::from_str::<Value>(people).ok());
        let people = people
            .as_ref()
            .and_then(|people| people.get("uids")?.as_array());
        let people = people.into_iter().flatten().filter_map(Value::as_str);
        let caller = fields
            .user_uid
            .string(text)
            .filter(|_| !self.names.is_empty());
        let application = fields.app_uid.string(text);
        let application = application.filter(|_| self.applications.is_some());
        people
            .chain(caller)
            .chain(application)
            .filter_map(epoch_of)
            .map(str::to_owned)
            .collect()
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

    /// Whether a record is, or may be, about others than a person; than nobody, if no person is meant.
    #[must_use]
    pub fn is_about_others(person: Option<&Self>, text: &str, fields: &Fields) -> bool {
        let is_other = |name: &String| person.is_none_or(|person| !person.people.contains(name));
        Self::people_in(text, fields)
            .is_some_and(|people| people.leaves_out || people.names.iter().any(is_other))
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
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        match &self.applications {
            Some(applications) if self.names.is_empty() => applications,
            _ => &self.names,
        }
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
        !self.people.is_empty()
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

/// A name as it is, and its pseudonyms in some epochs.
fn names_of(name: &str, epochs: &[(String, Vec<u8>)]) -> BTreeSet<String> {
    let pseudonym =
        |(epoch, key): &(String, Vec<u8>)| Pseudonymizer::new(key, epoch.clone()).pseudonym(name);
    // A name that is too long stands in records as far as it fits, and may be somebody else's then.
    let names = [name.to_owned(), cut(name, MAX_NAME_BYTES).into_owned()];
    let names = names.into_iter().chain(epochs.iter().map(pseudonym));
    names.map(written).collect()
}

/// The epoch of a pseudonym: `2026:` and 32 hexadecimal digits.
pub(crate) fn epoch_of(name: &str) -> Option<&str> {
    let (epoch, digits) = name.rsplit_once(':')?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (digits.len() == 32 && digits.bytes().all(is_digit) && !epoch.is_empty()).then_some(epoch)
}

/// Whether a name is a pseudonym.
#[must_use]
pub fn is_pseudonym(name: &str) -> bool {
    epoch_of(name).is_some()
}

/// A name as JSON strings are written inside of records.
fn written(name: String) -> String {
    let mut text = String::new();
    audit::canonical::push_string(&mut text, &name);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_known_as_records_have_it() {
        let long = format!("CN={}", "x".repeat(300));
        let names = Subject::new(&long, &[]).names().clone();
        let of_record = written(cut(&long, MAX_NAME_BYTES).into_owned());
        assert!(of_record.len() < long.len() && names.contains(&of_record));
        assert_eq!(Subject::new("jane", &[]).names().len(), 1);
    }
}
