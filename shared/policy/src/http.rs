//! The small syntaxes inside HTTP fields: cookies, query parameters, host names.

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

/// A cookie that some server reads in a `Cookie` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieReading<'h> {
    /// Where its name begins in the pair between semicolons that it is in; 0 for the cookie that every server reads there.
    start: usize,
    /// The name, without space around it.
    pub(crate) name: &'h [u8],
    /// The value, without space around it; `None` for a name alone.
    pub(crate) value: Option<&'h [u8]>,
}

/// Every cookie that some server reads in a `Cookie` header.
///
/// To RFC 6265 section 5.4 and most servers a semicolon ends a cookie and nothing else. White space ends one for
/// Python's `http.cookies` (Bottle, aiohttp, CherryPy), white space and commas for WebOb, and commas for RFC 2109 and
/// RFC 2965 (Jetty, Tomcat, Rack 1).
pub(crate) fn cookie_readings(header: &[u8]) -> impl Iterator<Item = CookieReading<'_>> {
    let pairs = header.split(|byte| *byte == b';');
    pairs.flat_map(|pair| {
        let mut sides = pair.splitn(2, |byte| *byte == b'=');
        let usual = CookieReading {
            start: 0,
            name: sides.next().unwrap_or(pair).trim_ascii(),
            value: sides.next().map(<[u8]>::trim_ascii),
        };
        let signs = pair.iter().enumerate().filter(|(_, byte)| **byte == b'=');
        // The first name of all has blanks in front, too.
        let first = pair.len().saturating_sub(pair.trim_ascii_start().len());
        let others = signs.filter_map(move |(sign, _)| {
            let name = pair.get(..sign)?.trim_ascii_end();
            let is_before = |byte: &u8| *byte == b'=' || ends_cookie(*byte);
            let before = name.iter().rposition(is_before)?;
            let start = before.saturating_add(1);
            if start <= first || name.get(before) == Some(&b'=') {
                return None;
            }
            Some(CookieReading {
                start,
                name: name.get(start..)?,
                value: pair.get(sign..)?.get(1..).map(cut_value),
            })
        });
        let cut = usual.value.map(cut_value);
        let cut = (cut != usual.value).then_some(CookieReading {
            value: cut,
            ..usual
        });
        std::iter::once(usual).chain(cut).chain(others)
    })
}

/// A value up to what ends it for some server; one in quotes is whole. No byte is read for more than two cookies.
fn cut_value(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii_start();
    let quoted = value.strip_prefix(b"\"").and_then(|inner| {
        let closing = inner.iter().position(|byte| *byte == b'"')?;
        value.get(..closing.saturating_add(2))
    });
    quoted.unwrap_or_else(|| {
        let end = value.iter().position(|byte| ends_cookie(*byte));
        let end = end.unwrap_or(value.len());
        value.get(..end).unwrap_or(value)
    })
}

/// Whether some server takes a byte within a pair for the end of a cookie.
const fn ends_cookie(byte: u8) -> bool {
    byte == b',' || byte.is_ascii_whitespace() || matches!(byte, 0x0b | 0x1c..=0x1f)
}

/// Whether there is a cookie that some servers take for the one of this name, beside those that [`cookies`] finds.
#[must_use]
pub fn has_other_spelling_of_cookie(header: &str, name: &str) -> bool {
    let name = name.as_bytes();
    cookie_readings(header.as_bytes()).any(|cookie| {
        let is_usual = cookie.start == 0 && cookie.name == name;
        !is_usual && parameters_alike(cookie.name, name)
    })
}

/// The `Cookie` header without the cookies that some server takes for the one of this name; `None`
/// when nothing is left. Where such a cookie is a part of the value of another one, the other ends before it.
#[must_use]
pub fn without_cookie(header: &str, name: &str) -> Option<String> {
    let keeps = |pair: &str| {
        let alike = cookie_readings(pair.as_bytes())
            .filter(|cookie| parameters_alike(cookie.name, name.as_bytes()));
        let first = alike.map(|cookie| cookie.start).min();
        let kept = pair.get(..first.unwrap_or(pair.len())).unwrap_or_default();
        match first {
            None => kept.trim().to_owned(),
            Some(_) => kept
                .trim_matches(|letter: char| u8::try_from(letter).is_ok_and(ends_cookie))
                .to_owned(),
        }
    };
    let kept: Vec<String> = header
        .split(';')
        .map(keeps)
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

/// Whether some server takes a parameter or cookie of a request, `found`, for the one that a configuration calls `name`.
///
/// ASP.NET ignores case. PHP takes `.`, space and `[` for `_`, drops spaces in front and all from a zero byte on;
/// `URLSearchParams` drops a second `?` in front. To
/// many `name[]` or `name[0]` is an item of `name`; Rack (up to 2) and qs (Express 4) also drop brackets in front of a
/// name, and whatever stands behind a single one. The name `page[size]` stands for that member of `page`, and its items.
#[must_use]
pub fn parameters_alike(found: &[u8], name: &[u8]) -> bool {
    if found == name {
        return true;
    }
    let found = found.split(|byte| *byte == 0).next().unwrap_or(found);
    let found = without_front(found);
    let is_bracket = |byte: &u8| matches!(*byte, b'[' | b']');
    let parts = |name| <[u8]>::split(name, is_bracket).filter(|part: &&[u8]| !part.is_empty());
    if name.iter().any(is_bracket) {
        let mut of_found = parts(found);
        return parts(name)
            .all(|part| of_found.next().is_some_and(|found| fold_alike(found, part)));
    }
    let inner = found.iter().skip(1).position(|byte| *byte == b'[');
    let item_of = inner.and_then(|inner| found.get(..inner.saturating_add(1)));
    fold_alike(found, name)
        || item_of.is_some_and(|base| fold_alike(base, name))
        || found.iter().any(is_bracket)
            && parts(found)
                .next()
                .is_some_and(|base| fold_alike(base, name))
}

/// The names without brackets for which [`parameters_alike`] may take a parameter of a request, folded: what is none of
/// them is no name of it. To find it among thousands.
pub(crate) fn parameter_keys(found: &[u8]) -> Vec<Vec<u8>> {
    let is_odd = |byte: &u8| matches!(byte, 0 | b'[' | b']');
    let has_front = || without_front(found).len() != found.len();
    if !has_front() && !found.iter().any(is_odd) {
        return vec![folded(found)];
    }
    let end = found.split(|byte| *byte == 0).next().unwrap_or(found);
    let trimmed = without_front(end);
    let inner = trimmed.iter().skip(1).position(|byte| *byte == b'[');
    let item_of = inner.and_then(|inner| trimmed.get(..inner.saturating_add(1)));
    let mut parts = trimmed.split(|byte| matches!(*byte, b'[' | b']'));
    let base = parts.find(|part| !part.is_empty());
    let mut keys = vec![folded(found)];
    for name in [Some(trimmed), item_of, base].into_iter().flatten() {
        let key = folded(name);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Without what stands in front of a name: blanks (PHP), or the second `?` of a query, which `URLSearchParams` drops.
fn without_front(name: &[u8]) -> &[u8] {
    let name = name.strip_prefix(b"?").unwrap_or(name);
    name.trim_ascii_start()
}

/// A name as PHP and ASP.NET compare it.
pub(crate) fn folded(name: &[u8]) -> Vec<u8> {
    name.iter().map(folded_byte).collect()
}

const fn folded_byte(byte: &u8) -> u8 {
    match *byte {
        b'.' | b' ' | b'[' => b'_',
        other => other.to_ascii_lowercase(),
    }
}

/// Whether PHP makes one variable of two names, or ASP.NET reads one parameter.
fn fold_alike(name: &[u8], other: &[u8]) -> bool {
    let folded = |name| <[u8]>::iter(name).map(folded_byte);
    name.len() == other.len() && folded(name).eq(folded(other))
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

    /// Python's `http.cookies` ends a cookie at white space, WebOb and RFC 2965 at commas.
    #[test]
    fn cookies_behind_a_blank_or_a_comma() {
        for header in [
            "session=GOOD; a=b session=EVIL",
            "session=GOOD; a=b, session=EVIL",
            "session=GOOD; a=b,session=EVIL",
            "session=GOOD; a=\"b\" session=EVIL",
            "session=GOOD; a=b\tsession = EVIL",
            "session=GOOD; a=b\u{b}Session=EVIL; c",
            "session=GOOD; a=b x session=EVIL y=1",
            "a session=EVIL",
            "a=\"b, session=EVIL\"",
        ] {
            assert!(has_other_spelling_of_cookie(header, "session"), "{header}");
            let rest = without_cookie(header, "session").unwrap_or_default();
            assert!(
                !rest.contains("EVIL") && !rest.contains("GOOD"),
                "{header}: {rest}"
            );
            assert!(rest.starts_with('a'), "{header}: {rest}");
        }
        for header in [
            "session=GOOD",
            "session=a=b==; x=session",
            "x=a=session=1",
            "xsession=1; session-x=2; a=b sessions=1",
            "session=\"a b\"",
            "x=1;  session=2",
        ] {
            assert!(!has_other_spelling_of_cookie(header, "session"), "{header}");
        }
    }

    /// A square of a million would not end.
    #[test]
    fn a_long_header_of_cookies_costs_no_square() {
        for (piece, behind) in [
            ("=", ""),
            ("a=", ""),
            (" a=", ""),
            (" a=\"", ""),
            ("=", " ;x"),
            (" ", "=;"),
        ] {
            let most = 1_000_000 / piece.len();
            let blanks = " ".repeat(1_000_000);
            for header in [
                format!("{}{behind}", piece.repeat(most)),
                format!("x{blanks}{}{behind}", piece.repeat(most)),
                format!("{blanks}{}{blanks}{behind}", piece.repeat(most)),
            ] {
                assert!(!has_other_spelling_of_cookie(&header, "session"));
                assert!(without_cookie(&header, "session").is_some());
            }
        }
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
            "access[token",
            "access[token]",
            "[access_token]",
            "[[access.token]]",
            "]access_token",
            "access_token]",
            "access_token][x",
            "?access_token",
            "access_token[a][b]",
        ] {
            let expected = other != "access[token]";
            assert_eq!(
                parameters_alike(other.as_bytes(), b"access_token"),
                expected,
                "{other}"
            );
        }
        for other in [
            "access-token",
            "access_tokens",
            "accesstoken",
            "x[access_token]",
            "[x]access_token",
            "",
            "[]",
        ] {
            assert!(
                !parameters_alike(other.as_bytes(), b"access_token"),
                "{other}"
            );
        }
    }

    #[test]
    fn a_member_of_a_parameter_is_itself_and_no_other_member() {
        for other in [
            "page[size]",
            "Page[size]",
            "page[size][]",
            "[page][size]",
            "page[size",
        ] {
            assert!(parameters_alike(other.as_bytes(), b"page[size]"), "{other}");
        }
        for other in ["page", "page[number]", "page_size", "size", "page[]"] {
            assert!(
                !parameters_alike(other.as_bytes(), b"page[size]"),
                "{other}"
            );
        }
    }

    /// What PHP makes of the name of a parameter (Variables From External Sources, and `parse_str` of PHP 8).
    fn of_php(name: &str) -> String {
        let name = name.split('\0').next().unwrap_or_default();
        let name = name.trim_start_matches(' ');
        let mut base = String::new();
        let mut rest = name.chars();
        while let Some(letter) = rest.next() {
            let is_first = base.is_empty();
            let is_array = !is_first && letter == '[' && rest.as_str().contains(']');
            match letter {
                _ if is_array => return base,
                '.' | ' ' | '[' => base.push('_'),
                other => base.push(other),
            }
        }
        base
    }

    /// What Rack 2 makes of it (`normalize_params`: `\A[\[\]]*([^\[\]]+)\]*`).
    fn of_rack(name: &str) -> String {
        let brackets = ['[', ']'];
        let name = name.trim_start_matches(brackets);
        name.split(brackets).next().unwrap_or_default().to_owned()
    }

    /// What qs 6 makes of it: a segment in brackets is a key, also the first.
    fn of_qs(name: &str) -> String {
        let brackets = name.split_once('[').and_then(|(base, behind)| {
            let (first, _) = behind.split_once(']')?;
            Some((base, first))
        });
        let (base, first) = brackets.unwrap_or((name, ""));
        let key = if base.is_empty() { first } else { base };
        key.to_owned()
    }

    #[test]
    fn each_name_that_a_server_takes_for_the_parameter_is_alike() {
        let pieces = ["", "a", "_", ".", " ", "[", "]", "[]", "[0]", "\0", "x"];
        let mut taken = 0;
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    for fourth in pieces {
                        let name = [first, second, third, "b", fourth].concat();
                        for wanted in ["a_b", "b", "ab"] {
                            let servers = [of_php(&name), of_rack(&name), of_qs(&name)];
                            if servers.iter().any(|server| server == wanted) {
                                taken += 1;
                                assert!(
                                    parameters_alike(name.as_bytes(), wanted.as_bytes()),
                                    "{name:?} is {wanted:?} to one of PHP, Rack, qs: {servers:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
        assert!(taken > 500, "{taken}");
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
