//! Finding credentials in a request, and taking them out again.

use std::borrow::Cow;

use host::{HeaderMap, Host, Request, Status, header_text, headers};
use policy::http;

use crate::config::Location;

/// A credential and where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential<'r> {
    /// Its text, as it was sent.
    pub(crate) text: Cow<'r, str>,
    /// Whether it was in the query, where logs and histories see it.
    pub(crate) in_query: bool,
}

/// The different credentials of a request among these locations, in their order.
pub(crate) fn find<'r>(
    host: &dyn Host,
    request: &'r Request,
    locations: &[Location],
) -> Vec<Credential<'r>> {
    let mut found: Vec<Credential<'r>> = Vec::new();
    for location in locations {
        at(host, request, location, &mut |credential| {
            if !found.iter().any(|known| known.text == credential.text) {
                found.push(credential);
            }
        });
    }
    found
}

/// Removes what is at a location, so that the upstream never sees the credential.
///
/// # Errors
/// The upstream would see it.
pub(crate) fn strip(host: &dyn Host, request: &Request, location: &Location) -> Result<(), Status> {
    let map = HeaderMap::RequestHeaders;
    match location {
        Location::Header { name, .. } => {
            if request.may_have_header(name) {
                headers::hide(host, name)?;
            }
        }
        Location::Query(name) => {
            if request.raw_path().contains(&b'?')
                && let Some(path) = header_text(host, map, ":path")
            {
                let without = http::without_query_parameter(&path, name);
                if without != path {
                    host.set_header(map, ":path", without.as_bytes())?;
                }
            }
        }
        Location::Cookie(name) => {
            if request.may_have_header("cookie")
                && let Some(cookies) = header_text(host, map, "cookie")
            {
                let rest = http::without_cookie(&cookies, name);
                match rest {
                    Some(rest) if rest == cookies => {}
                    Some(rest) => host.set_header(map, "cookie", rest.as_bytes())?,
                    None => headers::hide(host, "cookie")?,
                }
            }
        }
    }
    Ok(())
}

fn at<'r>(
    host: &dyn Host,
    request: &'r Request,
    location: &Location,
    found: &mut dyn FnMut(Credential<'r>),
) {
    match location {
        // Several headers of one name are joined with commas, which no credential has: each part
        // counts as one.
        Location::Header { name, prefix } => match request.header_bytes(host, name) {
            Some(Cow::Borrowed(value)) => match String::from_utf8_lossy(value) {
                Cow::Borrowed(value) => {
                    for text in parts(value, prefix) {
                        let text = Cow::Borrowed(text);
                        found(Credential {
                            text,
                            in_query: false,
                        });
                    }
                }
                Cow::Owned(value) => owned(&value, prefix, found),
            },
            Some(Cow::Owned(value)) => owned(&String::from_utf8_lossy(&value), prefix, found),
            None => {}
        },
        // What is there and empty is as good as absent: a browser that was logged out.
        Location::Query(name) => {
            if request.raw_path().contains(&b'?') {
                let path = String::from_utf8_lossy(request.raw_path());
                for text in http::query_parameters(&path, name) {
                    if !text.is_empty() {
                        found(Credential {
                            text: Cow::Owned(text),
                            in_query: true,
                        });
                    }
                }
            }
        }
        Location::Cookie(name) => {
            let cookies = request.header(host, "cookie").unwrap_or_default();
            for text in http::cookies(&cookies, name).filter(|text| !text.is_empty()) {
                let text = Cow::Owned(text.to_owned());
                found(Credential {
                    text,
                    in_query: false,
                });
            }
        }
    }
}

fn owned<'r>(value: &str, prefix: &str, found: &mut dyn FnMut(Credential<'r>)) {
    for text in parts(value, prefix) {
        let text = Cow::Owned(text.to_owned());
        found(Credential {
            text,
            in_query: false,
        });
    }
}

fn parts<'v>(value: &'v str, prefix: &str) -> impl Iterator<Item = &'v str> {
    value
        .split(',')
        .filter_map(move |part| after_prefix(part.trim(), prefix))
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
