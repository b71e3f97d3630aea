//! What the upstream learns about the caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::{HeaderMap, Host, Request, headers};
use policy::json::Json;

use crate::config::{ClaimForm, Config, Provider};
use crate::reason::Reason;

/// Removes the headers that only this filter may set: first of all, on every request, whatever the
/// rules or the mode say. Nobody after this filter can tell a client's header from ours.
///
/// # Errors
/// The request has such a header and the host cannot remove it, or it has more headers than the
/// host shows: then nobody can say what else is among them.
pub(crate) fn strip_managed_headers(
    host: &dyn Host,
    request: &Request,
    config: &Config,
) -> Result<(), Reason> {
    let mut stripped = Ok(());
    for name in config.managed_headers() {
        if request.may_have_header(name)
            && host.remove_header(HeaderMap::RequestHeaders, name).is_err()
        {
            // In report mode the request goes on, but with nothing that anybody could believe.
            let _ = headers::hide(host, name);
            stripped = Err(Reason::ManagedHeader);
        }
    }
    if request.has_all_headers() {
        stripped
    } else {
        stripped.and(Err(Reason::HeadersUnlisted))
    }
}

/// The headers for the claims and the payload of a verified credential.
#[must_use]
pub(crate) fn headers(
    provider: &Provider,
    claims: &Json,
    payload: Option<&str>,
) -> Vec<(String, Vec<u8>)> {
    let of_claims = provider.claims_to_headers.iter().filter_map(|mapping| {
        let text = header_text(claims.at(&mapping.claim)?, mapping.form)?;
        Some((mapping.header.clone(), text.into_bytes()))
    });
    let of_payload = provider.payload_header.iter().map(|name| {
        let text = match payload {
            Some(payload) => payload.to_owned(),
            None => URL_SAFE_NO_PAD.encode(claims.to_string()),
        };
        (name.clone(), text.into_bytes())
    });
    of_claims.chain(of_payload).collect()
}

/// A claim as the value of a header. No form lets a claim end a line or become another header.
/// `None` for what the form does not write, and for more than fits.
fn header_text(claim: &Json, form: ClaimForm) -> Option<String> {
    let text = match (form, claim) {
        (ClaimForm::Csv, Json::Array(items)) => {
            let items: Option<Vec<String>> = items.iter().map(Json::scalar_text).collect();
            percent_encoded(&items?.join(","))
        }
        (ClaimForm::First, Json::Array(items)) => percent_encoded(&items.first()?.scalar_text()?),
        (ClaimForm::Csv | ClaimForm::First, scalar) => percent_encoded(&scalar.scalar_text()?),
        (ClaimForm::Json, value) => escaped(&value.to_string()),
        (ClaimForm::Base64, Json::String(text)) => URL_SAFE_NO_PAD.encode(text),
        (ClaimForm::Base64, value) => URL_SAFE_NO_PAD.encode(value.to_string()),
    };
    (text.len() <= MAX_HEADER_BYTES).then_some(text)
}

/// Everything but printable ASCII as `%HH`, and the percent sign itself.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// JSON in ASCII: control characters are escaped already, the rest is here.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

const MAX_HEADER_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_become_safe_header_values() {
        for (claim, csv, json, first) in [
            (r#""jane""#, Some("jane"), r#""jane""#, Some("jane")),
            (r#"["a","b",3]"#, Some("a,b,3"), r#"["a","b",3]"#, Some("a")),
            (
                "9007199254740993",
                Some("9007199254740993"),
                "9007199254740993",
                Some("9007199254740993"),
            ),
            ("true", Some("true"), "true", Some("true")),
            (
                r#""a\r\nx-admin: 1""#,
                Some("a%0D%0Ax-admin: 1"),
                r#""a\r\nx-admin: 1""#,
                Some("a%0D%0Ax-admin: 1"),
            ),
            (r#""\u0000""#, Some("%00"), r#""\u0000""#, Some("%00")),
            (
                r#""é%😀""#,
                Some("%C3%A9%25%F0%9F%98%80"),
                r#""\u00e9%\ud83d\ude00""#,
                Some("%C3%A9%25%F0%9F%98%80"),
            ),
            (r#"{"a":1}"#, None, r#"{"a":1}"#, None),
            (r#"[["a"]]"#, None, r#"[["a"]]"#, None),
            ("[]", Some(""), "[]", None),
            ("null", None, "null", None),
        ] {
            let claim = Json::parse(claim.as_bytes()).unwrap();
            let text = |form| header_text(&claim, form);
            assert_eq!(text(ClaimForm::Csv).as_deref(), csv);
            assert_eq!(text(ClaimForm::Json).as_deref(), Some(json));
            assert_eq!(text(ClaimForm::First).as_deref(), first);
            let readable = Json::parse(text(ClaimForm::Json).unwrap().as_bytes()).unwrap();
            assert_eq!(readable, claim);
            let base64 = text(ClaimForm::Base64).unwrap();
            let decoded = URL_SAFE_NO_PAD.decode(base64).unwrap();
            let expected = claim
                .as_str()
                .map_or_else(|| claim.to_string(), str::to_owned);
            assert_eq!(decoded, expected.as_bytes());
        }
        assert_eq!(
            header_text(&Json::String("x".repeat(5000)), ClaimForm::Csv),
            None
        );
    }
}
