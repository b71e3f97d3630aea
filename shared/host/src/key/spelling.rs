//! How a configuration spells the parts of a key.
//!
//! A slip here is dangerous: a part that no request has puts all clients into one bucket. So
//! nothing is taken that cannot be the name of anything, and the message says what was meant.

use policy::config::names::{self, NameError};
use policy::nearest;

use super::KeyPart;

/// Reads a part.
///
/// # Errors
/// What is wrong with it, and what was probably meant.
pub(super) fn parse(text: &str) -> Result<KeyPart, String> {
    let Some((kind, name)) = text.split_once(':') else {
        return word(text).ok_or_else(|| unknown(text));
    };
    let named = match kind {
        "header" => names::field_name(name).map(KeyPart::Header),
        "query" => names::parameter_name(name).map(KeyPart::Query),
        "cookie" => names::cookie_name(name).map(KeyPart::Cookie),
        "claim" => names::claim_path(name).map(KeyPart::Claim),
        _ => return Err(unknown(text)),
    };
    named.map_err(|error| misnamed(kind, &error))
}

fn word(text: &str) -> Option<KeyPart> {
    let part = match text {
        "ip" => KeyPart::Ip,
        "consumer" => KeyPart::Consumer,
        "route" => KeyPart::Route,
        "host" => KeyPart::Host,
        "method" => KeyPart::Method,
        "constant" => KeyPart::Constant,
        _ => return None,
    };
    Some(part)
}

fn misnamed(kind: &str, error: &NameError) -> String {
    let expected = error.expected();
    let meant: Vec<String> = error
        .meant()
        .iter()
        .map(|name| format!("\"{kind}:{name}\""))
        .collect();
    match meant.as_slice() {
        [] => format!("expected {expected} after \"{kind}:\""),
        _ => format!(
            "expected {expected} after \"{kind}:\"; did you mean {}?",
            meant.join(", ")
        ),
    }
}

fn unknown(text: &str) -> String {
    const EXPECTED: &str = r#"expected "ip", "consumer", "route", "host", "method", "constant", or "header:", "query:", "cookie:" or "claim:" with a name"#;
    match meant(text) {
        Some(meant) => format!("did you mean {meant:?}? {EXPECTED}"),
        None => EXPECTED.to_owned(),
    }
}

/// What somebody meant who wrote a kind of part that there is not.
fn meant(text: &str) -> Option<String> {
    let text = text.trim();
    let (kind, name) = match text.split_once([':', ' ', '.', '=', '/']) {
        Some((kind, name)) => (kind, Some(name.trim_matches([':', ' ', '=']))),
        None => (text, None),
    };
    let kind = kind.trim().to_ascii_lowercase();
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        let known = synonym(&kind, &KINDS).or_else(|| near(&kind, &KINDS))?;
        let spelled = format!("{known}:{name}");
        return Some(parse(&spelled).map_or(spelled, |part| part.spelled()));
    }
    if let Some(kind) = KINDS.iter().find(|(known, _)| *known == kind) {
        let example = match kind.0 {
            "claim" => "sub",
            "header" => "x-api-key",
            _ => "user",
        };
        return Some(format!("{}:{example}", kind.0));
    }
    synonym(&kind, &WORDS)
        .or_else(|| near(&kind, &WORDS))
        .map(str::to_owned)
}

fn synonym(found: &str, table: &[(&'static str, &[&str])]) -> Option<&'static str> {
    table
        .iter()
        .find(|(known, others)| *known == found || others.contains(&found))
        .map(|(known, _)| *known)
}

fn near(found: &str, table: &[(&'static str, &[&str])]) -> Option<&'static str> {
    let all = table
        .iter()
        .flat_map(|(known, others)| std::iter::once(*known).chain(others.iter().copied()));
    synonym(nearest(found, all)?, table)
}

/// Kinds of parts with a name, and what other gateways call them.
const KINDS: [(&str, &[&str]); 4] = [
    (
        "header",
        &[
            "headers",
            "http_header",
            "request_header",
            "request_headers",
        ],
    ),
    (
        "query",
        &[
            "param",
            "params",
            "parameter",
            "query_param",
            "query_parameter",
            "query_parameters",
            "arg",
            "args",
        ],
    ),
    ("cookie", &["cookies"]),
    ("claim", &["claims", "jwt", "jwt_claim", "token", "auth"]),
];

/// Parts without a name, and what other gateways call them.
const WORDS: [(&str, &[&str]); 13] = [
    (
        "ip",
        &[
            "ipp",
            "address",
            "client_ip",
            "client_address",
            "remote_addr",
            "remote_address",
            "remote_ip",
            "source_ip",
            "source",
            "binary_remote_addr",
        ],
    ),
    (
        "consumer",
        &[
            "user",
            "users",
            "subject",
            "client",
            "caller",
            "identity",
            "principal",
            "credential",
        ],
    ),
    ("route", &["route_name", "service"]),
    ("host", &["hostname", "domain", "authority", "vhost"]),
    ("method", &["verb", "http_method"]),
    (
        "constant",
        &[
            "all",
            "global",
            "none",
            "everybody",
            "everyone",
            "generic_key",
            "shared",
        ],
    ),
    ("claim:sub", &["sub"]),
    ("claim:tenant", &["tenant", "tenant_id"]),
    ("claim:azp", &["azp"]),
    ("claim:client_id", &["client_id", "app"]),
    (
        "header:x-api-key",
        &["x-api-key", "api_key", "api-key", "apikey"],
    ),
    ("header:authorization", &["authorization"]),
    ("cookie:session", &["session", "session_id"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_reads_back_as_it_is_spelled() {
        for text in [
            "ip",
            "consumer",
            "route",
            "host",
            "method",
            "constant",
            "header:x-api-key",
            "query:filter[user]",
            "cookie:__Host-id",
            "claim:https://example.com/tenant",
        ] {
            assert_eq!(parse(text).unwrap().spelled(), text);
        }
        assert_eq!(parse("header:X-Plan").unwrap().spelled(), "header:x-plan");
    }

    #[test]
    fn a_slip_is_refused_with_what_was_meant() {
        for (text, expected) in [
            ("header: x-api-key", r#"did you mean "header:x-api-key"?"#),
            ("header:x-api-key ", r#"did you mean "header:x-api-key"?"#),
            ("header:x y", r#"did you mean "header:x-y"?"#),
            ("header:a,b", r#"did you mean "header:a", "header:b"?"#),
            ("header:", "expected the name of a header after"),
            ("header", r#"did you mean "header:x-api-key"?"#),
            ("Header:X-Plan", r#"did you mean "header:x-plan"?"#),
            ("heder:x-plan", r#"did you mean "header:x-plan"?"#),
            ("headers:x-plan", r#"did you mean "header:x-plan"?"#),
            ("claim: sub", r#"did you mean "claim:sub"?"#),
            ("claims:sub", r#"did you mean "claim:sub"?"#),
            ("claim.sub", r#"did you mean "claim:sub"?"#),
            ("claim:realm..roles", "expected the path of a claim after"),
            ("jwt:sub", r#"did you mean "claim:sub"?"#),
            ("query:user=", "expected the name of a query parameter"),
            ("param:user", r#"did you mean "query:user"?"#),
            ("cookie:a b", r#"did you mean "cookie:a-b"?"#),
            ("user", r#"did you mean "consumer"?"#),
            ("Consumer", r#"did you mean "consumer"?"#),
            (" ip", r#"did you mean "ip"?"#),
            ("IP", r#"did you mean "ip"?"#),
            ("ipp", r#"did you mean "ip"?"#),
            ("remote_address", r#"did you mean "ip"?"#),
            ("tenant", r#"did you mean "claim:tenant"?"#),
            ("x-api-key", r#"did you mean "header:x-api-key"?"#),
            ("global", r#"did you mean "constant"?"#),
            ("", r#"expected "ip", "consumer""#),
            ("zebra", r#"expected "ip", "consumer""#),
        ] {
            let mistake = parse(text).unwrap_err();
            assert!(mistake.contains(expected), "{text:?}: {mistake}");
        }
    }
}
