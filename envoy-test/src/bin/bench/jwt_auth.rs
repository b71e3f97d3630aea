//! What it costs to check a token: jwt-auth beside Envoy's own `jwt_authn`, with tokens that neither
//! has seen before and with tokens that both may remember.

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Bootstrap, Envoy, NativeJwt, Options};
use envoy_test::peers::{Algorithm, ISSUER, Idp, Peers, Token};
use envoy_test::{Error, Result, paths};
use host::verify_signature;
use jwt_auth::jose::{self, Family, KeyRules, KeySet, signature_der};
use jwt_auth::token::KnownHeaders;
use policy::json::Json;
use serde_json::{Value, json};

use crate::load::{Load, median};

/// All Envoys are started so often, to even out what differs between two starts of the same.
const STARTS: usize = 3;
/// Each start is measured so often, all Envoys in turn.
const ROUNDS: usize = 5;
const LOAD: Load = Load {
    connections: 16,
    warm_up: 5,
    measured: 50,
};
/// V8 compiles a module a second time, and well, what has run often: a gateway runs for weeks, so
/// that is what counts. All ways are warmed up alike.
const WARM_UP: Load = Load {
    connections: 16,
    warm_up: 0,
    measured: 2000,
};
/// So many tokens come again and again.
const REPEATED: usize = 100;
/// As many as jwt-auth remembers unless told otherwise.
const REMEMBERED: u32 = 1024;
const AUDIENCE: &str = "orders-api";
const FILTER: &str = "jwt-auth";

/// One way to check tokens. The first two check nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checker {
    NoFilter,
    DoesNothing,
    Native,
    NativeCached,
    /// The host calls of ours, and nothing else.
    HostCalls,
    Ours,
    /// Ours where the host checks no signatures, as on every other host.
    OursAlone,
}

impl Checker {
    const ALL: [Self; 7] = [
        Self::NoFilter,
        Self::DoesNothing,
        Self::Native,
        Self::NativeCached,
        Self::HostCalls,
        Self::Ours,
        Self::OursAlone,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::NoFilter => "no filter",
            Self::DoesNothing => "a filter that does nothing",
            Self::Native => "jwt_authn",
            Self::NativeCached => "jwt_authn with its cache",
            Self::HostCalls => "the host calls of jwt-auth alone",
            Self::Ours => "jwt-auth",
            Self::OursAlone => "jwt-auth without verify_signature",
        }
    }
}

/// Tokens to send, in this order, over and over.
struct Tokens {
    name: String,
    /// The path that requests of this kind ask for.
    path: String,
    all: Vec<String>,
}

impl Tokens {
    /// As many as one start of an Envoy is sent, none of them twice.
    fn distinct(idp: &Idp, algorithm: Algorithm) -> Result<Self> {
        let name = format!("distinct {}", algorithm.name());
        let path = format!("/orders/{}", algorithm.name());
        let count = ROUNDS * LOAD.connections * (LOAD.warm_up + LOAD.measured);
        Self::mint(idp, name, path, algorithm, count)
    }

    fn repeated(idp: &Idp, algorithm: Algorithm) -> Result<Self> {
        let name = format!("repeated {}", algorithm.name());
        Self::mint(idp, name, "/orders/17".to_owned(), algorithm, REPEATED)
    }

    fn mint(
        idp: &Idp,
        name: String,
        path: String,
        algorithm: Algorithm,
        count: usize,
    ) -> Result<Self> {
        let mint = |number| {
            let token = Token::of(&format!("caller-{number}"));
            let token = token.scope("orders:read").expires_in_seconds(7200);
            idp.mint(algorithm, &token)
        };
        let all = (0..count).map(mint).collect::<Result<_>>()?;
        Ok(Self { name, path, all })
    }

    /// Distinct tokens come round again, but so many others are between that nobody remembers them.
    fn measure(&self, load: Load, envoy: &Envoy, round: usize) -> Result<f64> {
        load.measure(envoy, &|connection, number| {
            let number = round * (load.warm_up + load.measured) + number;
            let place = (number * load.connections + connection) % self.all.len();
            let token = self.all.get(place).map_or("", String::as_str);
            Request::get(&self.path).bearer(token)
        })
    }
}

impl Checker {
    fn start(self, peers: &Peers) -> Result<Envoy> {
        let filters: &[&str] = match self {
            Self::NoFilter | Self::Native | Self::NativeCached => &[],
            _ => &[FILTER],
        };
        let mut bootstrap = peers.bootstrap(filters)?;
        match self {
            Self::NoFilter => {}
            Self::DoesNothing => bootstrap.replace_module(FILTER, &paths::noop_filter()?)?,
            Self::Native => insert_native(&mut bootstrap, &peers.idp, None)?,
            Self::NativeCached => insert_native(&mut bootstrap, &peers.idp, Some(REMEMBERED))?,
            Self::HostCalls => {
                bootstrap.replace_module(FILTER, &paths::noop_filter()?)?;
                bootstrap.configure(FILTER, &host_calls(&peers.idp)?)?;
            }
            Self::Ours => bootstrap.configure(FILTER, &configuration(&peers.idp))?,
            Self::OursAlone => {
                bootstrap.configure(FILTER, &configuration(&peers.idp))?;
                bootstrap.forbid(FILTER, "proxy_call_foreign_function")?;
            }
        }
        let envoy = Envoy::start(&bootstrap, Options::default())?;
        self.is_what_it_says(&envoy)?;
        Ok(envoy)
    }

    /// A measurement of a filter that lets everything pass would look splendid.
    fn is_what_it_says(self, envoy: &Envoy) -> Result<()> {
        let response = envoy
            .client(Protocol::Http1)
            .send(&Request::get("/orders/17"))?;
        let expected = match self {
            Self::NoFilter | Self::DoesNothing | Self::HostCalls => 200,
            Self::Native | Self::NativeCached | Self::Ours | Self::OursAlone => 401,
        };
        if response.status == expected {
            return Ok(());
        }
        Err(Error::Http {
            action: "asking without a token".to_owned(),
            reason: format!("expected {expected}, got {response:?}"),
        })
    }
}

fn insert_native(bootstrap: &mut Bootstrap, idp: &Idp, cached_tokens: Option<u32>) -> Result<()> {
    bootstrap.insert_native_jwt(NativeJwt {
        issuer: ISSUER,
        audience: AUDIENCE,
        jwks: &idp.jwks(),
        cached_tokens,
    })
}

/// The same work as the native filter does: keys from the configuration, one provider for all paths.
fn configuration(idp: &Idp) -> String {
    let keys: Value = serde_json::from_str(&idp.jwks()).unwrap_or_default();
    json!({
        "providers": {
            "corp": {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks": {"inline": keys}},
        },
        "rules": [{"require": {"provider": "corp"}}],
    })
    .to_string()
}

/// What the filter that only makes host calls is told: for each algorithm that the host checks, the
/// question about one token.
fn host_calls(idp: &Idp) -> Result<String> {
    let mut text = FILTER.to_owned();
    let jwks = Json::parse(idp.jwks().as_bytes()).unwrap_or(Json::Null);
    let rules = KeyRules::published(jose::Algorithm::ALL.into_iter().collect(), false);
    let keys = KeySet::import(&jwks, &rules).map(|(keys, _)| keys);
    let keys = keys.unwrap_or_default();
    for (minted, algorithm) in [
        (Algorithm::Rs256, jose::Algorithm::Rs256),
        (Algorithm::Es256, jose::Algorithm::Es256),
    ] {
        let token = idp.mint(minted, &Token::of("caller-0").scope("orders:read"))?;
        let parsed = jwt_auth::token::Token::parse(&token, &KnownHeaders::default()).ok();
        let key = keys.candidates(algorithm, None).next();
        let question = parsed.zip(key).and_then(|(token, key)| {
            let signature = match algorithm.family() {
                Family::Ecdsa { coordinate_bytes } => {
                    signature_der(&token.signature, coordinate_bytes)?
                }
                _ => token.signature,
            };
            let hash = algorithm.hash().name();
            let text = token.signing_input.as_bytes();
            Some(verify_signature::question(
                hash, &key.spki, &signature, text,
            ))
        });
        let question = question.ok_or_else(|| Error::Http {
            action: "taking a token apart".to_owned(),
            reason: "it is none".to_owned(),
        })?;
        text.push_str(&format!(" {}=", algorithm.name()));
        for byte in question {
            text.push_str(&format!("{byte:02x}"));
        }
    }
    Ok(text)
}

pub(crate) fn run() -> Result<()> {
    let peers = Peers::start()?;
    let idp = &peers.idp;
    println!(
        "Microseconds of CPU for GET /orders/17 with a token over HTTP/1.1: one worker, {} \
         connections, medians of {STARTS} starts and {ROUNDS} rounds of {} requests, \
         {REPEATED} tokens where they are repeated\n",
        LOAD.connections,
        LOAD.connections * LOAD.measured
    );
    let kinds = [
        Tokens::distinct(idp, Algorithm::Rs256)?,
        Tokens::distinct(idp, Algorithm::Es256)?,
        Tokens::repeated(idp, Algorithm::Rs256)?,
    ];
    let table = Table::measure(&peers, &Checker::ALL, &kinds)?;
    table.print(&kinds);
    table.compare("jwt-auth / jwt_authn", Checker::Native, |a, b| a / b);
    let cached = "jwt-auth / jwt_authn with its cache";
    table.compare(cached, Checker::NativeCached, |a, b| a / b);
    let nothing = "jwt-auth - a filter that does nothing";
    table.compare(nothing, Checker::DoesNothing, |a, b| a - b);
    let calls = "jwt-auth - its host calls alone";
    table.compare(calls, Checker::HostCalls, |a, b| a - b);
    println!();

    // Envoy does not offer its crypto library to filters for the first two.
    let others = [Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Es384];
    idp.offer(&others)?;
    let kinds: Vec<_> = others
        .into_iter()
        .map(|algorithm| Tokens::distinct(idp, algorithm))
        .collect::<Result<_>>()?;
    let table = Table::measure(&peers, &[Checker::Native, Checker::Ours], &kinds)?;
    table.print(&kinds);
    table.compare("jwt-auth / jwt_authn", Checker::Native, |a, b| a / b);
    Ok(())
}

/// Measurements of each checker: for each kind of token, one after the other.
struct Table(Vec<(Checker, Vec<Vec<f64>>)>);

impl Table {
    fn measure(peers: &Peers, checkers: &[Checker], kinds: &[Tokens]) -> Result<Self> {
        let rows = checkers
            .iter()
            .map(|checker| (*checker, vec![Vec::new(); kinds.len()]));
        let mut table = Self(rows.collect());
        for start in 1..=STARTS {
            eprintln!("start {start} of {STARTS}");
            let envoys = checkers.iter().map(|checker| checker.start(peers));
            let envoys: Vec<Envoy> = envoys.collect::<Result<_>>()?;
            for envoy in &envoys {
                for tokens in kinds {
                    tokens.measure(WARM_UP, envoy, 0)?;
                }
            }
            for round in 0..ROUNDS {
                for (column, tokens) in kinds.iter().enumerate() {
                    for ((_, columns), envoy) in table.0.iter_mut().zip(&envoys) {
                        let microseconds = tokens.measure(LOAD, envoy, round)?;
                        let column = columns.get_mut(column);
                        column.into_iter().for_each(|all| all.push(microseconds));
                    }
                }
            }
        }
        Ok(table)
    }

    fn print(&self, kinds: &[Tokens]) {
        print!("{:42}", "");
        kinds.iter().for_each(|kind| print!(" {:>16}", kind.name));
        println!();
        for (checker, columns) in &self.0 {
            print!("{:42}", checker.name());
            columns
                .iter()
                .for_each(|all| print!(" {:>16.1}", median(all)));
            println!();
        }
    }

    /// The median of what ours and another come to in each round.
    fn compare(&self, name: &str, other: Checker, by: fn(f64, f64) -> f64) {
        print!("{name:42}");
        for (ours, other) in self.columns(Checker::Ours).iter().zip(self.columns(other)) {
            let pairs = ours.iter().zip(other);
            let compared: Vec<f64> = pairs.map(|(ours, other)| by(*ours, *other)).collect();
            print!(" {:>16.2}", median(&compared));
        }
        println!();
    }

    fn columns(&self, checker: Checker) -> &[Vec<f64>] {
        let row = self.0.iter().find(|(known, _)| *known == checker);
        row.map_or(&[], |(_, columns)| columns)
    }
}
