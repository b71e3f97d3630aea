//! Signatures whose outcome others have published, checked by our engine.
//!
//! The appendices of the standards, the Wycheproof collection, and what another implementation
//! signs. Where a published label and our result differ, [`exceptions`] says why; an exception that
//! has lost its reason fails the test as well.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod collection;
mod exceptions;
mod other_implementation;
mod published;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::jose::{Algorithm, AlgorithmSet, KNOWN_ANSWERS, Key, KeyRules, KnownAnswer};
use jwt_auth::reason::Reason;
use jwt_auth::token::{KnownHeaders, Token};
use policy::json::Json;

use published::PUBLISHED;

/// Everything that the filter knows, secrets too.
fn all_rules() -> KeyRules {
    KeyRules {
        algorithms: Algorithm::ALL.into_iter().collect(),
        listed: true,
        secrets: true,
    }
}

fn import(jwk: &str) -> Result<Key, &'static str> {
    Key::import(&Json::parse(jwk.as_bytes()).unwrap(), &all_rules())
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The signing input and the signature.
fn split(token: &str) -> (&[u8], Vec<u8>) {
    let (text, signature) = token.rsplit_once('.').unwrap();
    (text.as_bytes(), URL_SAFE_NO_PAD.decode(signature).unwrap())
}

#[test]
fn the_signatures_of_the_standards_are_right() {
    for vector in &PUBLISHED {
        let key = import(vector.jwk).unwrap();
        let (text, signature) = split(vector.token);
        for algorithm in Algorithm::ALL {
            assert_eq!(
                key.verifies(algorithm, text, &signature),
                algorithm == vector.algorithm,
                "{} as {}",
                vector.name,
                algorithm.name()
            );
        }
    }
}

#[test]
fn a_change_of_any_bit_is_noticed() {
    for vector in &PUBLISHED {
        let key = import(vector.jwk).unwrap();
        let (text, signature) = split(vector.token);
        for byte in 0..signature.len() {
            let mut changed = signature.clone();
            changed[byte] ^= 1 << (byte % 8);
            assert!(!key.verifies(vector.algorithm, text, &changed));
        }
        let mut other = text.to_vec();
        other[text.len() / 2] ^= 1;
        assert!(!key.verifies(vector.algorithm, &other, &signature));
        for length in [0, 1, signature.len() / 2, signature.len() - 1] {
            let cut = &signature[..length];
            assert!(!key.verifies(vector.algorithm, text, cut), "{length}");
        }
        for padding in [
            [&signature[..], &[0]].concat(),
            [&[0], &signature[..]].concat(),
        ] {
            assert!(!key.verifies(vector.algorithm, text, &padding));
        }
    }
}

#[test]
fn only_what_carries_claims_is_a_token() {
    for vector in &PUBLISHED {
        let parsed = Token::parse(vector.token, &KnownHeaders::default());
        let claims = ["RFC 7515 A.1", "RFC 7515 A.2", "RFC 7515 A.3"].contains(&vector.name);
        match parsed {
            Ok(token) => {
                assert!(claims, "{}", vector.name);
                let named = token.header.algorithm;
                assert_eq!(named, Some(vector.algorithm));
                assert_eq!(token.signing_input.as_bytes(), split(vector.token).0);
                assert_eq!(token.signature, split(vector.token).1);
                assert_eq!(token.claims.member("iss").unwrap().as_str(), Some("joe"));
            }
            Err(reason) => {
                assert!(!claims, "{}", vector.name);
                assert_eq!(reason, Reason::TokenMalformed, "{}", vector.name);
            }
        }
    }
}

#[test]
fn the_known_answers_that_hosts_are_tried_with_are_right() {
    let mut tried = Vec::new();
    for known in KNOWN_ANSWERS {
        let key = import(known.jwk).unwrap();
        assert_eq!(key.algorithms, AlgorithmSet::from(known.algorithm));
        let signature = URL_SAFE_NO_PAD.decode(known.signature).unwrap();
        assert!(key.verifies(known.algorithm, KnownAnswer::TEXT, &signature));
        tried.push(known.algorithm);
    }
    assert_eq!(tried, Algorithm::ALL);
}
