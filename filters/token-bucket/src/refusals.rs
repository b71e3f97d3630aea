//! What refused clients get.

use std::time::Duration;

use policy::refusal::Refusal;

use crate::config::Limit;
use crate::standing::{HeaderFields, retry_after};

/// The limit is used up. A request that costs more than the burst will never pass: then there is no
/// time to wait that would be true.
#[must_use]
pub fn limited(limit: &Limit, wait: Option<Duration>, standing: HeaderFields) -> Refusal {
    let detail = format!("The limit {:?} is used up.", limit.name);
    let mut refusal = named(429, "rate_limited", detail, limit);
    if let Some(wait) = wait {
        refusal = refusal.header("retry-after", retry_after(wait));
    }
    refusal.headers.extend(standing);
    refusal
}

/// The request lacks what the limit counts by.
#[must_use]
pub fn key_missing(limit: &Limit) -> Refusal {
    let detail = format!(
        "The limit {:?} cannot tell whose request this is.",
        limit.name
    );
    named(429, "rate_limit_key_missing", detail, limit)
}

/// Nobody can say whether the limit is used up. This is no fault of the client, so what the user
/// has written for refused clients is not for it.
#[must_use]
pub fn undecided(limit: &Limit) -> Refusal {
    Refusal::new(
        503,
        "rate_limit_undecided",
        "The rate limit could not be checked.",
    )
    .member("limit", limit.name.as_str())
    .header("retry-after", retry_after(Duration::from_secs(1)))
}

fn named(status: u16, code: &'static str, detail: String, limit: &Limit) -> Refusal {
    let mut refusal = Refusal::new(status, code, detail).member("limit", limit.name.as_str());
    refusal.custom.clone_from(&limit.answer);
    refusal
}
