//! A request of which nothing is known but a signal of its browser.

use policy::config;
use policy::consent::{Consent, ConsentSources};
use policy::facts::DescribedRequest;
use serde_json::Value;

/// What sources make of a request of which nothing is known but whether it opts out.
pub(super) fn says(sources: &Value, opts_out: bool) -> Option<Consent> {
    let read = config::read(&sources.to_string(), |node| ConsentSources::read(&node)).ok()?;
    let signal = opts_out.then(|| ("sec-gpc".to_owned(), "1".to_owned()));
    Some(read.signals(&DescribedRequest {
        headers: signal.into_iter().collect(),
        ..DescribedRequest::default()
    }))
}
