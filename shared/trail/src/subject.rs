//! Whose records are meant: a subject as it is, or by its pseudonyms, made anew with the keys of
//! their epochs.

use std::collections::BTreeSet;

use audit_emitter::pseudonym::Pseudonymizer;

use crate::scan::Fields;

/// A subject by all names that records may have for it.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// As JSON strings are written inside of records.
    names: BTreeSet<String>,
    /// Pseudonyms of the same person as somebody whom data is about.
    people: BTreeSet<String>,
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
        }
    }

    /// Whether a record is one of this subject's.
    #[must_use]
    pub fn is_in(&self, text: &str, fields: &Fields) -> bool {
        Self::names_in(text, fields).any(|name| self.names.contains(name))
            || self.is_about(text, fields)
    }

    /// Whether the data of a record is about this person.
    fn is_about(&self, text: &str, fields: &Fields) -> bool {
        let people = fields.data_subject.of(text);
        people.is_some_and(|people| self.people.iter().any(|one| people.contains(one.as_str())))
    }

    /// The names of who acted, as a record writes them.
    pub(crate) fn names_in<'t>(text: &'t str, fields: &Fields) -> impl Iterator<Item = &'t str> {
        [fields.user_uid, fields.user_name, fields.app_uid]
            .into_iter()
            .filter_map(|span| span.of(text))
    }

    /// The people whom the data of a record is about; `None` where it says nothing of any.
    pub(crate) fn people_in(text: &str, fields: &Fields) -> Option<People> {
        let people = fields.data_subject.of(text)?;
        let people: serde_json::Value = serde_json::from_str(people).ok()?;
        let uids = people.get("uids").and_then(serde_json::Value::as_array);
        let uids = uids.into_iter().flatten();
        let is_incomplete = people.get("incomplete") == Some(&serde_json::Value::Bool(true));
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
    pub(crate) fn is_data_subject(&self) -> bool {
        self.names.is_empty()
    }
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
