//! What jwt-auth would say of a token.

use jwt_auth::config::{Config, KeySource, Provider, ProviderKind, TokenProvider};
use jwt_auth::jose::KeySet;
use jwt_auth::reason::Reason;
use jwt_auth::token::Token;
use jwt_auth::token::claims::date;
use policy::json::Json;

/// What a provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its name.
    pub provider: String,
    /// The reason code of the refusal, and what is wrong; neither where it is accepted.
    pub refusal: Option<(&'static str, String)>,
    /// It could not be decided here.
    pub is_open: bool,
}

/// What each provider of signed tokens says at a time in seconds since 1970, or the one with a name.
/// `fetched` is the JWK set of those that fetch theirs.
///
/// # Errors
/// There is no provider of that name, or the keys cannot be taken.
pub fn verdicts(
    config: &Config,
    name: Option<&str>,
    fetched: Option<&Json>,
    token: &Token<'_>,
    now_s: f64,
) -> Result<Vec<Verdict>, String> {
    let is_wanted = |provider: &&Provider| name.is_none_or(|name| name == provider.name);
    let providers = config.providers.iter().map(|provider| &**provider);
    let providers: Vec<&Provider> = providers.filter(is_wanted).collect();
    if providers.is_empty() {
        let names: Vec<&str> = config.providers.iter().map(|p| p.name.as_str()).collect();
        return Err(format!("no such provider; there are {}", names.join(", ")));
    }
    let mut verdicts = Vec::new();
    for provider in providers {
        if let ProviderKind::Token(issuer) = &provider.kind {
            let mut verdict = verdict(&provider.name, issuer, fetched, token, now_s)?;
            let word = |name: &str| token.claims.member(name).and_then(Json::as_str);
            if verdict.refusal.is_none() && config.deny.denies(word("jti"), word("sub")) {
                let message = "jti or sub is on the deny list".to_owned();
                verdict.refusal = Some((Reason::TokenRevoked.code(), message));
            }
            verdicts.push(verdict);
        }
    }
    Ok(verdicts)
}

/// A token as people paste it: without `Bearer` before it and spaces around it.
#[must_use]
pub fn bare(text: &str) -> &str {
    let text = text.trim();
    let scheme = text
        .get(..7)
        .filter(|start| start.eq_ignore_ascii_case("bearer "));
    scheme.map_or(text, |_| text.get(7..).unwrap_or_default().trim())
}

/// Why a text is no token.
#[must_use]
pub const fn malformed(reason: Reason) -> &'static str {
    match reason {
        Reason::TokenTooLarge => "the token is larger than jwt-auth reads",
        Reason::TokenExtension => "the header has crit, b64 or zip, which jwt-auth does not take",
        _ => "not three parts of base64url with JSON objects in the first two",
    }
}

/// In the order of the filter: issuer, claims, signature.
fn verdict(
    name: &str,
    issuer: &TokenProvider,
    fetched: Option<&Json>,
    token: &Token<'_>,
    now_s: f64,
) -> Result<Verdict, String> {
    let refused = |reason: Reason| Verdict {
        provider: name.to_owned(),
        refusal: Some((reason.code(), describe(reason, issuer, token, now_s))),
        is_open: false,
    };
    if let Err(reason) = issuer.claims.check(&token.header, &token.claims, now_s) {
        return Ok(refused(reason));
    }
    let imported;
    let keys: &KeySet = match (&issuer.keys, fetched) {
        (KeySource::Inline(keys), _) => &keys.set,
        (KeySource::Fetched(_), Some(set)) => {
            let (set, _) = KeySet::import(set, &issuer.key_rules).map_err(str::to_owned)?;
            imported = set;
            &imported
        }
        (KeySource::Fetched(from), None) => {
            return Ok(Verdict {
                provider: name.to_owned(),
                refusal: Some((
                    "keys_unavailable",
                    format!(
                        "all claims are right; for the signature give the keys of {} with --jwks",
                        from.endpoint.authority
                    ),
                )),
                is_open: true,
            });
        }
    };
    let Some(algorithm) = token.header.algorithm else {
        return Ok(refused(Reason::AlgorithmNotAllowed));
    };
    let mut reason = Reason::KeyUnknown;
    for key in keys.candidates(algorithm, token.header.key_id.as_deref()) {
        if key.verifies(algorithm, token.signing_input.as_bytes(), &token.signature) {
            return Ok(Verdict {
                provider: name.to_owned(),
                refusal: None,
                is_open: false,
            });
        }
        reason = Reason::SignatureInvalid;
    }
    Ok(refused(reason))
}

/// Which claim, what it says and what it should.
fn describe(reason: Reason, issuer: &TokenProvider, token: &Token<'_>, now_s: f64) -> String {
    let policy = &issuer.claims;
    let claim = |name: &str| {
        let value = token.claims.member(name);
        value.map_or_else(|| "missing".to_owned(), Json::to_string)
    };
    let time = |name: &str| match date(&token.claims, name) {
        Ok(Some(seconds)) => format!("{name} {}", clock(seconds)),
        _ => format!("{name} {}", claim(name)),
    };
    let now = clock(now_s);
    match reason.code() {
        "issuer_unknown" => format!("iss is {}, expected {:?}", claim("iss"), policy.issuer),
        "audience_mismatch" => format!(
            "aud is {}, expected one of {:?}",
            claim("aud"),
            policy.audiences.as_deref().unwrap_or_default()
        ),
        "token_expired" => format!(
            "{}, and it is {now} (clock_skew {:?})",
            time("exp"),
            policy.clock_skew
        ),
        "token_not_yet_valid" => format!("{}, {}, and it is {now}", time("nbf"), time("iat")),
        "token_type" => format!("typ is {:?}, which types does not list", token.header.kind),
        "expiration_missing" => "exp is missing, and require_expiration wants it".to_owned(),
        "lifetime_too_long" => format!(
            "{} to {}: more than max_lifetime {:?}",
            time("iat"),
            time("exp"),
            policy.max_lifetime
        ),
        "token_too_old" => format!(
            "{}: longer ago than max_age {:?}",
            time("iat"),
            policy.max_age
        ),
        "claim_missing" => {
            let absent = |name: &&String| token.claims.at(name).is_none();
            let missing: Vec<&str> = policy
                .required_claims
                .iter()
                .filter(absent)
                .map(String::as_str)
                .collect();
            format!("missing: {}", missing.join(", "))
        }
        "key_unknown" => format!(
            "no key with kid {:?} for {}",
            token.header.key_id,
            token
                .header
                .algorithm
                .map_or("this algorithm", |algorithm| algorithm.name())
        ),
        "signature_invalid" => "the claims are right, and no key has signed them".to_owned(),
        _ => "refused".to_owned(),
    }
}

/// A time in seconds since 1970 as text.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a time that is out of range is shown as its limit"
)]
#[must_use]
pub fn clock(seconds: f64) -> String {
    policy::timestamp::format_timestamp(seconds as i64)
}

/// An object of these members.
fn object(members: Vec<(&str, Json)>) -> Json {
    let members = members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Json::Object(members.collect())
}

/// A token and what was said of it, for programs. The signature is not in it.
#[must_use]
pub fn json(token: &Token<'_>, verdicts: &[Verdict]) -> Json {
    let word = |word: &Option<String>| word.as_deref().map_or(Json::Null, Into::into);
    let algorithm = token
        .header
        .algorithm
        .map_or(Json::Null, |algorithm| algorithm.name().into());
    let header = object(vec![
        ("alg", algorithm),
        ("kid", word(&token.header.key_id)),
        ("typ", word(&token.header.kind)),
    ]);
    let verdicts = verdicts.iter().map(|verdict| {
        let mut members = vec![
            ("provider", verdict.provider.as_str().into()),
            ("accepted", Json::Bool(verdict.refusal.is_none())),
        ];
        if let Some((code, message)) = &verdict.refusal {
            members.push(("code", (*code).into()));
            members.push(("message", message.as_str().into()));
        }
        object(members)
    });
    object(vec![
        ("header", header),
        ("claims", token.claims.clone()),
        ("providers", Json::Array(verdicts.collect())),
    ])
}
