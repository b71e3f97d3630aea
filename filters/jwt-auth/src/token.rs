//! A token in JWS compact form (RFC 7515 section 7.1), taken apart and not yet believed.
//!
//! There is exactly one accepted spelling of each token: three parts, base64url without padding and
//! without stray bits, JSON without duplicate members. A deny-list or a cache by hash would be
//! walked around otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::json::Json;

use crate::reason::Reason;

/// The parts of a token.
#[derive(Clone, PartialEq)]
pub struct Token<'t> {
    /// The whole text, for the engine that wants it whole.
    pub text: &'t str,
    /// What was signed: the first two parts and the dot between them.
    pub signing_input: &'t str,
    /// The signature.
    pub signature: Vec<u8>,
    /// `alg`.
    pub algorithm: String,
    /// `kid`.
    pub key_id: Option<String>,
    /// The claims, an object.
    pub claims: Json,
    /// The second part as it was sent: base64url.
    pub payload: &'t str,
}

impl<'t> Token<'t> {
    /// Takes a token apart. Checks everything that needs no key and no configuration but `types`,
    /// the accepted `typ` values in lower case.
    ///
    /// # Errors
    /// The reason to refuse it.
    pub fn parse(text: &'t str, types: &[&str]) -> Result<Self, Reason> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(Reason::TokenTooLarge);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Reason::TokenMalformed);
        };
        if header.len() > MAX_HEADER_BYTES {
            return Err(Reason::TokenTooLarge);
        }
        let header_json = decode_object(header)?;
        let claims = decode_object(payload)?;
        let signature = decode(signature)?;
        for extension in ["crit", "b64", "zip"] {
            if header_json.member(extension).is_some() {
                return Err(Reason::TokenExtension);
            }
        }
        let text_member = |name: &str| match header_json.member(name) {
            None => Ok(None),
            Some(Json::String(value)) => Ok(Some(value.clone())),
            Some(_) => Err(Reason::TokenMalformed),
        };
        if let Some(kind) = text_member("typ")?
            && !types.contains(&kind.to_ascii_lowercase().as_str())
        {
            return Err(Reason::TokenType);
        }
        let signing_input = header
            .len()
            .checked_add(payload.len())
            .and_then(|length| text.get(..length.checked_add(1)?))
            .ok_or(Reason::TokenMalformed)?;
        Ok(Self {
            text,
            signing_input,
            signature,
            algorithm: text_member("alg")?.ok_or(Reason::TokenMalformed)?,
            key_id: text_member("kid")?,
            claims,
            payload,
        })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Reason> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Reason::TokenMalformed)
}

fn decode_object(part: &str) -> Result<Json, Reason> {
    let json = Json::parse(&decode(part)?).map_err(|_| Reason::TokenMalformed)?;
    match json {
        Json::Object(_) if depth_within(&json, MAX_DEPTH) => Ok(json),
        _ => Err(Reason::TokenMalformed),
    }
}

fn depth_within(json: &Json, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match json {
        Json::Array(items) => items.iter().all(|item| depth_within(item, depth)),
        Json::Object(members) => members.iter().all(|(_, value)| depth_within(value, depth)),
        _ => true,
    }
}

/// The `typ` values of access tokens (RFC 7519 section 5.1, RFC 9068 section 2.1).
pub const ACCESS_TOKEN_TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_HEADER_BYTES: usize = 4 * 1024;
const MAX_DEPTH: u32 = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    fn token(header: &str, claims: &str) -> String {
        format!(
            "{}.{}.{}",
            encode(header),
            encode(claims),
            encode("signature")
        )
    }

    fn parse(text: &str) -> Result<Token<'_>, Reason> {
        Token::parse(text, &ACCESS_TOKEN_TYPES)
    }

    impl std::fmt::Debug for Token<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Token")
        }
    }

    #[test]
    fn takes_a_token_apart() {
        let text = token(
            r#"{"alg":"RS256","kid":"a","typ":"at+JWT"}"#,
            r#"{"sub":"jane"}"#,
        );
        let token = parse(&text).unwrap();
        assert_eq!(
            (token.algorithm.as_str(), token.key_id.as_deref()),
            ("RS256", Some("a"))
        );
        assert_eq!(token.claims.member("sub").unwrap().as_str(), Some("jane"));
        assert_eq!(token.signature, b"signature");
        assert!(text.starts_with(token.signing_input));
        assert_eq!(token.signing_input.matches('.').count(), 1);
    }

    #[test]
    fn refuses_every_other_spelling() {
        let header = r#"{"alg":"RS256"}"#;
        let good = token(header, r#"{"sub":"jane"}"#);
        assert!(parse(&good).is_ok());
        let stray_bits = format!("{}.{}.YR", encode(header), encode("{}"));
        for bad in [
            String::new(),
            "..".to_owned(),
            "a.b".to_owned(),
            format!(".{good}"),
            format!("{good}."),
            format!("{good}=="),
            format!("{good} "),
            format!(" {good}"),
            good.replace('.', ".."),
            stray_bits,
            token("[]", "{}"),
            token(header, "[]"),
            token(header, "null"),
            token("{}", "{}"),
            token(r#"{"alg":5}"#, "{}"),
            token(r#"{"alg":"RS256","kid":5}"#, "{}"),
            token(r#"{"alg":"RS256","alg":"RS256"}"#, "{}"),
            token(header, r#"{"sub":"a","sub":"b"}"#),
            token(header, r#"{"x":{"a":1,"a":2}}"#),
            token(header, r#"{"sub":"a"} "x""#),
            token(
                header,
                &format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40)),
            ),
        ] {
            assert_eq!(parse(&bad), Err(Reason::TokenMalformed), "{bad}");
        }
        for extension in [
            r#""crit":[]"#,
            r#""crit":["exp"]"#,
            r#""b64":false"#,
            r#""zip":"DEF""#,
        ] {
            let text = token(&format!(r#"{{"alg":"RS256",{extension}}}"#), "{}");
            assert_eq!(parse(&text), Err(Reason::TokenExtension));
        }
        for kind in ["dpop+jwt", "JOSE", "logout+jwt", ""] {
            let text = token(&format!(r#"{{"alg":"RS256","typ":"{kind}"}}"#), "{}");
            assert_eq!(parse(&text), Err(Reason::TokenType));
        }
        assert_eq!(parse(&"a".repeat(100_000)), Err(Reason::TokenTooLarge));
        let wide_header = token(&format!(r#"{{"alg":"{}"}}"#, "x".repeat(5000)), "{}");
        assert_eq!(parse(&wide_header), Err(Reason::TokenTooLarge));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", parts in "[A-Za-z0-9_.=-]{0,200}") {
            let _ = (parse(&text).is_ok(), parse(&parts).is_ok());
        }
    }
}
