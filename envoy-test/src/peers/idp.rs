//! An identity provider: its signing keys as a JWKS, and tokens with any claims.
//!
//! The keys are made when it starts and never leave it. It mints a token for whoever asks, which is
//! what a test wants and the reason to run it nowhere else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{HeaderMap, HeaderValue};
use jwt_simple::algorithms::{ECDSAP256KeyPairLike, ES256KeyPair, RS256KeyPair, RSAKeyPairLike};
use jwt_simple::claims::{Audiences, Claims, JWTClaims};
use jwt_simple::prelude::Duration as JwtDuration;
use serde_json::{Map, Value, json};

use super::server::{Handler, Server, response};
use crate::Result;
use crate::error::Context;
use crate::frames::{self, Body};

/// The issuer that an identity provider names unless told otherwise.
pub const ISSUER: &str = "https://idp.meshward.test";

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, key id `rs256`.
    Rs256,
    /// ECDSA on P-256, key id `es256`.
    Es256,
}

/// How an identity provider treats who asks for its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdpMood {
    /// Answers.
    #[default]
    Working,
    /// Answers with this status.
    Failing(u16),
    /// Answers with something that is no JWKS.
    Garbage,
    /// Answers after this long.
    Slow(Duration),
}

/// The claims of a token in the making.
#[derive(Clone, Debug)]
pub struct Token {
    issuer: Option<String>,
    subject: String,
    audience: String,
    expires_in: Option<i64>,
    claims: Map<String, Value>,
}

impl Token {
    /// A token for `orders-api` that expires in ten minutes.
    #[must_use]
    pub fn of(subject: &str) -> Self {
        Self {
            issuer: None,
            subject: subject.to_owned(),
            audience: "orders-api".to_owned(),
            expires_in: Some(600),
            claims: Map::new(),
        }
    }

    /// Gives it scopes, separated by spaces.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Adds a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Names another issuer than the one that signs it.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.to_owned());
        self
    }

    /// Names another audience.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.audience);
        self
    }

    /// Lets it expire this many seconds from now; a negative number is in the past.
    #[must_use]
    pub fn expires_in_seconds(mut self, seconds: i64) -> Self {
        self.expires_in = Some(seconds);
        self
    }

    /// Leaves the expiry out.
    #[must_use]
    pub fn without_expiry(mut self) -> Self {
        self.expires_in = None;
        self
    }

    fn claims(&self, issuer: &str) -> JWTClaims<Map<String, Value>> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut claims =
            Claims::with_custom_claims(self.claims.clone(), JwtDuration::from_secs(600));
        claims.expires_at = self
            .expires_in
            .map(|seconds| JwtDuration::from_secs(now.as_secs().saturating_add_signed(seconds)));
        claims.invalid_before = None;
        claims.issuer = Some(self.issuer.clone().unwrap_or_else(|| issuer.to_owned()));
        claims.audiences = Some(Audiences::AsString(self.audience.clone()));
        claims.subject = Some(self.subject.clone());
        claims
    }
}

struct Keys {
    rs256: RS256KeyPair,
    es256: ES256KeyPair,
}

impl Keys {
    fn generate() -> Result<Self> {
        Ok(Self {
            rs256: RS256KeyPair::generate(2048)
                .context("making an RSA key")?
                .with_key_id("rs256"),
            es256: ES256KeyPair::generate().with_key_id("es256"),
        })
    }

    fn sign(&self, issuer: &str, algorithm: Algorithm, token: &Token) -> Result<String> {
        let claims = token.claims(issuer);
        match algorithm {
            Algorithm::Rs256 => self.rs256.sign(claims),
            Algorithm::Es256 => self.es256.sign(claims),
        }
        .context("signing a token")
    }

    fn jwks(&self) -> String {
        let keys = [
            self.rs256.public_key().to_jwk(),
            self.es256.public_key().to_jwk(),
        ];
        format!("{{\"keys\":[{}]}}", keys.join(","))
    }
}

/// An identity provider that can be stopped and started again on its port.
///
/// `GET /jwks`, `GET /.well-known/openid-configuration`, and `GET /token` with any of the queries
/// `sub`, `scope`, `aud`, `expires_in` and `alg`, which answers with the bare token.
pub struct Idp {
    server: Server,
    issuer: String,
    keys: Arc<Keys>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    mood: IdpMood,
    jwks_requests: u64,
}

impl Idp {
    /// Starts it; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken or no key can be made.
    pub fn start(listen: SocketAddr, issuer: &str) -> Result<Self> {
        let keys = Arc::new(Keys::generate()?);
        let state = Arc::<Mutex<State>>::default();
        let parts = (Arc::clone(&keys), Arc::clone(&state), issuer.to_owned());
        let handler: Handler = Arc::new(move |exchange| {
            let (keys, state, issuer) = parts.clone();
            Box::pin(async move { answer(&keys, &state, &issuer, &exchange.head.uri).await })
        });
        Ok(Self {
            server: Server::start(listen, handler)?,
            issuer: issuer.to_owned(),
            keys,
            state,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Signs a token.
    ///
    /// # Errors
    /// When the signature cannot be made.
    pub fn mint(&self, algorithm: Algorithm, token: &Token) -> Result<String> {
        self.keys.sign(&self.issuer, algorithm, token)
    }

    /// Its public keys, as it serves them.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.keys.jwks()
    }

    /// How often its keys have been asked for.
    #[must_use]
    pub fn jwks_requests(&self) -> u64 {
        lock(&self.state).jwks_requests
    }

    /// Says how it treats who asks for its keys from now on.
    pub fn set_mood(&self, mood: IdpMood) {
        lock(&self.state).mood = mood;
    }

    /// Closes its port and its connections.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Opens the same port again.
    ///
    /// # Errors
    /// When something else has taken it meanwhile.
    pub fn resume(&mut self) -> Result<()> {
        self.server.resume()
    }
}

async fn answer(
    keys: &Keys,
    state: &Mutex<State>,
    issuer: &str,
    uri: &hyper::Uri,
) -> hyper::Response<Body> {
    match uri.path() {
        "/jwks" => {
            let mood = {
                let mut state = lock(state);
                state.jwks_requests += 1;
                state.mood
            };
            match mood {
                IdpMood::Failing(status) => return typed(status, "text/plain", "not now\n"),
                IdpMood::Garbage => return typed(200, "text/html", "<html>sign in</html>"),
                IdpMood::Slow(delay) => tokio::time::sleep(delay).await,
                IdpMood::Working => {}
            }
            typed(200, "application/json", keys.jwks())
        }
        "/.well-known/openid-configuration" => {
            let metadata = json!({
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/jwks"),
                "token_endpoint": format!("{issuer}/token"),
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            });
            typed(200, "application/json", metadata.to_string())
        }
        "/token" => match mint_from_query(keys, issuer, uri.query().unwrap_or_default()) {
            Ok(token) => typed(200, "text/plain", token + "\n"),
            Err(reason) => typed(400, "text/plain", reason + "\n"),
        },
        _ => typed(
            404,
            "text/plain",
            "GET /jwks, /.well-known/openid-configuration, /token\n",
        ),
    }
}

fn mint_from_query(keys: &Keys, issuer: &str, query: &str) -> std::result::Result<String, String> {
    let mut token = Token::of("alice");
    let mut algorithm = Algorithm::Rs256;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        token = match name {
            "sub" => Token {
                subject: value,
                ..token
            },
            "aud" => token.audience(&value),
            "scope" => token.scope(&value),
            "expires_in" => {
                let seconds = value
                    .parse()
                    .map_err(|_| format!("expires_in={value} is no number"))?;
                token.expires_in_seconds(seconds)
            }
            "alg" => {
                algorithm = match value.as_str() {
                    "RS256" => Algorithm::Rs256,
                    "ES256" => Algorithm::Es256,
                    _ => return Err(format!("alg={value} is neither RS256 nor ES256")),
                };
                token
            }
            _ => {
                return Err(format!(
                    "{name} is none of sub, aud, scope, expires_in, alg"
                ));
            }
        };
    }
    keys.sign(issuer, algorithm, &token)
        .map_err(|error| error.to_string())
}

fn typed(
    status: u16,
    content_type: &'static str,
    body: impl Into<String>,
) -> hyper::Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    response(status, headers, frames::whole(body.into()))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use jwt_simple::algorithms::RSAPublicKeyLike;
    use jwt_simple::algorithms::{ECDSAP256PublicKeyLike, ES256PublicKey, RS256PublicKey};

    use super::*;
    use crate::client::{Client, Protocol, Request};

    #[test]
    fn the_keys_it_serves_verify_the_tokens_it_signs() {
        let idp = Idp::start(SocketAddr::from(([127, 0, 0, 1], 0)), ISSUER).unwrap();
        let client = Client::new(idp.address(), Protocol::Http1);
        let jwks = client.send(&Request::get("/jwks")).unwrap().json();
        assert_eq!(idp.jwks_requests(), 1);
        let key = |id: &str| {
            let keys = jwks["keys"].as_array().unwrap();
            keys.iter()
                .find(|key| key["kid"] == id)
                .unwrap()
                .to_string()
        };
        let rs256 = RS256PublicKey::from_jwk(&key("rs256")).unwrap();
        let es256 = ES256PublicKey::from_jwk(&key("es256")).unwrap();

        let token = Token::of("bob").scope("orders:read");
        let minted = idp.mint(Algorithm::Rs256, &token).unwrap();
        let claims = rs256
            .verify_token::<Map<String, Value>>(&minted, None)
            .unwrap();
        assert_eq!(claims.subject.as_deref(), Some("bob"));
        assert_eq!(claims.custom["scope"], "orders:read");
        let old = idp
            .mint(
                Algorithm::Rs256,
                &Token::of("bob").expires_in_seconds(-7200),
            )
            .unwrap();
        assert!(
            rs256
                .verify_token::<Map<String, Value>>(&old, None)
                .is_err()
        );

        let asked = Request::get("/token?sub=eve&alg=ES256&scope=a+b&expires_in=60");
        let minted = client.send(&asked).unwrap().text();
        let claims = es256
            .verify_token::<Map<String, Value>>(minted.trim(), None)
            .unwrap();
        assert_eq!(claims.subject.as_deref(), Some("eve"));
        assert_eq!(claims.custom["scope"], "a b");
        assert_eq!(
            client
                .send(&Request::get("/token?alg=none"))
                .unwrap()
                .status,
            400
        );
    }

    #[test]
    fn it_can_be_of_little_help() {
        let mut idp = Idp::start(SocketAddr::from(([127, 0, 0, 1], 0)), ISSUER).unwrap();
        let client = Client::new(idp.address(), Protocol::Http1);
        idp.set_mood(IdpMood::Failing(500));
        assert_eq!(client.send(&Request::get("/jwks")).unwrap().status, 500);
        idp.set_mood(IdpMood::Garbage);
        assert!(
            client
                .send(&Request::get("/jwks"))
                .unwrap()
                .json()
                .is_null()
        );
        idp.stop();
        assert!(client.send(&Request::get("/jwks")).is_err());
        idp.resume().unwrap();
        idp.set_mood(IdpMood::Working);
        assert!(client.send(&Request::get("/jwks")).unwrap().json()["keys"].is_array());
    }
}
