//! What jwt-auth would say of a token.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cases::{
    Backend as _, Call, Case, CaseFile, Cuts, HeaderValues, InProcess, RequestData, ResponseData,
    Step, Timestamp, Tls,
};
use host::fake::Profile;
use jwt_auth::config::{Config, KeySource, Provider, ProviderKind, TokenProvider};
use jwt_auth::reason::Reason;
use jwt_auth::token::Token;
use jwt_auth::token::claims::{bound_certificate, date};
use policy::config::Configuration as _;
use policy::filters::JWT_AUTH;
use policy::json::Json;
use serde_json::Value;

use crate::simulated::SECRET;

/// What a provider of the configuration says about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The name of the provider.
    pub provider: String,
    /// The reason code of the refusal, and what is wrong; neither where it is accepted.
    pub refusal: Option<(String, String)>,
    /// It could not be decided here.
    pub is_open: bool,
}

/// What each provider of signed tokens says at a time in seconds since 1970, or the one with a name.
/// `fetched` is the JWK set of those that fetch theirs. The filter itself decides, about a request with the
/// token under a rule that asks for nothing but this provider.
///
/// # Errors
/// There is no provider of that name, or the token cannot be tried.
pub fn verdicts(
    configuration: &str,
    name: Option<&str>,
    fetched: Option<&Json>,
    token: &Token<'_>,
    now_s: f64,
) -> Result<Vec<Verdict>, String> {
    let config = Config::parse(configuration).map_err(|problems| problems.to_string())?;
    let whole: Value = serde_json::from_str(configuration).map_err(|error| error.to_string())?;
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
            verdicts.push(verdict(&whole, provider, issuer, fetched, token, now_s)?);
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

fn verdict(
    whole: &Value,
    provider: &Provider,
    issuer: &TokenProvider,
    fetched: Option<&Json>,
    token: &Token<'_>,
    now_s: f64,
) -> Result<Verdict, String> {
    let name = provider.name.as_str();
    let mut file = CaseFile::of_configuration(alone(whole, name));
    file.at = Some(Timestamp(
        Duration::try_from_secs_f64(now_s).unwrap_or_default(),
    ));
    let mut unset = Vec::new();
    match &issuer.keys {
        KeySource::Inline(keys) => {
            for key in &keys.from_environment {
                let variable = key.variable.clone();
                let value = std::env::var(&variable).unwrap_or_else(|_| {
                    unset.push(variable.clone());
                    SECRET.to_owned()
                });
                file.environment.insert(variable, value);
            }
        }
        KeySource::Fetched(_) => {
            let keys = fetched.map_or_else(|| "none".to_owned(), Json::to_string);
            file.calls = vec![Call::new(KEYS.to_owned(), keys.into_bytes())];
        }
    }
    let (status, body) = asked(&file, token)?;
    let refusal: Value = serde_json::from_str(&body).unwrap_or_default();
    let word = |name: &str| refusal.get(name).and_then(Value::as_str);
    let code = word("type").and_then(|kind| kind.rsplit(':').next());
    let code = code.unwrap_or_default().to_owned();
    let accepted = status == 200;
    let lacks_secret =
        !unset.is_empty() && ["signature_invalid", "key_unknown"].contains(&code.as_str());
    let (is_open, message) = match (&issuer.keys, code.as_str()) {
        (KeySource::Fetched(from), "keys_unavailable") if fetched.is_none() => (
            true,
            format!(
                "all claims are right; for the signature give the keys of {} with --jwks",
                from.endpoint.authority
            ),
        ),
        _ if lacks_secret => (
            true,
            format!(
                "all claims are right; for the signature set {} in the environment",
                unset.join(", ")
            ),
        ),
        _ => {
            let said = word("detail").unwrap_or("refused");
            (false, describe(&code, said, issuer, token, now_s))
        }
    };
    let code = match lacks_secret {
        true => "keys_unavailable".to_owned(),
        false => code,
    };
    Ok(Verdict {
        provider: name.to_owned(),
        refusal: (!accepted).then_some((code, message)),
        is_open: is_open && !accepted,
    })
}

/// What is left of a configuration for one provider, whose tokens are in the usual place. Keys that are
/// fetched come from a service of ours, and lists that are fetched are not here.
fn alone(whole: &Value, name: &str) -> String {
    let mut provider = whole
        .pointer("/providers")
        .and_then(|providers| providers.get(name))
        .cloned()
        .unwrap_or_default();
    if let Some(members) = provider.as_object_mut() {
        members.remove("from");
        let is_inline = |jwks: &Value| jwks.get("inline").is_some();
        if !members.get("jwks").is_some_and(is_inline) {
            let remote = serde_json::json!({ "remote": { "uri": "https://keys.invalid/", "cluster": KEYS } });
            members.insert("jwks".to_owned(), remote);
        }
    }
    let mut deny = whole
        .get("deny")
        .cloned()
        .unwrap_or_else(|| serde_json::json!({}));
    if let Some(members) = deny.as_object_mut() {
        members.remove("remote");
    }
    serde_json::json!({
        "providers": { name: provider },
        "deny": deny,
        "rules": [{ "require": { "provider": name } }],
    })
    .to_string()
}

/// What the filter responds to a request with the token, over a connection with the certificate that the token
/// is bound to.
fn asked(file: &CaseFile, token: &Token<'_>) -> Result<(u16, String), String> {
    let mut request = RequestData::new("GET", "/");
    let credential = HeaderValues::One(format!("Bearer {}", token.text));
    request
        .headers
        .insert("authorization".to_owned(), credential);
    let bound = bound_certificate(&token.claims).ok().flatten();
    let digest = bound.and_then(|digest| URL_SAFE_NO_PAD.decode(digest).ok());
    request.tls = digest.map(|digest| Tls {
        sha256: Some(policy::hex::encode(&digest)),
        ..Tls::default()
    });
    let mut proxy = InProcess::new(|| Ok(crate::proxy(JWT_AUTH, Profile::Envoy)));
    let step = Step::new(request, ResponseData::default());
    let seen = proxy
        .begin(file, &Case::default())
        .and_then(|()| proxy.exchange(&step, Cuts::Whole));
    let seen = seen.map_err(|error| error.to_string())?;
    Ok((seen.status, seen.body))
}

/// Which claim, what it says and what it should; of other reasons, what the filter says.
fn describe(
    code: &str,
    said: &str,
    issuer: &TokenProvider,
    token: &Token<'_>,
    now_s: f64,
) -> String {
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
    match code {
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
        "token_revoked" => "jti or the subject is on the deny list".to_owned(),
        "binding_unsupported" | "token_malformed" if token.claims.member("cnf").is_some() => {
            format!("cnf is {}: {said}", claim("cnf"))
        }
        _ => said.to_owned(),
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
            members.push(("code", code.as_str().into()));
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

/// The cluster that keys come from.
const KEYS: &str = "keys";
