//! Reading a request off the host.

use host::{
    Direction, FactSources, HeaderMap, Host, Request, exchange, header_text, proxy_address,
};
use policy::client_address::{self, ClientAddress};
use policy::facts::Facts as _;
use policy::path::RequestPath;

use crate::config::{FieldSettings, Level, QueryForm};
use crate::record::{Observation, TraceContext};

/// What only the beginning of a request tells: later filters may rewrite it.
pub(crate) struct Start {
    pub(crate) request: Request,
    wall_ns: u64,
    monotonic_ns: u64,
}

impl Start {
    /// Takes it down, at the request headers.
    pub(crate) fn capture(host: &dyn Host) -> Self {
        Self {
            request: Request::capture(host),
            wall_ns: host.wall_clock_ns(),
            monotonic_ns: host.monotonic_ns(),
        }
    }

    /// What is known of a request that was only received.
    pub(crate) fn received(
        &self,
        host: &dyn Host,
        level: Level,
        fields: &FieldSettings,
        client: &ClientAddress,
    ) -> Observation {
        let mut observation = Observation {
            source_ip: source_ip(host, Some(self), client),
            ..Observation::default()
        };
        self.describe(host, &mut observation);
        self.detail(host, &mut observation, level, fields);
        observation
    }

    /// What every record says.
    fn describe(&self, host: &dyn Host, observation: &mut Observation) {
        let request = &self.request;
        observation.time_ms = ns_to_ms(self.wall_ns);
        observation.request_id = request.request_id(host).map(str::to_owned);
        observation.method = Some(request.method().to_owned()).filter(|method| !method.is_empty());
        observation.path = match request.path() {
            Ok(path) => Some(path.canonical()),
            Err(_) => path_as_sent(request.raw_path()),
        };
        observation.host = Some(request.host_name().to_owned()).filter(|host| !host.is_empty());
        observation.route = request.route(host).map(str::to_owned);
        observation.trace = request
            .header(host, "traceparent")
            .and_then(|value| parse_traceparent(&value));
    }

    /// What only some records say.
    pub(crate) fn detail(
        &self,
        host: &dyn Host,
        observation: &mut Observation,
        level: Level,
        fields: &FieldSettings,
    ) {
        let request = &self.request;
        if level >= Level::Request {
            observation.user_agent = request.header(host, "user-agent");
            let header = |name: &String| Some((name.clone(), request.header(host, name)?));
            observation.headers = fields.headers.iter().filter_map(header).collect();
            if fields.query != QueryForm::None {
                let raw = String::from_utf8_lossy(request.raw_path()).into_owned();
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

/// The whole request, at its end. Without a `start` the request never reached this filter: one
/// before it answered, or the proxy could not parse it; then the host's attributes are what there
/// is.
pub(crate) fn observation(
    host: &dyn Host,
    start: Option<&Start>,
    sources: &FactSources,
) -> Observation {
    let identity = match start {
        Some(start) => {
            let facts = start.request.facts(host, sources, Direction::Request);
            facts.identity().cloned()
        }
        None => exchange::identity(host, sources.identity),
    };
    let mut observation = Observation {
        status: status(host),
        status_details: text(host, &["response", "code_details"]),
        response_flags: number(host, &["response", "flags"]),
        source_ip: source_ip(host, start, &sources.client_address),
        decisions: exchange::decisions(host, identity.as_ref()),
        identity,
        ..Observation::default()
    };
    if start.is_none_or(|start| start.request.is_grpc()) {
        observation.grpc_status = number(host, &["response", "grpc_status"]);
    }
    let Some(start) = start else {
        observation.time_ms = ns_to_ms(host.wall_clock_ns());
        observation.request_id = text(host, &["request", "id"]);
        observation.method = text(host, &["request", "method"]);
        observation.host =
            text(host, &["request", "host"]).map(|host| policy::http::host_name(&host));
        observation.path =
            text(host, &["request", "path"]).and_then(|path| readable_path(path.as_bytes()));
        return observation;
    };
    start.describe(host, &mut observation);
    observation.duration_ms = ns_to_ms(host.monotonic_ns().saturating_sub(start.monotonic_ns));
    observation
}

/// What the end of a request tells those who want to know more.
pub(crate) fn observe_sizes(host: &dyn Host, observation: &mut Observation) {
    observation.request_bytes = number(host, &["request", "size"]);
    observation.response_bytes = number(host, &["response", "size"]);
    observation.upstream = text(host, &["upstream", "address"]);
}

/// Who the client certificate of the connection names, where the proxy has verified one.
pub(crate) fn peer(host: &dyn Host) -> Option<String> {
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
fn source_ip(host: &dyn Host, start: Option<&Start>, client: &ClientAddress) -> Option<String> {
    let header = |name: &str| match start {
        Some(start) => start.request.header(host, name),
        None => header_text(host, HeaderMap::RequestHeaders, name),
    };
    let address = client.of(|| proxy_address(host), header);
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

fn readable_path(raw: &[u8]) -> Option<String> {
    match RequestPath::parse(raw) {
        Ok(path) => Some(path.canonical()),
        Err(_) => path_as_sent(raw),
    }
}

/// A path that has no reading, for people who look for probes: as sent, but without what may be
/// secret, the query and what is in front of the first slash, such as the user of an absolute form
/// (RFC 9112 section 3.2.2).
fn path_as_sent(raw: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(raw);
    let path = text.split(['?', '#']).next()?;
    let path = path
        .split_once("://")
        .map_or(path, |(_, after_scheme)| after_scheme);
    let slash = path.find(['/', '\\'])?;
    path.split_at_checked(slash)
        .map(|(_, path)| path.to_owned())
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
    })
}

const fn ns_to_ms(nanoseconds: u64) -> u64 {
    nanoseconds / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_traceparent() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(parse_traceparent(good).unwrap().span_id, "00f067aa0ba902b7");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-x-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_path_without_reading_is_kept_without_its_secrets() {
        for (raw, expected) in [
            (b"/a/%zz?token=s".as_slice(), Some("/a/%zz")),
            (b"/a%00/b#s", Some("/a%00/b")),
            (b"http://user:pw@shop.example/%zz?s", Some("/%zz")),
            (b"http://user:pw@shop%zz", Some("/")),
            (b"user:pw", None),
            (b"user:pw@shop.example/x?s", Some("/x")),
            (b"\\%zz", Some("\\%zz")),
            (b"/\xff\xfe", Some("/\u{fffd}\u{fffd}")),
            (b"", None),
            (b"/a/../b?x", Some("/b")),
        ] {
            assert_eq!(readable_path(raw).as_deref(), expected, "{raw:?}");
        }
    }

    #[test]
    fn numbers_come_in_two_forms() {
        for (value, expected) in [
            (7_u64.to_le_bytes().as_slice(), Some(7)),
            (b"200", Some(200)),
            (b"12345678", Some(12_345_678)),
            (b"", None),
            (b"-", None),
            (b"99999999999999999999999", None),
        ] {
            assert_eq!(parse_number(value), expected, "{value:?}");
        }
    }
}
