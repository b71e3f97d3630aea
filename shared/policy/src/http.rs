//! The small syntaxes inside HTTP fields: cookies, query parameters, host names.

use std::borrow::Cow;

use crate::values;

/// The value of a cookie in a `Cookie` header (RFC 6265 section 4.2.1); the first of that name.
#[must_use]
pub fn cookie<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    cookies(header, name).next()
}

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

/// The values of all cookies of a name, in order. Servers disagree on which one counts.
pub fn cookies<'h>(header: &'h str, name: &str) -> impl Iterator<Item = &'h str> {
    header.split(';').filter_map(move |pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim() == name).then(|| unquoted(value.trim()))
    })
}

/// Whether there is a cookie that some servers take for the one of this name.
#[must_use]
pub fn has_other_spelling_of_cookie(header: &str, name: &str) -> bool {
    let names = header
        .split(';')
        .map(|pair| pair.split('=').next().unwrap_or(pair).trim());
    let mut others = names.filter(|found| *found != name);
    others.any(|found| parameters_alike(found.as_bytes(), name.as_bytes()))
}

/// The `Cookie` header without the cookies that some server takes for the one of this name; `None`
/// when nothing is left.
#[must_use]
pub fn without_cookie(header: &str, name: &str) -> Option<String> {
    let kept: Vec<&str> = header
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .filter(|pair| {
            let found = pair.split('=').next().unwrap_or(pair).trim();
            !parameters_alike(found.as_bytes(), name.as_bytes())
        })
        .collect();
    (!kept.is_empty()).then(|| kept.join("; "))
}

/// The decoded values of a query parameter in a `:path`, in order.
#[must_use]
pub fn query_parameters(path: &str, name: &str) -> Vec<String> {
    query_pairs(path)
        .filter(|(found, _)| form_decoded(found) == name)
        .map(|(_, value)| form_decoded(value))
        .collect()
}

/// Whether there is a query parameter in a `:path` that some servers take for the one of this name,
/// beside those that [`query_parameters`] finds.
#[must_use]
pub fn has_other_spelling_of_parameter(path: &str, name: &str) -> bool {
    let query = query_of(path);
    let is_alike = |pair: &&str| {
        let found = form_decoded_name(pair);
        parameters_alike(found.as_bytes(), name.as_bytes())
    };
    let alike = query.split(['&', ';']).filter(is_alike).count();
    let usual = query
        .split('&')
        .filter(|pair| form_decoded_name(pair) == name);
    alike > usual.count()
}

/// The `:path` without the query parameters that some server takes for the one of this name, the
/// rest byte for byte. Some servers take `;` for `&`.
#[must_use]
pub fn without_query_parameter(path: &str, name: &str) -> String {
    let Some((before, query)) = path.split_once('?') else {
        return path.to_owned();
    };
    let (query, fragment) = match query.split_once('#') {
        Some((query, fragment)) => (query, Some(fragment)),
        None => (query, None),
    };
    let is_other = |pair: &&str| {
        let found = form_decoded_name(pair);
        !parameters_alike(found.as_bytes(), name.as_bytes())
    };
    let mut kept: Vec<String> = Vec::new();
    for parameter in query.split('&') {
        let parts: Vec<&str> = parameter.split(';').filter(is_other).collect();
        if !parts.is_empty() {
            kept.push(parts.join(";"));
        }
    }
    let mut result = before.to_owned();
    if !kept.is_empty() {
        result.push('?');
        result.push_str(&kept.join("&"));
    }
    if let Some(fragment) = fragment {
        result.push('#');
        result.push_str(fragment);
    }
    result
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

/// Whether servers may take one name of a parameter or cookie for another. ASP.NET ignores case. PHP
/// takes `.`, space and `[` for `_`, drops spaces in front and all from a zero byte on; and
/// `name[]` or `name[0]` is an item of `name` to many.
#[must_use]
pub fn parameters_alike(name: &[u8], other: &[u8]) -> bool {
    name == other || variable(name).eq_ignore_ascii_case(&variable(other))
}

/// The variable that PHP makes of a parameter.
fn variable(name: &[u8]) -> Cow<'_, [u8]> {
    let name = name.split(|byte| *byte == 0).next().unwrap_or(name);
    let name = name.trim_ascii_start();
    let index = name.iter().skip(1).position(|byte| *byte == b'[');
    let end = index.map_or(name.len(), |index| index.saturating_add(1));
    let name = name.get(..end).unwrap_or(name);
    if !name.iter().any(|byte| b". [".contains(byte)) {
        return Cow::Borrowed(name);
    }
    let replaced = |byte: &u8| if b". [".contains(byte) { b'_' } else { *byte };
    Cow::Owned(name.iter().map(replaced).collect())
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

/// Decodes the form encoding (`+` is a space). A broken escape stays as it is, and bytes that are
/// not UTF-8 become U+FFFD: a value that is compared or verified, never trusted.
fn form_decoded(text: &str) -> String {
    crate::text::lossy(&values::form_decoded(text.as_bytes())).into_owned()
}

fn query_of(path: &str) -> &str {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    query.split('#').next().unwrap_or(query)
}

fn form_decoded_name(pair: &str) -> String {
    form_decoded(pair.split('=').next().unwrap_or(pair))
}

fn query_pairs(path: &str) -> impl Iterator<Item = (&str, &str)> {
    query_of(path)
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_form_holds_any_bytes() {
        assert_eq!(
            form_encoded(b"a-b._*~ +&=%\xff"),
            "a-b._*%7E%20%2B%26%3D%25%FF"
        );
    }

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn cookies_of_a_name() {
        let header = r#"a=1; session="x.y.z"; b==2;c; session=second"#;
        assert_eq!(cookie(header, "session"), Some("x.y.z"));
        assert!(cookies(header, "session").eq(["x.y.z", "second"]));
        assert_eq!(cookie(header, "b"), Some("=2"));
        assert_eq!(cookie(header, "c"), None);
        assert_eq!(cookie(header, "sessio"), None);
        assert_eq!(
            without_cookie(header, "session").as_deref(),
            Some("a=1; b==2; c")
        );
        assert_eq!(without_cookie("session=1", "session"), None);
        assert!(has_other_spelling_of_cookie("a=1; Session=2", "session"));
        assert!(!has_other_spelling_of_cookie(
            "a=session; session=2",
            "session"
        ));
        assert_eq!(
            without_cookie("s.id=1; S_ID=2; a=3", "s_id").as_deref(),
            Some("a=3")
        );
    }

    #[test]
    fn query_parameters_decode_and_leave() {
        let path = "/p?access_token=a%2Eb&x=1+2&access%5Ftoken=c&y#access_token=d";
        assert_eq!(query_parameters(path, "access_token"), ["a.b", "c"]);
        assert_eq!(query_parameters(path, "x"), ["1 2"]);
        assert_eq!(query_parameters(path, "y"), [""]);
        assert_eq!(query_parameters("/p?x=%zz%4", "x"), ["%zz%4"]);
        assert_eq!(query_parameters("/p", "x"), Vec::<String>::new());
        assert_eq!(
            without_query_parameter(path, "access_token"),
            "/p?x=1+2&y#access_token=d"
        );
        assert_eq!(without_query_parameter("/p?t=1", "t"), "/p");
        assert_eq!(without_query_parameter("/p", "t"), "/p");
        let spelled = "/p?a_t=1&x=2;A.T=3&a_t[]=4&y=5;z";
        assert!(has_other_spelling_of_parameter(spelled, "a_t"));
        assert!(!has_other_spelling_of_parameter(
            "/p?a_t=1&x=a.t#A_T=1",
            "a_t"
        ));
        assert!(has_other_spelling_of_parameter(
            "/p?x=1;a_t=evil&a_t=good",
            "a_t"
        ));
        assert_eq!(without_query_parameter(spelled, "a_t"), "/p?x=2&y=5;z");
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
    fn parameters_that_some_server_takes_for_one() {
        for other in [
            "access_token",
            "Access_Token",
            "access.token",
            "access token",
            " access_token",
            "access_token[]",
            "access.token[0]",
            "access_token\0x",
        ] {
            assert!(
                parameters_alike(b"access_token", other.as_bytes()),
                "{other}"
            );
        }
        for other in [
            "access-token",
            "access_tokens",
            "accesstoken",
            "x[access_token]",
            "",
        ] {
            assert!(
                !parameters_alike(b"access_token", other.as_bytes()),
                "{other}"
            );
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
