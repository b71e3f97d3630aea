//! The filters in a proxy that is simulated in this process.

use clap::ValueEnum;
use host::fake::{Profile, Proxy};
use policy::filters::{AUDIT_EMITTER, JWT_AUTH, PII_REDACTOR, TOKEN_BUCKET};

/// A proxy around a filter, or around all four as one.
pub(crate) fn proxy(filter: &str, profile: Profile) -> Proxy {
    match filter {
        AUDIT_EMITTER => Proxy::native::<audit_emitter::AuditEmitter>(profile),
        JWT_AUTH => Proxy::native::<jwt_auth::JwtAuth>(profile),
        TOKEN_BUCKET => Proxy::native::<token_bucket::TokenBucket>(profile),
        PII_REDACTOR => Proxy::native::<pii_redactor::PiiRedactor>(profile),
        _ => Proxy::native::<meshward_bundle::Meshward>(profile),
    }
}

/// The hosts that can be simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Host {
    /// Envoy, Istio, Envoy Gateway, Higress
    #[default]
    Envoy,
    /// APISIX
    Apisix,
    /// Kong
    Kong,
}

impl Host {
    pub(crate) const fn profile(self) -> Profile {
        match self {
            Self::Envoy => Profile::Envoy,
            Self::Apisix => Profile::Apisix,
            Self::Kong => Profile::Kong,
        }
    }
}
