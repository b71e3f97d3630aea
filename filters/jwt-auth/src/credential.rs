//! Finding the token in a request, and taking it out again.

use host::{HeaderMap, Host, Request, header_text};
use policy::http;

use crate::config::Location;
use crate::reason::Reason;

/// The one credential of a request among these locations.
///
/// # Errors
/// None, or more than one: two different tokens, or two headers of one name.
pub(crate) fn find<'l>(
    host: &dyn Host,
    request: &Request,
    locations: impl Iterator<Item = &'l Location>,
) -> Result<String, Reason> {
    let mut found: Vec<String> = Vec::new();
    for location in locations {
        for token in tokens_at(host, request, location) {
            if !found.contains(&token) {
                found.push(token);
            }
        }
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Err(Reason::CredentialMissing),
        (Some(token), None) => Ok(token),
        _ => Err(Reason::CredentialsMultiple),
    }
}

/// Removes what is at a location, so that the upstream never sees the token.
pub(crate) fn strip(host: &dyn Host, location: &Location) {
    let map = HeaderMap::RequestHeaders;
    match location {
        Location::Header { name, .. } => {
            let _ = host.remove_header(map, name);
        }
        Location::Query(name) => {
            if let Some(path) = header_text(host, map, ":path") {
                let without = http::without_query_parameter(&path, name);
                if without != path {
                    let _ = host.set_header(map, ":path", without.as_bytes());
                }
            }
        }
        Location::Cookie(name) => {
            if let Some(cookies) = header_text(host, map, "cookie") {
                let _ = match http::without_cookie(&cookies, name) {
                    Some(rest) => host.set_header(map, "cookie", rest.as_bytes()),
                    None => host.remove_header(map, "cookie"),
                };
            }
        }
    }
}

fn tokens_at(host: &dyn Host, request: &Request, location: &Location) -> Vec<String> {
    let map = HeaderMap::RequestHeaders;
    match location {
        // The host joins several headers of one name with commas, which no token has: each part
        // counts as a credential.
        Location::Header { name, prefix } => header_text(host, map, name)
            .iter()
            .flat_map(|value| value.split(','))
            .filter_map(|value| after_prefix(value.trim(), prefix))
            .map(str::to_owned)
            .collect(),
        Location::Query(name) => {
            http::query_parameters(&String::from_utf8_lossy(request.raw_path()), name)
        }
        Location::Cookie(name) => header_text(host, map, "cookie")
            .and_then(|cookies| http::cookie(&cookies, name).map(str::to_owned))
            .into_iter()
            .collect(),
    }
}

fn after_prefix<'v>(value: &'v str, prefix: &str) -> Option<&'v str> {
    let (start, rest) = value.split_at_checked(prefix.len())?;
    let rest = rest.trim_start_matches(' ');
    (start.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn the_scheme_is_compared_without_case_and_at_the_start_only() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("BEARER   abc", Some("abc")),
            ("Bearer ", None),
            ("Bearer", None),
            ("Basic zzz Bearer abc", None),
            ("Bearerabc", None),
            ("", None),
        ] {
            assert_eq!(after_prefix(value, "Bearer "), expected, "{value}");
        }
        assert_eq!(after_prefix("abc", ""), Some("abc"));
    }
}
