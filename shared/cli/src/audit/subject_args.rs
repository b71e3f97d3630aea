//! Arguments that say whose records are meant.

use super::common::Result;
use trail::report::Filter;
use trail::subject::Subject;

/// How subjects are found behind their pseudonyms.
#[derive(clap::Args)]
pub(super) struct Pseudonyms {
    /// A key for pseudonyms by its epoch, as in the configuration of audit-emitter
    #[arg(long = "pseudonym-key-env", value_name = "EPOCH=VARIABLE")]
    pseudonym_keys: Vec<String>,
}

/// Whose records are meant.
#[derive(clap::Args)]
pub(super) struct Whose {
    /// Those of this subject
    #[arg(long)]
    subject: Option<String>,

    /// Those that are about this person, as the messages name them; needs --pseudonym-key-env
    #[arg(long, value_name = "ID")]
    data_subject: Option<String>,

    /// Those of the subject only as this issuer names it: another may call somebody else so
    #[arg(long, value_name = "URL", requires = "subject")]
    issuer: Option<String>,

    /// Only those of requests that came through this application; by itself, all of them
    #[arg(long, value_name = "ID")]
    app: Option<String>,

    #[command(flatten)]
    pseudonyms: Pseudonyms,
}

impl Whose {
    /// As records are compared with it.
    pub(super) fn filter(&self) -> Result<Filter> {
        let epochs = self.pseudonyms.epochs()?;
        let subject = self.subject.as_deref();
        let mut subject =
            subject.map(|name| Subject::new(name, &epochs).of_issuer(self.issuer.clone()));
        let person = self.data_subject.as_deref();
        let mut data_subject = person
            .map(|person| self.pseudonyms.data_subject(person))
            .transpose()?;
        if let Some(app) = &self.app {
            let through = |one: Subject| one.through(app, &epochs);
            data_subject = data_subject.map(through);
            subject = match subject {
                None if data_subject.is_some() => None,
                subject => Some(through(subject.unwrap_or_default())),
            };
        }
        Ok(Filter {
            subject,
            data_subject,
            ..Filter::default()
        })
    }

    /// What was asked for.
    pub(super) fn words(&self) -> [(&'static str, &Option<String>); 4] {
        [
            ("subject", &self.subject),
            ("data subject", &self.data_subject),
            ("issuer", &self.issuer),
            ("application", &self.app),
        ]
    }

    /// It is somebody whom data is about.
    pub(super) const fn is_data_subject(&self) -> bool {
        self.data_subject.is_some()
    }
}

impl Pseudonyms {
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
