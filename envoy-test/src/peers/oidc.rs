//! An OpenID provider that is certified to be one: `oidc-provider` in Node, on loopback.
//!
//! Its tokens come from its token endpoint, its keys from its JWKS, and a token that it revoked is
//! revoked. For a provider that misbehaves there is [`super::Idp`].

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Algorithm;
use crate::client::{Client, Protocol, Request, Response};
use crate::envoy::process::Process;
use crate::envoy::{Log, run_folder};
use crate::error::Context;
use crate::{Error, Result, paths};

/// A client that the provider knows. Each may ask for every scope by client credentials, and
/// authenticates with its secret by HTTP Basic (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OidcClient {
    /// A service that calls through the gateway.
    Orders,
    /// A service whose tokens are bound to its client certificate (RFC 8705).
    Bound,
    /// The gateway itself, which introspects. Its secret shows whether it is encoded as it has to be.
    Gateway,
}

impl OidcClient {
    const ALL: [Self; 3] = [Self::Orders, Self::Bound, Self::Gateway];

    /// The client's id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Orders => "orders-batch",
            Self::Bound => "bound-batch",
            Self::Gateway => "gateway",
        }
    }

    /// Its secret, good for nothing but the provider of a test.
    #[must_use]
    pub const fn secret(self) -> &'static str {
        match self {
            Self::Orders => "orders-batch-of-the-test-bed",
            Self::Bound => "bound-batch-of-the-test-bed",
            Self::Gateway => "of the test bed: 100%+/=&~",
        }
    }

    fn metadata(self) -> Value {
        json!({
            "client_id": self.id(),
            "client_secret": self.secret(),
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["client_credentials"],
            "response_types": [],
            "redirect_uris": [],
            "tls_client_certificate_bound_access_tokens": self == Self::Bound,
        })
    }

    fn authorization(self) -> String {
        let encode =
            |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        let pair = format!("{}:{}", encode(self.id()), encode(self.secret()));
        format!("Basic {}", STANDARD.encode(pair))
    }
}

/// What an access token is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessToken {
    /// A JWT (RFC 9068). The provider has RS256, PS256, ES256, ES384 and EdDSA.
    Jwt(Algorithm),
    /// A string without meaning, to be introspected.
    Opaque,
}

/// How often each endpoint of the provider was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OidcCounts {
    /// Requests for the metadata.
    pub discovery: u64,
    /// Requests for the key set.
    pub jwks: u64,
    /// Requests for tokens.
    pub token: u64,
    /// Requests to introspect a token.
    pub introspection: u64,
    /// Requests to revoke a token.
    pub revocation: u64,
}

/// The audience of its tokens.
const AUDIENCE: &str = "orders-api";
/// The scopes that it gives out.
const SCOPES: &str = "orders:read orders:write patients:read";
/// Node starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running OpenID provider. It ends when this value does.
#[derive(Debug)]
pub struct OidcProvider {
    process: Process,
    folder: PathBuf,
    place: Place,
}

/// What the provider says when it serves.
#[derive(Debug, Deserialize)]
struct Place {
    issuer: String,
    port: u16,
    control: u16,
}

impl OidcProvider {
    /// Starts one whose issuer is its address.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start() -> Result<Self> {
        Self::launch(None)
    }

    /// Starts one that names another issuer, as a provider behind a proxy does. Its endpoints are
    /// below the path of that issuer, and its metadata names them so.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start_as(issuer: &str) -> Result<Self> {
        Self::launch(Some(issuer))
    }

    fn launch(issuer: Option<&str>) -> Result<Self> {
        let packages = paths::oidc_provider()?;
        let program = paths::root().join("envoy-test/setup/oidc-provider/server.mjs");
        let folder = run_folder("oidc-")?;
        let ready = folder.join("ready.json");
        let config = folder.join("config.json");
        let clients = OidcClient::ALL.map(OidcClient::metadata);
        let settings = json!({
            "issuer": issuer,
            "audience": AUDIENCE,
            "scope": SCOPES,
            "clients": clients,
            "ready": ready,
        });
        fs::write(&config, settings.to_string())
            .context(format!("writing {}", config.display()))?;
        let mut command = Command::new("node");
        command.arg(program).arg(packages).arg(config);
        let mut process = Process::start(command, folder.join("oidc-provider.log"))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(text) = fs::read_to_string(&ready) {
                let place = serde_json::from_str(&text)
                    .map_err(|error| failed(process.log(), format!("wrote {text}: {error}")))?;
                return Ok(Self {
                    process,
                    folder,
                    place,
                });
            }
            if process.ended()?.is_some() {
                return Err(failed(process.log(), "did not start"));
            }
            if Instant::now() > deadline {
                return Err(failed(process.log(), "did not become ready"));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The issuer of the tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.place.issuer
    }

    /// The address that the provider listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.place.port))
    }

    /// The address of its keys, by its issuer.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        format!("{}/jwks", self.place.issuer.trim_end_matches('/'))
    }

    /// The address of its introspection, by its issuer.
    #[must_use]
    pub fn introspection_uri(&self) -> String {
        format!(
            "{}/token/introspection",
            self.place.issuer.trim_end_matches('/')
        )
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.process.log()
    }

    /// An access token for `orders-api`, from the token endpoint.
    ///
    /// # Errors
    /// When the provider refuses.
    pub fn token(&self, client: OidcClient, scope: &str, kind: AccessToken) -> Result<String> {
        self.token_from(&self.token_request(client, scope, kind))
    }

    /// An access token that is bound to a client certificate, in PEM.
    ///
    /// # Errors
    /// When the provider refuses.
    pub fn bound_token(&self, certificate: &str, scope: &str, kind: AccessToken) -> Result<String> {
        let certificate: String = form_urlencoded::byte_serialize(certificate.as_bytes()).collect();
        let request = self.token_request(OidcClient::Bound, scope, kind);
        // A space is `+` in a form, and `%20` to the provider.
        self.token_from(&request.header("x-client-certificate", certificate.replace('+', "%20")))
    }

    /// What the provider says of a token (RFC 7662), asked by the gateway.
    ///
    /// # Errors
    /// When the provider refuses to say.
    pub fn introspect(&self, token: &str) -> Result<Value> {
        let form = [("token", token)];
        let path = "/token/introspection";
        let response = self.ask(&self.form_request(path, OidcClient::Gateway, &form))?;
        Ok(response.json())
    }

    /// Revokes an opaque token (RFC 7009) of this client.
    ///
    /// # Errors
    /// When the provider refuses.
    pub fn revoke(&self, client: OidcClient, token: &str) -> Result<()> {
        let form = [("token", token)];
        self.ask(&self.form_request("/token/revocation", client, &form))?;
        Ok(())
    }

    /// Replaces all its keys. With `overlap` the old ones stay published; they no longer sign.
    /// Opaque tokens stay good. Returns the ids of the published keys.
    ///
    /// # Errors
    /// When the provider does not answer.
    pub fn rotate(&self, overlap: bool) -> Result<Vec<String>> {
        let response = self.control("POST", &format!("/rotate?overlap={overlap}"))?;
        let ids = response.pointer("/keys").and_then(Value::as_array);
        let ids = ids.into_iter().flatten().filter_map(Value::as_str);
        Ok(ids.map(str::to_owned).collect())
    }

    /// How often its endpoints were asked so far.
    ///
    /// # Errors
    /// When the provider does not answer.
    pub fn counts(&self) -> Result<OidcCounts> {
        let response = self.control("GET", "/counts")?;
        serde_json::from_value(response).map_err(|error| failed(self.log(), error.to_string()))
    }

    /// Closes its port and its connections. It keeps its keys and tokens.
    ///
    /// # Errors
    /// When the provider does not answer.
    pub fn stop(&self) -> Result<()> {
        self.control("POST", "/stop").map(|_| ())
    }

    /// Opens the same port again.
    ///
    /// # Errors
    /// When something else has taken it meanwhile.
    pub fn resume(&self) -> Result<()> {
        self.control("POST", "/resume").map(|_| ())
    }

    fn token_from(&self, request: &Request) -> Result<String> {
        let response = self.ask(request)?;
        let token = response.json();
        let token = token.get("access_token").and_then(Value::as_str);
        let token = token.map(str::to_owned);
        token.ok_or_else(|| failed(self.log(), format!("answered {response:?}")))
    }

    fn token_request(&self, client: OidcClient, scope: &str, kind: AccessToken) -> Request {
        let kind = match kind {
            AccessToken::Jwt(algorithm) => algorithm.name(),
            AccessToken::Opaque => "opaque",
        };
        // The provider takes what the token is to be from the resource (RFC 8707).
        let resource = format!("https://orders-api.meshward.test/{kind}");
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("resource", resource.as_str()),
        ];
        self.form_request("/token", client, &form)
    }

    fn form_request(&self, path: &str, client: OidcClient, form: &[(&str, &str)]) -> Request {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        Request::new("POST", &format!("{}{path}", self.base()))
            .header("authorization", client.authorization())
            .header("content-type", "application/x-www-form-urlencoded")
            .chunk(body.finish())
    }

    fn control(&self, method: &str, path: &str) -> Result<Value> {
        let control = SocketAddr::from(([127, 0, 0, 1], self.place.control));
        let response = Client::new(control, Protocol::Http1).send(&Request::new(method, path))?;
        self.accepted(&response)?;
        Ok(response.json())
    }

    /// The path that its issuer has, and so all its endpoints.
    fn base(&self) -> &str {
        let issuer = self.place.issuer.as_str();
        let after_scheme = issuer.split_once("://").map_or("", |(_, rest)| rest);
        let path = after_scheme.find('/').and_then(|at| after_scheme.get(at..));
        path.unwrap_or("").trim_end_matches('/')
    }

    fn ask(&self, request: &Request) -> Result<Response> {
        let response = Client::new(self.address(), Protocol::Http1).send(request)?;
        self.accepted(&response)?;
        Ok(response)
    }

    fn accepted(&self, response: &Response) -> Result<()> {
        match response.status {
            200 => Ok(()),
            _ => Err(failed(self.log(), format!("answered {response:?}"))),
        }
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        let _ = self.process.stop(Duration::from_secs(5));
        // What a failed test leaves behind helps to explain it.
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn failed(log: &Log, event: impl Into<String>) -> Error {
    Error::Peer {
        peer: "the OpenID provider",
        event: event.into(),
        log: log.tail(),
    }
}
