//! Reading a request off the host.

use host::{HeaderMap, Host, Request, exchange, header_text};
use policy::path::RequestPath;

use crate::record::Observation;

/// What only the beginning of a request tells: later filters may rewrite it.
pub(crate) struct Start {
    pub(crate) request: Request,
    wall_ns: u64,
    monotonic_ns: u64,
    trace: Option<(String, String)>,
    user_agent: Option<String>,
    forwarded_for: Option<String>,
}

impl Start {
    /// Takes it down, at the request headers.
    pub(crate) fn capture(host: &dyn Host) -> Self {
        let header = |name| header_text(host, HeaderMap::RequestHeaders, name);
        Self {
            request: Request::capture(host),
            wall_ns: host.wall_clock_ns(),
            monotonic_ns: host.monotonic_ns(),
            trace: header("traceparent").and_then(|value| parse_traceparent(&value)),
            user_agent: header("user-agent"),
            forwarded_for: header("x-forwarded-for"),
        }
    }
}

/// The whole request, at its end. Without a `start` the request never reached this filter: one
/// before it answered, or the proxy could not parse it; then the host's attributes are what there
/// is.
pub(crate) fn observation(
    host: &dyn Host,
    start: Option<&Start>,
    response_status: Option<u16>,
) -> Observation {
    let now_ns = host.wall_clock_ns();
    let text = |path: &[&str]| {
        let value = host.property(path).ok().filter(|value| !value.is_empty())?;
        String::from_utf8(value).ok()
    };
    // Attributes are 64-bit little-endian numbers.
    let number = |path: &[&str]| {
        let value = host.property(path).ok()?;
        value.try_into().ok().map(u64::from_le_bytes)
    };
    let code = number(&["response", "code"]).and_then(|code| u16::try_from(code).ok());
    let mut observation = Observation {
        time_ms: ns_to_ms(now_ns),
        status: code.filter(|code| *code > 0).or(response_status),
        status_details: text(&["response", "code_details"]),
        source_ip: text(&["source", "address"])
            .or_else(|| text(&["remote_addr"]))
            .map(|address| without_port(&address)),
        request_bytes: number(&["request", "size"]),
        response_bytes: number(&["response", "size"]),
        decisions: exchange::decisions(host),
        ..Observation::default()
    };
    let Some(start) = start else {
        observation.request_id = text(&["request", "id"]);
        observation.method = text(&["request", "method"]);
        observation.host = text(&["request", "host"]).map(|host| policy::http::host_name(&host));
        observation.path = text(&["request", "path"])
            .and_then(|path| RequestPath::parse(path.as_bytes()).ok())
            .map(|path| path.canonical());
        return observation;
    };
    let request = &start.request;
    observation.time_ms = ns_to_ms(start.wall_ns);
    observation.duration_ms = ns_to_ms(host.monotonic_ns().saturating_sub(start.monotonic_ns));
    observation.request_id = request.request_id(host).map(str::to_owned);
    observation.method = Some(request.method().to_owned()).filter(|method| !method.is_empty());
    observation.path = request.path().ok().map(RequestPath::canonical);
    observation.host = Some(request.host_name().to_owned()).filter(|host| !host.is_empty());
    observation.route = request.route(host).map(str::to_owned);
    if let Some((trace_id, span_id)) = &start.trace {
        observation.trace_id = Some(trace_id.clone());
        observation.span_id = Some(span_id.clone());
    }
    observation.user_agent.clone_from(&start.user_agent);
    observation.forwarded_for.clone_from(&start.forwarded_for);
    observation
}

/// Trace and parent id of a W3C `traceparent` (Trace Context section 3.2).
fn parse_traceparent(value: &str) -> Option<(String, String)> {
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
    valid.then(|| (trace.to_owned(), span.to_owned()))
}

fn without_port(address: &str) -> String {
    if address.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned()
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
        assert_eq!(parse_traceparent(good).unwrap().1, "00f067aa0ba902b7");
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
    fn ports_are_cut_off() {
        for (address, expected) in [
            ("1.2.3.4:5", "1.2.3.4"),
            ("1.2.3.4", "1.2.3.4"),
            ("[::1]:5", "::1"),
            ("::1", "::1"),
        ] {
            assert_eq!(without_port(address), expected);
        }
    }
}
