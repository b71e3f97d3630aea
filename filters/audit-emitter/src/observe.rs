//! Reading a request off the host.

mod hide;
mod observer;

pub(crate) use observer::Observer;

use std::net::IpAddr;
use std::rc::Rc;

use host::{
    Direction, FactSources, HeaderMap, Host, Moment, Request, exchange, header_text, proxy_address,
};
use policy::client_address;
use policy::consent::ConsentSources;
use policy::decision::Decision;
use policy::http::without_query_parameter;
use policy::identity::Identity;
use policy::path::RequestPath;
use policy::secret_names::{holds_address, names_secret};

use hide::hide;

use crate::config::{DataSubjectSource, FieldSettings, Level, QueryForm, Rule};
use crate::record::{Observation, ObservedSubjects, TraceContext};

/// What only the beginning of a request tells: later filters may rewrite it.
pub(crate) struct Start {
    pub(crate) request: Request,
    wall_ns: u64,
    monotonic_ns: u64,
    response: Option<ResponseStart>,
}

/// What only the beginning of a response tells on hosts that forget it before the request ends.
struct ResponseStart {
    status: Option<u16>,
    grpc_status: Option<u64>,
    identity: Option<Rc<Identity>>,
    decisions: Vec<Decision>,
}

impl ResponseStart {
    /// Fills in what the end did not tell.
    fn complete(&self, observation: &mut Observation) {
        observation.status = observation.status.or(self.status);
        observation.grpc_status = observation.grpc_status.or(self.grpc_status);
        if observation.identity.is_none() {
            observation.identity.clone_from(&self.identity);
        }
        if observation.decisions.is_empty() {
            observation.decisions.clone_from(&self.decisions);
        }
    }
}

impl Start {
    /// Takes it down, at the request headers.
    pub(crate) fn capture(host: &dyn Host, now: &Moment<'_>, sources: &Rc<FactSources>) -> Self {
        Self {
            request: Request::capture(host, sources),
            wall_ns: now.wall_ns(),
            monotonic_ns: now.monotonic_ns(),
            response: None,
        }
    }

    /// Takes down what the response begins with, at the response headers.
    pub(crate) fn capture_response(&mut self, host: &dyn Host, sources: &FactSources) {
        let identity = exchange::identity(host, sources.identity);
        let is_grpc = is_grpc(host, Some(self));
        self.response = Some(ResponseStart {
            status: status(host),
            grpc_status: is_grpc.then(|| grpc_status(host)).flatten(),
            decisions: exchange::decisions(host, identity.as_deref()),
            identity,
        });
    }

    /// What is known of a request that was only received.
    pub(crate) fn received(
        &self,
        host: &dyn Host,
        level: Level,
        fields: &FieldSettings,
        consent: &ConsentSources,
    ) -> Observation {
        let mut observation = Observation {
            source_ip: source_ip(host, self.request.client_address(host)),
            ..Observation::default()
        };
        self.describe(host, &mut observation);
        self.detail(host, &mut observation, level, fields, consent);
        observation
    }

    /// Fills in what every record has, whatever its level.
    fn describe(&self, host: &dyn Host, observation: &mut Observation) {
        let request = &self.request;
        observation.time_ms = ns_to_ms(self.wall_ns);
        observation.request_id = request.request_id(host).map(str::to_owned);
        observation.method =
            Some(request.method(host).to_owned()).filter(|method| !method.is_empty());
        (observation.path, observation.path_as_sent) = paths(request.raw_path(host), || {
            request.path(host).ok().map(RequestPath::canonical)
        });
        observation.host = Some(request.host_name(host).to_owned()).filter(|host| !host.is_empty());
        observation.route = request.route(host).map(str::to_owned);
        observation.trace = request
            .header(host, "traceparent")
            .and_then(|value| parse_traceparent(&value));
    }

    /// About whom the request is, as its rule says. Of one that was only received, neither the
    /// caller is known nor a body.
    ///
    /// Whom a record names by a pseudonym is nowhere else in it, where no erasure of the person would reach it.
    pub(crate) fn note_data_subjects(
        &self,
        host: &dyn Host,
        rule: &Rule,
        (identity, is_over): (Option<&Identity>, bool),
        observation: &mut Observation,
    ) {
        if rule.data_subject.is_empty() {
            return;
        }
        let mut people = ObservedSubjects {
            is_incomplete: rule.may_be_about_others,
            ..ObservedSubjects::default()
        };
        let facts = self.request.facts(host, Direction::Request);
        let mut in_bodies = None;
        for source in &rule.data_subject {
            match source {
                DataSubjectSource::Claim(claim) => {
                    let values = identity.map(|identity| identity.claim_values(claim));
                    people.add_all(&values.unwrap_or_default());
                }
                DataSubjectSource::Request(place) => {
                    let readings = place.readings(&facts);
                    people.is_incomplete |= readings.is_incomplete || readings.values.len() > 1;
                    people.add_all(&readings.values);
                    let named = readings.values.as_slice();
                    hide(place, (named, readings.is_incomplete), observation);
                }
                DataSubjectSource::Body { direction, path } if is_over => {
                    let found = in_bodies.get_or_insert_with(|| exchange::data_subjects(host));
                    let found = found
                        .iter()
                        .find(|found| found.direction == *direction && found.path == *path);
                    if let Some(found) = found {
                        people.add_all(&found.values);
                        people.omitted = people.omitted.saturating_add(found.omitted);
                    }
                    // Nobody has read the body, or not all of it; where there was none, it names nobody.
                    if found.is_none_or(|found| found.is_incomplete) {
                        let size = number(host, &[direction.as_str(), "size"]);
                        people.is_incomplete |= size != Some(0);
                    }
                }
                DataSubjectSource::Body { .. } => people.is_incomplete = true,
            }
        }
        observation.data_subjects = Some(people);
    }

    /// What only some records say.
    pub(crate) fn detail(
        &self,
        host: &dyn Host,
        observation: &mut Observation,
        level: Level,
        fields: &FieldSettings,
        consent: &ConsentSources,
    ) {
        let request = &self.request;
        if level >= Level::Request {
            observation.user_agent = request.header(host, "user-agent");
            let header = |name: &String| {
                let value = request.header(host, name)?;
                Some((name.clone(), without_secrets(name, value)))
            };
            observation.headers = fields.headers.iter().filter_map(header).collect();
            if fields.query != QueryForm::None {
                let mut raw = policy::text::lossy(request.raw_path(host)).into_owned();
                // The record has the hash of such a string and what it decided, never the string.
                for name in consent.encoded_parameters() {
                    raw = without_query_parameter(&raw, name);
                }
                let query = raw.split_once('?').map(|(_, query)| query);
                let query = query.and_then(|query| query.split('#').next());
                observation.query = query.map(str::to_owned);
            }
        }
        if level >= Level::Full {
            observation.forwarded_for = request.header(host, "x-forwarded-for");
            observation.tls_version = text(host, &["connection", "tls_version"]);
        }
    }
}

/// Who sent a request and what the filters have decided about it, at its end: so much is asked of
/// every request, also of those of which there is no record. Without a `start` the request never
/// reached this filter: one before it responded, or the proxy could not parse it.
fn decided(host: &dyn Host, start: Option<&Start>, sources: &FactSources) -> Observation {
    let identity = match start {
        Some(start) => start.request.identity(host).cloned(),
        None => exchange::identity(host, sources.identity),
    };
    let mut observation = Observation {
        decisions: exchange::decisions(host, identity.as_deref()),
        identity,
        ..Observation::default()
    };
    if let Some(response) = start.and_then(|start| start.response.as_ref()) {
        response.complete(&mut observation);
    }
    observation
}

/// How the request has ended.
pub(crate) fn observe_end(host: &dyn Host, start: Option<&Start>, observation: &mut Observation) {
    observation.status = status(host).or(observation.status);
    observation.response_flags = number(host, &["response", "flags"]);
    if is_grpc(host, start) {
        observation.grpc_status = grpc_status(host).or(observation.grpc_status);
    }
}

/// The request itself. Without a `start` the attributes of the host are what there is.
fn observe_request(
    host: &dyn Host,
    now: &Moment<'_>,
    start: Option<&Start>,
    sources: &FactSources,
    observation: &mut Observation,
) {
    observation.status_details = text(host, &["response", "code_details"]);
    let Some(start) = start else {
        let address = sources.client_address.of(
            || proxy_address(host),
            |name| header_text(host, HeaderMap::RequestHeaders, name),
        );
        observation.source_ip = source_ip(host, address);
        observation.time_ms = now.wall_ms();
        observation.request_id = text(host, &["request", "id"]);
        observation.method = text(host, &["request", "method"]);
        observation.host =
            text(host, &["request", "host"]).map(|host| policy::http::host_name(&host));
        let raw = text(host, &["request", "path"]).unwrap_or_default();
        let read = || RequestPath::parse(raw.as_bytes()).ok();
        (observation.path, observation.path_as_sent) =
            paths(raw.as_bytes(), || read().map(|path| path.canonical()));
        return;
    };
    observation.source_ip = source_ip(host, start.request.client_address(host));
    start.describe(host, observation);
    observation.duration_ms = ns_to_ms(now.monotonic_ns().saturating_sub(start.monotonic_ns));
}

/// What the end of a request tells those who want to know more.
fn observe_sizes(host: &dyn Host, observation: &mut Observation) {
    observation.request_bytes = number(host, &["request", "size"]);
    observation.response_bytes = number(host, &["response", "size"]);
    observation.upstream = text(host, &["upstream", "address"]);
}

/// Who the client certificate of the connection names, where the proxy has verified one.
fn peer(host: &dyn Host) -> Option<String> {
    // A boolean is one byte on Envoy.
    if host.property(&["connection", "mtls"]).ok()? != [1] {
        return None;
    }
    ["uri_san_peer_certificate", "subject_peer_certificate"]
        .iter()
        .find_map(|name| text(host, &["connection", name]))
}

fn status(host: &dyn Host) -> Option<u16> {
    // By attribute on Envoy and Kong, by variable on APISIX.
    let known = number(host, &["response", "code"]).or_else(|| number(host, &["status"]));
    let known = known
        .filter(|code| *code > 0)
        .and_then(|code| u16::try_from(code).ok());
    known.or_else(|| {
        header_text(host, HeaderMap::ResponseHeaders, ":status")?
            .parse()
            .ok()
    })
}

/// The address of the client, by the rules that limits go by too. What the proxy calls its peer
/// where that is no address, such as the path of a socket.
fn source_ip(host: &dyn Host, address: Option<IpAddr>) -> Option<String> {
    address.map(|ip| ip.to_string()).or_else(|| {
        let peer = text(host, &["source", "address"]).or_else(|| text(host, &["remote_addr"]));
        // Of a balancer that names nobody the record must not make the client.
        peer.filter(|peer| client_address::parse(peer).is_none())
    })
}

fn text(host: &dyn Host, path: &[&str]) -> Option<String> {
    let value = host.property(path).ok().filter(|value| !value.is_empty())?;
    String::from_utf8(value).ok()
}

fn number(host: &dyn Host, path: &[&str]) -> Option<u64> {
    parse_number(&host.property(path).ok()?)
}

/// The canonical path and, where it was sent otherwise, the path as it was sent.
fn paths(
    raw: &[u8],
    canonical: impl FnOnce() -> Option<String>,
) -> (Option<String>, Option<String>) {
    let sent = path_as_sent(raw);
    match canonical() {
        Some(canonical) => {
            let differs = sent.filter(|sent| *sent != canonical);
            (Some(canonical), differs)
        }
        None => (sent, None),
    }
}

/// A path that has no reading, for people who look for probes: as sent, but without what may be
/// secret, the query and what is in front of the first slash, such as the user of an absolute form
/// (RFC 9112 section 3.2.2).
fn path_as_sent(raw: &[u8]) -> Option<String> {
    let text = policy::text::lossy(raw);
    let path = text.split(['?', '#']).next()?;
    let path = path
        .split_once("://")
        .map_or(path, |(_, after_scheme)| after_scheme);
    let slash = path.find(['/', '\\'])?;
    let (_, path) = path.split_at_checked(slash)?;
    Some(without_secret_parameters(path))
}

/// A path without the values of parameters that are called like a secret: `/a;jsessionid=…/b`.
fn without_secret_parameters(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            shown.push('/');
        }
        for (index, parameter) in segment.split(';').enumerate() {
            if index > 0 {
                shown.push(';');
            }
            match parameter.split_once('=').filter(|_| index > 0) {
                Some((name, _)) if names_secret(name) => {
                    shown.push_str(name);
                    shown.push_str("=…");
                }
                _ => shown.push_str(parameter),
            }
        }
    }
    shown
}

/// The value of a header that is the address of a page, by its name or by what it is, without the user
/// in it, the query, and what is behind that.
fn without_secrets(name: &str, mut value: String) -> String {
    if !holds_address(name) && !value.contains("://") {
        return value;
    }
    if let Some(at) = value.find(['?', '#']) {
        value.truncate(at);
        value.push('…');
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return value;
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let Some((authority, path)) = rest.split_at_checked(end) else {
        return value;
    };
    match authority.rsplit_once('@') {
        Some((_, host)) => [scheme, "://…@", host, path].concat(),
        None => value,
    }
}

/// Whether the status of a gRPC call tells how the request ended: also of gRPC-Web, and also where
/// the request never reached this filter.
fn is_grpc(host: &dyn Host, start: Option<&Start>) -> bool {
    let content_type = match start {
        Some(start) => start.request.header(host, "content-type"),
        None => text(host, &["request", "headers", "content-type"]),
    };
    content_type.is_some_and(|value| {
        let media_type = policy::http::media_type(&value);
        let rest = media_type.strip_prefix("application/grpc");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '-']))
    })
}

/// Where it is: the host knows, or it stands in the trailers, or with a response that has nothing
/// else in its headers.
fn grpc_status(host: &dyn Host) -> Option<u64> {
    let in_map = |map| header_text(host, map, "grpc-status")?.trim().parse().ok();
    number(host, &["response", "grpc_status"])
        .or_else(|| in_map(HeaderMap::ResponseTrailers))
        .or_else(|| in_map(HeaderMap::ResponseHeaders))
}

/// Attributes are 64-bit little-endian numbers on Envoy, and decimal text on nginx hosts. Eight
/// digits are taken for text: as a number they would be an absurd one.
fn parse_number(value: &[u8]) -> Option<u64> {
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(value).ok()?.parse().ok();
    }
    value.try_into().ok().map(u64::from_le_bytes)
}

/// Trace and parent id of a W3C `traceparent` (Trace Context section 3.2).
fn parse_traceparent(value: &str) -> Option<TraceContext> {
    let mut parts = value.trim().split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lower_hex = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let valid = lower_hex(version, 2)
        && version != "ff"
        && lower_hex(trace, 32)
        && lower_hex(span, 16)
        && lower_hex(flags, 2)
        && trace.bytes().any(|byte| byte != b'0')
        && span.bytes().any(|byte| byte != b'0');
    valid.then(|| TraceContext {
        trace_id: trace.to_owned(),
        span_id: span.to_owned(),
        flags: u8::from_str_radix(flags, 16).unwrap_or_default(),
    })
}

const fn ns_to_ms(nanoseconds: u64) -> u64 {
    nanoseconds / 1_000_000
}

#[cfg(test)]
mod tests;
