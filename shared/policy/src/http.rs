//! The small syntaxes inside HTTP fields: cookies, query parameters, host names.

use crate::hex;

/// The value of a cookie in a `Cookie` header (RFC 6265 section 4.2.1); the first of that name.
#[must_use]
pub fn cookie<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    cookies(header, name).next()
}

/// The values of all cookies of a name, in order. Servers disagree on which one counts.
pub fn cookies<'h>(header: &'h str, name: &str) -> impl Iterator<Item = &'h str> {
    header.split(';').filter_map(move |pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim() == name).then(|| unquoted(value.trim()))
    })
}

/// The `Cookie` header without the cookies of this name; `None` when nothing is left.
#[must_use]
pub fn without_cookie(header: &str, name: &str) -> Option<String> {
    let kept: Vec<&str> = header
        .split(';')
        .map(str::trim)
        .filter(|pair| pair.split('=').next().map(str::trim) != Some(name))
        .filter(|pair| !pair.is_empty())
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

/// The `:path` without the query parameters of this name, the rest byte for byte.
#[must_use]
pub fn without_query_parameter(path: &str, name: &str) -> String {
    let Some((before, query)) = path.split_once('?') else {
        return path.to_owned();
    };
    let (query, fragment) = match query.split_once('#') {
        Some((query, fragment)) => (query, Some(fragment)),
        None => (query, None),
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| form_decoded(pair.split('=').next().unwrap_or(pair)) != name)
        .collect();
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

/// A host name as rules compare it: lower case, without port, trailing dot and IPv6 brackets.
#[must_use]
pub fn host_name(authority: &str) -> String {
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host.trim_end_matches('.').to_ascii_lowercase()
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

/// Decodes the form encoding (`+` is a space). A broken escape stays as it is, and bytes that are
/// not UTF-8 become U+FFFD: a value that is compared or verified, never trusted.
fn form_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = after
            .split_at_checked(2)
            .filter(|_| *first == b'%')
            .and_then(|(digits, tail)| {
                let byte = hex::value(digits.try_into().ok()?)?;
                Some((byte, tail))
            });
        let (byte, tail) = match (first, escape) {
            (_, Some(escaped)) => escaped,
            (b'+', None) => (b' ', after),
            (other, None) => (*other, after),
        };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn query_pairs(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or(query);
    query
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
            ("user@api.example.com", "api.example.com"),
            ("", ""),
        ] {
            assert_eq!(host_name(authority), expected);
        }
        assert_eq!(
            media_type("Application/JSON; charset=utf-8"),
            "application/json"
        );
    }
}
