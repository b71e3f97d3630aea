//! Calls to identity providers.

use std::time::Duration;

use host::shared_cells::CellHash;
use host::waiting::{Calls, Occasion};
use host::{Buffer, HeaderMap, Host, HttpCall, ResponseSizes, Status};
use policy::config::Problem;
use policy::endpoint::Endpoint;
use policy::secret::{Secret, SecretKind};

use crate::opaque::consent_service::MAX_CONSENT_BYTES;

/// Why a call to an identity provider was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A part of the fetch of the document at this place.
    Fetch {
        /// The place among the documents of the verifier.
        document: usize,
    },
    /// To ask a consent service about a person.
    Consent {
        /// The person, by a keyed hash.
        subject: CellHash,
    },
    /// To ask an issuer about a token.
    Introspection {
        /// The place of the provider in the configuration.
        provider: usize,
        /// The token by its hash; what the issuer is asked about is not kept.
        token: TokenHash,
        /// The address that the request came from, as a hash.
        client: u64,
    },
}

/// The SHA-256 of a token.
pub(crate) type TokenHash = [u8; 32];

/// A question to a service.
pub(crate) struct Get<'a> {
    pub(crate) endpoint: &'a Endpoint,
    /// In place of that of the endpoint.
    pub(crate) path: &'a str,
    pub(crate) accept: &'a str,
    /// The bearer token that the service wants.
    pub(crate) token: Option<&'a Secret>,
    pub(crate) timeout: Duration,
}

impl Get<'_> {
    pub(crate) fn start(
        &self,
        host: &dyn Host,
        calls: &mut Calls<Purpose>,
        occasion: Occasion,
        purpose: Purpose,
    ) -> Result<(), Status> {
        let token = self.token.map(Secret::expose_text);
        let authorization = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![
            (":method", "GET"),
            (":path", self.path),
            (":authority", &self.endpoint.authority),
            (":scheme", self.endpoint.scheme),
            ("accept", self.accept),
        ];
        let authorization = authorization.as_deref();
        headers.extend(authorization.map(|value| ("authorization", value)));
        let call = HttpCall {
            upstream: &self.endpoint.upstream,
            headers: &headers,
            body: b"",
            timeout: self.timeout,
        };
        calls.start_http(host, &call, occasion, purpose)
    }
}

/// The bearer token in the environment variable that the key `token_env` at this path names.
///
/// # Errors
/// The variable is not set, or has no usable token.
pub(crate) fn bearer_token(
    host: &dyn Host,
    variable: Option<&String>,
    path: &str,
) -> Result<Option<Secret>, Problem> {
    let read = |name: &String| {
        let value = host.environment_variable(name);
        Secret::from_environment(name, value, SecretKind::Issued)
            .map_err(|error| Problem::new(path, error.to_string()))
    };
    variable.map(read).transpose()
}

/// The body of a response with status 200 that is not longer than this.
///
/// # Errors
/// A code that says why there is none.
pub(crate) fn response_body(
    host: &dyn Host,
    sizes: ResponseSizes,
    max_bytes: usize,
) -> Result<Vec<u8>, &'static str> {
    let status = host
        .header(HeaderMap::HttpCallResponseHeaders, ":status")
        .ok()
        .flatten();
    match status.as_deref() {
        // Redirects are not followed: they would lead to a host that nobody configured.
        Some(b"200") => {}
        Some([b'5', ..]) => return Err(SERVER_FAILED),
        Some([b'4', ..]) => return Err(REQUEST_REFUSED),
        Some(_) => return Err("status_other"),
        None => return Err(NO_RESPONSE),
    }
    if sizes.body > max_bytes {
        return Err("too_large");
    }
    host.buffer(Buffer::HttpCallResponseBody, 0, sizes.body)
        .map_err(|_| "no_body")
}

/// As [`response_body`], of a consent service: a person whom it does not know has consented to nothing.
///
/// # Errors
/// A code that says why there is none.
pub(crate) fn consent_body(host: &dyn Host, sizes: ResponseSizes) -> Result<Vec<u8>, &'static str> {
    let status = host.header(HeaderMap::HttpCallResponseHeaders, ":status");
    if matches!(status, Ok(Some(status)) if status == b"404") {
        return Ok(Vec::new());
    }
    match response_body(host, sizes, MAX_CONSENT_BYTES) {
        Ok(body) if body.is_empty() => Err("no_body"),
        body => body,
    }
}

/// A status that is about the request: it may be the fault of what somebody has asked about.
pub(crate) const REQUEST_REFUSED: &str = "status_4xx";

/// A status that says that the service has failed.
pub(crate) const SERVER_FAILED: &str = "status_5xx";

/// There is no response: the call has failed, or the host never ends it.
pub(crate) const NO_RESPONSE: &str = "no_response";

/// A random number, which tells VMs apart.
pub(crate) fn random(host: &dyn Host) -> u64 {
    let mut bytes = [0; 8];
    let _ = host.random(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A random number, for jitter.
pub(crate) fn random_u32(host: &dyn Host) -> u32 {
    let mut bytes = [0; 4];
    let _ = host.random(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// Calls of all providers at once; each asks for fewer, by its configuration.
pub(crate) const MAX_CALLS: usize = 16_384;
