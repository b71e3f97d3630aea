//! A request as the rules of a filter see it.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use policy::client_address::{self, Network};
use policy::consent::Consent;
use policy::facts::{self, Facts};
use policy::header_values::HeaderReadings;
use policy::http;
use policy::identity::Identity;
use policy::mode::Mode;
use policy::overrides::{OVERRIDE_HEADERS, OtherHosts, Overrides};
use policy::path::{PathError, RequestPath, RouteTrust};
use policy::refusal::is_grpc;
use policy::request_value::CertificateField;
use policy::values::{Cookies, Query};

use crate::{Direction, FactSources, HeaderMap, Headers, Host, Status, exchange, headers};

/// A request as a filter sees it at the request headers, before anybody after it changes them.
///
/// Nothing is asked of the host before a filter asks it of the request, and then once. What is read
/// stays: rules can ask for headers when the host has let go of them. A filter that keeps a request
/// for later reads the headers at once, with [`Request::capture`].
///
/// Who sends the request and what that person agrees to depends on where a configuration says that
/// this stands, so a request belongs to one [`FactSources`]; [`Request::under`] gives the same
/// request under others.
pub struct Request {
    head: Rc<Head>,
    sources: Rc<FactSources>,
    /// The route that the proxy has chosen in the end, where somebody has asked again.
    final_route: OnceCell<Option<String>>,
    overrides: OnceCell<Overrides>,
    queries: OnceCell<Option<Rc<[Query]>>>,
    overridden_path: OnceCell<Result<RequestPath, PathError>>,
    other_hosts: OnceCell<OtherHosts>,
    client_address: OnceCell<Option<IpAddr>>,
    identity: OnceCell<Option<Rc<Identity>>>,
    consent: OnceCell<Consent>,
}

/// What does not depend on any configuration.
#[derive(Default)]
struct Head {
    headers: OnceCell<Listed>,
    path: OnceCell<Result<RequestPath, PathError>>,
    host_name: OnceCell<String>,
    route: OnceCell<Option<String>>,
    request_id: OnceCell<Option<String>>,
    cookies: OnceCell<Cookies>,
    header_readings: RefCell<Vec<(String, Rc<HeaderReadings>)>>,
}

struct Listed {
    headers: Headers,
    /// The host has handed over all headers at once. Else some are to be asked for by name.
    complete: bool,
}

impl Listed {
    fn read(host: &dyn Host) -> Self {
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
        Self { headers, complete }
    }
}

/// The name of the route, if it has one.
fn route_name(host: &dyn Host) -> Result<Option<String>, Status> {
    let name = host
        .property(&["xds", "route_name"])
        .or_else(|_| host.property(&["route_name"]))?;
    Ok(String::from_utf8(name).ok().filter(|name| !name.is_empty()))
}

impl Request {
    /// The request of the effective context, of which nothing is read yet; for use within
    /// [`crate::Stream::on_request_headers`].
    #[must_use]
    pub fn new(sources: &Rc<FactSources>) -> Self {
        Self::of(Rc::default(), sources)
    }

    /// Reads the headers of the request of the effective context at once, to be kept beyond
    /// [`crate::Stream::on_request_headers`].
    #[must_use]
    pub fn capture(host: &dyn Host, sources: &Rc<FactSources>) -> Self {
        let request = Self::new(sources);
        request.listed(host);
        request
    }

    /// The same request as it is now, after headers were changed.
    #[must_use]
    pub fn captured_again(&self, host: &dyn Host) -> Self {
        Self::capture(host, &self.sources)
    }

    /// The same request under other sources of facts. What has been read of it is not read again.
    #[must_use]
    pub fn under(&self, sources: &Rc<FactSources>) -> Self {
        Self::of(Rc::clone(&self.head), sources)
    }

    fn of(head: Rc<Head>, sources: &Rc<FactSources>) -> Self {
        Self {
            head,
            sources: Rc::clone(sources),
            final_route: OnceCell::new(),
            overrides: OnceCell::new(),
            queries: OnceCell::new(),
            overridden_path: OnceCell::new(),
            other_hosts: OnceCell::new(),
            client_address: OnceCell::new(),
            identity: OnceCell::new(),
            consent: OnceCell::new(),
        }
    }

    fn listed(&self, host: &dyn Host) -> &Listed {
        self.head.headers.get_or_init(|| Listed::read(host))
    }

    fn headers(&self, host: &dyn Host) -> &Headers {
        &self.listed(host).headers
    }

    /// The method as it was sent, in its own case.
    #[must_use]
    pub fn method(&self, host: &dyn Host) -> &str {
        // No method has other characters (RFC 9110 section 9.1), and no rule names one that has.
        std::str::from_utf8(self.kept(host, ":method")).unwrap_or("\u{fffd}")
    }

    /// `:path` as sent, with its query: for looking up parameters, not for logs.
    #[must_use]
    pub fn raw_path(&self, host: &dyn Host) -> &[u8] {
        self.kept(host, ":path")
    }

    /// The queries from which some upstream may take parameters: see [`Overrides::all_targets`].
    pub fn queries(&self, host: &dyn Host) -> Option<Rc<[Query]>> {
        let read = || {
            let targets = self.overrides(host).all_targets(self.raw_path(host))?;
            Some(targets.map(Query::of).collect())
        };
        self.queries.get_or_init(read).clone()
    }

    /// The cookies that some upstream may read.
    #[must_use]
    pub fn cookies(&self, host: &dyn Host) -> &Cookies {
        let read = || {
            let lines = self.header_lines(host, "cookie");
            Cookies::of(lines.iter().map(AsRef::as_ref))
        };
        self.head.cookies.get_or_init(read)
    }

    /// The paths from whose query some upstream may take parameters, as far as they are known.
    pub fn known_targets(&self, host: &dyn Host) -> impl Iterator<Item = &[u8]> {
        let overrides = self.overrides(host);
        overrides.known_targets(self.raw_path(host))
    }

    fn kept(&self, host: &dyn Host, name: &str) -> &[u8] {
        self.headers(host).first(name).unwrap_or_default()
    }

    /// The value of a header as it came, by its name in lower case; several are joined.
    #[must_use]
    pub fn header_bytes(&self, host: &dyn Host, name: &str) -> Option<Cow<'_, [u8]>> {
        let listed = self.listed(host);
        let value = listed.headers.joined(name);
        if value.is_some() || listed.complete {
            return value;
        }
        let value = host.header(HeaderMap::RequestHeaders, name).ok()??;
        Some(Cow::Owned(value))
    }

    /// The lines of a header as they came, by its name in lower case. A host that does not hand
    /// over all headers gives one line.
    #[must_use]
    pub fn header_lines(&self, host: &dyn Host, name: &str) -> Vec<Cow<'_, [u8]>> {
        let listed = self.listed(host);
        if listed.complete {
            let lines = listed.headers.iter();
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
    pub fn folded_lines(&self, host: &dyn Host, name: &str) -> Vec<&[u8]> {
        let name = name.as_bytes();
        let lines = self.headers(host).iter();
        lines
            .filter(|(found, _)| *found != name && http::folds_alike(found, name))
            .map(|(_, value)| value)
            .collect()
    }

    /// As [`Request::header_bytes`], as text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn header(&self, host: &dyn Host, name: &str) -> Option<String> {
        self.header_bytes(host, name)
            .map(|value| policy::text::lossy(&value).into_owned())
    }

    /// Whether all headers of the request are known: a host may list only so many, or none. Then
    /// what a name finds is the first of several, and nobody knows which other names there are.
    #[must_use]
    pub fn has_all_headers(&self, host: &dyn Host) -> bool {
        self.listed(host).complete
    }

    /// As [`Request::header_lines`], as text; bytes that are not UTF-8 become U+FFFD.
    fn text_lines(&self, host: &dyn Host, name: &str) -> Vec<String> {
        let lines = self.header_lines(host, name);
        lines
            .iter()
            .map(|line| policy::text::lossy(line).into_owned())
            .collect()
    }

    /// What some upstream may take in place of the method, the path and the host.
    fn overrides(&self, host: &dyn Host) -> &Overrides {
        self.overrides.get_or_init(|| {
            let listed = self.listed(host);
            let headers = listed.complete.then(|| listed.headers.iter());
            Overrides::of(self.sources.overrides, self.raw_path(host), headers)
        })
    }

    /// The path in all its readings, those of paths that override it among them.
    fn path_or_override(&self, host: &dyn Host) -> Result<&RequestPath, PathError> {
        let overrides = self.overrides(host);
        if !overrides.concern_path() {
            return self.path(host);
        }
        let read = || RequestPath::parse_overridden(self.raw_path(host), overrides);
        let path = self.overridden_path.get_or_init(read);
        path.as_ref().map_err(|error| *error)
    }

    /// Removes the headers that override the method, the path or the host, where the configuration
    /// says so and the filter enforces it; in [`crate::Stream::on_request_headers`].
    ///
    /// # Errors
    /// The upstream would see one of them.
    pub fn strip_overrides(&self, host: &dyn Host, mode: Mode) -> Result<(), Status> {
        let rules = self.sources.overrides;
        let mut stripped = Ok(());
        if !mode.enforces() || !rules.strips_any() {
            return stripped;
        }
        for name in rules.stripped() {
            if self.may_have_header(host, name) {
                stripped = stripped.and(headers::hide(host, name));
            }
        }
        for name in self.header_names(host) {
            let is_known = || OVERRIDE_HEADERS.iter().any(|known| known.name == name);
            if rules.strips(name.as_bytes()) && !is_known() {
                stripped = stripped.and(headers::hide(host, name));
            }
        }
        stripped
    }

    /// The same request where nothing strips its overrides: some upstream may act on them then. `None` where that
    /// makes no difference.
    #[must_use]
    pub fn unstripped(&self) -> Option<Self> {
        let overrides = self.sources.overrides;
        overrides.strips_any().then(|| {
            self.under(&Rc::new(FactSources {
                overrides: overrides.unstripped(),
                ..self.sources.as_ref().clone()
            }))
        })
    }

    /// The hosts that the request names beside [`Request::host_name`], and those that override it.
    fn other_hosts(&self, host: &dyn Host) -> &OtherHosts {
        self.other_hosts.get_or_init(|| {
            let headers = self.headers(host);
            let mut others = OtherHosts::NONE;
            for value in [":authority", "host"]
                .into_iter()
                .flat_map(|name| headers.values(name))
            {
                others.add(&policy::text::lossy(value));
            }
            others.extend(&self.overrides(host).hosts);
            others.names.retain(|name| name != self.host_name(host));
            others
        })
    }

    /// Whether there may be a header of this name: a host that does not hand over all headers
    /// leaves it open.
    #[must_use]
    pub fn may_have_header(&self, host: &dyn Host, name: &str) -> bool {
        let listed = self.listed(host);
        !listed.complete || listed.headers.contains(name)
    }

    /// The names of the headers that the host has handed over: on hosts that do not hand over all,
    /// some.
    pub fn header_names(&self, host: &dyn Host) -> impl Iterator<Item = &str> {
        let names = self.headers(host).iter().map(|(name, _)| name);
        names.filter_map(|name| std::str::from_utf8(name).ok())
    }

    /// The path in all its readings.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn path(&self, host: &dyn Host) -> Result<&RequestPath, PathError> {
        let parse = || match self.raw_path(host) {
            [] => Err(PathError::Missing),
            path => RequestPath::parse(path),
        };
        self.head
            .path
            .get_or_init(parse)
            .as_ref()
            .map_err(|error| *error)
    }

    /// The host, lower case, without port.
    #[must_use]
    pub fn host_name(&self, host: &dyn Host) -> &str {
        let read = |name: &str| {
            let value = self.headers(host).joined(name)?;
            Some(http::host_name(&policy::text::lossy(&value)))
        };
        self.head.host_name.get_or_init(|| {
            read(":authority")
                .or_else(|| read("host"))
                .unwrap_or_default()
        })
    }

    /// Whether refusals must be gRPC statuses.
    #[must_use]
    pub fn is_grpc(&self, host: &dyn Host) -> bool {
        let value = self.headers(host).joined("content-type");
        value.is_some_and(|value| is_grpc(&http::media_type(&policy::text::lossy(&value))))
    }

    /// The id that the proxy gave the request.
    #[must_use]
    pub fn request_id(&self, host: &dyn Host) -> Option<&str> {
        self.head
            .request_id
            .get_or_init(|| {
                let header = || self.header_bytes(host, "x-request-id").map(Cow::into_owned);
                let id = header().or_else(|| host.property(&["request", "id"]).ok())?;
                // Clients may choose it (Envoy can be told to keep theirs): short and printable,
                // since it goes into logs and responses.
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
        let name = || route_name(host).unwrap_or_default();
        let first = || self.head.route.get_or_init(name);
        self.final_route.get().unwrap_or_else(first).as_deref()
    }

    /// Whether the request goes where its route says, whatever server reads its path.
    #[must_use]
    pub fn is_on_route(&self, host: &dyn Host) -> bool {
        let trust = self.sources.route_trust;
        trust == RouteTrust::Always || trust.covers(self.path_or_override(host))
    }

    /// Asks for the route again, once the request is on its way: proxies choose another when a filter
    /// changes a header. Whether it has another name than the one that somebody has gone by.
    #[must_use]
    pub fn is_rerouted(&self, host: &dyn Host) -> bool {
        let Some(before) = self.head.route.get() else {
            return false;
        };
        // What the host does not tell is taken to be as it was.
        let Ok(name) = route_name(host) else {
            return false;
        };
        self.final_route.get_or_init(|| name) != before
    }

    /// The address of the client, as the configuration says where it is. Headers are read only
    /// where they name it.
    #[must_use]
    pub fn client_address(&self, host: &dyn Host) -> Option<IpAddr> {
        *self.client_address.get_or_init(|| {
            let rules = &self.sources.client_address;
            rules.of(|| proxy_address(host), |name| self.header(host, name))
        })
    }

    /// The network that counts as one client: the client's address, cut as the configuration says.
    #[must_use]
    pub fn client_network(&self, host: &dyn Host) -> Option<Network> {
        let prefixes = self.sources.client_address.prefixes;
        let address = self.client_address(host)?;
        Some(Network::of(address, prefixes))
    }

    /// The request with everything that rules may ask; `direction` says which message the rule is
    /// about (content types).
    #[must_use]
    pub const fn facts<'a>(&'a self, host: &'a dyn Host, direction: Direction) -> RequestFacts<'a> {
        RequestFacts {
            request: self,
            host,
            direction,
            media_types: OnceCell::new(),
        }
    }

    /// The verified caller, if a filter before this one has verified one.
    #[must_use]
    pub fn identity(&self, host: &dyn Host) -> Option<&Rc<Identity>> {
        self.identity
            .get_or_init(|| exchange::identity(host, self.sources.identity))
            .as_ref()
    }

    /// Makes the identity known where the filter itself has verified it.
    pub fn set_identity(&mut self, identity: Identity) {
        self.identity = OnceCell::from(Some(Rc::new(identity)));
        self.consent = OnceCell::new();
    }
}

/// What rules ask of a request, in [`Facts`]; the host is asked once for each request.
pub struct RequestFacts<'a> {
    request: &'a Request,
    host: &'a dyn Host,
    direction: Direction,
    media_types: OnceCell<Vec<String>>,
}

impl Facts for RequestFacts<'_> {
    fn path(&self) -> Result<&RequestPath, PathError> {
        self.request.path_or_override(self.host)
    }

    fn raw_path(&self) -> &[u8] {
        self.request.raw_path(self.host)
    }

    fn queries(&self) -> Option<Rc<[Query]>> {
        self.request.queries(self.host)
    }

    fn client_certificate(&self, field: CertificateField) -> Option<String> {
        client_certificate(self.host, field)
    }

    fn method(&self) -> &str {
        self.request.method(self.host)
    }

    fn host(&self) -> &str {
        self.request.host_name(self.host)
    }

    fn method_overrides(&self) -> &[String] {
        &self.request.overrides(self.host).methods
    }

    fn other_hosts(&self) -> &OtherHosts {
        self.request.other_hosts(self.host)
    }

    fn route(&self) -> Option<&str> {
        self.request.route(self.host)
    }

    fn is_on_route(&self) -> bool {
        self.request.is_on_route(self.host)
    }

    fn header(&self, name: &str) -> Option<String> {
        self.request.header(self.host, name)
    }

    fn header_lines(&self, name: &str) -> Vec<String> {
        self.request.text_lines(self.host, name)
    }

    fn folded_lines(&self, name: &str) -> Vec<String> {
        let lines = self.request.folded_lines(self.host, name).into_iter();
        lines
            .map(|line| policy::text::lossy(line).into_owned())
            .collect()
    }

    fn header_readings(&self, name: &str) -> Rc<HeaderReadings> {
        let known = &self.request.head.header_readings;
        let found = known.borrow().iter().find_map(|(found, readings)| {
            let is_same = found == name;
            is_same.then(|| Rc::clone(readings))
        });
        found.unwrap_or_else(|| {
            let (lines, folded) = (self.header_lines(name), self.folded_lines(name));
            let readings = Rc::new(HeaderReadings::of(lines, folded));
            let entry = (name.to_owned(), Rc::clone(&readings));
            known.borrow_mut().push(entry);
            readings
        })
    }

    fn has_all_headers(&self) -> bool {
        self.request.has_all_headers(self.host)
    }

    fn identity(&self) -> Option<&Identity> {
        self.request.identity(self.host).map(Rc::as_ref)
    }

    fn consent(&self) -> &Consent {
        self.request
            .consent
            .get_or_init(|| self.request.sources.consent.signals(self))
    }

    fn media_types(&self) -> Vec<String> {
        let read = || {
            let lines = match self.direction {
                Direction::Request => self.header_lines("content-type"),
                Direction::Response => {
                    header_text(self.host, HeaderMap::ResponseHeaders, "content-type")
                        .into_iter()
                        .collect()
                }
            };
            facts::media_types(&lines)
        };
        self.media_types.get_or_init(read).clone()
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

/// Whether the client of the connection has shown a certificate that the proxy has verified. The
/// attribute is a boolean of one byte.
#[must_use]
pub fn has_client_certificate(host: &dyn Host) -> bool {
    let value = host.property(&["connection", "mtls"]);
    value.is_ok_and(|value| value.first() == Some(&1))
}

/// A field of the certificate of the client of the connection; `None` where it has shown none, or
/// the host does not say.
#[must_use]
pub fn client_certificate(host: &dyn Host, field: CertificateField) -> Option<String> {
    if !has_client_certificate(host) {
        return None;
    }
    let name = match field {
        CertificateField::UriSan => "uri_san_peer_certificate",
        CertificateField::DnsSan => "dns_san_peer_certificate",
        CertificateField::Subject => "subject_peer_certificate",
        CertificateField::Sha256 => "sha256_peer_certificate_digest",
    };
    let value = host.property(&["connection", name]).ok()?;
    let text = String::from_utf8(value).ok();
    text.filter(|text| !text.is_empty())
}

/// A header as text; bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn header_text(host: &dyn Host, map: HeaderMap, name: &str) -> Option<String> {
    let value = host.header(map, name).ok()??;
    Some(policy::text::lossy(&value).into_owned())
}

/// What is kept of a request whatever the host.
const KEPT: [&str; 5] = [":path", ":method", ":authority", "host", "content-type"];
