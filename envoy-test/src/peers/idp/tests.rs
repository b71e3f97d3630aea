use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::*;
use p521::ecdsa::signature::Verifier as _;
use serde_json::Map;

use super::*;
use crate::client::{Client, Protocol, Request};

#[test]
fn the_keys_it_serves_verify_the_tokens_it_signs() {
    let idp = Idp::start(SocketAddr::from(([127, 0, 0, 1], 0)), ISSUER).unwrap();
    let client = Client::new(idp.address(), Protocol::Http1);
    let jwks = client.send(&Request::get("/jwks")).unwrap().json();
    assert_eq!(idp.jwks_requests(), 1);
    let key = |id: &str| {
        let keys = jwks["keys"].as_array().unwrap();
        keys.iter()
            .find(|key| key["kid"] == id)
            .unwrap()
            .to_string()
    };
    let rs256 = RS256PublicKey::from_jwk(&key("rs256")).unwrap();
    let es256 = ES256PublicKey::from_jwk(&key("es256")).unwrap();

    let token = Token::of("bob").scope("orders:read");
    let minted = idp.mint(Algorithm::Rs256, &token).unwrap();
    let claims = rs256
        .verify_token::<Map<String, Value>>(&minted, None)
        .unwrap();
    assert_eq!(claims.subject.as_deref(), Some("bob"));
    assert_eq!(claims.custom["scope"], "orders:read");
    let old = idp
        .mint(
            Algorithm::Rs256,
            &Token::of("bob").expires_in_seconds(-7200),
        )
        .unwrap();
    assert!(
        rs256
            .verify_token::<Map<String, Value>>(&old, None)
            .is_err()
    );

    let asked = Request::get("/token?sub=eve&alg=ES256&scope=a+b&expires_in=60");
    let minted = client.send(&asked).unwrap().text();
    let claims = es256
        .verify_token::<Map<String, Value>>(minted.trim(), None)
        .unwrap();
    assert_eq!(claims.subject.as_deref(), Some("eve"));
    assert_eq!(claims.custom["scope"], "a b");
    assert_eq!(
        client
            .send(&Request::get("/token?alg=none"))
            .unwrap()
            .status,
        400
    );
}

#[test]
fn it_can_be_of_little_help() {
    let mut idp = Idp::start(SocketAddr::from(([127, 0, 0, 1], 0)), ISSUER).unwrap();
    let client = Client::new(idp.address(), Protocol::Http1);
    idp.set_mood(IdpMood::Failing(500));
    assert_eq!(client.send(&Request::get("/jwks")).unwrap().status, 500);
    idp.set_mood(IdpMood::Garbage);
    assert!(
        client
            .send(&Request::get("/jwks"))
            .unwrap()
            .json()
            .is_null()
    );
    idp.stop();
    assert!(client.send(&Request::get("/jwks")).is_err());
    idp.resume().unwrap();
    idp.set_mood(IdpMood::Working);
    assert!(client.send(&Request::get("/jwks")).unwrap().json()["keys"].is_array());
}

#[test]
fn every_algorithm_signs_what_its_published_key_verifies() {
    let idp = Idp::start(SocketAddr::from(([127, 0, 0, 1], 0)), ISSUER).unwrap();
    idp.offer(&Algorithm::ALL).unwrap();
    let jwks: Value = serde_json::from_str(&idp.jwks()).unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), Algorithm::ALL.len());
    for algorithm in Algorithm::ALL {
        let id = algorithm.name().to_lowercase();
        let key = keys.iter().find(|key| key["kid"] == *id).unwrap();
        assert_eq!(key["alg"], algorithm.name());
        let token = idp.mint(algorithm, &Token::of("bob")).unwrap();
        assert!(verifies(algorithm, key, &token), "{algorithm:?}");
        let other = idp.mint(algorithm, &Token::of("eve")).unwrap();
        let (signed, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{signature}");
        assert!(!verifies(algorithm, key, &forged), "{algorithm:?}");
    }
}

fn verifies(algorithm: Algorithm, key: &Value, token: &str) -> bool {
    macro_rules! by {
        ($key:ident) => {
            $key::from_jwk(&key.to_string())
                .unwrap()
                .verify_token::<Map<String, Value>>(token, None)
                .is_ok()
        };
    }
    match algorithm {
        Algorithm::Rs256 => by!(RS256PublicKey),
        Algorithm::Rs384 => by!(RS384PublicKey),
        Algorithm::Rs512 => by!(RS512PublicKey),
        Algorithm::Ps256 => by!(PS256PublicKey),
        Algorithm::Ps384 => by!(PS384PublicKey),
        Algorithm::Ps512 => by!(PS512PublicKey),
        Algorithm::Es256 => by!(ES256PublicKey),
        Algorithm::Es384 => by!(ES384PublicKey),
        Algorithm::Es512 => verifies_es512(key, token),
        Algorithm::EdDsa => by!(Ed25519PublicKey),
    }
}

/// Whether an ES512 signature verifies, which jwt-simple cannot check.
fn verifies_es512(key: &Value, token: &str) -> bool {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let mut point = vec![4];
    point.extend(decode(key["x"].as_str().unwrap()));
    point.extend(decode(key["y"].as_str().unwrap()));
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = p521::ecdsa::Signature::from_slice(&decode(signature)).unwrap();
    key.verify(signed.as_bytes(), &signature).is_ok()
}

#[test]
fn keys_are_replaced_with_and_without_the_old_ones() {
    let idp = Idp::start(SocketAddr::from(([127, 0, 0, 1], 0)), ISSUER).unwrap();
    let ids = || -> Vec<String> {
        let jwks: Value = serde_json::from_str(&idp.jwks()).unwrap();
        let keys = jwks["keys"].as_array().unwrap();
        let ids = keys.iter().map(|key| key["kid"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    };
    assert_eq!(ids(), ["rs256", "es256"]);
    idp.rotate(true).unwrap();
    assert_eq!(ids(), ["rs256-2", "es256-2", "rs256", "es256"]);
    idp.rotate(false).unwrap();
    assert_eq!(ids(), ["rs256-3", "es256-3"]);
    let token = idp.mint(Algorithm::Rs256, &Token::of("bob")).unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
    let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
    assert_eq!(header["kid"], "rs256-3");
    assert!(idp.mint(Algorithm::Es512, &Token::of("bob")).is_err());
}

#[test]
fn every_mood_shows() {
    let idp = Idp::start(SocketAddr::from(([127, 0, 0, 1], 0)), ISSUER).unwrap();
    let client = Client::new(idp.address(), Protocol::Http1);
    let ask = |mood| {
        idp.set_mood(mood);
        client.send(&Request::get("/jwks"))
    };
    assert!(ask(IdpMood::Truncated).unwrap().json().is_null());
    let huge = ask(IdpMood::Huge).unwrap();
    assert!(huge.body.len() > 10_000_000 && huge.json()["keys"].is_array());
    assert_eq!(ask(IdpMood::Empty).unwrap().json(), json!({"keys": []}));
    let moved = ask(IdpMood::Redirecting).unwrap();
    assert_eq!(
        (moved.status, moved.header("location")),
        (302, "/elsewhere")
    );
    let dripping = ask(IdpMood::Dripping(Duration::ZERO)).unwrap();
    assert!(dripping.json()["keys"].is_array() && dripping.broken.is_none());
    assert!(ask(IdpMood::Resetting).is_err());
    assert!(ask(IdpMood::BreakingOff).unwrap().broken.is_some());
    assert_eq!(idp.jwks_requests(), 7);
    assert_eq!(idp.requests(Endpoint::Elsewhere), 0);

    let metadata = "/.well-known/openid-configuration";
    let metadata = || client.send(&Request::get(metadata)).unwrap().json();
    assert_eq!(metadata()["issuer"], ISSUER);
    idp.set_mood_at(Endpoint::Discovery, IdpMood::WrongIssuer);
    assert!(metadata()["issuer"].is_string() && metadata()["issuer"] != ISSUER);
    assert_eq!(idp.requests(Endpoint::Discovery), 3);

    idp.set_body(Endpoint::Jwks, r#"{"keys":[{"kty":"oct"}]}"#);
    let weak = ask(IdpMood::Working).unwrap().json();
    assert_eq!(weak["keys"][0]["kty"], "oct");
}

#[test]
fn it_introspects_what_it_was_told_about() {
    let idp = Idp::start(SocketAddr::from(([127, 0, 0, 1], 0)), ISSUER).unwrap();
    idp.set_introspection("a b", json!({"active": true, "sub": "bob"}));
    let client = Client::new(idp.address(), Protocol::Http1);
    let ask = |form: &str| {
        let request = Request::new("POST", "/introspect").header("authorization", "Basic x");
        client.send(&request.chunk(form)).unwrap().json()
    };
    assert_eq!(ask("token=a+b&token_type_hint=t")["sub"], "bob");
    assert_eq!(ask("token=c"), json!({"active": false}));
    let introspected = idp.introspected();
    assert_eq!(introspected.len(), 2);
    assert_eq!(introspected[0].authorization, "Basic x");
    assert_eq!(introspected[0].form[0], ("token".into(), "a b".into()));
}
