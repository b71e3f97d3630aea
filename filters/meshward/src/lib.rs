//! The four filters in one module: one plugin, one configuration, one VM.
//!
//! Nothing is decided here. [`config`] takes the configuration apart, each filter reads its own
//! part, and [`host::Chain`] lets requests and responses pass them as they would pass four plugins
//! in a row.

pub mod config;

use host::chain::{Composition, Parts, SharedProperties};
use policy::config::Problems;

use config::{Part, Split};

/// The four filters as one.
pub type Meshward = host::Chain<Bundle>;

/// Which filters there are, and in which order.
pub struct Bundle;

impl Composition for Bundle {
    const NAME: &'static str = "meshward";

    fn compose(parts: &mut Parts<'_>, configuration: &str) -> Result<(), Problems> {
        let Split {
            parts: texts,
            published,
            mut problems,
        } = config::split(configuration);
        let present: Vec<Part> = texts.iter().map(|text| text.part).collect();
        parts.share(SharedProperties {
            published: published.unwrap_or_else(|| Part::published_by_default(&present)),
            adopted: Part::adopted(&present),
        });
        for text in texts {
            let added = match text.part {
                Part::Audit => parts.add::<audit_emitter::AuditEmitter>(&text.json),
                Part::Auth => parts.add::<jwt_auth::JwtAuth>(&text.json),
                Part::Limits => parts.add::<token_bucket::TokenBucket>(&text.json),
                Part::Redact => parts.add::<pii_redactor::PiiRedactor>(&text.json),
            };
            if let Err(found) = added {
                text.report(found, &mut problems);
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Problems::from_list(problems)),
        }
    }
}

#[cfg(feature = "module")]
host::filter!(Meshward: request_trailers, response_trailers);
