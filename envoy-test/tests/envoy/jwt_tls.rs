//! jwt-auth in a real Envoy that speaks TLS: what a rule wants of the connection, and tokens that
//! are bound to a client certificate.

use envoy_test::certificates::{AltName, Certificate};
use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::ClientCertificates;
use envoy_test::peers::{Algorithm, ISSUER, Token};
use envoy_test::tls_client::TlsVersion;
use serde_json::{Value, json};

use crate::bed::{TlsBed, code};

const FILTER: &str = "jwt-auth";

fn rules() -> Value {
    let corp = |tls: Value| json!({ "provider": "corp", "tls": tls });
    json!([
        { "match": { "paths": ["/plain"] }, "require": { "provider": "corp" } },
        { "match": { "paths": ["/floor"] }, "require": { "tls": { "min_version": "1.3" } } },
        { "match": { "paths": ["/mutual"] }, "require": { "tls": { "client_certificate": true } } },
        { "match": { "paths": ["/named"] }, "require": { "tls": { "san": ["spiffe://shop.test/*"] } } },
        { "match": { "paths": ["/bound"] }, "require": corp(json!({ "bound": true })) },
        { "match": { "paths": ["/healthz"] }, "require": { "tls": {
            "redirect": true, "hsts": { "max_age": "1y", "include_subdomains": true } } } },
    ])
}

/// Envoy with these rules, with TLS or without.
fn bed(tls: bool) -> TlsBed {
    let clients = tls.then_some(ClientCertificates::Optional);
    TlsBed::start(&[FILTER], clients, |bootstrap, peers| {
        let keys: Value = serde_json::from_str(&peers.idp.jwks()).unwrap();
        let configuration = json!({
            "providers": {
                "corp": { "issuer": ISSUER, "audiences": ["orders-api"], "jwks": { "inline": keys } }
            },
            "rules": rules(),
        });
        bootstrap
            .configure(FILTER, &configuration.to_string())
            .unwrap();
    })
}

fn named(bed: &TlsBed, uri: &str) -> Certificate {
    let names = [AltName::Uri(uri)];
    bed.authority.client("orders", &names).unwrap()
}

fn signed(bed: &TlsBed, token: &Token) -> String {
    bed.peers.idp.mint(Algorithm::Es256, token).unwrap()
}

#[test]
fn rules_hold_connections_to_what_they_want() {
    let bed = bed(true);
    let shop = named(&bed, "spiffe://shop.test/orders");
    let other = named(&bed, "spiffe://other.test/orders");
    for protocol in Protocol::BOTH {
        for (path, certificate, version, expected) in [
            ("/floor", None, TlsVersion::Tls13, ""),
            ("/floor", None, TlsVersion::Tls12, "tls_required"),
            ("/mutual", Some(&shop), TlsVersion::Tls12, ""),
            (
                "/mutual",
                None,
                TlsVersion::Tls13,
                "client_certificate_required",
            ),
            ("/named", Some(&shop), TlsVersion::Tls13, ""),
            (
                "/named",
                Some(&other),
                TlsVersion::Tls13,
                "client_certificate_required",
            ),
            (
                "/named",
                None,
                TlsVersion::Tls13,
                "client_certificate_required",
            ),
        ] {
            let response = bed
                .client(certificate, version, protocol)
                .send(&Request::get(path))
                .unwrap();
            assert_eq!(code(&response), expected, "{path} {version:?} {response:?}");
        }
    }
    assert_eq!(bed.envoy.traps(), 0);
}

#[test]
fn bound_tokens_are_good_with_their_certificate_only() {
    let bed = bed(true);
    let own = named(&bed, "spiffe://shop.test/orders");
    let thief = named(&bed, "spiffe://shop.test/thief");
    let bound = signed(&bed, &Token::of("orders").bound_to(&own.thumbprint()));
    let free = signed(&bed, &Token::of("orders"));
    let dpop = signed(
        &bed,
        &Token::of("orders").claim("cnf", json!({ "jkt": "x" })),
    );
    // The second round meets what was remembered in the first.
    for round in 0..2 {
        for (path, token, certificate, expected) in [
            ("/bound", &bound, Some(&own), ""),
            ("/bound", &bound, Some(&thief), "binding_mismatch"),
            ("/bound", &bound, None, "client_certificate_required"),
            ("/bound", &free, Some(&own), "binding_mismatch"),
            ("/plain", &bound, Some(&own), ""),
            ("/plain", &bound, Some(&thief), "binding_mismatch"),
            ("/plain", &bound, None, "binding_mismatch"),
            ("/plain", &free, None, ""),
            ("/plain", &dpop, None, "binding_unsupported"),
        ] {
            let request = Request::get(path).bearer(token);
            let response = bed
                .client(certificate, TlsVersion::Tls13, Protocol::Http2)
                .send(&request)
                .unwrap();
            assert_eq!(code(&response), expected, "{round} {path} {response:?}");
        }
    }
}

#[test]
fn pages_are_sent_to_where_there_is_tls_and_browsers_told_to_stay() {
    let plain = bed(false);
    let client = plain.envoy.client(Protocol::Http1);
    let page = Request::get("/healthz?a=b").host("gateway.test:8080");
    let response = client.send(&page).unwrap();
    assert_eq!(
        (response.status, response.header("location")),
        (308, "https://gateway.test/healthz?a=b")
    );
    assert_eq!(response.header("strict-transport-security"), "");
    let post = client.send(&Request::new("POST", "/healthz")).unwrap();
    assert_eq!((post.status, code(&post).as_str()), (403, "tls_required"));
    let bearer = Request::get("/bound").bearer(&signed(&plain, &Token::of("orders")));
    assert_eq!(client.send(&bearer).unwrap().status, 403);

    let secure = bed(true);
    let response = secure
        .client(None, TlsVersion::Tls13, Protocol::Http1)
        .send(&Request::get("/healthz"))
        .unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("strict-transport-security"),
        "max-age=31622400; includeSubDomains"
    );
}
