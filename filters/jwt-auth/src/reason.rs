//! Why a request is refused: one stable code for each reason.

use policy::matching::Ambiguity;

/// The reason of a refusal. The code goes into the problem type, the decision, the metric and the
/// log; none of them ever holds a part of the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// No credential where one is required.
    #[error("A credential is required.")]
    CredentialMissing,
    /// More than one credential: which one counts would be anybody's guess (RFC 6750 section 2).
    #[error("The request carries more than one credential.")]
    CredentialsMultiple,
    /// Not three base64url parts of JSON, JSON and signature (RFC 7515 section 7.1).
    #[error("The token is malformed.")]
    TokenMalformed,
    /// Larger than is ever needed.
    #[error("The token is too large.")]
    TokenTooLarge,
    /// `crit`, `b64` or `zip` in the header (RFC 7515 section 4.1.11, RFC 7797).
    #[error("The token's header asks for an extension that is not supported.")]
    TokenExtension,
    /// A `typ` of another kind of token (RFC 8725 section 3.11).
    #[error("The token is of another type.")]
    TokenType,
    /// An `alg` that the provider does not allow, or `none`.
    #[error("The token's algorithm is not allowed.")]
    AlgorithmNotAllowed,
    /// An issuer that no provider of the rule has.
    #[error("The token's issuer is not accepted here.")]
    IssuerUnknown,
    /// The token is for none of the configured audiences.
    #[error("The token is not for this audience.")]
    AudienceMismatch,
    /// `exp` has passed.
    #[error("The token has expired.")]
    TokenExpired,
    /// The token has no `exp`.
    #[error("The token has no expiry.")]
    ExpirationMissing,
    /// `nbf` or `iat` lies ahead.
    #[error("The token is not valid yet.")]
    TokenNotYetValid,
    /// Valid for longer than the provider allows.
    #[error("The token is valid for too long.")]
    LifetimeTooLong,
    /// Issued longer ago than the provider allows.
    #[error("The token is too old.")]
    TokenTooOld,
    /// A claim is missing that the provider demands.
    #[error("The token lacks a claim that it must have.")]
    ClaimMissing,
    /// The token or its subject is on the deny-list.
    #[error("The token has been revoked.")]
    TokenRevoked,
    /// The issuer says that the token is not active (RFC 7662 section 2.2).
    #[error("The token is not active.")]
    TokenInactive,
    /// No API key has this hash.
    #[error("The API key is not known.")]
    ApiKeyUnknown,
    /// The API key has expired.
    #[error("The API key has expired.")]
    ApiKeyExpired,
    /// The API key is valid from a later time on.
    #[error("The API key is not valid yet.")]
    ApiKeyNotYetValid,
    /// The token is bound to another certificate than that of this connection, or the rule wants
    /// it bound and it is not (RFC 8705 section 3).
    #[error("The token is not bound to the certificate of this connection.")]
    BindingMismatch,
    /// The token is bound to something that is not checked here, such as a DPoP key (RFC 9449
    /// section 7.1).
    #[error("The token is bound in a way that is not supported here.")]
    BindingUnsupported,
    /// No key of the provider fits.
    #[error("The token's key is not known.")]
    KeyUnknown,
    /// The signature does not verify.
    #[error("The token's signature is wrong.")]
    SignatureInvalid,
    /// The verified token lacks a scope.
    #[error("The token lacks a required scope.")]
    ScopeMissing,
    /// The caller must log in again, or in a stronger way (RFC 9470).
    #[error("The caller must authenticate again, or in a stronger way.")]
    InsufficientAuthentication,
    /// The verified token fails a condition on its claims.
    #[error("The token's claims do not allow this.")]
    ClaimMismatch,
    /// What the request names is not what the caller's claim says: it is somebody else's.
    #[error("What this is about belongs to somebody else.")]
    ObjectNotOwned,
    /// A claim does not fit into the header in which the upstream gets it.
    #[error("The token's claims do not fit into the headers that they are handed on in.")]
    ClaimHeaderTooLarge,
    /// The caller has not agreed to what the rule is about.
    #[error("The caller has not given the consent that this needs.")]
    ConsentMissing,
    /// The connection is not encrypted, or with an older version of TLS than the rule wants.
    #[error("This needs a connection with TLS.")]
    TlsRequired,
    /// The client has shown no certificate, or none with a fitting name.
    #[error("This needs a client certificate.")]
    ClientCertificateRequired,
    /// No rule allows the request.
    #[error("No rule allows this request.")]
    NoRule,
    /// Servers disagree on what the path means, and so do the rules.
    #[error("The path can be read in more than one way.")]
    PathAmbiguous,
    /// Servers disagree on what the method is, and so do the rules.
    #[error("The method can be read in more than one way.")]
    MethodAmbiguous,
    /// Servers disagree on which value of a header counts, and so do the rules.
    #[error("A header can be read in more than one way.")]
    HeaderAmbiguous,
    /// Servers disagree on which host is meant, and so do the rules.
    #[error("The request names more than one host.")]
    HostAmbiguous,
    /// Servers disagree on which value of a query parameter counts, and so do the rules.
    #[error("A query parameter can be read in more than one way.")]
    QueryAmbiguous,
    /// The path cannot be read.
    #[error("The path cannot be read.")]
    PathUnreadable,
    /// The credential was used, and cannot be kept from the upstream.
    #[error("The credential cannot be kept from the service behind the gateway.")]
    CredentialKept,
    /// The request has a header that only the gateway may set, and the host cannot remove it.
    #[error("The request has a header that only the gateway may set.")]
    ManagedHeader,
    /// The request has more headers than the host shows, or none that it can show.
    #[error("The request has more headers than can be checked.")]
    HeadersUnlisted,
    /// The provider's keys could not be fetched.
    #[error("The keys to check the token are not available at the moment.")]
    KeysUnavailable,
    /// The issuer could not be asked.
    #[error("The token cannot be checked at the moment.")]
    IntrospectionUnavailable,
    /// The issuer does not take the question about this token, which any client can make up.
    #[error("The token cannot be checked at the moment.")]
    IntrospectionRefused,
    /// The body is longer than it may be.
    #[error("The body is too large.")]
    BodyTooLarge,
    /// The length of the body is not announced.
    #[error("The length of the body must be announced.")]
    LengthRequired,
    /// A query parameter is larger than it may be, or no plain number.
    #[error("A parameter of the query asks for too much.")]
    QueryTooLarge,
    /// The list of what is revoked could not be fetched.
    #[error("Whether the token has been revoked cannot be told at the moment.")]
    DenyListUnavailable,
    /// The consent service could not be asked.
    #[error("What the caller has agreed to cannot be looked up at the moment.")]
    ConsentUnavailable,
    /// Too many attempts have failed.
    #[error("Too many attempts to authenticate have failed.")]
    TooManyFailures,
    /// The key of the token is not in the set at hand, and whether it has been published since is not
    /// known yet: any client can name such a key.
    #[error("The keys to check the token are not available at the moment.")]
    KeyPending,
    /// More requests wait for keys than may.
    #[error("Too many requests wait for the keys to check their tokens.")]
    WaitingFull,
}

impl Reason {
    /// The reason for refusing a request that rules disagree about.
    #[must_use]
    pub const fn ambiguous(ambiguity: Ambiguity) -> Self {
        match ambiguity {
            Ambiguity::Method => Self::MethodAmbiguous,
            Ambiguity::Header => Self::HeaderAmbiguous,
            Ambiguity::Host => Self::HostAmbiguous,
            Ambiguity::Query => Self::QueryAmbiguous,
            _ => Self::PathAmbiguous,
        }
    }

    /// The stable code of the reason: `token_expired`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CredentialMissing => "credential_missing",
            Self::CredentialsMultiple => "credentials_multiple",
            Self::TokenMalformed => "token_malformed",
            Self::TokenTooLarge => "token_too_large",
            Self::TokenExtension => "token_extension",
            Self::TokenType => "token_type",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::IssuerUnknown => "issuer_unknown",
            Self::AudienceMismatch => "audience_mismatch",
            Self::TokenExpired => "token_expired",
            Self::ExpirationMissing => "expiration_missing",
            Self::TokenNotYetValid => "token_not_yet_valid",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::TokenTooOld => "token_too_old",
            Self::ClaimMissing => "claim_missing",
            Self::TokenRevoked => "token_revoked",
            Self::TokenInactive => "token_inactive",
            Self::ApiKeyUnknown => "api_key_unknown",
            Self::ApiKeyExpired => "api_key_expired",
            Self::ApiKeyNotYetValid => "api_key_not_yet_valid",
            Self::BindingMismatch => "binding_mismatch",
            Self::BindingUnsupported => "binding_unsupported",
            Self::KeyUnknown => "key_unknown",
            Self::SignatureInvalid => "signature_invalid",
            Self::ScopeMissing => "scope_missing",
            Self::InsufficientAuthentication => "insufficient_user_authentication",
            Self::ClaimMismatch => "claim_mismatch",
            Self::ObjectNotOwned => "object_not_owned",
            Self::ClaimHeaderTooLarge => "claim_header_too_large",
            Self::ConsentMissing => "consent_missing",
            Self::TlsRequired => "tls_required",
            Self::ClientCertificateRequired => "client_certificate_required",
            Self::NoRule => "no_rule",
            Self::PathAmbiguous => "path_ambiguous",
            Self::MethodAmbiguous => "method_ambiguous",
            Self::HeaderAmbiguous => "header_ambiguous",
            Self::HostAmbiguous => "host_ambiguous",
            Self::QueryAmbiguous => "query_ambiguous",
            Self::PathUnreadable => "path_unreadable",
            Self::CredentialKept => "credential_kept",
            Self::ManagedHeader => "managed_header",
            Self::HeadersUnlisted => "headers_unlisted",
            Self::KeysUnavailable | Self::KeyPending => "keys_unavailable",
            Self::IntrospectionUnavailable | Self::IntrospectionRefused => {
                "introspection_unavailable"
            }
            Self::BodyTooLarge => "body_too_large",
            Self::LengthRequired => "length_required",
            Self::QueryTooLarge => "query_too_large",
            Self::DenyListUnavailable => "deny_list_unavailable",
            Self::ConsentUnavailable => "consent_unavailable",
            Self::TooManyFailures => "too_many_failures",
            Self::WaitingFull => "waiting_full",
        }
    }

    /// The HTTP status: 401 for the credential, 403 for what it may do, 400 for the request, 503
    /// for us.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::PathAmbiguous
            | Self::MethodAmbiguous
            | Self::HeaderAmbiguous
            | Self::HostAmbiguous
            | Self::QueryAmbiguous
            | Self::PathUnreadable
            | Self::CredentialKept
            | Self::QueryTooLarge
            | Self::ManagedHeader => 400,
            Self::LengthRequired => 411,
            Self::BodyTooLarge => 413,
            Self::HeadersUnlisted => 431,
            Self::ScopeMissing
            | Self::ClaimMismatch
            | Self::ObjectNotOwned
            | Self::ClaimHeaderTooLarge
            | Self::ConsentMissing
            | Self::TlsRequired
            | Self::ClientCertificateRequired
            | Self::NoRule => 403,
            Self::TooManyFailures => 429,
            Self::KeysUnavailable
            | Self::KeyPending
            | Self::IntrospectionUnavailable
            | Self::IntrospectionRefused
            | Self::DenyListUnavailable
            | Self::ConsentUnavailable
            | Self::WaitingFull => 503,
            _ => 401,
        }
    }

    /// How near the credential came to being accepted: the higher, the later the check is that it
    /// failed. Of several providers that refuse a credential, the reason of the nearest is told.
    #[must_use]
    pub const fn nearness(self) -> u8 {
        match self {
            Self::CredentialMissing => 0,
            Self::TokenMalformed | Self::TokenTooLarge | Self::TokenExtension => 1,
            Self::ApiKeyUnknown => 2,
            Self::IssuerUnknown => 3,
            Self::TokenInactive => 4,
            Self::AlgorithmNotAllowed => 5,
            Self::TokenType => 6,
            Self::AudienceMismatch => 7,
            Self::ClaimMissing => 8,
            Self::KeyUnknown => 10,
            Self::SignatureInvalid => 11,
            Self::TokenRevoked | Self::ApiKeyExpired | Self::ApiKeyNotYetValid => 12,
            Self::BindingMismatch => 13,
            Self::ClaimHeaderTooLarge => 14,
            // The times of the token, and what it is bound to.
            _ => 9,
        }
    }

    /// Whether nothing could be decided, which is not the client's fault.
    #[must_use]
    pub const fn is_undecided(self) -> bool {
        self.status() == 503
    }

    /// Whether nothing could be decided for want of something that no client can take away: what
    /// `"on_error": "allow"` lets pass. What people have agreed to has an `on_error` of its own.
    #[must_use]
    pub const fn is_outage(self) -> bool {
        self.is_undecided()
            && !matches!(
                self,
                Self::KeyPending
                    | Self::WaitingFull
                    | Self::IntrospectionRefused
                    | Self::ConsentUnavailable
            )
    }
}
