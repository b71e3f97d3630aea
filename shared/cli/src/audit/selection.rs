//! Arguments that say which requests are meant.

use super::common::{Result, TimeRange};
use super::subject_args::Whose;
use trail::report::Filter;

/// Which requests are meant.
#[derive(clap::Args)]
pub(super) struct Selection {
    #[command(flatten)]
    whose: Whose,

    #[command(flatten)]
    times: TimeRange,

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
        Ok(Filter {
            from_ms,
            to_ms,
            route: self.route.clone(),
            class: self.class.clone(),
            data_class: self.data_class.clone(),
            ..self.whose.filter()?
        })
    }

    /// What was asked for.
    pub(super) fn words(&self) -> Vec<String> {
        let times = [("from", &self.times.from), ("before", &self.times.to)];
        let others = [
            ("route", &self.route),
            ("retention class", &self.class),
            ("data of class", &self.data_class),
        ];
        times
            .into_iter()
            .chain(self.whose.words())
            .chain(others)
            .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
            .collect()
    }
}
