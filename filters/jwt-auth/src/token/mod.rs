//! A token in JWS compact form (RFC 7515 section 7.1), taken apart and not yet believed.
//!
//! There is exactly one accepted spelling of each token: three parts, base64url without padding and
//! without stray bits, JSON without duplicate members. A deny-list or a cache by hash would be
//! walked around otherwise.

pub mod base64url;
pub(crate) mod cache;
pub mod claims;
pub mod signature_backend;

use std::rc::Rc;

use policy::json::Json;

use crate::jose::Algorithm;
use crate::reason::Reason;

/// The parts of a token.
#[derive(Clone, PartialEq)]
pub struct Token<'t> {
    /// The whole token as it was sent.
    pub text: &'t str,
    /// What was signed: the first two parts and the dot between them.
    pub signing_input: &'t str,
    /// The decoded third part of the token.
    pub signature: Vec<u8>,
    /// What the first part says.
    pub header: Rc<Header>,
    /// The first part as it was sent.
    pub header_text: &'t str,
    /// The claims, always an object.
    pub claims: Json,
    /// The text that the claims were read from.
    pub claims_text: String,
    /// The second part as it was sent: base64url.
    pub payload: &'t str,
}

/// What the header of a token says, as far as anybody may listen to it: where keys are to be had
/// (`jku`, `x5u`, `jwk`, `x5c`) is not for a token to say (RFC 8725 section 3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `alg`, where it is one that there is.
    pub algorithm: Option<Algorithm>,
    /// The id of the signing key, `kid`.
    pub key_id: Option<String>,
    /// The type of the token, `typ`.
    pub kind: Option<String>,
}

/// Headers of tokens that were verified: nearly all tokens of an issuer have the same one.
#[derive(Debug, Default)]
pub struct KnownHeaders {
    headers: Vec<(String, Rc<Header>)>,
    next: usize,
}

impl<'t> Token<'t> {
    /// Takes a token apart, and checks everything that needs no key and no configuration.
    ///
    /// # Errors
    /// The reason to refuse it.
    pub fn parse(text: &'t str, known: &KnownHeaders) -> Result<Self, Reason> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(Reason::TokenTooLarge);
        }
        let mut parts = text.split('.');
        let (Some(header_text), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Reason::TokenMalformed);
        };
        let header = match known.header(header_text) {
            Some(known) => known,
            None => Rc::new(Header::parse(header_text)?),
        };
        let (claims, claims_text) = decode_object(payload)?;
        let signature = decode(signature)?;
        let signing_input = header_text
            .len()
            .checked_add(payload.len())
            .and_then(|length| text.get(..length.checked_add(1)?))
            .ok_or(Reason::TokenMalformed)?;
        Ok(Self {
            text,
            signing_input,
            signature,
            header,
            header_text,
            claims,
            claims_text,
            payload,
        })
    }
}

impl Header {
    fn parse(text: &str) -> Result<Self, Reason> {
        if text.len() > MAX_HEADER_BYTES {
            return Err(Reason::TokenTooLarge);
        }
        let (header, _) = decode_object(text)?;
        for extension in ["crit", "b64", "zip"] {
            if header.member(extension).is_some() {
                return Err(Reason::TokenExtension);
            }
        }
        let text_member = |name: &str| match header.member(name) {
            None => Ok(None),
            Some(Json::String(value)) => Ok(Some(value.clone())),
            Some(_) => Err(Reason::TokenMalformed),
        };
        Ok(Self {
            algorithm: Algorithm::named(&text_member("alg")?.ok_or(Reason::TokenMalformed)?),
            key_id: text_member("kid")?,
            kind: text_member("typ")?,
        })
    }
}

impl KnownHeaders {
    /// The header of a token that was verified; in place of the one that has been known longest.
    pub fn remember(&mut self, token: &Token<'_>) {
        if token.header_text.len() > MAX_KNOWN_BYTES || self.header(token.header_text).is_some() {
            return;
        }
        let entry = (token.header_text.to_owned(), Rc::clone(&token.header));
        if self.headers.len() < MAX_KNOWN {
            self.headers.push(entry);
        } else if let Some(oldest) = self.headers.get_mut(self.next) {
            *oldest = entry;
            self.next = self.next.wrapping_add(1) % MAX_KNOWN;
        }
    }

    fn header(&self, text: &str) -> Option<Rc<Header>> {
        self.headers
            .iter()
            .find(|(known, _)| known == text)
            .map(|(_, header)| Rc::clone(header))
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Reason> {
    base64url::decode(part).ok_or(Reason::TokenMalformed)
}

fn decode_object(part: &str) -> Result<(Json, String), Reason> {
    let text = String::from_utf8(decode(part)?).map_err(|_| Reason::TokenMalformed)?;
    let json = Json::parse(text.as_bytes()).map_err(|_| Reason::TokenMalformed)?;
    match json {
        Json::Object(_) if depth_within(&json, MAX_DEPTH) => Ok((json, text)),
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

/// The largest token that is looked at.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_HEADER_BYTES: usize = 4 * 1024;
const MAX_DEPTH: u32 = 32;
const MAX_KNOWN: usize = 8;
const MAX_KNOWN_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
        Token::parse(text, &KnownHeaders::default())
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
            *token.header,
            Header {
                algorithm: Some(Algorithm::Rs256),
                key_id: Some("a".to_owned()),
                kind: Some("at+JWT".to_owned()),
            }
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
        assert_eq!(parse(&"a".repeat(100_000)), Err(Reason::TokenTooLarge));
        let wide_header = token(&format!(r#"{{"alg":"{}"}}"#, "x".repeat(5000)), "{}");
        assert_eq!(parse(&wide_header), Err(Reason::TokenTooLarge));
    }

    #[test]
    fn few_headers_are_remembered_and_the_oldest_goes() {
        let mut known = KnownHeaders::default();
        let texts: Vec<String> = (0..20)
            .map(|id| token(&format!(r#"{{"alg":"RS256","kid":"{id}"}}"#), "{}"))
            .collect();
        for text in &texts {
            let token = Token::parse(text, &known).unwrap();
            known.remember(&token);
            assert!(Rc::ptr_eq(
                &Token::parse(text, &known).unwrap().header,
                &token.header
            ));
        }
        assert_eq!(known.headers.len(), MAX_KNOWN);
        for text in &texts {
            assert_eq!(
                Token::parse(text, &known).unwrap().header,
                parse(text).unwrap().header
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", parts in "[A-Za-z0-9_.=-]{0,200}") {
            let _ = (parse(&text).is_ok(), parse(&parts).is_ok());
        }
    }
}
