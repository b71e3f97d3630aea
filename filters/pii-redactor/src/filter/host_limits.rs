//! What a configuration asks for and a host cannot do, where nothing less would be safe, and what
//! hosts do not tell.

use host::{Capabilities, HeaderMap, Host, Request};
use policy::config::{Problem, Problems};

use crate::config::{Config, DataBudget, FailurePolicy, Place, Then};

/// # Errors
/// Rules that this host cannot keep, and nobody has said that it need not.
pub(super) fn check(config: &Config, capabilities: &Capabilities) -> Result<(), Problems> {
    let mut budgets = config.data_budgets.iter();
    let masks = |budget: &DataBudget| budget.then == Then::Mask && config.mode.enforces();
    if !capabilities.rewrites_bodies()
        && let Some(place) = budgets.position(masks)
    {
        let message = r#"this host cannot change bodies, so nothing in them can be masked; use "block" or "report""#;
        let path = format!("budget[{place}].then");
        return Err(Problem::new(path, message).into());
    }
    let max = capabilities.header_list_max(HeaderMap::ResponseHeaders);
    let Some(max) = max.filter(|_| !capabilities.replaces_responses()) else {
        return Ok(());
    };
    if config.on_error.unlisted_headers == FailurePolicy::Pass {
        return Ok(());
    }
    let rules = config.rules.iter();
    let about_response_headers =
        rules.filter(|rule| rule.mode.enforces() && rule.places.has(Place::ResponseHeaders));
    let problems: Vec<Problem> = about_response_headers
        .map(|rule| {
            let message = format!(
                "{}: this host lists no more than {max} response headers and cannot refuse a \
                 response that has more; leave \"response.headers\" out of \"apply_to\", or say \
                 \"unlisted_headers\": \"pass\" to let such responses pass as they are",
                rule.name
            );
            Problem::new("on_error.unlisted_headers", message)
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems::from_list(problems))
    }
}

/// Whether the request may have a body. Where the host does not tell, the request's own headers do:
/// in HTTP/1 a body has a length or an encoding (RFC 9112 section 6.3), in HTTP/2 it may have
/// neither.
pub(super) fn may_have_body(
    capabilities: &Capabilities,
    host: &dyn Host,
    request: &Request,
    end_of_stream: bool,
) -> bool {
    if capabilities.tells_ends() {
        return !end_of_stream;
    }
    if request.header(host, "transfer-encoding").is_some() {
        return true;
    }
    if let Some(length) = request.header(host, "content-length") {
        return length.trim() != "0";
    }
    let protocol = host.property(&["request", "protocol"]).unwrap_or_default();
    !protocol.starts_with(b"HTTP/1")
}
