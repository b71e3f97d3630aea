//! The claims of a verified caller as headers for the upstream.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::json::Json;

use crate::config::{ClaimForm, ClaimHeader, OnTooLarge, Provider};
use crate::reason::Reason;

/// The headers for the claims and the payload of a verified credential.
///
/// # Errors
/// A claim does not fit into its header, or its form cannot write all of it, and its mapping says that
/// the request is refused then.
pub(crate) fn headers(
    provider: &Provider,
    claims: &Json,
    payload: Option<&str>,
) -> Result<Vec<(String, Vec<u8>)>, Reason> {
    let mut headers = Vec::new();
    for mapping in &provider.claims_to_headers {
        let Some(claim) = claims.at(&mapping.claim) else {
            continue;
        };
        let text = header_text(claim, mapping.form);
        match text {
            Some(text) if text.len() <= mapping.max_bytes => {
                headers.push((mapping.header.clone(), text.into_bytes()));
                continue;
            }
            // A claim that is null is as good as none.
            None if *claim == Json::Null => continue,
            _ if mapping.on_too_large == OnTooLarge::Refuse => {
                return Err(Reason::ClaimHeaderTooLarge);
            }
            _ => {}
        }
        let (text, left_out) = truncated(claim, mapping);
        headers.extend(text.map(|text| (mapping.header.clone(), text.into_bytes())));
        headers.push((mapping.truncated_header(), left_out.into_bytes()));
    }
    if let Some(name) = &provider.payload_header {
        let text = match payload {
            Some(payload) => payload.to_owned(),
            None => URL_SAFE_NO_PAD.encode(claims.to_string()),
        };
        headers.push((name.clone(), text.into_bytes()));
    }
    Ok(headers)
}

/// As many items of a list as fit, without those that the form cannot write, and how many are left out;
/// of anything else nothing, since half a value is another value.
fn truncated(claim: &Json, mapping: &ClaimHeader) -> (Option<String>, String) {
    let (Json::Array(items), ClaimForm::Csv | ClaimForm::Json) = (claim, mapping.form) else {
        return (None, "all".to_owned());
    };
    let (open, close) = match mapping.form {
        ClaimForm::Json => ("[", "]"),
        _ => ("", ""),
    };
    let mut text = open.to_owned();
    let mut fitting: usize = 0;
    for item in items {
        let item = match mapping.form {
            ClaimForm::Json => header_text(item, ClaimForm::Json),
            _ => list_item(item),
        };
        let Some(item) = item else { continue };
        let separator = if fitting > 0 { "," } else { "" };
        let size = [&text, separator, &item, close]
            .map(str::len)
            .iter()
            .sum::<usize>();
        if size > mapping.max_bytes {
            break;
        }
        text.push_str(separator);
        text.push_str(&item);
        fitting = fitting.saturating_add(1);
    }
    text.push_str(close);
    let left_out = items.len().saturating_sub(fitting);
    ((fitting > 0).then_some(text), left_out.to_string())
}

/// A claim as the value of a header. No form lets a claim end a line or become another header, and
/// no comma of an item is one between two. `None` for what the form does not write.
fn header_text(claim: &Json, form: ClaimForm) -> Option<String> {
    Some(match (form, claim) {
        (ClaimForm::Csv, Json::Array(items)) => {
            let items = items.iter().filter(|item| **item != Json::Null);
            let items: Option<Vec<String>> = items.map(list_item).collect();
            items?.join(",")
        }
        // A claim that is a string today may be a list tomorrow: both are read as a list.
        (ClaimForm::Csv, scalar) => list_item(scalar)?,
        (ClaimForm::First, Json::Array(items)) => {
            percent_encoded(&items.first()?.scalar_text()?, b"")
        }
        (ClaimForm::First, scalar) => percent_encoded(&scalar.scalar_text()?, b""),
        (ClaimForm::Json, value) => escaped(&value.to_string()),
        (ClaimForm::Base64, Json::String(text)) => URL_SAFE_NO_PAD.encode(text),
        (ClaimForm::Base64, value) => URL_SAFE_NO_PAD.encode(value.to_string()),
    })
}

fn list_item(item: &Json) -> Option<String> {
    item.scalar_text().map(|text| percent_encoded(&text, b","))
}

/// Everything but printable ASCII as `%HH`, and the percent sign itself, and these. So are spaces at
/// either end, which readers of headers and lists drop: ` admin` is not `admin`.
fn percent_encoded(text: &str, also: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    let first = text
        .len()
        .saturating_sub(text.trim_start_matches(' ').len());
    let end = text.trim_end_matches(' ').len();
    for (place, byte) in text.bytes().enumerate() {
        let is_plain =
            (0x21..0x7f).contains(&byte) || byte == b' ' && (first..end).contains(&place);
        if is_plain && byte != b'%' && !also.contains(&byte) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_become_safe_header_values() {
        for (claim, csv, json, first) in [
            (r#""jane""#, Some("jane"), r#""jane""#, Some("jane")),
            (r#"["a","b",3]"#, Some("a,b,3"), r#"["a","b",3]"#, Some("a")),
            (
                r#"["x,admin","y"]"#,
                Some("x%2Cadmin,y"),
                r#"["x,admin","y"]"#,
                Some("x,admin"),
            ),
            (
                r#""x,admin""#,
                Some("x%2Cadmin"),
                r#""x,admin""#,
                Some("x,admin"),
            ),
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
            (
                r#"[" a","b ","c d"," "]"#,
                Some("%20a,b%20,c d,%20"),
                r#"[" a","b ","c d"," "]"#,
                Some("%20a"),
            ),
            (r#"[null,"a"]"#, Some("a"), r#"[null,"a"]"#, None),
            (r#"["a",{"b":1}]"#, None, r#"["a",{"b":1}]"#, Some("a")),
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
    }

    #[test]
    fn what_does_not_fit_is_refused_or_marked_and_never_silently_absent() {
        let groups: Vec<Json> = (0..150)
            .map(|number| Json::String(format!("{number:0>36}")))
            .collect();
        let mapping = |form, on_too_large| ClaimHeader {
            claim: "groups".to_owned(),
            header: "x-groups".to_owned(),
            form,
            max_bytes: 100,
            on_too_large,
        };
        let claim = Json::Array(groups);
        let (text, left_out) = truncated(&claim, &mapping(ClaimForm::Csv, OnTooLarge::Truncate));
        let first_two = format!("{:0>36},{:0>36}", 0, 1);
        assert_eq!((text, left_out.as_str()), (Some(first_two), "148"));
        let (text, left_out) = truncated(&claim, &mapping(ClaimForm::Json, OnTooLarge::Truncate));
        let readable = Json::parse(text.unwrap().as_bytes()).unwrap();
        assert!(matches!(readable, Json::Array(items) if items.len() == 2));
        assert_eq!(left_out, "148");
        let mixed = Json::parse(br#"["a",{"b":1},["c"],"d"]"#).unwrap();
        let (text, left_out) = truncated(&mixed, &mapping(ClaimForm::Csv, OnTooLarge::Truncate));
        assert_eq!((text.as_deref(), left_out.as_str()), (Some("a,d"), "2"));
        let long = Json::String("x".repeat(101));
        for form in [ClaimForm::Csv, ClaimForm::Base64, ClaimForm::First] {
            let (text, left_out) = truncated(&long, &mapping(form, OnTooLarge::Truncate));
            assert_eq!((text, left_out.as_str()), (None, "all"));
        }
    }
}
