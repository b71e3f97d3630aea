//! Signatures, and what is made of them, in a real Envoy: whatever its crypto library says through
//! `verify_signature`, the filter's own engine says too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Envoy, Options};
use envoy_test::peers::{Algorithm, Peers, Token};
use jwt_auth::jose::{self, Key, KeyRules, KeySet, signature_der};
use policy::json::Json;
use serde_json::{Value, json};

/// The orders of the groups of P-256, P-384 and P-521 (SP 800-186, section 3.2.1).
const ORDERS: [(Algorithm, &str); 3] = [
    (
        Algorithm::Es256,
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    ),
    (
        Algorithm::Es384,
        concat!(
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf",
            "581a0db248b0a77aecec196accc52973"
        ),
    ),
    (
        Algorithm::Es512,
        concat!(
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa",
            "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
        ),
    ),
];

/// A signature, changed or not, and how.
struct Variant {
    how: &'static str,
    signature: Vec<u8>,
    /// What must come out.
    right: bool,
}

fn variant(how: &'static str, signature: impl Into<Vec<u8>>, right: bool) -> Variant {
    Variant {
        how,
        signature: signature.into(),
        right,
    }
}

/// Changes that make a signature of any kind wrong.
fn changed(good: &[u8]) -> Vec<Variant> {
    let length = good.len();
    let mut variants = vec![
        variant("as it was made", good, true),
        variant("empty", [], false),
        variant("one byte", [1], false),
        variant("the last byte is missing", &good[..length - 1], false),
        variant("the first byte is missing", &good[1..], false),
        variant("half", &good[..length / 2], false),
        variant("a zero after it", [good, &[0]].concat(), false),
        variant("a zero before it", [&[0], good].concat(), false),
        variant("twice", [good, good].concat(), false),
        variant("all zeros", vec![0; length], false),
        variant("all ones", vec![0xff; length], false),
    ];
    let bits = [
        0,
        7,
        length * 4 - 1,
        length * 4,
        length * 8 - 8,
        length * 8 - 1,
    ];
    for bit in bits {
        let mut flipped = good.to_vec();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        variants.push(variant("a bit is flipped", flipped, false));
    }
    variants
}

/// Changes to the two numbers of an ECDSA signature, and other ways to write them.
fn changed_ecdsa(good: &[u8], order: &[u8]) -> Vec<Variant> {
    let bytes = order.len();
    assert_eq!(good.len(), 2 * bytes);
    let (r, s) = good.split_at(bytes);
    let zero = vec![0; bytes];
    let mut one = zero.clone();
    one[bytes - 1] = 1;
    let join = |r: &[u8], s: &[u8]| [r, s].concat();
    let padded = [&[0], r, &[0], s].concat();
    let mut variants = vec![
        variant("r and s are swapped", join(s, r), false),
        variant("r = 0", join(&zero, s), false),
        variant("s = 0", join(r, &zero), false),
        variant("r = s = 1", join(&one, &one), false),
        variant("r is the order", join(order, s), false),
        variant("s is the order", join(r, order), false),
        variant("r = s = the order", join(order, order), false),
        variant(
            "-s, which is a signature of the same",
            join(r, &difference(order, s)),
            true,
        ),
        variant("-r", join(&difference(order, r), s), false),
        variant("leading zeros", padded, false),
        variant("DER", signature_der(good, bytes).unwrap(), false),
    ];
    // The same number in another way, where there is room for it.
    for (how, sum) in [
        ("r + the order", sum(r, order).map(|sum| join(&sum, s))),
        ("s + the order", sum(s, order).map(|sum| join(r, &sum))),
    ] {
        variants.extend(sum.map(|signature| variant(how, signature, false)));
    }
    variants
}

/// Changes to the number that an RSA signature is.
fn changed_rsa(good: &[u8], modulus: &[u8]) -> Vec<Variant> {
    assert_eq!(good.len(), modulus.len());
    let mut one = vec![0; good.len()];
    *one.last_mut().unwrap() = 1;
    let mut variants = vec![
        variant("1", one.clone(), false),
        variant("the modulus", modulus, false),
        variant("the modulus - 1", difference(modulus, &one), false),
        variant("its negative", difference(modulus, good), false),
    ];
    let sum = sum(good, modulus);
    variants.extend(sum.map(|sum| variant("plus the modulus", sum, false)));
    variants
}

fn difference(from: &[u8], number: &[u8]) -> Vec<u8> {
    let mut result = from.to_vec();
    let mut borrow = 0_i16;
    for (digit, take) in result.iter_mut().zip(number).rev() {
        let left = i16::from(*digit) - i16::from(*take) - borrow;
        borrow = i16::from(left < 0);
        *digit = left.rem_euclid(256) as u8;
    }
    assert_eq!(borrow, 0, "a negative number");
    result
}

/// `None` where it does not fit into as many bytes.
fn sum(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let mut result = a.to_vec();
    let mut carry = 0;
    for (digit, add) in result.iter_mut().zip(b).rev() {
        let sum = u16::from(*digit) + u16::from(*add) + carry;
        carry = sum >> 8;
        *digit = (sum & 0xff) as u8;
    }
    (carry == 0).then_some(result)
}

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

struct Bed {
    peers: Peers,
    envoy: Envoy,
    jwks: Value,
    keys: KeySet,
}

/// Envoy with the keys of an identity provider, one for each algorithm, and those keys natively.
fn bed() -> Bed {
    let peers = Peers::start().unwrap();
    peers.idp.offer(&Algorithm::ALL).unwrap();
    let jwks: Value = serde_json::from_str(&peers.idp.jwks()).unwrap();
    let mut bootstrap = peers.bootstrap(&["jwt-auth"]).unwrap();
    let configuration = json!({
        "providers": {"corp": {
            "issuer": "https://idp.meshward.test",
            "audiences": ["orders-api"],
            "jwks": {"inline": jwks},
        }},
        "rules": [{"require": {"provider": "corp"}}],
    });
    bootstrap
        .configure("jwt-auth", &configuration.to_string())
        .unwrap();
    let options = Options {
        filter_log_level: "debug",
        ..Options::default()
    };
    let envoy = Envoy::start(&bootstrap, options).unwrap();
    // Otherwise both answers would be those of one engine.
    let by_host = "signatures that the host checks: RS256, RS384, RS512, ES256, ES384, ES512";
    assert!(envoy.log().text().contains(by_host));
    let set = Json::parse(jwks.to_string().as_bytes()).unwrap();
    let (keys, skipped) = KeySet::import(&set, &KeyRules::default()).unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    Bed {
        peers,
        envoy,
        jwks,
        keys,
    }
}

impl Bed {
    fn key(&self, algorithm: Algorithm) -> &Key {
        let named = jose::Algorithm::named(algorithm.name()).unwrap();
        let mut keys = self.keys.candidates(named, None);
        keys.next().unwrap()
    }

    fn member(&self, algorithm: Algorithm, name: &str) -> Vec<u8> {
        let keys = self.jwks["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["alg"] == algorithm.name());
        URL_SAFE_NO_PAD
            .decode(key.unwrap()[name].as_str().unwrap())
            .unwrap()
    }

    /// The signing input and the signature of a token.
    fn signed(&self, algorithm: Algorithm) -> (String, Vec<u8>) {
        let token = self.peers.idp.mint(algorithm, &Token::of("alice")).unwrap();
        let (text, signature) = token.rsplit_once('.').unwrap();
        (text.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    /// Both engines about each variant.
    fn compare(&self, algorithm: Algorithm, text: &str, variants: &[Variant]) {
        let client = self.envoy.client(Protocol::BOTH[0]);
        let key = self.key(algorithm);
        let named = jose::Algorithm::named(algorithm.name()).unwrap();
        for Variant {
            how,
            signature,
            right,
        } in variants
        {
            let ours = key.verifies(named, text.as_bytes(), signature);
            assert_eq!(*right, ours, "{algorithm:?} {how}");
            let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature));
            let response = client
                .send(&Request::get("/orders/1").bearer(&token))
                .unwrap();
            let expected = if ours { 200 } else { 401 };
            assert_eq!(
                response.status, expected,
                "{algorithm:?} {how} {response:?}"
            );
            if !ours {
                let kind = response.json()["type"].as_str().unwrap().to_owned();
                assert!(kind.ends_with(":signature_invalid"), "{how} {kind}");
            }
        }
    }
}

#[test]
fn both_engines_agree_on_every_change() {
    let bed = bed();
    for algorithm in Algorithm::ALL {
        let (text, signature) = bed.signed(algorithm);
        let mut variants = changed(&signature);
        if let Some((_, order)) = ORDERS.iter().find(|(of, _)| *of == algorithm) {
            variants.extend(changed_ecdsa(&signature, &bytes_of(order)));
        }
        if algorithm.name().starts_with("RS") || algorithm.name().starts_with("PS") {
            variants.extend(changed_rsa(&signature, &bed.member(algorithm, "n")));
        }
        bed.compare(algorithm, &text, &variants);
    }
}

#[test]
fn a_signature_of_another_text_key_or_algorithm_is_wrong() {
    let bed = bed();
    for algorithm in Algorithm::ALL {
        let (text, _) = bed.signed(algorithm);
        let variants: Vec<Variant> = Algorithm::ALL
            .into_iter()
            .filter(|other| *other != algorithm)
            .map(|other| variant("by another key", bed.signed(other).1, false))
            .collect();
        bed.compare(algorithm, &text, &variants);
        let (_, signature) = bed
            .peers
            .idp
            .mint(algorithm, &Token::of("mallory"))
            .unwrap()
            .rsplit_once('.')
            .map(|(text, signature)| (text.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap()))
            .unwrap();
        bed.compare(
            algorithm,
            &text,
            &[variant("of another text", signature, false)],
        );
    }
}

/// One number in 256 begins with a zero byte, which JOSE keeps: libraries that drop it, or that
/// accept a signature without it, differ here.
#[test]
fn numbers_that_begin_with_zeros() {
    let bed = bed();
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256] {
        let starts = |signature: &[u8]| {
            let half = signature.len() / 2;
            let halved = algorithm != Algorithm::Rs256;
            signature[0] == 0 || halved && signature[half] == 0
        };
        let found = (0..5000_u32).find_map(|number| {
            // ECDSA and PKCS#1 are deterministic here, so that each token must be another one.
            let token = Token::of(&format!("caller {number}"));
            let token = bed.peers.idp.mint(algorithm, &token).unwrap();
            let (text, signature) = token.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            starts(&signature).then(|| (text.to_owned(), signature))
        });
        let (text, signature) = found.expect("one in 128 or 256 begins with a zero");
        let without = signature.iter().position(|byte| *byte == 0).unwrap();
        let mut dropped = signature.clone();
        dropped.remove(without);
        bed.compare(
            algorithm,
            &text,
            &[
                variant("as it was made", signature, true),
                variant("a zero byte is dropped", dropped, false),
            ],
        );
    }
}
