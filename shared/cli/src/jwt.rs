//! `meshward jwt`: what jwt-auth would say of a token, without a proxy and without a network.

use std::io::Read as _;

use clap::ValueEnum;
use inspect::token::{Verdict, bare, clock, malformed, verdicts};
use jwt_auth::config::Config;
use jwt_auth::token::claims::date;
use jwt_auth::token::{KnownHeaders, Token};
use policy::config::Configuration as _;
use policy::filters::JWT_AUTH;
use policy::json::Json;
use serde_json::json;

use crate::audit::format::printable;
use crate::check::configured;
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
    /// The configuration of jwt-auth, or a manifest with it; without one the token is only taken apart
    #[arg(long, short, value_name = "FILE")]
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
    let config = arguments.config.as_deref().map(configuration).transpose()?;
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
            let (code, told) = (reason.code(), malformed(reason));
            match arguments.format {
                Format::Text => say!("{}: {told}", painted(code, Colour::Red)),
                Format::Json => say!("{}", json!({ "code": code, "message": told })),
            }
            return Ok(exit::FOUND);
        }
    };
    let verdicts = match &config {
        None => Vec::new(),
        Some(config) => {
            let name = arguments.provider.as_deref();
            verdicts(config, name, fetched.as_ref(), &token, now_s)?
        }
    };
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
        Format::Json => say!("{}", inspect::token::json(&token, &verdicts)),
    }
    Ok(code)
}

/// The configuration of jwt-auth in a file of any kind.
fn configuration(file: &str) -> Result<String, String> {
    let configured = configured::read(file, Some(JWT_AUTH))?;
    Config::parse(&configured.json)
        .map_err(|problems| format!("{file} is no configuration of jwt-auth:\n{problems}"))?;
    Ok(configured.json)
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
    let text = bare(&text);
    if text.is_empty() {
        return Err("there is no token".to_owned());
    }
    Ok(text.to_owned())
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
            say!(
                "  {}: {}{when}",
                printable(name),
                printable(&value.to_string())
            );
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
                    "provider {}: {}: {}",
                    verdict.provider,
                    painted(code, Colour::Red),
                    printable(message)
                );
            }
        }
    }
    let is_accepted = verdicts.iter().any(|verdict| verdict.refusal.is_none());
    if (is_accepted || !has_config) && token.claims.member("cnf").is_some() {
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
