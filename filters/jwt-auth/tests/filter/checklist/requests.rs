//! What a request may look like, and how its headers are handled.

use host::fake::{Profile, Request};
use serde_json::{Value, json};

use super::bed::{Bed, ISSUER, Signer, bearer, in_every_host, without_query};

const MANAGED: [&str; 3] = ["x-roles", "x-payload", "x-meshward-identity"];

fn configuration(signer: &Signer) -> Value {
    json!({
        "providers": {"corp": {
            "issuer": ISSUER, "audiences": ["api"], "jwks": {"inline": signer.jwks()},
            "from": [
                {"header": "authorization", "prefix": "Bearer "},
                {"query": "access_token"}, {"cookie": "session"},
            ],
            "claims_to_headers": [{"claim": "roles", "header": "x-roles"}],
            "payload_header": "x-payload",
        }},
        "rules": [
            {"match": {"paths": ["/open/**"]}, "allow": "anonymous"},
            {
                "match": {"paths": ["/optional/**"]},
                "require": {"provider": "corp", "optional": "or_failed"},
            },
            {
                "match": {"paths": ["/watched/**"]},
                "require": {"provider": "corp"}, "mode": "report",
            },
            {"match": {"paths": ["/orders/**"]}, "require": {"provider": "corp"}},
        ],
        "cors_preflight": "allow",
    })
}

fn forged(request: Request) -> Request {
    MANAGED
        .into_iter()
        .fold(request, |request, name| request.header(name, "forged"))
}

fn unforged(line: &str, bed: &mut Bed, request: Request, credential: &str) {
    // Twice each, and in capitals, where the host has not made them small.
    let request = forged(forged(request)).header("X-Roles", "forged");
    let outcome = bed.run(&request, credential);
    if !bed.removes_headers() && outcome.client().text().contains("managed_header") {
        assert_eq!(outcome.upstream().headers, None);
        return;
    }
    let upstream = outcome.upstream();
    let headers = upstream.headers.as_ref();
    let headers = headers.unwrap_or_else(|| panic!("{:?} {line}", bed.profile));
    // Kong overwrites the first; in report mode nothing more can be done.
    let left = headers.iter().filter(|(_, value)| value == b"forged");
    let forged = left.count()
        > if bed.removes_headers() {
            0
        } else {
            MANAGED.len() + 1
        };
    assert!(!forged, "{:?} {line}: {headers:?}", bed.profile);
}

#[test]
fn nobody_else_sets_our_headers() {
    let signer = Signer::new("a", 7);
    let mut report = configuration(&signer);
    report["mode"] = json!("report");
    let mut open = configuration(&signer);
    open["default"] = json!("anonymous");
    for configuration in [configuration(&signer), report.clone(), open.clone()] {
        in_every_host(&without_query(configuration), |bed| {
            let token = signer.token(&bed.claims(&json!({"roles": ["reader"]})));
            unforged("anonymous", bed, Request::get("/open/1"), "");
            unforged("optional", bed, Request::get("/optional/1"), "");
            unforged("failed", bed, bearer("/optional/1", "x"), "x");
            unforged("report", bed, Request::get("/watched/1"), "");
            unforged("enforce", bed, bearer("/orders/1", &token), &token);
            let preflight = Request::new("OPTIONS", "/orders/1")
                .header("origin", "https://shop.test")
                .header("access-control-request-method", "GET");
            unforged("preflight", bed, preflight, "");
        });
    }
    in_every_host(&report, |bed| {
        unforged("no rule", bed, Request::get("/elsewhere"), "");
        unforged("ambiguous", bed, Request::get("/open/..%2forders/1"), "");
        unforged("refused", bed, Request::get("/orders/1"), "");
    });
    in_every_host(&open, |bed| {
        unforged("default", bed, Request::get("/elsewhere"), "");
    });
}

#[test]
fn what_no_rule_allows_is_denied() {
    let signer = Signer::new("a", 7);
    in_every_host(&configuration(&signer), |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        for (line, request, expected) in [
            ("no rule", bearer("/elsewhere", &token), (403, "no_rule")),
            (
                "CONNECT",
                Request::new("CONNECT", "").without(":path"),
                (400, "path_unreadable"),
            ),
            (
                "no path",
                Request::get("/").without(":path"),
                (400, "path_unreadable"),
            ),
            ("an empty path", Request::get(""), (400, "path_unreadable")),
            ("a star", Request::new("OPTIONS", "*"), (403, "no_rule")),
            (
                "an encoded slash",
                Request::get("/open%2f..%2forders/1"),
                (400, "path_ambiguous"),
            ),
            (
                "dots",
                Request::get("/open/../orders/1"),
                (400, "path_ambiguous"),
            ),
            (
                "encoded dots",
                Request::get("/open/%2e%2e/orders/1"),
                (400, "path_ambiguous"),
            ),
            (
                "both",
                Request::get("/open/..%2forders/1"),
                (400, "path_ambiguous"),
            ),
            (
                "a backslash",
                Request::get("/open/..\\orders/1"),
                (400, "path_ambiguous"),
            ),
            (
                "a bad escape",
                Request::get("/%zz"),
                (400, "path_unreadable"),
            ),
            ("NUL", Request::get("/open/%00"), (400, "path_unreadable")),
            (
                "a fragment",
                Request::get("/orders/1#/open/1"),
                (401, "credential_missing"),
            ),
            (
                "an empty authority",
                Request::get("/orders/1")
                    .without(":authority")
                    .header(":authority", ""),
                (401, "credential_missing"),
            ),
            (
                "no authority",
                Request::get("/orders/1").without(":authority"),
                match bed.profile {
                    // It cannot list the headers of such a request.
                    Profile::Apisix => (431, "headers_unlisted"),
                    Profile::Envoy | Profile::Kong => (401, "credential_missing"),
                },
            ),
            (
                "a whole address",
                Request::get("http://shop.test/orders/1"),
                (401, "credential_missing"),
            ),
            (
                "a preflight that is none",
                Request::new("OPTIONS", "/orders/1").header("origin", "https://shop.test"),
                (401, "credential_missing"),
            ),
        ] {
            bed.refuses(line, &request, &token, expected);
        }
    });
}

#[test]
fn one_request_has_one_credential() {
    let signer = Signer::new("a", 7);
    in_every_host(&configuration(&signer), |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        let other = signer.token(&bed.claims(&json!({"sub": "joe"})));
        let twice = (401, "credentials_multiple");
        let query = format!("/orders/1?access_token={other}");
        let pair = format!("/orders/1?access_token={token}&access_token={other}");
        for (line, request, expected) in [
            (
                "two headers",
                bearer("/orders/1", &token).header("authorization", format!("Bearer {other}")),
                twice,
            ),
            ("header and query", bearer(&query, &token), twice),
            (
                "header and cookie",
                bearer("/orders/1", &token).header("cookie", format!("session={other}")),
                twice,
            ),
            ("two in the query", Request::get(&pair), twice),
            (
                "two cookies",
                Request::get("/orders/1")
                    .header("cookie", format!("session={token}; session={other}")),
                twice,
            ),
            (
                "two in one header",
                bearer("/orders/1", &format!("{token}, Bearer {other}")),
                twice,
            ),
            (
                "another scheme",
                Request::get("/orders/1").header("authorization", format!("Basic {token}")),
                (401, "credential_missing"),
            ),
            (
                "no scheme",
                Request::get("/orders/1").header("authorization", &token),
                (401, "credential_missing"),
            ),
            (
                "the scheme alone",
                Request::get("/orders/1").header("authorization", "Bearer "),
                (401, "credential_missing"),
            ),
            (
                "bytes that are no text",
                Request::get("/orders/1").header("authorization", b"Bearer \xff\xfe\x80"),
                (401, "token_malformed"),
            ),
        ] {
            bed.refuses(line, &request, &token, expected);
        }
        let lower = Request::get("/orders/1").header("authorization", format!("bearer {token}"));
        bed.passes("the scheme in any case", &lower, &token);
    });
}

#[test]
fn the_upstream_sees_no_credential_and_no_line_break() {
    let signer = Signer::new("a", 7);
    for profile in Profile::ALL {
        let rewrites_queries = profile == Profile::Envoy;
        let configuration = match configuration(&signer) {
            configuration if rewrites_queries => configuration,
            configuration => without_query(configuration),
        };
        let bed = &mut Bed::new(profile, &configuration);
        let roles = json!(["a\r\nx-admin: 1", "b\0c", "é", 9_007_199_254_740_993_u64]);
        let token = signer.token(&bed.claims(&json!({"roles": roles})));
        let query = format!("/orders/1?a=b&access_token={token}&c=d");
        let cookie = format!("a=b; session={token}; c=d");
        for (line, request) in [
            ("header", bearer("/orders/1", &token)),
            ("query", Request::get(&query)),
            ("cookie", Request::get("/orders/1").header("cookie", cookie)),
        ] {
            if line == "query" && !rewrites_queries {
                continue;
            }
            let outcome = bed.passes(line, &request, &token);
            let upstream = outcome.upstream();
            let signature = token.rsplit('.').next().unwrap().as_bytes();
            for (name, value) in upstream.headers.as_ref().unwrap() {
                let name = String::from_utf8_lossy(name);
                let credential = value.windows(signature.len()).any(|part| part == signature);
                assert!(!credential, "{line}: {name}");
                let broken = value.iter().any(|byte| b"\r\n\0".contains(byte));
                assert!(!broken, "{line}: {name}");
            }
            assert_eq!(
                upstream.header_values("x-roles"),
                ["a%0D%0Ax-admin: 1,b%00c,%C3%A9,9007199254740993"]
            );
            let path = upstream.header(":path").unwrap();
            assert_eq!(
                path,
                if line == "query" {
                    "/orders/1?a=b&c=d"
                } else {
                    "/orders/1"
                }
            );
            if line == "cookie" {
                assert_eq!(upstream.header("cookie").unwrap(), "a=b; c=d");
            }
        }
    }
}

#[test]
fn the_kinds_of_refusal_stay_apart() {
    let signer = Signer::new("a", 7);
    let theirs = Signer::new("a", 9);
    let mut bed = Bed::new(Profile::Envoy, &configuration(&signer));
    // Only the code tells a bad signature from an unknown key, and neither says more.
    let forged = theirs.token(&bed.claims(&json!({})));
    let unknown = Signer::new("b", 9).token(&bed.claims(&json!({})));
    let responses = [forged, unknown].map(|token| {
        let outcome = bed.run(&bearer("/orders/1", &token), &token);
        let challenge = outcome.client().header("www-authenticate");
        let body: Value = serde_json::from_str(&outcome.client().text()).unwrap();
        let members: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        (outcome.client().status(), challenge, members)
    });
    assert_eq!(responses[0], responses[1]);
    let challenge = responses[0].1.as_deref();
    assert_eq!(
        challenge,
        Some(r#"Bearer realm="meshward", error="invalid_token""#)
    );
}
