//! A request as the rules of a filter see it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

use policy::client_address::{self, ClientAddress};
use policy::config::Fields;
use policy::consent::{Consent, ConsentSources};
use policy::facts::{self, Facts};
use policy::http;
use policy::identity::Identity;
use policy::mode::Mode;
use policy::overrides::{OVERRIDE_HEADERS, OverrideRules, Overrides};
use policy::path::{PathError, RequestPath};
use policy::refusal::is_grpc;

use crate::exchange::{self, IdentitySource};
use crate::{Direction, HeaderMap, Headers, Host, Status, headers};

/// What a filter takes down at the request headers, before anybody after it changes them.
///
/// It keeps the headers as they came, so that rules can ask for them when the host has let go of
/// them; what costs something to work out is worked out when it is first asked for.
pub struct Request {
    headers: Headers,
    /// The host has handed over all headers at once. Else some are to be asked for by name.
    complete: bool,
    path: OnceCell<Result<RequestPath, PathError>>,
    host_name: OnceCell<String>,
    other_hosts: OnceCell<Vec<String>>,
    overrides: OnceCell<Overrides>,
    overridden_path: OnceCell<Result<RequestPath, PathError>>,
    route: OnceCell<Option<String>>,
    request_id: OnceCell<Option<String>>,
    identity: OnceCell<Option<Identity>>,
    consent: OnceCell<Consent>,
}

impl Request {
    /// Reads the request of the effective context; in [`crate::Stream::on_request_headers`].
    #[must_use]
    pub fn capture(host: &dyn Host) -> Self {
        let map = HeaderMap::RequestHeaders;
        let listed = host.headers(map).unwrap_or_default();
        // A host that leaves the pseudo-headers out, or some of the others, is asked for each.
        let complete =
            listed.is_complete() && (listed.contains(":path") || listed.contains(":method"));
        let headers = if complete {
            listed
        } else {
            let unlisted = KEPT.iter().filter(|name| !listed.contains(name));
            let unlisted = unlisted.filter_map(|name| {
                let value = host.header(map, name).ok()??;
                Some((name.as_bytes().to_vec(), value))
            });
            let listed = listed.iter().map(|(n, value)| (n.to_vec(), value.to_vec()));
            Headers::from_pairs(&listed.chain(unlisted).collect::<Vec<_>>())
        };
        Self {
            headers,
            complete,
            path: OnceCell::new(),
            host_name: OnceCell::new(),
            other_hosts: OnceCell::new(),
            overrides: OnceCell::new(),
            overridden_path: OnceCell::new(),
            route: OnceCell::new(),
            request_id: OnceCell::new(),
            identity: OnceCell::new(),
            consent: OnceCell::new(),
        }
    }

    /// The method as sent.
    #[must_use]
    pub fn method(&self) -> &str {
        // No method has other characters (RFC 9110 section 9.1), and no rule names one that has.
        std::str::from_utf8(self.kept(":method")).unwrap_or("\u{fffd}")
    }

    /// `:path` as sent, with its query: for looking up parameters, not for logs.
    #[must_use]
    pub fn raw_path(&self) -> &[u8] {
        self.kept(":path")
    }

    fn kept(&self, name: &str) -> &[u8] {
        self.headers.first(name).unwrap_or_default()
    }

    /// The value of a header as it came, by its name in lower case; several are joined.
    #[must_use]
    pub fn header_bytes(&self, host: &dyn Host, name: &str) -> Option<Cow<'_, [u8]>> {
        if self.complete {
            return self.headers.joined(name);
        }
        if let Some(listed) = self.headers.joined(name) {
            return Some(listed);
        }
        let value = host.header(HeaderMap::RequestHeaders, name).ok()??;
        Some(Cow::Owned(value))
    }

    /// The lines of a header as they came, by its name in lower case. A host that does not hand
    /// over all headers gives one line.
    #[must_use]
    pub fn header_lines(&self, host: &dyn Host, name: &str) -> Vec<Cow<'_, [u8]>> {
        if self.complete {
            let lines = self.headers.iter();
            return lines
                .filter(|(found, _)| *found == name.as_bytes())
                .map(|(_, value)| Cow::Borrowed(value))
                .collect();
        }
        self.header_bytes(host, name).into_iter().collect()
    }

    /// The lines of headers with other names that some upstreams take for this one:
    /// [`http::folds_alike`]. None are known of a host that does not hand over all headers.
    #[must_use]
    pub fn folded_lines(&self, name: &str) -> Vec<&[u8]> {
        let name = name.as_bytes();
        let lines = self.headers.iter();
        lines
            .filter(|(found, _)| *found != name && http::folds_alike(found, name))
            .map(|(_, value)| value)
            .collect()
    }

    /// As [`Request::header_bytes`], as text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn header(&self, host: &dyn Host, name: &str) -> Option<String> {
        self.header_bytes(host, name)
            .map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// Whether all headers of the request are known: a host may list only so many, or none. Then
    /// what a name finds is the first of several, and nobody knows which other names there are.
    #[must_use]
    pub const fn has_all_headers(&self) -> bool {
        self.complete
    }

    /// As [`Request::header_lines`], as text; bytes that are not UTF-8 become U+FFFD.
    fn text_lines(&self, host: &dyn Host, name: &str) -> Vec<String> {
        let lines = self.header_lines(host, name);
        lines
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }

    /// What some upstream may take in place of the method, the path and the host.
    fn overrides(&self, rules: OverrideRules) -> &Overrides {
        self.overrides.get_or_init(|| {
            let headers = self.complete.then(|| self.headers.iter());
            Overrides::of(rules, self.raw_path(), headers)
        })
    }

    /// The path in all its readings, those of paths that override it among them.
    fn path_or_override(&self, rules: OverrideRules) -> Result<&RequestPath, PathError> {
        let overrides = self.overrides(rules);
        if !overrides.concern_path() {
            return self.path();
        }
        let read = || RequestPath::parse_overridden(self.raw_path(), overrides);
        let path = self.overridden_path.get_or_init(read);
        path.as_ref().map_err(|error| *error)
    }

    /// The hosts that the request names beside [`Request::host_name`], and those that override it.
    fn other_hosts(&self, rules: OverrideRules) -> &[String] {
        self.other_hosts.get_or_init(|| {
            let lines = [":authority", "host"].map(|name| self.headers.values(name));
            let mut names: Vec<String> = lines
                .into_iter()
                .flatten()
                .map(|value| http::host_name(&String::from_utf8_lossy(value)))
                .collect();
            names.extend(self.overrides(rules).hosts.iter().cloned());
            names.retain(|name| name != self.host_name());
            names.dedup();
            names
        })
    }

    /// Whether there may be a header of this name: a host that does not hand over all headers
    /// leaves it open.
    #[must_use]
    pub fn may_have_header(&self, name: &str) -> bool {
        !self.complete || self.headers.contains(name)
    }

    /// The names of the headers that the host has handed over: on hosts that do not hand over all,
    /// some.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        let names = self.headers.iter().map(|(name, _)| name);
        names.filter_map(|name| std::str::from_utf8(name).ok())
    }

    /// The path in all its readings.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn path(&self) -> Result<&RequestPath, PathError> {
        let parse = || match self.raw_path() {
            [] => Err(PathError::Missing),
            path => RequestPath::parse(path),
        };
        self.path
            .get_or_init(parse)
            .as_ref()
            .map_err(|error| *error)
    }

    /// The host, lower case, without port.
    #[must_use]
    pub fn host_name(&self) -> &str {
        let read = |name: &str| {
            let value = self.headers.joined(name)?;
            Some(http::host_name(&String::from_utf8_lossy(&value)))
        };
        self.host_name.get_or_init(|| {
            read(":authority")
                .or_else(|| read("host"))
                .unwrap_or_default()
        })
    }

    /// Whether refusals must be gRPC statuses.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        let value = self.headers.joined("content-type");
        value.is_some_and(|value| is_grpc(&http::media_type(&String::from_utf8_lossy(&value))))
    }

    /// The id that the proxy gave the request.
    #[must_use]
    pub fn request_id(&self, host: &dyn Host) -> Option<&str> {
        self.request_id
            .get_or_init(|| {
                let header = || self.header_bytes(host, "x-request-id").map(Cow::into_owned);
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

    /// The address of the client, as the configuration says where it is.
    #[must_use]
    pub fn client_address(&self, host: &dyn Host, rules: &ClientAddress) -> Option<IpAddr> {
        rules.of(|| proxy_address(host), |name| self.header(host, name))
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
    /// The key `client_address`.
    pub client_address: ClientAddress,
    /// The keys `method_override`, `path_override` and `host_override`.
    pub overrides: OverrideRules,
}

impl FactSources {
    /// Reads `identity_from`, `consent`, `client_address` and the overrides at the top level of a
    /// filter.
    #[must_use]
    pub fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            identity: fields.or("identity_from", IdentitySource::default(), |n| {
                IdentitySource::read(&n)
            }),
            ..Self::read_without_identity(fields)
        }
    }

    /// Removes the headers that override the method, the path or the host, where the configuration
    /// says so and the filter enforces it; in [`crate::Stream::on_request_headers`].
    ///
    /// # Errors
    /// The upstream would see one of them.
    pub fn strip_overrides(
        &self,
        host: &dyn Host,
        request: &Request,
        mode: Mode,
    ) -> Result<(), Status> {
        if !mode.enforces() {
            return Ok(());
        }
        let mut stripped = Ok(());
        for name in self.overrides.stripped() {
            // By name, whatever the host has listed.
            stripped = stripped.and(headers::hide(host, name));
        }
        for name in request.header_names() {
            let is_known = || OVERRIDE_HEADERS.iter().any(|known| known.name == name);
            if self.overrides.strips(name.as_bytes()) && !is_known() {
                stripped = stripped.and(headers::hide(host, name));
            }
        }
        stripped
    }

    /// As [`FactSources::read`], for the filter that verifies identities itself.
    #[must_use]
    pub fn read_without_identity(fields: &mut Fields<'_>) -> Self {
        Self {
            identity: IdentitySource::default(),
            consent: fields.or("consent", ConsentSources::default(), |n| {
                ConsentSources::read(&n)
            }),
            client_address: fields.or("client_address", ClientAddress::default(), |n| {
                ClientAddress::read(&n)
            }),
            overrides: OverrideRules::read(fields),
        }
    }
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
        self.request.path_or_override(self.sources.overrides)
    }

    fn method(&self) -> &str {
        self.request.method()
    }

    fn host(&self) -> &str {
        self.request.host_name()
    }

    fn method_overrides(&self) -> &[String] {
        &self.request.overrides(self.sources.overrides).methods
    }

    fn other_hosts(&self) -> &[String] {
        self.request.other_hosts(self.sources.overrides)
    }

    fn route(&self) -> Option<&str> {
        self.request.route(self.host)
    }

    fn header(&self, name: &str) -> Option<String> {
        self.request.header(self.host, name)
    }

    fn header_lines(&self, name: &str) -> Vec<String> {
        self.request.text_lines(self.host, name)
    }

    fn folded_lines(&self, name: &str) -> Vec<String> {
        let lines = self.request.folded_lines(name).into_iter();
        lines
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }

    fn has_all_headers(&self) -> bool {
        self.request.has_all_headers()
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

    fn media_types(&self) -> Vec<String> {
        let lines = match self.direction {
            Direction::Request => self.header_lines("content-type"),
            Direction::Response => {
                header_text(self.host, HeaderMap::ResponseHeaders, "content-type")
                    .into_iter()
                    .collect()
            }
        };
        facts::media_types(&lines)
    }
}

/// The address that the proxy gives: that of its peer, or what its own settings make of
/// `X-Forwarded-For`. `None` where it is none, such as the path of a socket.
#[must_use]
pub fn proxy_address(host: &dyn Host) -> Option<IpAddr> {
    // nginx hosts know it by another name.
    let address = host
        .property(&["source", "address"])
        .or_else(|_| host.property(&["remote_addr"]))
        .ok()?;
    client_address::parse(std::str::from_utf8(&address).ok()?)
}

/// A header as text; bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn header_text(host: &dyn Host, map: HeaderMap, name: &str) -> Option<String> {
    let value = host.header(map, name).ok()??;
    Some(String::from_utf8_lossy(&value).into_owned())
}

/// What is kept of a request whatever the host.
const KEPT: [&str; 5] = [":path", ":method", ":authority", "host", "content-type"];
