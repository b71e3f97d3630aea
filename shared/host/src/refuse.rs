//! Local responses: what a client gets in place of the upstream's response.

use policy::filters::ORDER;
use policy::refusal::{PROBLEM_MEDIA_TYPE, Refusal};

use crate::{Direction, Host, LocalResponse, LogLevel, exchange};

/// Whether the response at hand is one that a filter of the family has sent, and not the upstream. Where the
/// host does not tell, only a chain knows, of its own parts.
#[must_use]
pub fn has_responded(host: &dyn Host) -> bool {
    let details = host.property(&DETAILS).unwrap_or_default();
    let mut filters = ORDER.iter().chain(&["meshward"]);
    filters.any(|name| {
        let rest = details.strip_prefix(name.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"_"))
    })
}

/// What the host says of a response: for a local one, what whoever has sent it says.
pub(crate) const DETAILS: [&str; 2] = ["response", "code_details"];

/// Sends a refusal as problem details, or as a grpc-status to a gRPC caller. The caller returns
/// [`crate::Action::Pause`] afterwards: the request goes no further.
///
/// Where a host refuses even this (the response has begun), the stream is reset: nothing passes.
pub fn send(
    host: &dyn Host,
    refusal: &Refusal,
    filter: &str,
    request_id: Option<&str>,
    is_grpc: bool,
) {
    let problem;
    let limits = exchange::limit_headers(host);
    let custom = refusal.custom.as_ref();
    let mut headers: Vec<(&str, &str)> = refusal
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let own_headers = custom
        .map(|custom| custom.headers.as_slice())
        .unwrap_or_default();
    let own_headers = own_headers.iter();
    headers.extend(own_headers.map(|(name, value)| (name.as_str(), value.as_str())));
    for (name, value) in &limits {
        if !headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            headers.push((name, value));
        }
    }
    // Envoy sends a refusal of gRPC as status 200, to whoever says that a GET is gRPC, too.
    headers.push(("cache-control", "no-store"));
    // For gRPC the host builds the trailers-only response and takes the body as grpc-message.
    let body = if is_grpc {
        refusal.detail.as_str()
    } else if let Some((media_type, text)) = custom.and_then(|custom| custom.body.as_ref()) {
        headers.push(("content-type", media_type));
        text
    } else {
        headers.push(("content-type", PROBLEM_MEDIA_TYPE));
        problem = refusal.problem_json(request_id);
        problem.as_str()
    };
    let details = format!("{filter}_{}", refusal.code);
    let response = LocalResponse {
        status: match custom.and_then(|custom| custom.status) {
            Some(status) if !is_grpc => status,
            _ => refusal.status,
        },
        headers: &headers,
        body: body.as_bytes(),
        grpc_status: is_grpc.then(|| refusal.grpc_status()),
        details: &details,
    };
    if let Err(status) = host.send_local_response(&response) {
        let line = format!(
            "{filter}: the refusal {} could not be sent: {status}",
            refusal.code
        );
        host.log(LogLevel::Error, &line);
        let _ = host.reset_stream(Direction::Request);
    }
}
