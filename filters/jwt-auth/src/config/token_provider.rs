//! An issuer of signed tokens, and how its tokens look.

use std::time::Duration;

use policy::config::names::has_space;
use policy::config::{Fields, Node};
use policy::json::Json;

use crate::jose::{Algorithm, AlgorithmSet, KeyRules};

use super::KeySource;
use super::forward::single_claim;

/// A provider of signed tokens.
#[derive(Debug)]
pub struct TokenProvider {
    /// What its tokens must claim.
    pub claims: ClaimPolicy,
    /// What its keys may be.
    pub key_rules: KeyRules,
    /// Where its keys come from.
    pub keys: KeySource,
    /// What a token that is bound to a key of the client means.
    pub confirmation: Confirmation,
}

/// What a provider demands of its tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimPolicy {
    /// `iss` must be exactly this.
    pub issuer: String,
    /// `aud` must name one of these; `None` accepts any audience.
    pub audiences: Option<Vec<String>>,
    /// How far the issuer's clock may be off.
    pub clock_skew: Duration,
    /// Whether tokens must have `exp`.
    pub require_expiration: bool,
    /// `iat` must not lie ahead.
    pub check_issued_at: bool,
    /// The most that `exp` may lie after `iat` (or after now, without `iat`).
    pub max_lifetime: Option<Duration>,
    /// The longest ago that a token may have been issued.
    pub max_age: Option<Duration>,
    /// Claims that must be there, by dotted path.
    pub required_claims: Vec<String>,
    /// The accepted kinds of tokens.
    pub types: TokenTypes,
}

/// The accepted values of `typ` (RFC 7515 section 4.1.9), in lower case, without `application/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTypes {
    /// Whether a token without `typ` is accepted.
    pub absent: bool,
    /// The accepted values of `typ`.
    pub named: Vec<String>,
}

/// What is done about `cnf` (RFC 7800): the key of the client that a token is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confirmation {
    /// A token that is bound to a certificate is accepted over a connection with that certificate
    /// only (RFC 8705 section 3); one that is bound to something else is refused.
    #[default]
    Enforce,
    /// Bindings are not looked at, but where a rule demands one.
    Ignore,
}

impl TokenProvider {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let issuer = fields
            .required("issuer", "the exact value of the claim iss")
            .and_then(|n| issuer_name(&n));
        let audiences = fields
            .required("audiences", r#"an array of audiences, or "any""#)
            .and_then(|n| audiences(&n));
        let algorithms = fields.or("algorithms", None, |n| {
            let list = n.non_empty_list(|item| algorithm(&item))?;
            Some(Some(list.into_iter().collect::<AlgorithmSet>()))
        });
        let key_rules = KeyRules {
            algorithms: algorithms.unwrap_or_else(|| Algorithm::ALL.into_iter().collect()),
            listed: algorithms.is_some(),
            secrets: false,
        };
        let keys = fields
            .required("jwks", r#"one of "inline", "remote" and "discovery""#)
            .and_then(|n| KeySource::read(&n, &key_rules, issuer.as_deref()));
        let key_rules = KeyRules {
            algorithms: algorithms.unwrap_or_else(|| usual_algorithms(keys.as_ref())),
            ..key_rules
        };
        let key_rules = match &keys {
            Some(KeySource::Fetched(_)) => without_secrets(fields, key_rules),
            _ => key_rules,
        };
        let claims = ClaimPolicy::read(fields, issuer, audiences);
        let confirmation = fields.or("confirmation", Confirmation::Enforce, |n| {
            n.one_of(&[
                ("enforce", Confirmation::Enforce),
                ("ignore", Confirmation::Ignore),
            ])
        });
        Some(Self {
            claims: claims?,
            key_rules,
            keys: keys?,
            confirmation,
        })
    }
}

/// Who publishes a secret shares it with everybody: a token of a provider whose keys are fetched
/// never has an algorithm for secrets, and nothing is fetched for its sake.
fn without_secrets(fields: &Fields<'_>, rules: KeyRules) -> KeyRules {
    let (secret, public): (Vec<_>, Vec<_>) = Algorithm::ALL
        .into_iter()
        .filter(|algorithm| rules.algorithms.contains(*algorithm))
        .partition(|algorithm| algorithm.is_symmetric());
    if rules.listed && !secret.is_empty() {
        fields.node().reject_unseen(
            r#"algorithms: HS256, HS384 and HS512 need secrets in the configuration, see "inline"; fetched keys are public"#,
        );
    }
    KeyRules {
        algorithms: public.into_iter().collect(),
        ..rules
    }
}

impl ClaimPolicy {
    fn read(
        fields: &mut Fields<'_>,
        issuer: Option<String>,
        audiences: Option<Option<Vec<String>>>,
    ) -> Option<Self> {
        // RFC 9068 section 2: what an access token of that profile has.
        let profile = fields.or("profile", false, |n| n.one_of(&[("rfc9068", true)]));
        let second = Duration::from_secs(1);
        let clock_skew = clock_skew(fields);
        let mut duration = |name| {
            fields.or(name, None, |n: Node<'_>| {
                n.duration(second..=MAX_LIFETIME).map(Some)
            })
        };
        let (max_lifetime, max_age) = (duration("max_lifetime"), duration("max_age"));
        let mut required_claims = fields.or("required_claims", Vec::new(), |n| {
            n.non_empty_list(|item| single_claim(&item))
        });
        let mut types = TokenTypes::default();
        if profile {
            let profile_claims = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];
            required_claims.extend(profile_claims.map(str::to_owned));
            types = TokenTypes {
                absent: false,
                named: vec!["at+jwt".to_owned()],
            };
        }
        let types = fields.or("types", types, |n| TokenTypes::read(&n));
        let require_expiration = fields.or("require_expiration", true, |n| n.boolean());
        let check_issued_at = fields.or("check_issued_at", true, |n| n.boolean());
        Some(Self {
            issuer: issuer?,
            audiences: audiences?,
            clock_skew,
            require_expiration,
            check_issued_at,
            max_lifetime,
            max_age,
            required_claims,
            types,
        })
    }
}

impl TokenTypes {
    /// A list of values of `typ`; the empty text stands for a token without one.
    fn read(node: &Node<'_>) -> Option<Self> {
        let names = node.non_empty_list(|item| item.string().map(Self::normal))?;
        Some(Self {
            absent: names.iter().any(String::is_empty),
            named: names.into_iter().filter(|name| !name.is_empty()).collect(),
        })
    }

    /// Whether a token of this `typ` is accepted.
    #[must_use]
    pub fn accept(&self, kind: Option<&str>) -> bool {
        match kind {
            None => self.absent,
            Some(kind) => self.named.contains(&Self::normal(kind)),
        }
    }

    /// Media types compare without case, and `application/` may be left out where no other slash
    /// follows.
    fn normal(kind: &str) -> String {
        let lower = kind.to_ascii_lowercase();
        match lower.strip_prefix("application/") {
            Some(rest) if !rest.contains('/') => rest.to_owned(),
            _ => lower,
        }
    }
}

impl Default for TokenTypes {
    /// Access tokens, with and without a type of their own (RFC 7519 section 5.1, RFC 9068
    /// section 2.1).
    fn default() -> Self {
        Self {
            absent: true,
            named: vec!["jwt".to_owned(), "at+jwt".to_owned()],
        }
    }
}

/// The algorithms of a provider that lists none: those for secrets only where it has secrets.
fn usual_algorithms(keys: Option<&KeySource>) -> AlgorithmSet {
    let secrets = matches!(keys, Some(KeySource::Inline(keys)) if keys.has_secrets());
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| algorithm.is_symmetric() == secrets)
        .collect()
}

/// The value of `iss`, which is compared byte by byte.
pub(super) fn issuer_name(node: &Node<'_>) -> Option<String> {
    let issuer = node.name(1024)?;
    if has_space(issuer) {
        node.reject("an issuer with a space in it: tokens are compared with it byte by byte");
    }
    if has_placeholder(issuer) || issuer.contains("/:") {
        node.reject(
            "an issuer with a placeholder in it: write the one of the tenant, or a provider for each tenant",
        );
    }
    if let Some(alias) = tenant_alias(issuer) {
        node.reject(format_args!(
            "no token has {alias:?} in its issuer: Entra ID writes the id of the tenant there; write \
             the issuer of each tenant, or a provider for each tenant"
        ));
    }
    if issuer.starts_with("http://") {
        node.warn(
            "issuer_without_tls",
            "issuers are https addresses (OpenID Connect Core 1.0, section 2); tokens of https://... do not fit",
        );
    }
    if issuer.ends_with("/.well-known/openid-configuration") {
        node.reject(
            "the address of a discovery document: the issuer is what stands before /.well-known",
        );
    }
    Some(issuer.to_owned())
}

/// Whether a name has a part that was to be filled in.
fn has_placeholder(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let yours = [
        "tenant", "domain", "realm", "client", "org", "audience", "api",
    ];
    let is_yours = |word: &&str| {
        ["-", "_", ""]
            .iter()
            .any(|dash| lower.contains(&format!("your{dash}{word}")))
    };
    name.contains(['{', '}', '<', '>']) || name.contains("YOUR") || yours.iter().any(is_yours)
}

/// What stands for several tenants in addresses of Microsoft, and in no token.
fn tenant_alias(issuer: &str) -> Option<&str> {
    let (_, rest) = issuer.split_once("://")?;
    let mut parts = rest.split('/');
    let host = parts.next()?.to_ascii_lowercase();
    let tenant = parts.next()?;
    let is_entra = [
        "login.microsoftonline.",
        "login.microsoft.com",
        "sts.windows.net",
    ]
    .iter()
    .any(|known| host.starts_with(known));
    let is_alias = ["common", "organizations", "consumers"].contains(&tenant);
    (is_entra && is_alias).then_some(tenant)
}

/// How far clocks may be apart.
pub(super) fn clock_skew(fields: &mut Fields<'_>) -> Duration {
    fields.or("clock_skew", DEFAULT_SKEW, |n| {
        n.duration(Duration::ZERO..=Duration::from_secs(300))
    })
}

/// Reads `audiences`: a list, or `"any"`, which is `Some(None)`.
pub(super) fn audiences(node: &Node<'_>) -> Option<Option<Vec<String>>> {
    match node.json() {
        _ if node.is_word("any") => Some(None),
        Json::Array(_) => audience_list(node, r#"write "any" without brackets"#).map(Some),
        _ => {
            node.reject(r#"expected an array of audiences, or "any""#);
            None
        }
    }
}

/// Names of audiences, as tokens have them; `accept_all` says how every audience is accepted.
pub(super) fn audience_list(node: &Node<'_>, accept_all: &str) -> Option<Vec<String>> {
    let audiences = node.strings()?;
    let any = |wrong: fn(&str) -> bool| audiences.iter().any(|audience| wrong(audience));
    if any(|audience| audience.eq_ignore_ascii_case("any")) {
        node.reject(format_args!(
            "an audience with the name \"any\"; to accept every audience, {accept_all}"
        ));
    }
    if any(|audience| audience == "*") {
        node.reject(format_args!(
            "an audience is compared as it is; to accept every audience, {accept_all}"
        ));
    }
    if any(str::is_empty) {
        node.reject("an audience without a name");
    }
    if any(has_space) {
        node.reject("an audience with a space in it, which no token has");
    }
    if any(has_placeholder) {
        node.reject("an audience with a placeholder in it");
    }
    node.warn_of_commas("audience_comma", &audiences);
    Some(audiences)
}

fn algorithm(node: &Node<'_>) -> Option<Algorithm> {
    let name = node.string()?;
    if name.eq_ignore_ascii_case("none") {
        node.reject("an unsigned token vouches for nothing");
        return None;
    }
    if name == "Ed25519" {
        return Some(Algorithm::EdDsa);
    }
    let names = Algorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    node.one_of(&names)
}

const DEFAULT_SKEW: Duration = Duration::from_secs(60);
const MAX_LIFETIME: Duration = Duration::from_secs(366 * 86_400);
