//! What jwt-simple signs, we accept, for every algorithm that both know.

use jwt_auth::jose::Algorithm;
use jwt_simple::prelude::{
    Claims, Duration, ECDSAP256KeyPairLike as _, ECDSAP256PublicKeyLike as _,
    ECDSAP384KeyPairLike as _, ECDSAP384PublicKeyLike as _, ES256KeyPair, ES384KeyPair,
    Ed25519KeyPair, EdDSAKeyPairLike as _, HS256Key, HS384Key, HS512Key, JWTClaims, MACLike as _,
    NoCustomClaims, PS256KeyPair, PS384KeyPair, PS512KeyPair, RS256KeyPair, RS384KeyPair,
    RS512KeyPair, RSAKeyPairLike as _,
};

use super::{encode, import, split};

/// Each signature is by a new key, over new claims.
const ROUNDS: usize = 8;

fn claims(round: usize) -> JWTClaims<NoCustomClaims> {
    Claims::create(Duration::from_mins(5)).with_subject(format!("caller {round}"))
}

fn accepted(algorithm: Algorithm, jwk: &str, token: &str) {
    let key = import(jwk).unwrap();
    let (text, mut signature) = split(token);
    assert!(key.verifies(algorithm, text, &signature), "{token}");
    *signature.last_mut().unwrap() ^= 1;
    assert!(!key.verifies(algorithm, text, &signature), "{token}");
}

fn elliptic(curve: &str, point: &[u8]) -> String {
    let (x, y) = point[1..].split_at(point.len() / 2);
    let (x, y) = (encode(x), encode(y));
    format!(r#"{{"kty":"EC","crv":"{curve}","x":"{x}","y":"{y}"}}"#)
}

#[test]
fn elliptic_signatures_of_another_implementation() {
    for round in 0..ROUNDS {
        let key = ES256KeyPair::generate();
        let jwk = elliptic(
            "P-256",
            &key.public_key().public_key().to_bytes_uncompressed(),
        );
        accepted(Algorithm::Es256, &jwk, &key.sign(claims(round)).unwrap());

        let key = ES384KeyPair::generate();
        let jwk = elliptic(
            "P-384",
            &key.public_key().public_key().to_bytes_uncompressed(),
        );
        accepted(Algorithm::Es384, &jwk, &key.sign(claims(round)).unwrap());

        let key = Ed25519KeyPair::generate();
        let x = encode(&key.public_key().to_bytes());
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
        accepted(Algorithm::EdDsa, &jwk, &key.sign(claims(round)).unwrap());
    }
}

#[test]
fn rsa_signatures_of_another_implementation() {
    // One key for all: making one takes longer than everything else here.
    let pem = RS256KeyPair::generate(2048).unwrap().to_pem().unwrap();
    macro_rules! check {
        ($($pair:ident $algorithm:ident),*) => {$(
            let key = $pair::from_pem(&pem).unwrap();
            let parts = key.public_key().to_components();
            let (n, e) = (encode(&parts.n), encode(&parts.e));
            let name = Algorithm::$algorithm.name();
            let jwk = format!(r#"{{"kty":"RSA","alg":"{name}","n":"{n}","e":"{e}"}}"#);
            for round in 0..ROUNDS {
                accepted(Algorithm::$algorithm, &jwk, &key.sign(claims(round)).unwrap());
            }
        )*};
    }
    check!(
        RS256KeyPair Rs256, RS384KeyPair Rs384, RS512KeyPair Rs512,
        PS256KeyPair Ps256, PS384KeyPair Ps384, PS512KeyPair Ps512
    );
}

#[test]
fn codes_of_another_implementation() {
    macro_rules! check {
        ($($key:ident $algorithm:ident),*) => {$(
            for round in 0..ROUNDS {
                let bytes: Vec<u8> = (0..64 + round).map(|i| (i * 7 + round) as u8).collect();
                let name = Algorithm::$algorithm.name();
                let jwk = format!(r#"{{"kty":"oct","alg":"{name}","k":"{}"}}"#, encode(&bytes));
                let token = $key::from_bytes(&bytes).authenticate(claims(round)).unwrap();
                accepted(Algorithm::$algorithm, &jwk, &token);
            }
        )*};
    }
    check!(HS256Key Hs256, HS384Key Hs384, HS512Key Hs512);
}
