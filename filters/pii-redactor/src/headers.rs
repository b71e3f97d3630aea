//! Headers and trailers: each is a field, and its value is a text.

use crate::member_rules::{FieldStart, MemberDecision, begin_field};
use crate::plan::Plan;
use crate::redaction::{Found, Redaction};
use crate::spelled::{Spelling, searched};
use crate::tally::Tally;

/// The value of a header as it goes on; `None` if the header goes.
#[must_use]
pub fn redacted(plan: &Plan, name: &str, value: &[u8], tally: &mut Tally) -> Option<Vec<u8>> {
    let (info, decision) = plan.decide_field(name.as_bytes());
    let decision = match decision {
        MemberDecision::NotAllowed if is_kept_by_minimization(name) => MemberDecision::Stays,
        other => other,
    };
    let place = (name.as_bytes(), 0);
    let applied = match begin_field(plan, decision, place, Spelling::Plain, tally) {
        FieldStart::Gone => return None,
        // A header has no value that is nothing.
        FieldStart::Fixed(new) => return Some(new).filter(|new| !new.is_empty()),
        FieldStart::Search(applied) => applied,
    };
    if let Some(redaction) = applied.and_then(|index| Redaction::of_field(plan, index, Some(value)))
    {
        let new = redaction.spelled(Spelling::Plain);
        let found = Found {
            offset: 0,
            length: value.len(),
            old: value,
            new: new.as_deref(),
        };
        redaction.record(tally, found);
        // What stays is searched as any other value.
        if let Some(new) = new {
            return Some(new).filter(|new| !new.is_empty());
        }
    }
    let new = searched(plan, value, &info.announcement(), 0, tally);
    Some(new.unwrap_or_else(|| value.to_vec()))
}

/// Headers that stay where only named ones pass: they say how the message is to be handled, and
/// nothing about anybody.
fn is_kept_by_minimization(name: &str) -> bool {
    const KEPT: [&str; 17] = [
        "alt-svc",
        "content-disposition",
        "content-location",
        "cross-origin-embedder-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "idempotency-key",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "permissions-policy",
        "pragma",
        "range",
        "referrer-policy",
        "retry-after",
        "strict-transport-security",
    ];
    const PREFIXES: [&str; 8] = [
        "access-control-",
        "content-security-policy",
        "grpc-",
        "ratelimit",
        "x-content-type-",
        "x-frame-",
        "x-grpc-",
        "x-ratelimit-",
    ];
    KEPT.binary_search(&name).is_ok() || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Headers that a rule searches without naming them: not those that the protocol, routing or
/// authentication need, and those that are searched on their own.
#[must_use]
pub fn is_searched(name: &str) -> bool {
    const NEEDED: [&str; 38] = [
        "accept",
        "accept-encoding",
        "accept-language",
        "accept-ranges",
        "age",
        "allow",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-language",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "date",
        "etag",
        "expect",
        "expires",
        "forwarded",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "keep-alive",
        "last-modified",
        "link",
        "location",
        "proxy-authorization",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "via",
        "www-authenticate",
        "x-request-id",
    ];
    let internal = name.starts_with(':')
        || name.starts_with("x-envoy-")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-meshward-")
        || matches!(name, "traceparent" | "tracestate" | "x-real-ip")
        || name.starts_with("x-b3-")
        || name.starts_with("sec-");
    !internal && NEEDED.binary_search(&name).is_err()
}

#[cfg(test)]
mod tests {
    use super::{is_kept_by_minimization, is_searched};

    #[test]
    fn needed_headers_are_left_alone() {
        for name in [
            "host",
            "authorization",
            "x-request-id",
            "via",
            "accept",
            ":path",
            "x-envoy-peer",
            "set-cookie",
        ] {
            assert!(!is_searched(name), "{name}");
        }
        for name in ["referer", "x-user-email", "from"] {
            assert!(is_searched(name), "{name}");
        }
    }
    #[test]
    fn minimization_keeps_what_says_how_to_handle_the_message() {
        for name in [
            "retry-after",
            "access-control-allow-origin",
            "grpc-status",
            "alt-svc",
        ] {
            assert!(is_kept_by_minimization(name), "{name}");
        }
        for name in ["x-user", "from", "x-customer-id"] {
            assert!(!is_kept_by_minimization(name), "{name}");
        }
    }
}
