//! TLS at the gateway: who may come in, and what a filter could know of them.

use envoy_test::certificates::{AltName, Authority, Certificate};
use envoy_test::client::{Client, Protocol, Request};
use envoy_test::envoy::ClientCertificates;
use envoy_test::peers::{AccessToken, Algorithm, OidcClient, OidcProvider, Token};
use envoy_test::tls_client::{TlsClient, TlsVersion};

use crate::bed::{HOST, TlsBed};

/// Envoy without our filters, which tells the upstream of the client's certificate.
fn bed(clients: ClientCertificates) -> TlsBed {
    TlsBed::start(&[], Some(clients), |bootstrap, _| {
        let manager = bootstrap.connection_manager().unwrap();
        manager["forward_client_cert_details"] = "SANITIZE_SET".into();
        manager["set_current_client_cert_details"] = serde_json::json!({"uri": true});
    })
}

fn known(bed: &TlsBed) -> Certificate {
    let names = [
        AltName::Uri("spiffe://shop.test/orders"),
        AltName::Dns("orders.test"),
    ];
    bed.authority.client("orders", &names).unwrap()
}

#[test]
fn clients_come_in_as_their_certificates_allow() {
    let foreign = Authority::new("another authority").unwrap();
    let foreign = foreign.client("orders", &[]).unwrap();
    // Whether a client without a certificate, with one, and with one of somebody else comes in.
    let cases = [
        (ClientCertificates::Ignored, [true, true, true]),
        (ClientCertificates::Optional, [true, true, false]),
        (ClientCertificates::Unchecked, [true, true, true]),
        (ClientCertificates::Required, [false, true, false]),
    ];
    for (clients, expected) in cases {
        let bed = bed(clients);
        let known = known(&bed);
        for protocol in Protocol::BOTH {
            for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
                let came_in = [None, Some(&known), Some(&foreign)].map(|certificate| {
                    let client = bed.client(certificate, version, protocol);
                    let response = client.send(&Request::get("/healthz"));
                    response.is_ok_and(|response| response.status == 200)
                });
                assert_eq!(came_in, expected, "{clients:?} {protocol:?} {version:?}");
            }
        }
        let plain = Client::new(bed.envoy.gateway(), Protocol::Http1);
        assert!(plain.send(&Request::get("/healthz")).is_err());
    }
}

#[test]
fn the_gateway_sees_the_certificate_and_its_names() {
    let bed = bed(ClientCertificates::Required);
    let known = known(&bed);
    let client = bed.client(Some(&known), TlsVersion::Tls13, Protocol::Http2);
    let echo = client.send(&Request::get("/echo")).unwrap().json();
    let seen = echo["headers"]["x-forwarded-client-cert"].as_str().unwrap();
    assert!(seen.contains("URI=spiffe://shop.test/orders"), "{seen}");
    assert_eq!(echo["headers"]["x-forwarded-proto"], "https");
    // The digest that Envoy shows in hexadecimal is the thumbprint of RFC 8705.
    let digest = seen.split_once("Hash=").unwrap().1.get(..64).unwrap();
    assert_eq!(digest, known.sha256());

    let trusted_by_another = Authority::new("another authority").unwrap();
    let stranger = TlsClient::new(
        bed.envoy.gateway(),
        HOST,
        &trusted_by_another,
        None,
        TlsVersion::Tls13,
        Protocol::Http1,
    );
    assert!(stranger.unwrap().connect().is_err());
}

#[test]
fn tokens_are_bound_to_certificates() {
    let bed = bed(ClientCertificates::Ignored);
    let known = known(&bed);
    let provider = OidcProvider::start().unwrap();
    let kind = AccessToken::Jwt(Algorithm::Es256);
    let bound = provider.bound_token(known.pem(), "orders:read", kind);
    let bound = bound.unwrap();
    let token = Token::of("orders").bound_to(&known.thumbprint());
    let minted = bed.peers.idp.mint(Algorithm::Es256, &token).unwrap();
    for token in [bound, minted] {
        let claims = token.split('.').nth(1).unwrap();
        let confirmation = &decoded(claims)["cnf"]["x5t#S256"];
        assert_eq!(confirmation, &known.thumbprint());
    }
    let opaque = provider.bound_token(known.pem(), "orders:read", AccessToken::Opaque);
    let said = provider.introspect(&opaque.unwrap()).unwrap();
    assert_eq!(said["cnf"]["x5t#S256"], known.thumbprint());
    // Without the certificate there is no token.
    let token = provider.token(OidcClient::Bound, "orders:read", kind);
    assert!(token.is_err());
}

fn decoded(base64url: &str) -> serde_json::Value {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(base64url);
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}
