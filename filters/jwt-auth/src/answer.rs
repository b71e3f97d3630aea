//! What a refused client is told.

use policy::refusal::Refusal;

use crate::reason::Reason;

/// What a refusal says beside its reason.
#[derive(Default)]
pub(crate) struct Detail {
    /// The scopes that would have been needed.
    pub(crate) scopes: Vec<String>,
    /// When keys may be there.
    pub(crate) retry_after_s: Option<u64>,
}

/// The answer for a reason: challenges as RFC 6750 section 3 has them, with a fixed realm.
pub(crate) fn refusal(reason: Reason, detail: &Detail) -> Refusal {
    let refusal = Refusal::new(reason.status(), reason.code(), reason.to_string());
    match reason.status() {
        // No error code where no credential was sent (section 3.1).
        401 if reason == Reason::CredentialMissing => {
            refusal.header("www-authenticate", format!("Bearer realm=\"{REALM}\""))
        }
        401 => refusal.header(
            "www-authenticate",
            format!("Bearer realm=\"{REALM}\", error=\"invalid_token\""),
        ),
        403 if reason == Reason::ScopeMissing => {
            let scopes: String = detail
                .scopes
                .join(" ")
                .chars()
                .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\') || *c == ' ')
                .collect();
            refusal.header(
                "www-authenticate",
                format!(
                    "Bearer realm=\"{REALM}\", error=\"insufficient_scope\", scope=\"{scopes}\""
                ),
            )
        }
        503 => {
            let seconds = detail.retry_after_s.unwrap_or(1);
            refusal.header("retry-after", seconds.to_string())
        }
        _ => refusal,
    }
}

/// Never anything from the request: a realm that echoes it would echo a token in the query.
const REALM: &str = "meshward";
