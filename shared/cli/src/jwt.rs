//! `meshward jwt`: what jwt-auth would say of a token, without a proxy and without a network.

use std::io::Read as _;

use clap::ValueEnum;
use jwt_auth::config::{Config, KeySource, Provider, ProviderKind, TokenProvider};
use jwt_auth::jose::KeySet;
use jwt_auth::reason::Reason;
use jwt_auth::token::claims::date;
use jwt_auth::token::{KnownHeaders, Token};
use policy::config::Configuration as _;
use policy::json::Json;

use crate::color::{Colour, painted};
use crate::exit;
use crate::output::say;

/// Takes a token apart and checks it as jwt-auth would, without a network
///
/// The token is read from a file or from standard input, where no list of processes shows it, with
/// or without `Bearer ` before it. Its signature is never printed, and nothing of it is kept.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  printf %s \"$TOKEN\" | meshward jwt
  meshward jwt -c jwt.json token.txt
  meshward jwt -c jwt.json --at 2026-06-01T00:00:00Z --format json token.txt")]
pub(crate) struct Arguments {
    /// The configuration of jwt-auth; without one the token is only taken apart
    #[arg(long, short, value_name = "AUTH.json")]
    config: Option<String>,
    /// The JWK set of providers that fetch theirs
    #[arg(long, value_name = "FILE", requires = "config")]
    jwks: Option<String>,
    /// Only this provider
    #[arg(long, value_name = "NAME", requires = "config")]
    provider: Option<String>,
    /// The time to check for, as 2026-06-01T00:00:00Z; by default now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// A file with the token; - is standard input
    #[arg(default_value = "-")]
    file: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One object, for programs
    Json,
}

/// What a provider says.
struct Verdict {
    provider: String,
    /// The reason code of the refusal, and what is wrong; neither where it is accepted.
    refusal: Option<(&'static str, String)>,
    /// It could not be decided here.
    is_open: bool,
}

/// Checks a token.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    match checked(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("meshward jwt: {error}");
            exit::NOT_DONE
        }
    }
}

fn checked(arguments: &Arguments) -> Result<u8, String> {
    let now_s = match &arguments.at {
        None => seconds(i64::try_from(trail::time::now_ms() / 1000).unwrap_or(i64::MAX)),
        Some(text) => {
            let at = policy::timestamp::parse_timestamp(text);
            seconds(at.map_err(|error| format!("--at {text:?}: {error}"))?)
        }
    };
    let config = match &arguments.config {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            match Config::parse(&text) {
                Ok(config) => Some(config),
                Err(problems) => {
                    return Err(format!(
                        "{file} is no configuration of jwt-auth:\n{problems}"
                    ));
                }
            }
        }
    };
    let fetched = match &arguments.jwks {
        None => None,
        Some(file) => {
            let text = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
            Some(Json::parse(&text).map_err(|error| format!("{file}: {error}"))?)
        }
    };
    let text = token_text(&arguments.file)?;
    let token = match Token::parse(&text, &KnownHeaders::default()) {
        Ok(token) => token,
        Err(reason) => {
            let told = describe(reason, None, now_s);
            match arguments.format {
                Format::Text => say!("{}: {told}", painted(reason.code(), Colour::Red)),
                Format::Json => say!(
                    "{}",
                    object(vec![
                        ("code", reason.code().into()),
                        ("message", told.as_str().into())
                    ])
                ),
            }
            return Ok(exit::FOUND);
        }
    };
    let mut verdicts = Vec::new();
    if let Some(config) = &config {
        let is_wanted = |provider: &&Provider| {
            arguments
                .provider
                .as_ref()
                .is_none_or(|name| *name == provider.name)
        };
        let providers: Vec<&Provider> = config
            .providers
            .iter()
            .map(|provider| &**provider)
            .filter(is_wanted)
            .collect();
        if providers.is_empty() {
            let names: Vec<&str> = config.providers.iter().map(|p| p.name.as_str()).collect();
            return Err(format!("no such provider; there are {}", names.join(", ")));
        }
        for provider in providers {
            if let ProviderKind::Token(issuer) = &provider.kind {
                let mut verdict = verdict(&provider.name, issuer, fetched.as_ref(), &token, now_s)?;
                let word = |name: &str| token.claims.member(name).and_then(Json::as_str);
                if verdict.refusal.is_none() && config.deny.denies(word("jti"), word("sub")) {
                    let message = "jti or sub is on the deny list".to_owned();
                    verdict.refusal = Some((Reason::TokenRevoked.code(), message));
                }
                verdicts.push(verdict);
            }
        }
    }
    let is_accepted = verdicts.iter().any(|verdict| verdict.refusal.is_none());
    let code = if is_accepted || config.is_none() {
        exit::RIGHT
    } else if verdicts.iter().any(|verdict| verdict.is_open) {
        exit::NOT_DONE
    } else {
        exit::FOUND
    };
    match arguments.format {
        Format::Text => print(&token, &verdicts, config.is_some()),
        Format::Json => say!("{}", json(&token, &verdicts)),
    }
    Ok(code)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times of this millennium are exact"
)]
const fn seconds(seconds: i64) -> f64 {
    seconds as f64
}

fn token_text(file: &str) -> Result<String, String> {
    /// More than any token that the filter reads.
    const MOST: u64 = 256 * 1024;
    let mut text = String::new();
    let read = if file == "-" {
        std::io::stdin().take(MOST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MOST).read_to_string(&mut text))
    };
    read.map_err(|error| format!("{file} cannot be read: {error}"))?;
    let text = text.trim();
    let scheme = text
        .get(..7)
        .filter(|start| start.eq_ignore_ascii_case("bearer "));
    let text = scheme.map_or(text, |_| text.get(7..).unwrap_or_default().trim());
    if text.is_empty() {
        return Err("there is no token".to_owned());
    }
    Ok(text.to_owned())
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
        refusal: Some((
            reason.code(),
            describe(reason, Some((issuer, token)), now_s),
        )),
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
fn describe(reason: Reason, at: Option<(&TokenProvider, &Token<'_>)>, now_s: f64) -> String {
    let Some((issuer, token)) = at else {
        return match reason {
            Reason::TokenTooLarge => "the token is larger than jwt-auth reads",
            Reason::TokenExtension => {
                "the header has crit, b64 or zip, which jwt-auth does not take"
            }
            _ => "not three parts of base64url with JSON objects in the first two",
        }
        .to_owned();
    };
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

#[expect(
    clippy::cast_possible_truncation,
    reason = "a time that is out of range is shown as its limit"
)]
fn clock(seconds: f64) -> String {
    policy::timestamp::format_timestamp(seconds as i64)
}

fn print(token: &Token<'_>, verdicts: &[Verdict], has_config: bool) {
    let header = &token.header;
    let algorithm = header
        .algorithm
        .map_or("unknown", |algorithm| algorithm.name());
    say!(
        "header   alg {algorithm}, kid {}, typ {}",
        shown(&header.key_id),
        shown(&header.kind)
    );
    say!("claims");
    if let Json::Object(members) = &token.claims {
        for (name, value) in members {
            let is_time = ["exp", "iat", "nbf", "auth_time"].contains(&name.as_str());
            let when = date(&token.claims, name).ok().flatten().filter(|_| is_time);
            let when = when.map_or_else(String::new, |when| {
                painted(&format!("  {}", clock(when)), Colour::Dim)
            });
            say!("  {name}: {value}{when}");
        }
    }
    for verdict in verdicts {
        match &verdict.refusal {
            None => say!(
                "provider {}: {}",
                verdict.provider,
                painted("accepted", Colour::Green)
            ),
            Some((code, message)) => {
                say!(
                    "provider {}: {}: {message}",
                    verdict.provider,
                    painted(code, Colour::Red)
                );
            }
        }
    }
    if token.claims.member("cnf").is_some() {
        say!("the token is bound to a key of the client (cnf), which only the connection can show");
    }
    if !has_config {
        say!("not checked: --config says against what");
    }
}

fn shown(word: &Option<String>) -> String {
    word.as_ref()
        .map_or_else(|| "none".to_owned(), |word| format!("{word:?}"))
}

fn object(members: Vec<(&str, Json)>) -> Json {
    let members = members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Json::Object(members.collect())
}

fn json(token: &Token<'_>, verdicts: &[Verdict]) -> Json {
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
