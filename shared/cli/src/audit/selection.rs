//! Arguments that say which requests are meant.

use super::common::{Result, TimeRange};
use super::subject_args::Pseudonyms;
use trail::report::Filter;

/// Which requests are meant.
#[derive(clap::Args)]
pub(super) struct Selection {
    #[command(flatten)]
    pseudonyms: Pseudonyms,

    #[command(flatten)]
    times: TimeRange,

    /// Only requests of this subject
    #[arg(long)]
    subject: Option<String>,

    /// Only requests that were about this person; needs --pseudonym-key-env
    #[arg(long, value_name = "ID")]
    data_subject: Option<String>,

    /// Only requests of this operation; `GET /orders*` are all that begin so
    #[arg(long)]
    route: Option<String>,

    /// Only records of this retention class
    #[arg(long)]
    class: Option<String>,

    /// Only requests in which, or in whose responses, data of this class was found
    #[arg(long)]
    data_class: Option<String>,
}

impl Selection {
    /// As records are compared with it.
    pub(super) fn filter(&self) -> Result<Filter> {
        let (from_ms, to_ms) = self.times.span()?;
        let subject = self.subject.as_deref();
        Ok(Filter {
            from_ms,
            to_ms,
            subject: subject.map(|s| self.pseudonyms.subject(s)).transpose()?,
            data_subject: self
                .data_subject
                .as_deref()
                .map(|person| self.pseudonyms.data_subject(person))
                .transpose()?,
            route: self.route.clone(),
            class: self.class.clone(),
            data_class: self.data_class.clone(),
        })
    }

    /// What was asked for.
    pub(super) fn words(&self) -> Vec<String> {
        [
            ("from", &self.times.from),
            ("before", &self.times.to),
            ("subject", &self.subject),
            ("data subject", &self.data_subject),
            ("route", &self.route),
            ("retention class", &self.class),
            ("data of class", &self.data_class),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
        .collect()
    }
}
