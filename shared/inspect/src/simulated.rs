//! The filters in a proxy that is simulated in this process.

use host::fake::{Profile, Proxy};
use policy::filters::{AUDIT_EMITTER, JWT_AUTH, PII_REDACTOR, TOKEN_BUCKET};

/// A proxy around a filter, or around all four as one.
#[must_use]
pub fn proxy(filter: &str, profile: Profile) -> Proxy {
    match filter {
        AUDIT_EMITTER => Proxy::native::<audit_emitter::AuditEmitter>(profile),
        JWT_AUTH => Proxy::native::<jwt_auth::JwtAuth>(profile),
        TOKEN_BUCKET => Proxy::native::<token_bucket::TokenBucket>(profile),
        PII_REDACTOR => Proxy::native::<pii_redactor::PiiRedactor>(profile),
        _ => Proxy::native::<meshward_bundle::Meshward>(profile),
    }
}
