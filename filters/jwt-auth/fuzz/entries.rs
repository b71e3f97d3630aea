//! What is fuzzed: everything that reads bytes which others have written. `tests/fuzz_entry.rs`
//! calls the same functions with the corpus and with random bytes on stable Rust.
//!
//! None may panic, and what is accepted must be what it says it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::fake::{Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use jwt_auth::config::{Config, Discovery, Endpoint, Introspection, ProviderKind};
use jwt_auth::jose::{Algorithm, Key, KeyRules, KeySet, PublicKey};
use jwt_auth::keys::FetchError;
use jwt_auth::keys::discovery::jwks_endpoint;
use jwt_auth::opaque::introspection::read_response;
use jwt_auth::token::claims;
use jwt_auth::token::{KnownHeaders, MAX_TOKEN_BYTES, Token};
use policy::config::Configuration as _;
use policy::identity::{AuthenticationMethod, Identity, IdentityMapping};
use policy::json::Json;

const NOW_S: f64 = 1_300_819_000.0;

/// A provider whose tokens the corpus has, and an issuer that is asked.
const CONFIGURATION: &str = r#"{
    "providers": {
        "joe": {
            "issuer": "joe",
            "audiences": "any",
            "types": ["", "JWT"],
            "clock_skew": "1m",
            "jwks": {"inline": {"keys": [{
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
            }]}}
        },
        "asked": {
            "introspection": {
                "uri": "https://idp.test/introspect",
                "cluster": "idp",
                "client_id": "edge",
                "client_secret_env": "SECRET",
                "issuer": "https://idp.test",
                "audiences": ["api"]
            }
        }
    },
    "rules": [{"require": {"provider": "joe"}}]
}"#;

thread_local! {
    static CONFIG: Config =
        Config::parse(CONFIGURATION).unwrap_or_else(|problems| panic!("{problems}"));
}

/// A token: the one that is accepted has exactly this spelling, and its claims can be worked on.
pub(crate) fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut known = KnownHeaders::default();
    let Ok(token) = Token::parse(text, &known) else {
        return;
    };
    assert!(text.len() <= MAX_TOKEN_BYTES);
    let signature = URL_SAFE_NO_PAD.encode(&token.signature);
    assert_eq!(text, format!("{}.{signature}", token.signing_input));
    assert_eq!(
        token.signing_input,
        format!("{}.{}", token.header_text, token.payload)
    );
    // A header that is known is read as one that is not.
    known.remember(&token);
    assert!(Token::parse(text, &known).is_ok_and(|again| again == token));
    let _ = claims::bound_certificate(&token.claims);
    let identity =
        IdentityMapping::default().identity("joe", AuthenticationMethod::Jwt, token.claims.clone());
    assert!(Identity::parse(identity.to_json().as_bytes()).is_ok());
    CONFIG.with(|config| {
        for provider in &config.providers {
            if let ProviderKind::Token(provider) = &provider.kind
                && let Ok(validity) = provider.claims.check(&token.header, &token.claims, NOW_S)
            {
                let issuer = token.claims.member("iss").and_then(Json::as_str);
                assert_eq!(issuer, Some("joe"));
                assert!(validity.check(NOW_S).is_ok());
            }
        }
    });
    let Ok(json) = Json::parse(identity.to_json().as_bytes()) else {
        panic!("an identity that is no JSON");
    };
    assert!(matches!(json, Json::Object(_)));
}

/// A key, and the same as a set: what is published never becomes a secret, and what is imported
/// verifies nothing by itself.
pub(crate) fn jwk(bytes: &[u8]) {
    let Ok(json) = Json::parse(bytes) else {
        return;
    };
    let every = KeyRules {
        algorithms: Algorithm::ALL.into_iter().collect(),
        listed: true,
        secrets: true,
    };
    for rules in [KeyRules::default(), every] {
        if let Ok(key) = Key::import(&json, &rules) {
            usable(&key, &rules);
        }
        if let Ok((set, skipped)) = KeySet::import(&json, &rules) {
            let count = match json.member("keys") {
                Some(Json::Array(keys)) => keys.len(),
                _ => panic!("a set without keys"),
            };
            assert_eq!(set.len() + skipped.len(), count);
            for algorithm in Algorithm::ALL {
                for key in set.candidates(algorithm, None) {
                    usable(key, &rules);
                }
            }
        }
    }
}

fn usable(key: &Key, rules: &KeyRules) {
    assert!(!key.algorithms.is_empty());
    assert_eq!(key.algorithms.and(rules.algorithms), key.algorithms);
    assert!(key.is_same(key));
    let secret = matches!(key.public, PublicKey::Hmac(_));
    assert!(rules.secrets || !secret);
    let elsewhere = secret || matches!(key.public, PublicKey::Ed25519(_));
    assert_eq!(key.spki.is_empty(), elsewhere);
    for algorithm in Algorithm::ALL {
        assert!(!secret || !key.algorithms.contains(algorithm) || algorithm.is_symmetric());
        for length in [0, 64, 256] {
            assert!(!key.verifies(algorithm, b"text", &vec![0; length]));
        }
    }
}

/// The metadata of an issuer: followed only to where the configuration lets them lead.
pub(crate) fn discovery(bytes: &[u8]) {
    for jwks_cluster in [None, Some("keys".to_owned())] {
        for plain_http in [false, true] {
            let discovery = Discovery {
                issuer: "https://idp.test".to_owned(),
                jwks_cluster: jwks_cluster.clone(),
                plain_http,
            };
            let asked = Endpoint {
                upstream: "idp".to_owned(),
                scheme: "https",
                authority: "idp.test".to_owned(),
                path: "/.well-known/openid-configuration".to_owned(),
            };
            match jwks_endpoint(bytes, &discovery, &asked) {
                Ok(found) => {
                    assert!(plain_http || found.scheme == "https");
                    assert_eq!(found.upstream, jwks_cluster.as_deref().unwrap_or("idp"));
                    assert!(jwks_cluster.is_some() || found.authority == "idp.test");
                    assert!(found.path.starts_with('/'));
                    let printable = |byte: u8| byte.is_ascii_graphic();
                    assert!(found.path.bytes().all(printable));
                    assert!(found.authority.bytes().all(printable));
                }
                Err(FetchError(code)) => assert!(!code.is_empty()),
            }
        }
    }
}

/// A response about a token: active only if it says so in the one way there is.
pub(crate) fn introspection(bytes: &[u8]) {
    let settings = CONFIG.with(|config| {
        let mut kinds = config.providers.iter().map(|provider| &provider.kind);
        kinds.find_map(|kind| match kind {
            ProviderKind::Introspection(settings) => Some(settings.clone()),
            _ => None,
        })
    });
    let Some(settings) = settings else {
        panic!("nobody is asked");
    };
    let open = Introspection {
        issuer: None,
        audiences: None,
        ..settings.clone()
    };
    for settings in [settings, open] {
        let Ok(Ok((claims, validity))) = read_response(&settings, bytes, NOW_S) else {
            continue;
        };
        assert!(matches!(claims.member("active"), Some(Json::Bool(true))));
        assert!(validity.check(NOW_S).is_ok());
        let method = AuthenticationMethod::Introspection;
        let identity = IdentityMapping::default().identity("asked", method, claims);
        assert!(Identity::parse(identity.to_json().as_bytes()).is_ok());
    }
}

/// A configuration: refused with a reason, or good for requests; what the environment lacks is a
/// refusal too, never a trap.
pub(crate) fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Config::parse(text) {
        Err(problems) => assert!(!problems.to_string().is_empty()),
        Ok(_) => {
            let mut proxy = Proxy::native::<JwtAuth>(Profile::Envoy);
            match proxy.configure(text) {
                Err(refused) => assert_eq!(refused.trap, None),
                Ok(()) => {
                    let request = Request::get("/orders/1").header("authorization", "Bearer x.y.z");
                    let outcome = proxy.run(&request, &Response::json("{}"));
                    assert_eq!(outcome.trap, None);
                }
            }
        }
    }
}
