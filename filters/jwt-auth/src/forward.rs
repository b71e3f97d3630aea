//! What the upstream learns about the caller.

use host::{HeaderMap, Host};
use policy::json::Json;

use crate::config::{Config, Provider};

/// Removes the headers that only this filter may set: first of all, on every request, whatever the
/// rules or the mode say. Nobody after this filter can tell a client's header from ours.
pub(crate) fn strip_managed_headers(host: &dyn Host, config: &Config) {
    for name in config.managed_headers() {
        let _ = host.remove_header(HeaderMap::RequestHeaders, name);
    }
}

/// Sets the claim headers and the payload header of a verified token.
pub(crate) fn set_headers(host: &dyn Host, provider: &Provider, claims: &Json, payload: &str) {
    let map = HeaderMap::RequestHeaders;
    for mapping in &provider.claims_to_headers {
        if let Some(text) = claims.at(&mapping.claim).and_then(header_text) {
            let _ = host.set_header(map, &mapping.header, text.as_bytes());
        }
    }
    if let Some(name) = &provider.payload_header {
        let _ = host.set_header(map, name, payload.as_bytes());
    }
}

/// A claim as the value of a header: a scalar as its text, an array of scalars separated by commas,
/// numbers exact. Everything but printable ASCII is percent-encoded, so that no claim ends a line
/// or becomes another header. `None` for objects, and for more than fits.
fn header_text(claim: &Json) -> Option<String> {
    let parts = match claim {
        Json::Array(items) => items
            .iter()
            .map(Json::scalar_text)
            .collect::<Option<Vec<_>>>()?,
        scalar => vec![scalar.scalar_text()?],
    };
    let mut text = String::new();
    for byte in parts.join(",").bytes() {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    (text.len() <= MAX_HEADER_BYTES).then_some(text)
}

const MAX_HEADER_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_become_safe_header_values() {
        for (claim, expected) in [
            (r#""jane""#, Some("jane")),
            (r#"["a","b",3]"#, Some("a,b,3")),
            ("9007199254740993", Some("9007199254740993")),
            ("true", Some("true")),
            (r#""a\r\nx-admin: 1""#, Some("a%0D%0Ax-admin: 1")),
            (r#""\u0000""#, Some("%00")),
            (r#""é%""#, Some("%C3%A9%25")),
            (r#"{"a":1}"#, None),
            (r#"[["a"]]"#, None),
            ("null", None),
        ] {
            let claim = Json::parse(claim.as_bytes()).unwrap();
            assert_eq!(header_text(&claim).as_deref(), expected);
        }
        assert_eq!(header_text(&Json::String("x".repeat(5000))), None);
    }
}
