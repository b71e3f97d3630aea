//! A request as the rules of a filter see it.

use std::cell::OnceCell;

use policy::consent::{Consent, ConsentSources};
use policy::facts::Facts;
use policy::http;
use policy::identity::Identity;
use policy::path::{PathError, RequestPath};
use policy::refusal::is_grpc;

use crate::exchange::{self, IdentitySource};
use crate::{Direction, HeaderMap, Host};

/// What a filter takes down at the request headers, before anybody after it changes them.
pub struct Request {
    method: String,
    raw_path: Vec<u8>,
    path: Result<RequestPath, PathError>,
    host_name: String,
    is_grpc: bool,
    route: OnceCell<Option<String>>,
    request_id: OnceCell<Option<String>>,
    identity: OnceCell<Option<Identity>>,
    consent: OnceCell<Consent>,
}

impl Request {
    /// Reads the request of the effective context; in [`crate::Stream::on_request_headers`].
    #[must_use]
    pub fn capture(host: &dyn Host) -> Self {
        let value = |name: &str| host.header(HeaderMap::RequestHeaders, name).ok().flatten();
        let text =
            |name: &str| value(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let raw_path = value(":path").unwrap_or_default();
        let path = if raw_path.is_empty() {
            Err(PathError::Missing)
        } else {
            RequestPath::parse(&raw_path)
        };
        let authority = text(":authority")
            .or_else(|| text("host"))
            .unwrap_or_default();
        let content_type = text("content-type").unwrap_or_default();
        Self {
            method: text(":method").unwrap_or_default(),
            raw_path,
            path,
            host_name: http::host_name(&authority),
            is_grpc: is_grpc(&http::media_type(&content_type)),
            route: OnceCell::new(),
            request_id: OnceCell::new(),
            identity: OnceCell::new(),
            consent: OnceCell::new(),
        }
    }

    /// The method as sent.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// `:path` as sent, with its query: for looking up parameters, not for logs.
    #[must_use]
    pub fn raw_path(&self) -> &[u8] {
        &self.raw_path
    }

    /// The path in all its readings.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn path(&self) -> Result<&RequestPath, PathError> {
        self.path.as_ref().map_err(|error| *error)
    }

    /// The host, lower case, without port.
    #[must_use]
    pub fn host_name(&self) -> &str {
        &self.host_name
    }

    /// Whether refusals must be gRPC statuses.
    #[must_use]
    pub const fn is_grpc(&self) -> bool {
        self.is_grpc
    }

    /// The id that the proxy gave the request.
    #[must_use]
    pub fn request_id(&self, host: &dyn Host) -> Option<&str> {
        self.request_id
            .get_or_init(|| {
                let header = || {
                    host.header(HeaderMap::RequestHeaders, "x-request-id")
                        .ok()?
                };
                let id = header().or_else(|| host.property(&["request", "id"]).ok())?;
                // Clients may choose it (Envoy can be told to keep theirs): short and printable,
                // since it goes into logs and answers.
                let id = String::from_utf8(id).ok()?;
                let plain =
                    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
                plain.then_some(id)
            })
            .as_deref()
    }

    /// The name of the route, where the host tells: `xds.route_name`, on Higress `route_name`.
    #[must_use]
    pub fn route(&self, host: &dyn Host) -> Option<&str> {
        self.route
            .get_or_init(|| {
                let name = host
                    .property(&["xds", "route_name"])
                    .or_else(|_| host.property(&["route_name"]))
                    .ok()?;
                String::from_utf8(name).ok().filter(|name| !name.is_empty())
            })
            .as_deref()
    }

    /// The request with everything that rules may ask; `direction` says which message the rule is
    /// about (content types).
    #[must_use]
    pub const fn facts<'a>(
        &'a self,
        host: &'a dyn Host,
        sources: &'a FactSources,
        direction: Direction,
    ) -> RequestFacts<'a> {
        RequestFacts {
            request: self,
            host,
            sources,
            direction,
        }
    }

    /// Makes the identity known where the filter itself has verified it.
    pub fn set_identity(&mut self, identity: Identity) {
        self.identity = OnceCell::from(Some(identity));
        self.consent = OnceCell::new();
    }
}

/// Where a filter's configuration says that identity and consent come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactSources {
    /// The key `identity_from`.
    pub identity: IdentitySource,
    /// The key `consent`.
    pub consent: ConsentSources,
}

/// [`Facts`] answered by the host; what it cost to ask is paid once for each request.
pub struct RequestFacts<'a> {
    request: &'a Request,
    host: &'a dyn Host,
    sources: &'a FactSources,
    direction: Direction,
}

impl Facts for RequestFacts<'_> {
    fn path(&self) -> Result<&RequestPath, PathError> {
        self.request.path()
    }

    fn method(&self) -> &str {
        &self.request.method
    }

    fn host(&self) -> &str {
        &self.request.host_name
    }

    fn route(&self) -> Option<&str> {
        self.request.route(self.host)
    }

    fn header(&self, name: &str) -> Option<String> {
        header_text(self.host, HeaderMap::RequestHeaders, name)
    }

    fn identity(&self) -> Option<&Identity> {
        self.request
            .identity
            .get_or_init(|| exchange::identity(self.host, self.sources.identity))
            .as_ref()
    }

    fn consent(&self) -> &Consent {
        self.request
            .consent
            .get_or_init(|| self.sources.consent.signals(self))
    }

    fn media_type(&self) -> Option<String> {
        let map = match self.direction {
            Direction::Request => HeaderMap::RequestHeaders,
            Direction::Response => HeaderMap::ResponseHeaders,
        };
        header_text(self.host, map, "content-type").map(|value| http::media_type(&value))
    }
}

/// A header as text; bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn header_text(host: &dyn Host, map: HeaderMap, name: &str) -> Option<String> {
    let value = host.header(map, name).ok()??;
    Some(String::from_utf8_lossy(&value).into_owned())
}
