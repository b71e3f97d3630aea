//! An identity provider: its signing keys as a JWKS, tokens with any claims, and every bad mood that
//! such a server can be in.
//!
//! The keys are made when it starts and never leave it. It mints a token for whoever asks, which is
//! what a test wants and the reason to run it nowhere else. A provider that does what the standards
//! say, and nothing else, is [`super::OidcProvider`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderMap;
use serde_json::{Value, json};

use super::idp_mood::{Content, IdpMood};
use super::server::{Exchange, Handler, Server, response};
use super::signing::{Algorithm, SigningKeys};
use super::token::Token;
use crate::Result;
use crate::frames::{self, Body};

/// The issuer that an identity provider names unless told otherwise.
pub const ISSUER: &str = "https://idp.meshward.test";

/// What an identity provider serves to gateways, each counted and with a mood of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The key set: `GET /jwks`.
    Jwks,
    /// The metadata: `GET /.well-known/openid-configuration`.
    Discovery,
    /// Introspection (RFC 7662): `POST /introspect`.
    Introspection,
    /// Where [`IdpMood::Redirecting`] points to. Nobody should follow.
    Elsewhere,
}

/// An identity provider that can be stopped and started again on its port.
///
/// Beside its [`Endpoint`]s there is `POST /token`, where clients get tokens in their own name (RFC
/// 6749 section 4.4): a client `alice` has the secret `alice-secret`, and so has any other. For tests
/// there is also `GET /token` with any of the queries `sub`, `scope`, `aud`, `expires_in` and `alg`,
/// which answers with the bare token.
pub struct Idp {
    server: Server,
    issuer: String,
    state: Arc<Mutex<State>>,
}

struct State {
    keys: SigningKeys,
    moods: HashMap<Endpoint, IdpMood>,
    requests: HashMap<Endpoint, u64>,
    bodies: HashMap<Endpoint, String>,
    introspections: HashMap<String, Value>,
    introspected: Vec<Introspected>,
}

/// A request for introspection as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspected {
    /// The value of the header `Authorization`.
    pub authorization: String,
    /// The names and values of the form, decoded.
    pub form: Vec<(String, String)>,
}

impl Idp {
    /// Starts it with keys for RS256 and ES256; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken or no key can be made.
    pub fn start(listen: SocketAddr, issuer: &str) -> Result<Self> {
        let state = Arc::new(Mutex::new(State {
            keys: SigningKeys::generate(&[Algorithm::Rs256, Algorithm::Es256])?,
            moods: HashMap::new(),
            requests: HashMap::new(),
            bodies: HashMap::new(),
            introspections: HashMap::new(),
            introspected: Vec::new(),
        }));
        let parts = (Arc::clone(&state), issuer.to_owned());
        let handler: Handler = Arc::new(move |exchange| {
            let (state, issuer) = parts.clone();
            Box::pin(async move { respond(&state, &issuer, &exchange).await })
        });
        Ok(Self {
            server: Server::start(listen, handler)?,
            issuer: issuer.to_owned(),
            state,
        })
    }

    /// The address that the provider listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Publishes keys for more algorithms.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn offer(&self, algorithms: &[Algorithm]) -> Result<()> {
        let mut state = lock(&self.state);
        algorithms
            .iter()
            .try_for_each(|algorithm| state.keys.offer(*algorithm))
    }

    /// Replaces every key by one with another id (`rs256-2`). The old ones stay published if they
    /// are kept; they no longer sign.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn rotate(&self, keep_old: bool) -> Result<()> {
        lock(&self.state).keys.rotate(keep_old)
    }

    /// Signs a token.
    ///
    /// # Errors
    /// When the signature cannot be made, or there is no key for the algorithm.
    pub fn mint(&self, algorithm: Algorithm, token: &Token) -> Result<String> {
        lock(&self.state).keys.sign(&self.issuer, algorithm, token)
    }

    /// Its public keys, as it serves them.
    #[must_use]
    pub fn jwks(&self) -> String {
        lock(&self.state).keys.jwks()
    }

    /// How often its keys have been asked for.
    #[must_use]
    pub fn jwks_requests(&self) -> u64 {
        self.requests(Endpoint::Jwks)
    }

    /// How often something of it has been asked for.
    #[must_use]
    pub fn requests(&self, endpoint: Endpoint) -> u64 {
        let state = lock(&self.state);
        state.requests.get(&endpoint).copied().unwrap_or(0)
    }

    /// Says how it treats who asks for its keys from now on.
    pub fn set_mood(&self, mood: IdpMood) {
        self.set_mood_at(Endpoint::Jwks, mood);
    }

    /// Says how it treats who asks for something from now on.
    pub fn set_mood_at(&self, endpoint: Endpoint, mood: IdpMood) {
        lock(&self.state).moods.insert(endpoint, mood);
    }

    /// Replaces its response, as JSON: weak keys, metadata with holes.
    pub fn set_body(&self, endpoint: Endpoint, body: &str) {
        let mut state = lock(&self.state);
        state.bodies.insert(endpoint, body.to_owned());
    }

    /// Sets the introspection response of a token from now on; that of any other token is
    /// `{"active":false}`.
    pub fn set_introspection(&self, token: &str, response: Value) {
        let mut state = lock(&self.state);
        state.introspections.insert(token.to_owned(), response);
    }

    /// The requests for introspection so far.
    #[must_use]
    pub fn introspected(&self) -> Vec<Introspected> {
        lock(&self.state).introspected.clone()
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

async fn respond(state: &Mutex<State>, issuer: &str, exchange: &Exchange) -> hyper::Response<Body> {
    let uri = &exchange.head.uri;
    let endpoint = match (exchange.head.method.as_str(), uri.path()) {
        ("GET", "/jwks") => Endpoint::Jwks,
        ("GET", "/.well-known/openid-configuration") => Endpoint::Discovery,
        ("POST", "/introspect") => Endpoint::Introspection,
        ("GET" | "POST", "/elsewhere") => Endpoint::Elsewhere,
        ("POST", "/token") => {
            return match client_credentials(&lock(state).keys, issuer, exchange) {
                Ok(granted) => Content::json(&granted.to_string()).response(),
                Err((status, code)) => {
                    let body = json!({ "error": code }).to_string();
                    response(status, HeaderMap::new(), frames::whole(body))
                }
            };
        }
        ("GET", "/token") => {
            let query = uri.query().unwrap_or_default();
            return match mint_from_query(&lock(state).keys, issuer, query) {
                Ok(token) => Content::text(200, token + "\n").response(),
                Err(reason) => Content::text(400, reason + "\n").response(),
            };
        }
        _ => {
            let help = "GET /jwks, /.well-known/openid-configuration; POST /token, /introspect\n";
            return Content::text(404, help).response();
        }
    };
    let (mood, content) = {
        let mut state = lock(state);
        *state.requests.entry(endpoint).or_default() += 1;
        let mood = state.moods.get(&endpoint).copied().unwrap_or_default();
        (mood, state.content(endpoint, issuer, mood, exchange))
    };
    mood.respond(Content::json(&content)).await
}

impl State {
    fn content(
        &mut self,
        endpoint: Endpoint,
        issuer: &str,
        mood: IdpMood,
        exchange: &Exchange,
    ) -> String {
        let usual = match endpoint {
            Endpoint::Jwks if mood == IdpMood::Empty => json!({"keys": []}).to_string(),
            Endpoint::Jwks | Endpoint::Elsewhere => self.keys.jwks(),
            Endpoint::Discovery => self.metadata(issuer, mood).to_string(),
            Endpoint::Introspection => self.introspect(exchange).to_string(),
        };
        match self.bodies.get(&endpoint) {
            Some(body) => body.clone(),
            None if mood == IdpMood::Empty && endpoint != Endpoint::Jwks => "{}".to_owned(),
            None => usual,
        }
    }

    fn metadata(&self, issuer: &str, mood: IdpMood) -> Value {
        let named = match mood {
            IdpMood::WrongIssuer => "https://somebody.else.test",
            _ => issuer,
        };
        json!({
            "issuer": named,
            "jwks_uri": format!("{issuer}/jwks"),
            "token_endpoint": format!("{issuer}/token"),
            "introspection_endpoint": format!("{issuer}/introspect"),
            "id_token_signing_alg_values_supported": self.keys.algorithms(),
        })
    }

    fn introspect(&mut self, exchange: &Exchange) -> Value {
        let headers = &exchange.head.headers;
        let authorization = headers.get("authorization");
        let form: Vec<(String, String)> = form_urlencoded::parse(&exchange.body)
            .into_owned()
            .collect();
        let token = form.iter().find(|(name, _)| name == "token");
        let response = token.and_then(|(_, token)| self.introspections.get(token));
        let response = response.cloned().unwrap_or(json!({"active": false}));
        self.introspected.push(Introspected {
            authorization: authorization
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .unwrap_or_default(),
            form,
        });
        response
    }
}

/// A token in the name of the client that asks (RFC 6749 section 4.4); status and error code if it
/// gets none (section 5.2).
fn client_credentials(
    keys: &SigningKeys,
    issuer: &str,
    exchange: &Exchange,
) -> std::result::Result<Value, (u16, &'static str)> {
    let authorization = exchange.head.headers.get("authorization");
    let credentials = authorization.and_then(|value| {
        let encoded = value.to_str().ok()?.strip_prefix("Basic ")?;
        String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
    });
    let client = credentials
        .as_deref()
        .and_then(|credentials| credentials.split_once(':'))
        .filter(|(id, secret)| secret.strip_suffix("-secret") == Some(id));
    let Some((client, _)) = client else {
        return Err((401, "invalid_client"));
    };
    let form: HashMap<_, _> = form_urlencoded::parse(&exchange.body).collect();
    match form.get("grant_type").map(AsRef::as_ref) {
        Some("client_credentials") => {}
        Some(_) => return Err((400, "unsupported_grant_type")),
        None => return Err((400, "invalid_request")),
    }
    let mut token = Token::of(client)
        .claim("client_id", client)
        .expires_in_seconds(600);
    let scope = form.get("scope").map(AsRef::as_ref);
    if let Some(scope) = scope {
        token = token.scope(scope);
    }
    let token = keys
        .sign(issuer, Algorithm::Rs256, &token)
        .map_err(|_| (500, "server_error"))?;
    Ok(json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": scope,
    }))
}

fn mint_from_query(
    keys: &SigningKeys,
    issuer: &str,
    query: &str,
) -> std::result::Result<String, String> {
    let mut token = Token::of("alice");
    let mut algorithm = Algorithm::Rs256;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        token = match name.as_ref() {
            "sub" => token.subject(&value),
            "aud" => token.audience(&value),
            "scope" => token.scope(&value),
            "expires_in" => {
                let seconds = value
                    .parse()
                    .map_err(|_| format!("expires_in={value} is no number"))?;
                token.expires_in_seconds(seconds)
            }
            "alg" => {
                let known = Algorithm::from_name(&value);
                algorithm = known.ok_or_else(|| {
                    format!("alg={value} is none of {}", keys.algorithms().join(", "))
                })?;
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

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
