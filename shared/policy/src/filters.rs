//! The names that the filters of one stream know each other by.

/// Writes the audit trail; the first in the chain, so that it sees every request.
pub const AUDIT_EMITTER: &str = "audit-emitter";
/// Authenticates and authorizes the caller.
pub const JWT_AUTH: &str = "jwt-auth";
/// Limits how many requests a client may send.
pub const TOKEN_BUCKET: &str = "token-bucket";
/// Redacts personal data; the last before the router.
pub const PII_REDACTOR: &str = "pii-redactor";

/// The filters in the order of the chain.
pub const ORDER: [&str; 4] = [AUDIT_EMITTER, JWT_AUTH, TOKEN_BUCKET, PII_REDACTOR];

/// The stream property that holds the verified caller, as JSON.
pub const IDENTITY_PROPERTY: &str = "meshward.identity";
/// The stream property that holds what the filters decided, as JSON: see [`crate::decision`].
pub const DECISIONS_PROPERTY: &str = "meshward.decisions";
/// The stream property that says only that token-bucket admitted the request.
pub const WITHIN_LIMITS_PROPERTY: &str = "meshward.within_limits";
/// The stream property that holds about whom the messages are, as JSON: see [`crate::data_subject`].
pub const DATA_SUBJECTS_PROPERTY: &str = "meshward.data_subjects";
/// The header that carries the identity where a host keeps no properties.
pub const IDENTITY_HEADER: &str = "x-meshward-identity";

/// Where a filter stands in the chain; what is none of the four comes last.
#[must_use]
pub fn place_in_chain(filter: &str) -> usize {
    let place = ORDER.iter().position(|known| *known == filter);
    place.unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn the_order_of_the_chain() {
        assert!(place_in_chain(AUDIT_EMITTER) < place_in_chain(JWT_AUTH));
        assert!(place_in_chain(PII_REDACTOR) < place_in_chain("someone-elses"));
    }
}
