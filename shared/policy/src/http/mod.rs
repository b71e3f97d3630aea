//! The small syntaxes inside HTTP fields: cookies, query parameters, host names.

mod cookies;
mod parameters;

pub(crate) use cookies::cookie_readings;
pub use cookies::{cookie, cookies, has_other_spelling_of_cookie, without_cookie};
pub(crate) use parameters::{folded, parameter_keys};
pub use parameters::{
    has_other_spelling_of_parameter, parameters_alike, query_parameters, without_query_parameter,
};

/// The largest length of a body that a `content-length` announces, also where it has several; one that
/// cannot be read is larger than any.
#[must_use]
pub fn announced_bytes(content_length: &[u8]) -> u64 {
    let read = |length: &[u8]| {
        let text = std::str::from_utf8(length.trim_ascii()).ok()?;
        text.parse().ok().filter(|_| !text.starts_with('+'))
    };
    let lengths = content_length.split(|byte| *byte == b',');
    lengths.fold(0, |most, length| most.max(read(length).unwrap_or(u64::MAX)))
}

/// Form encoding (the URL standard, section 5.2): what is neither letter, digit nor one of `*-._` as
/// `%HH`.
#[must_use]
pub fn form_encoded(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// A host name as rules compare it: lower case, without port, trailing dot and IPv6 brackets. What is
/// no host name with or without a port stays as it is, see [`is_host`].
#[must_use]
pub fn host_name(authority: &str) -> String {
    let authority = authority.trim_matches([' ', '\t']);
    let host = before_port(authority).unwrap_or(authority);
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether every server reads one host in a value: a name or an address, and at most a port (RFC 3986
/// section 3.2.2, without user and escapes). Of `a@b`, `a:x@b`, `%61` or `a,b` some take one and
/// some another.
#[must_use]
pub fn is_host(authority: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let authority = authority.trim_matches([' ', '\t']);
    before_port(authority).is_some_and(|host| match authority.starts_with('[') {
        true => host.parse::<std::net::Ipv6Addr>().is_ok(),
        false => host.bytes().all(is_plain),
    })
}

/// What stands before the port, without brackets; `None` where what follows it is no port.
fn before_port(authority: &str) -> Option<&str> {
    let (host, behind) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at_checked(authority.find(':').unwrap_or(authority.len()))?,
    };
    let port = if behind.is_empty() {
        behind
    } else {
        behind.strip_prefix(':')?
    };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    is_port.then_some(host)
}

/// Whether upstreams that make variables of headers (CGI, WSGI, PHP) may take two names for one: to
/// them, case and all that is neither letter nor digit are the same.
#[must_use]
pub fn folds_alike(name: &[u8], other: &[u8]) -> bool {
    let alike = |(a, b): (&u8, &u8)| {
        a.eq_ignore_ascii_case(b) || !(a.is_ascii_alphanumeric() || b.is_ascii_alphanumeric())
    };
    name.len() == other.len() && name.iter().zip(other).all(alike)
}

/// The media type of a `Content-Type` without parameters, lower case (RFC 9110 section 8.3.1).
#[must_use]
pub fn media_type(content_type: &str) -> String {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_form_holds_any_bytes() {
        assert_eq!(
            form_encoded(b"a-b._*~ +&=%\xff"),
            "a-b._*%7E%20%2B%26%3D%25%FF"
        );
    }

    #[test]
    fn names_that_fold_alike() {
        for other in ["x-tier", "x_tier", "X-Tier", "x.tier", "X_TIER"] {
            assert!(folds_alike(b"x-tier", other.as_bytes()), "{other}");
        }
        for other in ["xxtier", "x-tiers", "x-tie", "x-tie-", ""] {
            assert!(!folds_alike(b"x-tier", other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn host_names() {
        for (authority, expected) in [
            ("API.example.com:8443", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("[::1]:80", "::1"),
            (" a_b.example.com: ", "a_b.example.com"),
            ("", ""),
        ] {
            assert_eq!(host_name(authority), expected);
            assert!(is_host(authority), "{authority}");
        }
        for doubtful in [
            "user@api.example.com",
            "admin.example.com:x@public.example.com",
            "admin.example.com:80@public.example.com",
            "admin%2eexample.com",
            "admin.example.com,public.example.com",
            "admin.example.com public.example.com",
            "http://admin.example.com/",
            "\"admin.example.com\"",
            "\\admin.example.com",
            "admin.example.com/x",
            "admin.example.com?",
            "admin.example.com#",
            "admin.example.com:80:90",
            "[::1",
            "[::1]x",
            "[::1%25eth0]",
            "[example.com]",
            "::1",
            "m\u{fc}ller.example",
            "a\u{fffd}",
            "\u{a0}admin.example.com",
            "admin.example.com\u{b}",
        ] {
            assert!(!is_host(doubtful), "{doubtful}");
            assert_ne!(host_name(doubtful), "admin.example.com", "{doubtful}");
        }
        assert_eq!(
            media_type("Application/JSON; charset=utf-8"),
            "application/json"
        );
    }
}
