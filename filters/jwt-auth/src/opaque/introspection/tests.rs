use std::time::Duration;

use host::Capabilities;
use host::fake::{FakeHost, Profile};

use super::*;
use crate::config::Endpoint;

fn settings() -> Introspection {
    let address = Endpoint::split("https://idp.test/introspect").unwrap();
    Introspection {
        endpoint: Endpoint::within(address, "idp".to_owned()),
        client_id: "edge".to_owned(),
        client_secret_env: "SECRET".to_owned(),
        authentication: ClientAuthentication::Basic,
        timeout: Duration::from_secs(5),
        cache_duration: Duration::from_secs(30),
        clock_skew: Duration::from_secs(60),
        cache_tokens: 10,
        max_requests: 10,
        issuer: Some("https://idp.test".to_owned()),
        audiences: Some(vec!["api".to_owned()]),
    }
}

#[test]
fn only_active_tokens_for_us_are_good() {
    for (response, expected) in [
        (r#"{"active":true,"aud":"api","sub":"jane"}"#, Ok(Ok(()))),
        (
            r#"{"active":true,"aud":["api"],"iss":"https://idp.test","exp":2000}"#,
            Ok(Ok(())),
        ),
        (
            r#"{"active":true,"aud":"api","nbf":1060,"exp":1001}"#,
            Ok(Ok(())),
        ),
        (r#"{"active":false}"#, Ok(Err(Reason::TokenInactive))),
        (
            r#"{"active":true,"aud":"other"}"#,
            Ok(Err(Reason::AudienceMismatch)),
        ),
        (r#"{"active":true}"#, Ok(Err(Reason::AudienceMismatch))),
        (
            r#"{"active":true,"aud":"api","iss":"https://evil.test"}"#,
            Ok(Err(Reason::IssuerUnknown)),
        ),
        (
            r#"{"active":true,"aud":"api","exp":1000}"#,
            Ok(Err(Reason::TokenExpired)),
        ),
        (
            r#"{"active":true,"aud":"api","nbf":1061}"#,
            Ok(Err(Reason::TokenNotYetValid)),
        ),
        (
            r#"{"active":true,"aud":"api","exp":"soon"}"#,
            Ok(Err(Reason::TokenMalformed)),
        ),
        (
            r#"{"active":true,"aud":"api","token_use":"access_token","typ":"Bearer"}"#,
            Ok(Ok(())),
        ),
        (
            r#"{"active":true,"aud":"api","token_use":"refresh_token"}"#,
            Ok(Err(Reason::TokenType)),
        ),
        (
            r#"{"active":true,"aud":"api","typ":"Refresh"}"#,
            Ok(Err(Reason::TokenType)),
        ),
        (
            r#"{"active":true,"aud":"api","token_type":"Bearer","typ":"ID"}"#,
            Ok(Err(Reason::TokenType)),
        ),
        (r#"{"active":"true"}"#, Err("not_an_introspection_response")),
        (r#"{"active":1}"#, Err("not_an_introspection_response")),
        (r#"{"active":true,"active":false}"#, Err("not_json")),
        ("[]", Err("not_an_introspection_response")),
        ("<html>", Err("not_json")),
        ("", Err("not_json")),
    ] {
        let read = read_response(&settings(), response.as_bytes(), 1000.0);
        assert_eq!(read.map(|said| said.map(drop)), expected, "{response}");
    }
}

#[test]
fn responses_are_bounded_and_questions_stay() {
    let mut responses = Responses::new(10);
    responses.remember([255; 32], Outcome::Asked, 0, 1);
    for number in 0..100_u8 {
        let outcome = Outcome::Refused(Reason::TokenInactive);
        responses.remember([number; 32], outcome, 0, 1000 + u64::from(number));
        assert!(responses.responses.len() <= 10);
    }
    assert!(responses.responses.contains_key(&[255; 32]));
    assert!(responses.responses.contains_key(&[99; 32]));
}

#[test]
fn no_client_has_all_calls() {
    let introspector = Introspector::new(settings(), Secret::new("secret"));
    let host = FakeHost::new(Profile::Envoy);
    let mut calls = Calls::new(Capabilities::probe(&host), 100);
    let mut ask = |provider: usize, client: u64, times: u32| {
        let mut asked = 0;
        for _ in 0..times {
            if Room::of(&settings(), &calls, provider).takes(client) {
                let occasion = Occasion {
                    stream: None,
                    now_ns: 0,
                };
                let purpose = Purpose::Introspection {
                    provider,
                    token: [0; 32],
                    client,
                };
                let started = introspector.ask(&host, &mut calls, occasion, purpose, "token");
                started.unwrap();
                asked += 1;
            }
        }
        asked
    };
    assert_eq!(ask(0, 1, 100), 5, "half of ten");
    assert_eq!(ask(0, 2, 100), 3, "a quarter");
    assert_eq!(ask(0, 3, 100), 2, "what is left");
    assert_eq!(ask(0, 4, 100), 0);
    assert_eq!(ask(1, 4, 100), 5, "of another provider");
}
