//! What a key may be, and where keys may come from.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use host::fake::{CallResponse, Profile};
use serde_json::{Value, json};

use super::bed::{Bed, ISSUER, Signer, bearer, encode, header_of, in_every_host, refusal};

fn with_keys(jwks: &Value) -> Value {
    json!({
        "providers": {"corp": {"issuer": ISSUER, "audiences": ["api"], "jwks": jwks}},
        "rules": [{"require": {"provider": "corp"}}],
    })
}

fn remote() -> Value {
    with_keys(&json!({"remote": {
        "uri": "https://idp.example.com/jwks", "cluster": "idp", "timeout": "2s",
        "cache_duration": "10m", "max_stale": "1h", "min_refresh": "30s",
    }}))
}

fn discovery() -> Value {
    with_keys(&json!({"discovery": {"cluster": "idp", "timeout": "2s"}}))
}

/// Keys that no token is checked with, and why.
fn bad_keys() -> Vec<(Value, &'static str)> {
    let good = Signer::new("a", 7).jwk();
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        jwk
    };
    let rsa = |n: &[u8], e: &[u8]| json!({"kty": "RSA", "n": encode(n), "e": encode(e)});
    let mut n = vec![0xc5; 256];
    n[255] = 1;
    let mut even = n.clone();
    even[255] = 2;
    let size = "an RSA modulus of less than 2048 or more than 8192 bits";
    let exponent = "an RSA exponent other than an odd number from 65537";
    let point = "coordinates of the wrong length, or not on the curve";
    let private = "a private key, which must not be published";
    let curve = "a curve that is not supported";
    let okp = |x: &[u8]| json!({"kty": "OKP", "crv": "Ed25519", "x": encode(x)});
    let short = |name: &str| {
        let text = good[name].as_str().unwrap();
        with(name, json!(&text[..40]))
    };
    vec![
        (
            with("kty", json!("EC2")),
            "a key type that is not supported",
        ),
        (with("kty", json!(null)), "no key type (kty)"),
        (with("kty", json!(5)), "a member that should be a string"),
        (with("kty", json!("OKP")), curve),
        (with("crv", json!("secp256k1")), curve),
        (with("crv", json!("P-384")), point),
        (
            with("alg", json!("RS256")),
            "an algorithm that does not fit the key",
        ),
        (
            with("alg", json!("ES384")),
            "an algorithm that does not fit the key",
        ),
        (
            with("alg", json!("ES256K")),
            "an algorithm that is not supported",
        ),
        (
            with("alg", json!("none")),
            "an algorithm that is not supported",
        ),
        (with("use", json!("enc")), "not for signatures (use)"),
        (
            with("key_ops", json!(["sign"])),
            "not for verifying (key_ops)",
        ),
        (
            with("key_ops", json!("verify")),
            "not for verifying (key_ops)",
        ),
        (with("d", json!("AQAB")), private),
        (with("k", json!("AQAB")), private),
        (with("x", good["y"].clone()), point),
        (short("x"), point),
        (short("y"), point),
        (
            with("x", json!("not base64")),
            "a number of the key is not base64url",
        ),
        (
            with("x", json!("A".repeat(5000))),
            "a number of the key is too long",
        ),
        (rsa(&n[..128], &[1, 0, 1]), size),
        (rsa(&n[1..], &[1, 0, 1]), size),
        (rsa(&[&n[..], &[1; 1024]].concat(), &[1, 0, 1]), size),
        (rsa(&n, &[3]), exponent),
        (rsa(&n, &[1]), exponent),
        (rsa(&n, &[1, 0, 0]), exponent),
        (rsa(&n, &[1, 0, 0, 0, 1]), exponent),
        (rsa(&n, &[]), exponent),
        (rsa(&even, &[1, 0, 1]), "an RSA modulus that is even"),
        (rsa(&roca(), &[1, 0, 1]), "CVE-2017-15361"),
        (okp(&[0; 31]), point),
        (okp(&[1; 33]), point),
        // The neutral element.
        (okp(&[&[1][..], &[0; 31]].concat()), point),
        (
            json!({"kty": "OKP", "crv": "Ed448", "x": encode([1; 57])}),
            curve,
        ),
        (
            json!({"kty": "oct", "alg": "HS256", "k": encode([1; 31])}),
            "a secret that is shorter than the hash",
        ),
        (
            json!({"kty": "oct", "k": encode([1; 32])}),
            "a shared secret without its algorithm",
        ),
        (json!({"kid": "a"}), "no key type"),
        (json!("EC"), "no key type"),
    ]
}

/// A modulus as the weak generator made them: modulo each small prime a power of 65537, here 1.
fn roca() -> Vec<u8> {
    const PRIMES: [u32; 39] = [
        2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    // The product of the primes, then times 256 until it is 2048 bits long, and 1 more.
    let mut number = vec![1_u8];
    let times = |number: &mut Vec<u8>, factor: u32| {
        let mut carry = 0;
        for digit in number.iter_mut().rev() {
            let product = u32::from(*digit) * factor + carry;
            *digit = (product & 0xff) as u8;
            carry = product >> 8;
        }
        if carry > 0 {
            number.insert(0, carry as u8);
        }
    };
    for prime in PRIMES {
        times(&mut number, prime);
    }
    number.resize(256, 0);
    while number[0] & 0x80 == 0 {
        times(&mut number, 2);
    }
    *number.last_mut().unwrap() |= 1;
    number
}

#[test]
fn bad_keys_are_left_out_with_a_reason() {
    for (jwk, reason) in bad_keys() {
        let said = refusal(&with_keys(&json!({"inline": {"keys": [jwk]}})));
        assert!(said.contains("no usable key"), "{said}");
        assert!(said.contains(reason), "{jwk}: {reason}: {said}");
        for name in ["d", "k"] {
            if let Some(secret) = jwk[name].as_str().filter(|text| text.len() > 8) {
                assert!(!said.contains(secret), "{said}");
            }
        }
    }
}

#[test]
fn bad_keys_of_a_provider_harm_nobody_but_themselves() {
    let signer = Signer::new("good", 7);
    let mut keys: Vec<Value> = bad_keys().into_iter().map(|(key, _)| key).collect();
    keys.push(signer.jwk());
    let count = keys.len() - 1;
    let jwks = json!({"keys": keys}).to_string();
    in_every_host(&remote(), |bed| {
        let response = jwks.clone();
        bed.responses(move |_| CallResponse::http(200, response.clone()));
        bed.wait(Duration::from_millis(150));
        let token = signer.token(&bed.claims(&json!({})));
        bed.passes("the good key", &bearer("/", &token), &token);
        let secret = signer.sign(r#"{"alg":"HS256"}"#, &bed.claims(&json!({})).to_string());
        let expected = (401, "algorithm_not_allowed");
        bed.refuses("a secret", &bearer("/", &secret), &secret, expected);
        if bed.profile == Profile::Envoy {
            let metric = "meshward.jwt-auth.keys_skipped_total;provider=corp";
            assert_eq!(bed.proxy.host().metric(metric), count as i64);
        }
    });
}

#[test]
fn secrets_and_public_keys_do_not_mix() {
    let secret = json!({"kty": "oct", "alg": "HS256", "k": encode([1; 32])});
    let mut configuration =
        with_keys(&json!({"inline": {"keys": [secret, Signer::new("a", 7).jwk()]}}));
    configuration["providers"]["corp"]["algorithms"] = json!(["HS256", "ES256"]);
    let said = refusal(&configuration);
    assert!(said.contains("shared secrets and public keys"), "{said}");
    let mut configuration = remote();
    configuration["providers"]["corp"]["algorithms"] = json!(["HS256", "ES256"]);
    let said = refusal(&configuration);
    assert!(said.contains("HS256"), "{said}");
    let mut configuration = remote();
    configuration["providers"]["corp"]["clock_skew"] = json!("301s");
    assert!(refusal(&configuration).contains("clock_skew"));
    let mut configuration = remote();
    configuration["providers"]["corp"]["audiences"] = json!(null);
    assert!(refusal(&configuration).contains("audiences"));
}

#[test]
fn keys_come_over_tls() {
    for (form, uri) in [
        ("remote", "http://idp.example.com/jwks"),
        ("discovery", "http://idp.example.com/"),
        ("remote", "file:///etc/passwd"),
        ("remote", "https://user@idp.example.com/"),
        ("remote", "https://idp.example.com/a\r\nx: y"),
    ] {
        let said = refusal(&with_keys(&json!({form: {"uri": uri, "cluster": "idp"}})));
        assert!(said.contains("jwks"), "{uri}: {said}");
    }
    let mut open = remote();
    let settings = &mut open["providers"]["corp"]["jwks"]["remote"];
    settings["uri"] = json!("http://idp.example.com/jwks");
    settings["plain_http"] = json!(true);
    Bed::new(Profile::Envoy, &open);
}

#[test]
fn without_keys_nothing_is_decided() {
    let signer = Signer::new("a", 7);
    let good = signer.jwks().to_string();
    let redirect = CallResponse::Http {
        headers: vec![
            (b":status".to_vec(), b"302".to_vec()),
            (b"location".to_vec(), b"https://evil.test/jwks".to_vec()),
        ],
        body: good.clone().into_bytes(),
        trailers: Vec::new(),
    };
    for (line, response) in [
        ("redirect", redirect),
        ("404", CallResponse::http(404, good.clone())),
        ("500", CallResponse::http(500, good.clone())),
        ("a reset", CallResponse::Nothing),
        ("a timeout", CallResponse::timeout()),
        ("HTML", CallResponse::http(200, "<html>")),
        ("no set", CallResponse::http(200, "{}")),
        ("an empty set", CallResponse::http(200, r#"{"keys":[]}"#)),
        (
            "only bad keys",
            CallResponse::http(200, r#"{"keys":[{"kty":"EC"}]}"#),
        ),
        (
            "twice",
            CallResponse::http(200, format!(r#"{{"keys":[],{}"#, &good[1..])),
        ),
        ("too much", CallResponse::http(200, "x".repeat(600_000))),
    ] {
        in_every_host(&remote(), |bed| {
            let given = response.clone();
            let calls = bed.responses(move |call| {
                assert_eq!(
                    header_of(call, ":path"),
                    "/jwks",
                    "nothing else is asked for"
                );
                given.clone()
            });
            bed.wait(Duration::from_millis(150));
            let token = signer.token(&bed.claims(&json!({})));
            for _ in 0..5 {
                let expected = (503, "keys_unavailable");
                bed.refuses(line, &bearer("/", &token), &token, expected);
            }
            assert!(*calls.borrow() <= 2, "{line}: {} calls", calls.borrow());
        });
    }
}

#[test]
fn metadata_of_another_issuer_are_not_believed() {
    let signer = Signer::new("a", 7);
    let metadata = |issuer: &str, uri: &str| json!({"issuer": issuer, "jwks_uri": uri});
    for (line, metadata) in [
        (
            "another",
            metadata("https://evil.test", "https://idp.example.com/jwks"),
        ),
        (
            "a slash",
            metadata(&format!("{ISSUER}/"), "https://idp.example.com/jwks"),
        ),
        ("another host", metadata(ISSUER, "https://evil.test/jwks")),
        ("no TLS", metadata(ISSUER, "http://idp.example.com/jwks")),
        ("no address", json!({"issuer": ISSUER})),
        (
            "no issuer",
            json!({"jwks_uri": "https://idp.example.com/jwks"}),
        ),
    ] {
        in_every_host(&discovery(), |bed| {
            let (jwks, metadata) = (signer.jwks().to_string(), metadata.to_string());
            bed.responses(move |call| {
                let metadata_asked = header_of(call, ":path").starts_with("/.well-known/");
                CallResponse::http(200, if metadata_asked { &metadata } else { &jwks }.clone())
            });
            bed.wait(Duration::from_millis(300));
            let token = signer.token(&bed.claims(&json!({})));
            let expected = (503, "keys_unavailable");
            bed.refuses(line, &bearer("/", &token), &token, expected);
        });
    }
}

#[test]
fn made_up_keys_make_a_few_fetches() {
    let signer = Signer::new("a", 7);
    let jwks = signer.jwks().to_string();
    in_every_host(&remote(), |bed| {
        let response = jwks.clone();
        let calls = bed.responses(move |_| CallResponse::http(200, response.clone()));
        bed.wait(Duration::from_millis(150));
        let token = signer.token(&bed.claims(&json!({})));
        bed.passes("the first", &bearer("/", &token), &token);
        bed.wait(Duration::from_secs(31));
        for number in 0..60 {
            bed.wait(Duration::from_millis(1));
            let header = json!({"alg": "ES256", "kid": format!("made up {number}")});
            let forged = signer.sign(&header.to_string(), &bed.claims(&json!({})).to_string());
            let outcome = bed.run(&bearer("/", &forged), &forged);
            // Without a fetch nobody knows that a key is made up.
            let (status, code) = match number {
                0..3 => (401, "key_unknown"),
                _ => (503, "keys_unavailable"),
            };
            assert_eq!(outcome.client().status(), Some(status), "{:?}", bed.profile);
            assert!(outcome.client().text().contains(code));
        }
        assert!(
            *calls.borrow() <= 1 + 3,
            "{:?}: {}",
            bed.profile,
            calls.borrow()
        );
    });
}

#[test]
fn a_withdrawn_key_takes_its_tokens_along() {
    let (old, new) = (Signer::new("old", 7), Signer::new("new", 9));
    in_every_host(&remote(), |bed| {
        let rotated = Rc::new(Cell::new(false));
        let (switch, first, second) = (
            Rc::clone(&rotated),
            old.jwks().to_string(),
            new.jwks().to_string(),
        );
        bed.responses(move |_| {
            CallResponse::http(200, if switch.get() { &second } else { &first }.clone())
        });
        bed.wait(Duration::from_millis(150));
        let token = old.token(&bed.claims(&json!({"exp": bed.now() + 3600})));
        let request = bearer("/", &token);
        bed.passes("new", &request, &token);
        bed.passes("remembered", &request, &token);
        rotated.set(true);
        bed.wait(Duration::from_secs(31));
        // Without a tick somebody has to ask for the new key.
        let other = new.token(&bed.claims(&json!({})));
        let other_request = bearer("/", &other);
        bed.run(&other_request, &other);
        bed.wait(Duration::from_millis(150));
        bed.passes("the new key's", &other_request, &other);
        bed.refuses("the old key's", &request, &token, (401, "key_unknown"));
    });
}

#[test]
fn many_cold_requests_make_one_fetch() {
    let signer = Signer::new("a", 7);
    for profile in [Profile::Envoy, Profile::Apisix, Profile::Kong] {
        // Before the first tick, which would fetch them for all.
        let mut bed = Bed::new(profile, &remote());
        let token = signer.token(&bed.claims(&json!({})));
        let response = CallResponse::http(200, signer.jwks().to_string());
        bed.only_one_asks(&bearer("/", &token), &token, response);
    }
}

/// What waits for the call of another would go on unchecked in hosts that hold a request only for
/// a call of its own.
#[test]
fn nobody_goes_on_because_another_was_answered() {
    let signer = Signer::new("a", 7);
    in_every_host(&discovery(), |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        let request = bearer("/", &token);
        let streams: Vec<u32> = (0..5)
            .map(|_| {
                let stream = bed.proxy.start(&request);
                bed.proxy.send(stream, &request);
                stream
            })
            .collect();
        let metadata = json!({"issuer": ISSUER, "jwks_uri": "https://idp.example.com/jwks"});
        for response in [metadata.to_string(), "<html>".to_owned()] {
            for call in bed.proxy.host().pending_calls() {
                bed.proxy
                    .respond_to_call(call.token, CallResponse::http(200, response.clone()));
            }
            let arrived = streams
                .iter()
                .any(|stream| bed.proxy.request_arrived(*stream));
            assert!(!arrived, "{:?} {response}", bed.profile);
        }
        for stream in streams {
            let outcome = bed.proxy.finish(stream);
            assert!(outcome.upstream().headers.is_none(), "{:?}", bed.profile);
            assert_eq!(outcome.client().status(), Some(503), "{:?}", bed.profile);
        }
    });
}

#[test]
fn a_key_set_that_the_issuer_has_moved_is_found() {
    let (old, new) = (Signer::new("a", 7), Signer::new("b", 9));
    in_every_host(&discovery(), |bed| {
        let moved = Rc::new(Cell::new(false));
        let has_moved = Rc::clone(&moved);
        let sets = [old.jwks().to_string(), new.jwks().to_string()];
        bed.responses(move |call| {
            let path = header_of(call, ":path");
            let place = usize::from(has_moved.get());
            let metadata = json!({"issuer": ISSUER, "jwks_uri": format!("https://idp.example.com/jwks{place}")});
            CallResponse::http(200, match path.as_str() {
                "/jwks0" => sets[0].clone(),
                "/jwks1" => sets[1].clone(),
                _ => metadata.to_string(),
            })
        });
        bed.wait(Duration::from_millis(300));
        let token = old.token(&bed.claims(&json!({})));
        bed.passes("at first", &bearer("/", &token), &token);
        moved.set(true);
        bed.wait(Duration::from_secs(31));
        let token = new.token(&bed.claims(&json!({})));
        bed.passes("of the new set", &bearer("/", &token), &token);
    });
}
