//! jwt-auth in a real Envoy with a real OpenID provider: its keys, its tokens, its ways.

use envoy_test::client::{Client, Protocol, Request};
use envoy_test::peers::{AccessToken, Algorithm, OidcClient, OidcProvider};
use serde_json::json;

use crate::jwt_oidc::{self, Bed, READ};

/// Envoy with jwt-auth that trusts the provider.
fn bed(provider: OidcProvider) -> Bed {
    let settings = json!({
        "issuer": provider.issuer(),
        "audiences": ["orders-api"],
        "jwks": { "remote": { "uri": provider.jwks_uri(), "cluster": "idp", "plain_http": true } },
    });
    jwt_oidc::bed(provider, 1, &settings)
}

#[test]
fn its_tokens_pass_with_the_scope_that_a_rule_asks_for() {
    for provider in [
        OidcProvider::start(),
        OidcProvider::start_as("https://idp.meshward.test"),
        OidcProvider::start_as("https://idp.meshward.test/realms/shop"),
    ] {
        let bed = bed(provider.unwrap());
        for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
            let kind = AccessToken::Jwt(algorithm);
            assert_eq!(
                bed.get(&bed.token_for(READ, kind)).status,
                200,
                "{algorithm:?}"
            );
            let token = bed.token_for("patients:read", kind);
            assert_eq!(bed.get(&token).status, 403, "{algorithm:?}");
        }
        assert_eq!(
            bed.get(&bed.token_for(READ, AccessToken::Opaque)).status,
            401
        );
        assert_eq!(bed.provider.counts().unwrap().jwks, 1);
        assert_eq!(bed.envoy.traps(), 0);
    }
}

#[test]
fn its_metadata_is_where_its_issuer_says() {
    for issuer in [
        "https://idp.meshward.test",
        "https://idp.meshward.test/realms/shop",
    ] {
        let provider = OidcProvider::start_as(issuer).unwrap();
        let path = issuer.trim_start_matches("https://idp.meshward.test");
        let path = format!("{path}/.well-known/openid-configuration");
        let client = Client::new(provider.address(), Protocol::Http1);
        let metadata = client.send(&Request::get(&path)).unwrap().json();
        assert_eq!(metadata["issuer"], issuer);
        assert_eq!(metadata["jwks_uri"], provider.jwks_uri());
        let introspection = &metadata["introspection_endpoint"];
        assert_eq!(introspection, &provider.introspection_uri());
        assert_eq!(provider.counts().unwrap().discovery, 1);
    }
}

#[test]
fn the_provider_does_its_part() {
    let provider = OidcProvider::start().unwrap();
    for algorithm in Algorithm::ALL {
        let kind = AccessToken::Jwt(algorithm);
        let offered = [
            Algorithm::Rs256,
            Algorithm::Ps256,
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::EdDsa,
        ];
        let token = provider.token(OidcClient::Orders, READ, kind);
        assert_eq!(token.is_ok(), offered.contains(&algorithm), "{algorithm:?}");
    }

    let opaque = provider
        .token(OidcClient::Orders, READ, AccessToken::Opaque)
        .unwrap();
    let said = provider.introspect(&opaque).unwrap();
    assert_eq!(
        (&said["active"], &said["scope"], &said["client_id"]),
        (&json!(true), &json!(READ), &json!(OidcClient::Orders.id()))
    );
    assert_eq!(said["aud"], "orders-api");
    assert_eq!(said["iss"], provider.issuer());
    // Other keys are not other tokens.
    let ids = provider.rotate(true).unwrap();
    assert!(ids.contains(&"rs256-1".to_owned()) && ids.contains(&"rs256-2".to_owned()));
    assert_eq!(provider.introspect(&opaque).unwrap()["active"], true);
    provider.revoke(OidcClient::Orders, &opaque).unwrap();
    assert_eq!(
        provider.introspect(&opaque).unwrap(),
        json!({"active": false})
    );

    let ids = provider.rotate(false).unwrap();
    assert!(ids.contains(&"rs256-3".to_owned()) && !ids.contains(&"rs256-2".to_owned()));
    let counts = provider.counts().unwrap();
    assert_eq!((counts.introspection, counts.revocation), (3, 1));
    provider.stop().unwrap();
    assert!(provider.introspect(&opaque).is_err());
    provider.resume().unwrap();
    assert!(provider.introspect(&opaque).is_ok());
}
