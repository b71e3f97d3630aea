//! Arguments that say whose records are meant.

use super::common::Result;
use trail::subject::Subject;

/// How subjects are found behind their pseudonyms.
#[derive(clap::Args)]
pub(super) struct Pseudonyms {
    /// A key for pseudonyms by its epoch, as in the configuration of audit-emitter
    #[arg(long = "pseudonym-key-env", value_name = "EPOCH=VARIABLE")]
    pseudonym_keys: Vec<String>,
}

impl Pseudonyms {
    /// A subject by all its names.
    pub(super) fn subject(&self, subject: &str) -> Result<Subject> {
        Ok(Subject::new(subject, &self.epochs()?))
    }

    /// A subject, or else somebody whom data is about, as far as one of them is named.
    pub(super) fn named(
        &self,
        subject: Option<&str>,
        person: Option<&str>,
    ) -> Result<Option<Subject>> {
        match (subject, person) {
            (Some(subject), _) => self.subject(subject).map(Some),
            (None, Some(person)) => self.data_subject(person).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Somebody whom data is about, who is recorded by pseudonyms alone.
    pub(super) fn data_subject(&self, person: &str) -> Result<Subject> {
        let epochs = self.epochs()?;
        if epochs.is_empty() {
            return Err("--data-subject: people are recorded by pseudonyms; give their keys with --pseudonym-key-env".to_owned());
        }
        Ok(Subject::of_data(person, &epochs))
    }

    fn epochs(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut epochs = Vec::new();
        for text in &self.pseudonym_keys {
            let (epoch, variable) = text
                .split_once('=')
                .ok_or_else(|| format!("--pseudonym-key-env {text:?}: expected EPOCH=VARIABLE"))?;
            // As the filter reads it: the text is the key.
            let key = std::env::var(variable).unwrap_or_default();
            if key.is_empty() {
                return Err(format!("the environment variable {variable} has no key"));
            }
            epochs.push((epoch.to_owned(), key.into_bytes()));
        }
        Ok(epochs)
    }
}
