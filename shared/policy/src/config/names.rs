//! Names that a configuration gives to parts of a request.
//!
//! A name that no request can ever have is a mistake that would otherwise go unnoticed: a limit
//! whose key is the header `" x-api-key"` finds no request with it, and counts all of them together.

use std::fmt;

use super::Node;

/// Why a text is not the name of anything, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    expected: &'static str,
    meant: Vec<String>,
}

impl NameError {
    /// The names that were probably meant: several where the text is a list of them.
    #[must_use]
    pub fn meant(&self) -> &[String] {
        &self.meant
    }

    /// What a name of this kind looks like, for the error message.
    #[must_use]
    pub const fn expected(&self) -> &'static str {
        self.expected
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)?;
        match self.meant.as_slice() {
            [] => Ok(()),
            [one] => write!(f, "; did you mean {one:?}?"),
            several => write!(
                f,
                "; did you mean {} entries, {}?",
                several.len(),
                quoted(several)
            ),
        }
    }
}

/// The lower-case name of a header: a token (RFC 9110 section 5.6.2) of at most 256 bytes.
///
/// # Errors
/// No header has this name.
pub fn header_name(text: &str) -> Result<String, NameError> {
    check(text, "the name of a header", is_token).map(|name| name.to_ascii_lowercase())
}

/// The name of a header that a filter writes into responses with a value of its own: none that means something else.
///
/// # Errors
/// No header has this name, or HTTP, browsers or caches read the header.
pub fn own_response_header_name(text: &str) -> Result<String, NameError> {
    let name = header_name(text)?;
    let begins = |prefix: &&str| name.starts_with(*prefix);
    if is_framing(&name)
        || READ_BY_CLIENTS.contains(&name.as_str())
        || READ_BY_CLIENTS_PREFIXES.iter().any(begins)
    {
        return Err(NameError {
            expected: "a header that has no meaning of its own, such as one that begins with \"x-\"",
            meant: Vec::new(),
        });
    }
    Ok(name)
}

/// Whether a header says how to read the body of a message or what becomes of the connection: without it, or with
/// another value, the message is another one (RFC 9110 section 8, RFC 9112 section 6).
#[must_use]
pub fn is_framing(name: &str) -> bool {
    const FRAMING: [&str; 11] = [
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "grpc-message",
        "grpc-status",
        "keep-alive",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    FRAMING.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Response headers that clients, browsers and caches act on.
const READ_BY_CLIENTS: [&str; 22] = [
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "clear-site-data",
    "content-disposition",
    "content-language",
    "content-location",
    "date",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "proxy-authenticate",
    "refresh",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "vary",
    "via",
    "www-authenticate",
];

/// What the names of more of them begin with.
const READ_BY_CLIENTS_PREFIXES: [&str; 5] = [
    "accept-",
    "access-control-",
    "content-security-policy",
    "cross-origin-",
    "sec-",
];

/// The name of a header of a request, other than `host`.
///
/// # Errors
/// No request has a header of this name.
pub fn field_name(text: &str) -> Result<String, NameError> {
    let name = header_name(text)?;
    if name == "host" {
        return Err(NameError {
            expected: "a header other than `host`, which proxies hand over as `:authority`; \"hosts\" and \"host\" are about it",
            meant: Vec::new(),
        });
    }
    Ok(name)
}

/// The name of a cookie: a token (RFC 6265 section 4.1.1).
///
/// # Errors
/// No cookie has this name.
pub fn cookie_name(text: &str) -> Result<String, NameError> {
    check(text, "the name of a cookie", is_token).map(str::to_owned)
}

/// The name of a query parameter as it reads once decoded.
///
/// Names with white space or the delimiters of a query are refused: they are nearly always a slip,
/// or written encoded.
///
/// # Errors
/// Not such a name.
pub fn parameter_name(text: &str) -> Result<String, NameError> {
    let plain =
        |name: &str| !has_space(name) && !name.contains(['&', '=', '?', '#', '%', ',', ';', '"']);
    check(text, "the name of a query parameter, decoded", plain).map(str::to_owned)
}

/// The path of a claim: names joined by dots, as in `realm_access.roles`. A name may itself have
/// dots, as in `https://example.com/roles`.
///
/// # Errors
/// Not such a path.
pub fn claim_path(text: &str) -> Result<String, NameError> {
    let plain = |path: &str| {
        let delimited = path.starts_with('.') || path.ends_with('.') || path.contains("..");
        // The syntaxes of other tools: `$.sub`, `roles[0]`, `claim:sub`. Every item of an array is
        // `roles[]`.
        let bare = path.replace("[]", "");
        let foreign = path.starts_with("$.") || bare.contains(['[', ']']) || {
            path.starts_with("claim:") || path.starts_with("claims:")
        };
        !has_star(path)
            && !delimited
            && !foreign
            && !has_space(path)
            && !path.contains([',', ';', '"', '\\'])
    };
    let expected = match has_star(text) {
        true => NO_STAR,
        false => "the path of a claim",
    };
    check(text, expected, plain).map(str::to_owned)
}

/// Whether a part of the path of a claim is `*`, which stands for many where an identity is mapped, and
/// for nothing elsewhere.
#[must_use]
pub fn has_star(path: &str) -> bool {
    path.split('.').any(|name| name == "*")
}

/// What is expected in place of a path with `*`.
pub const NO_STAR: &str =
    "the path of one claim; * stands for the members of an object under \"identity\" only";

fn check<'t>(
    text: &'t str,
    expected: &'static str,
    is_good: impl Fn(&str) -> bool,
) -> Result<&'t str, NameError> {
    let good = |name: &str| {
        (1..=MAX_NAME_BYTES).contains(&name.len())
            && !name.chars().any(char::is_control)
            && is_good(name)
    };
    if good(text) {
        return Ok(text);
    }
    let meant = if text.len() > MAX_NAME_BYTES {
        Vec::new()
    } else {
        meant(text, good)
    };
    Err(NameError { expected, meant })
}

/// Without the spaces and quotes around it, or without its colon; a list as its items; and with a
/// dash where a space stands between two words.
fn meant(text: &str, good: impl Fn(&str) -> bool) -> Vec<String> {
    let trimmed = |text: &str| {
        let around = |c: char| c.is_whitespace() || matches!(c, ':' | '"' | '\'' | '.' | ',' | ';');
        let text = text.trim_matches(around);
        let prefixes = ["$.", "claim:", "claims:"].into_iter();
        let inner = prefixes
            .filter_map(|prefix| text.strip_prefix(prefix))
            .next();
        inner.unwrap_or(text).to_owned()
    };
    let whole = trimmed(text);
    if good(&whole) {
        return vec![whole];
    }
    let items: Vec<String> = whole.split([',', ';']).map(trimmed).collect();
    if items.len() > 1 && items.iter().all(|item| good(item)) {
        return items;
    }
    let words: Vec<&str> = whole.split_whitespace().collect();
    let joined = words.join("-");
    if good(&joined) {
        vec![joined]
    } else {
        Vec::new()
    }
}

/// A token (RFC 9110 section 5.6.2).
#[must_use]
pub fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}

const MAX_NAME_BYTES: usize = 256;

impl Node<'_> {
    /// Names of scopes: one in each item, since a scope has no space in it (RFC 6749 section 3.3).
    #[must_use]
    pub fn scopes(&self) -> Option<Vec<String>> {
        let scopes = self.strings()?;
        if scopes.iter().any(String::is_empty) {
            self.reject_unseen("a scope is never empty: no token has it");
        }
        for scope in scopes.iter().filter(|scope| has_space(scope)) {
            let items: Vec<&str> = scope.split_whitespace().collect();
            self.reject_unseen(format_args!(
                "{scope:?}: a scope has no space in it; expected {items:?}"
            ));
        }
        self.warn_of_commas("scope_comma", &scopes);
        Some(scopes)
    }

    /// Warns about names that look like several in one, which no token is likely to have.
    pub fn warn_of_commas(&self, code: &'static str, names: &[String]) {
        for name in names.iter().filter(|name| name.contains(',')) {
            let items: Vec<&str> = name.split(',').map(str::trim).collect();
            self.warn_unseen(
                code,
                format_args!("{name:?} is one name with a comma in it; did you mean {items:?}?"),
            );
        }
    }
}

/// Whether a name has white space in it, which is always a mistake of writing.
#[must_use]
pub fn has_space(name: &str) -> bool {
    let invisible = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    name.chars().any(|c| c.is_whitespace() || invisible(c))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn names_that_no_request_has_are_refused_with_what_was_meant() {
        for (text, meant) in [
            (" x-api-key", &["x-api-key"][..]),
            ("x-api-key:", &["x-api-key"]),
            ("x api key", &["x-api-key"]),
            ("a,b", &["a", "b"]),
            ("a, b ,c", &["a", "b", "c"]),
            ("x(y)", &[]),
            ("", &[]),
            ("\u{e9}", &[]),
            (":path", &["path"]),
            ("x\u{0}", &[]),
        ] {
            let error = header_name(text).unwrap_err();
            assert_eq!(error.meant(), meant, "{text:?}");
        }
        assert!(header_name(&"x".repeat(257)).is_err());
        assert_eq!(header_name("X-Api_Key.v1"), Ok("x-api_key.v1".to_owned()));
        assert_eq!(
            header_name("a,b").unwrap_err().to_string(),
            r#"expected the name of a header; did you mean 2 entries, "a", "b"?"#
        );
    }

    #[test]
    fn claims_parameters_and_cookies() {
        for good in [
            "sub",
            "realm_access.roles",
            "https://example.com/roles",
            "cognito:groups",
        ] {
            assert_eq!(claim_path(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            " sub",
            "sub ",
            "a..b",
            ".a",
            "a.",
            "a,b",
            "full name",
            "\"sub\"",
        ] {
            assert!(claim_path(bad).is_err(), "{bad:?}");
        }
        for star in ["resource_access.*.roles", "*", "a.*"] {
            let said = claim_path(star).unwrap_err().to_string();
            assert!(said.contains("identity"), "{said}");
        }
        for good in ["user", "filter[tenant]", "user:id", "$top"] {
            assert_eq!(parameter_name(good).as_deref(), Ok(good));
        }
        for bad in ["", " user", "a&b", "user=", "?user", "x y", "a%20b", "a,b"] {
            assert!(parameter_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            cookie_name("__Host-session").as_deref(),
            Ok("__Host-session")
        );
        for bad in ["", "a b", "a=b", "a;b", "\"a\""] {
            assert!(cookie_name(bad).is_err(), "{bad:?}");
        }
    }
}
