//! A service that is asked what a person has agreed to.

use std::time::Duration;

use crate::config::Node;
use crate::endpoint::Endpoint;

/// How a consent service is asked. The filter that verifies callers asks it, and hands what it says on
/// with the identity, so that all filters go by the same response.
///
/// ```json
/// { "uri": "https://consent.example.com/people/{subject}", "cluster": "consent", "subject": "sub",
///   "purposes": "purposes[].name", "on_error": "deny" }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentLookup {
    /// Whom to ask; the path has `{subject}` where the person belongs.
    pub endpoint: Endpoint,
    /// The claim with the id by which the service knows the person.
    pub subject: String,
    /// The environment variable with the bearer token that the service wants.
    pub token_env: Option<String>,
    /// Where the purposes are in a response.
    pub purposes: String,
    /// How long to wait for a response.
    pub timeout: Duration,
    /// How long a response counts: at most so long a withdrawal goes unseen.
    pub cache_duration: Duration,
    /// Responses that are remembered, by all workers together.
    pub cache_subjects: u64,
    /// Questions under way in each worker.
    pub max_requests: usize,
    /// What holds while the service does not say.
    pub on_error: OnLookupError,
}

/// What holds while a consent service does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLookupError {
    /// Every purpose is denied.
    Deny,
    /// The consent service is left out, and the other sources decide.
    Ignore,
}

/// How opt-outs are remembered for the people who sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptOutMemory {
    /// How long after the last signal.
    pub duration: Duration,
    /// People that are remembered, by all workers together.
    pub subjects: u64,
}

impl ConsentLookup {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let has_place = fields.node().json().member("uri").is_some_and(|uri| {
                let text = uri.as_str().unwrap_or_default();
                text.matches(SUBJECT).count() == 1
            });
            let endpoint = Endpoint::read(fields, "an address with {subject} in its path");
            if endpoint.is_some() && !has_place {
                fields
                    .node()
                    .reject_unseen(r#"the uri needs {subject} once, where the person belongs"#);
            }
            if let Some(endpoint) = &endpoint
                && !endpoint.path.contains(SUBJECT)
                && has_place
            {
                fields.node().reject_unseen(
                    "{subject} belongs into the path: a caller must not choose the host",
                );
            }
            let second = Duration::from_secs(1);
            Some(Self {
                subject: fields.or("subject", "sub".to_owned(), |n| match n.json().as_str() {
                    Some(text) if text.starts_with("claim:") => {
                        Some(text.trim_start_matches("claim:").to_owned())
                    }
                    _ => n.claim_path(),
                }),
                token_env: fields.or("token_env", None, |n| {
                    n.name(256).map(str::to_owned).map(Some)
                }),
                purposes: fields.or("purposes", "purposes".to_owned(), |n| n.claim_path()),
                timeout: fields.or("timeout", second, |n| {
                    n.duration(Duration::from_millis(10)..=Duration::from_secs(60))
                }),
                cache_duration: fields.or("cache_duration", second.saturating_mul(30), |n| {
                    n.duration(Duration::ZERO..=Duration::from_secs(86_400))
                }),
                cache_subjects: fields.or("cache_subjects", 4096, |n| n.integer(16..=1_048_576)),
                max_requests: fields.or("max_requests", 100, |n| {
                    usize::try_from(n.integer(1..=10_000)?).ok()
                }),
                on_error: fields.or("on_error", OnLookupError::Deny, |n| {
                    n.one_of(&[
                        ("deny", OnLookupError::Deny),
                        ("ignore", OnLookupError::Ignore),
                    ])
                }),
                endpoint: endpoint?,
            })
        })
    }
}

impl OptOutMemory {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let year = Duration::from_secs(366 * 86_400);
            Some(Self {
                duration: fields.or("duration", year, |n| {
                    n.duration(Duration::from_secs(60)..=year.saturating_mul(10))
                }),
                subjects: fields.or("subjects", 65_536, |n| n.integer(16..=16_777_216)),
            })
        })
    }
}

/// Where the person belongs in the address.
pub const SUBJECT: &str = "{subject}";
