//! What refused clients get, and why.

use std::time::Duration;

use host::key::KeyError;
use policy::decision::Outcome;
use policy::refusal::Refusal;

use crate::config::Limit;
use crate::ratelimit_headers::{HeaderFields, retry_after};

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The limit is used up.
    RateLimited,
    /// The request lacks a part of the limit's key.
    KeyMissing,
    /// The request names a part of the limit's key too many times.
    KeyAmbiguous,
    /// Nobody can say whether the limit is used up.
    Undecided,
}

impl Reason {
    /// The code in problem types, decisions and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::KeyMissing => "rate_limit_key_missing",
            Self::KeyAmbiguous => "rate_limit_key_ambiguous",
            Self::Undecided => "rate_limit_undecided",
        }
    }

    const fn status(self) -> u16 {
        match self {
            Self::RateLimited | Self::KeyMissing => 429,
            Self::KeyAmbiguous => 400,
            Self::Undecided => 503,
        }
    }

    /// What the decision of the filter comes to.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::RateLimited | Self::KeyMissing | Self::KeyAmbiguous => Outcome::Denied,
            Self::Undecided => Outcome::Error,
        }
    }

    /// The refusal, without what only a used-up limit has to say.
    #[must_use]
    pub fn refusal(self, limit: &Limit) -> Refusal {
        let name = limit.name.as_str();
        let detail = match self {
            Self::RateLimited => format!("The limit {name:?} is used up."),
            Self::KeyMissing => format!("The limit {name:?} cannot tell whose request this is."),
            Self::KeyAmbiguous => {
                format!("The request names several callers for the limit {name:?}.")
            }
            Self::Undecided => "The rate limit could not be checked.".to_owned(),
        };
        let mut refusal = Refusal::new(self.status(), self.as_str(), detail).member("limit", name);
        match self {
            // What the user has written for clients over a limit is not for one without fault.
            Self::Undecided => refusal.header("retry-after", retry_after(Duration::from_secs(1))),
            Self::KeyAmbiguous => refusal,
            Self::RateLimited | Self::KeyMissing => {
                refusal.custom.clone_from(&limit.response);
                refusal
            }
        }
    }
}

impl From<KeyError> for Reason {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Missing => Self::KeyMissing,
            KeyError::Ambiguous => Self::KeyAmbiguous,
        }
    }
}

/// The limit is used up. A request that costs more than the burst never passes: then no time to
/// wait would be true.
#[must_use]
pub fn limited(limit: &Limit, wait: Option<Duration>, fields: HeaderFields) -> Refusal {
    let mut refusal = Reason::RateLimited.refusal(limit);
    if let Some(wait) = wait {
        refusal = refusal.header("retry-after", retry_after(wait));
    }
    refusal.headers.extend(fields);
    refusal
}
