//! Which provider a credential is for, and what of it and of its claims reaches the upstream.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use host::fake::{CallResponse, Profile, Request, Response};
use policy::identity::{AuthenticationMethod, Identity};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::bed::{Bed, ISSUER, Signer, bearer, in_every_host};

/// SHA-256 of "abc".
const KEY: &str = "abc";
const KEY_HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn issuer(signer: &Signer, more: &Value) -> Value {
    let mut provider = json!({
        "issuer": ISSUER, "audiences": ["api"], "jwks": {"inline": signer.jwks()},
    });
    let members = provider.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    provider
}

fn api_keys(from: &Value) -> Value {
    json!({"api_keys": {"from": from, "keys": [{
        "id": "acme", "sha256": KEY_HASH, "scopes": ["read"], "claims": {"plan": "gold", "seats": 5},
    }]}})
}

fn hash_of(key: &str) -> String {
    let hash = Sha256::digest(key);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn introspection() -> Value {
    json!({
        "introspection": {
            "uri": "https://idp.example.com/introspect", "cluster": "idp", "client_id": "edge",
            "client_secret_env": "CLIENT_SECRET", "max_requests": 4,
        },
        "from": [{"header": "x-credential"}],
    })
}

/// What is left of a header that was taken away: Kong sends removed headers on, so there it is
/// overwritten.
fn gone(bed: &Bed) -> Option<String> {
    (!bed.removes_headers()).then(|| "removed".to_owned())
}

fn identity_of(outcome: &host::fake::Outcome) -> Identity {
    let property = outcome.properties.value("meshward.identity");
    Identity::parse(&property.unwrap()).unwrap()
}

#[test]
fn every_provider_of_an_issuer_is_tried_and_the_nearest_says_why() {
    let signer = Signer::new("a", 7);
    let configuration = json!({
        "providers": {
            "a": issuer(&signer, &json!({"audiences": ["a"]})),
            "b": issuer(&signer, &json!({"audiences": ["b"]})),
            "strict": issuer(&signer, &json!({"audiences": ["c"], "required_claims": ["email"]})),
        },
        "rules": [{"require": {"any_of": ["a", "strict", "b"]}}],
    });
    in_every_host(&configuration, |bed| {
        for audience in ["a", "b"] {
            let token = signer.token(&bed.claims(&json!({"aud": audience})));
            bed.passes(audience, &bearer("/", &token), &token);
        }
        for (changes, code) in [
            (json!({"aud": "d"}), "audience_mismatch"),
            (json!({"aud": "c"}), "claim_missing"),
            (json!({"aud": "b", "exp": 1}), "token_expired"),
        ] {
            let token = signer.token(&bed.claims(&changes));
            bed.refuses(code, &bearer("/", &token), &token, (401, code));
        }
    });
}

#[test]
fn no_api_key_is_sent_to_an_issuer() {
    let configuration = json!({
        "providers": {
            "opaque": introspection(),
            "partners": api_keys(&json!([{"header": "x-credential"}])),
        },
        "rules": [{"require": {"any_of": ["opaque", "partners"]}}],
    });
    in_every_host(&configuration, |bed| {
        let calls = bed.responses(|_| CallResponse::http(200, r#"{"active":true,"sub":"jane"}"#));
        let request = Request::get("/").header("x-credential", KEY);
        bed.passes("a key of ours", &request, KEY);
        assert_eq!(*calls.borrow(), 0, "{:?}", bed.profile);
        let request = Request::get("/").header("x-credential", "opaque");
        bed.passes("a token of theirs", &request, "opaque");
        assert_eq!(*calls.borrow(), 1, "{:?}", bed.profile);
    });
}

#[test]
fn a_token_with_a_kid_fits_a_key_without() {
    let signer = Signer::new("a", 7);
    let mut anonymous = signer.jwk();
    anonymous.as_object_mut().unwrap().remove("kid");
    let other = Signer::new("b", 8).jwk();
    let keys = json!({"jwks": {"inline": {"keys": [other, anonymous]}}});
    let configuration = json!({
        "providers": {"corp": issuer(&signer, &keys)},
        "rules": [{"require": {"provider": "corp"}}],
    });
    in_every_host(&configuration, |bed| {
        let claims = bed.claims(&json!({})).to_string();
        let token = signer.sign(r#"{"alg":"ES256","kid":"whatever"}"#, &claims);
        bed.passes("tried", &bearer("/", &token), &token);
        let named = signer.sign(r#"{"alg":"ES256","kid":"b"}"#, &claims);
        let expected = (401, "signature_invalid");
        bed.refuses(
            "the name of another",
            &bearer("/", &named),
            &named,
            expected,
        );
    });
}

#[test]
fn with_and_without_the_prefix_it_is_one_credential() {
    let signer = Signer::new("a", 7);
    let from = json!({"from": [{"header": "authorization"}, {"header": "authorization", "prefix": "Bearer "}]});
    let configuration = json!({
        "providers": {"corp": issuer(&signer, &from)},
        "rules": [{"require": {"provider": "corp"}}],
    });
    in_every_host(&configuration, |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        for value in [token.clone(), format!("Bearer {token}")] {
            let request = Request::get("/").header("authorization", value.clone());
            let outcome = bed.passes(&value, &request, &token);
            assert_eq!(outcome.upstream().header("authorization"), gone(bed));
        }
    });
}

#[test]
fn only_what_was_verified_is_forwarded() {
    let signer = Signer::new("a", 7);
    let places = json!({
        "forward": true,
        "from": [
            {"header": "authorization", "prefix": "Bearer "}, {"query": "access_token"},
            {"cookie": "session"},
        ],
    });
    let configuration = json!({
        "providers": {
            "corp": issuer(&signer, &places),
            "partners": api_keys(&json!([{"header": "x-api-key"}])),
        },
        "on_multiple": "first",
        "rules": [
            {"match": {"paths": ["/open"]}, "allow": "anonymous"},
            {"require": {"provider": "corp", "optional": "or_failed"}},
        ],
    });
    in_every_host(&configuration, |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        let evil = "evil.evil.evil";
        let request = Request::get(&format!("/x?a=1&access_token={evil}"))
            .header("authorization", format!("Bearer {token}"))
            .header("cookie", format!("a=1; session={evil}"))
            .header("x-api-key", KEY);
        let outcome = bed.passes("one of three", &request, &token);
        let upstream = outcome.upstream();
        assert_eq!(
            upstream.header("authorization"),
            Some(format!("Bearer {token}"))
        );
        assert_eq!(upstream.header("cookie").as_deref(), Some("a=1"));
        assert_eq!(upstream.header("x-api-key"), gone(bed));
        if bed.profile == Profile::Envoy {
            assert_eq!(upstream.header(":path").as_deref(), Some("/x?a=1"));
        }
        let both =
            Request::get("/x").header("authorization", format!("Bearer {token}, Bearer {evil}"));
        let outcome = bed.passes("two in one header", &both, &token);
        let kept = outcome.upstream().header("authorization");
        assert_eq!(kept, Some(format!("Bearer {token}")));
        // Services behind a gateway that verifies take what stands behind the first word, whatever the word.
        for value in [
            format!("Token {evil} , Bearer {token}"),
            format!("Bearer {token}, JWT {evil}"),
        ] {
            let mixed = Request::get("/x").header("authorization", value);
            let outcome = bed.passes("another scheme beside it", &mixed, &token);
            let kept = outcome.upstream().header("authorization");
            assert_eq!(kept, Some(format!("Bearer {token}")));
        }
        // Under rules that want nothing, and where what is wanted has failed, nothing was verified.
        for path in ["/open", "/x"] {
            let request = Request::get(path)
                .header("authorization", format!("Bearer {evil}"))
                .header("x-api-key", KEY);
            let outcome = bed.passes(path, &request, evil);
            assert_eq!(
                outcome.upstream().header("authorization"),
                gone(bed),
                "{path}"
            );
            assert_eq!(outcome.upstream().header("x-api-key"), gone(bed), "{path}");
        }
        // What is no credential of any provider is not ours to take.
        let basic = Request::get("/open").header("authorization", "Basic YTpi");
        let outcome = bed.passes("of the upstream", &basic, "Basic YTpi-that-is-not-ours");
        assert_eq!(
            outcome.upstream().header("authorization").as_deref(),
            Some("Basic YTpi")
        );
    });
}

#[test]
fn what_stands_beside_a_credential_that_is_kept_goes_with_it() {
    let signer = Signer::new("a", 7);
    let configuration = json!({
        "providers": {"corp": issuer(&signer, &json!({}))},
        "rules": [{"require": {"provider": "corp"}}],
    });
    in_every_host(&configuration, |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        let mixed =
            Request::get("/x").header("authorization", format!("Token evil, Bearer {token}"));
        let outcome = bed.passes("another scheme beside it", &mixed, &token);
        assert_eq!(outcome.upstream().header("authorization"), gone(bed));
    });
}

#[test]
fn more_credentials_than_anybody_has_are_not_compared() {
    let keys: Vec<Value> = (0..10)
        .map(|number| {
            json!({"id": format!("k{number}"), "sha256": hash_of(&format!("key {number}"))})
        })
        .collect();
    let configuration = |on_multiple: &str| {
        json!({
            "providers": {"partners": {"api_keys": {"from": [{"header": "x-api-key"}], "keys": keys}}},
            "rules": [{"require": {"provider": "partners"}}],
            "on_multiple": on_multiple,
        })
    };
    let some = |count: usize| {
        let keys: Vec<String> = (0..count).map(|number| format!("key {number}")).collect();
        Request::get("/").header("x-api-key", keys.join(","))
    };
    for (on_multiple, count, expected) in [
        ("all", 8, 200),
        ("all", 9, 401),
        ("first", 20_000, 200),
        ("deny", 20_000, 401),
    ] {
        let mut bed = Bed::new(Profile::Envoy, &configuration(on_multiple));
        let outcome = bed.run(&some(count), "key 0");
        let told = format!("{on_multiple} {count}");
        assert_eq!(outcome.client().status(), Some(expected), "{told}");
    }
}

/// A rule that asks for one caller: nobody here has both the scope and the object.
#[test]
fn one_caller_meets_the_conditions_of_a_rule_that_asks_for_one() {
    let key = |id: &str, header: &str, scopes: &Value| {
        json!({"api_keys": {"from": [{"header": header}],
            "keys": [{"id": id, "sha256": hash_of(header), "scopes": scopes}]}})
    };
    let configuration = |providers: &str| {
        json!({
            "providers": {
                "people": key("jane", "x-person", &json!(["users:read"])),
                "services": key("batch", "x-service", &json!(["users:write"])),
            },
            "on_multiple": "all",
            "rules": [{"match": {"paths": ["/users/**"]}, "require": {
                providers: ["people", "services"], "scopes": ["users:write"],
                "claims": [{"claim": "sub", "equals": {"path": "/users/{id}/**"}}],
            }}],
        })
    };
    let request = Request::get("/users/jane/x")
        .header("x-person", "x-person")
        .header("x-service", "x-service");
    for (providers, expected) in [("any_of", 403), ("all_of", 200)] {
        let mut bed = Bed::new(Profile::Envoy, &configuration(providers));
        let outcome = bed.proxy.run(&request, &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(expected), "{providers}");
    }
}

#[test]
fn managed_headers_go_in_every_spelling_that_upstreams_fold() {
    let signer = Signer::new("a", 7);
    let mapped = json!({"claims_to_headers": [{"claim": "sub", "header": "x-user-id"}]});
    let configuration = json!({
        "providers": {"corp": issuer(&signer, &mapped)},
        "rules": [{"match": {"paths": ["/open"]}, "allow": "anonymous"}, {"require": {"provider": "corp"}}],
    });
    in_every_host(&configuration, |bed| {
        let spellings = [
            "x-user-id",
            "x_user_id",
            "x-user_id",
            "x.user.id",
            "x_meshward_identity",
        ];
        let mut request = Request::get("/open").header("x-userid", "stays");
        for name in spellings {
            request = request.header(name, "admin");
        }
        if !bed.removes_headers() {
            bed.refuses("they would go on", &request, "-", (400, "managed_header"));
            return;
        }
        let outcome = bed.passes("spellings", &request, "-");
        for name in spellings {
            assert_eq!(
                outcome.upstream().header(name),
                None,
                "{:?} {name}",
                bed.profile
            );
        }
        assert_eq!(
            outcome.upstream().header("x-userid").as_deref(),
            Some("stays")
        );
    });
}

#[test]
fn claims_that_do_not_fit_are_refused_or_marked() {
    let signer = Signer::new("a", 7);
    let groups: Vec<String> = (0..150).map(|number| format!("{number:0>36}")).collect();
    for (mapping, expected) in [
        (json!({}), None),
        (json!({"on_too_large": "truncate"}), Some("40")),
        (json!({"max_size": "8KiB"}), Some("0")),
    ] {
        let mut mapped = json!({"claim": "groups", "header": "x-groups"});
        mapped
            .as_object_mut()
            .unwrap()
            .extend(mapping.as_object().unwrap().clone());
        let configuration = json!({
            "providers": {"corp": issuer(&signer, &json!({"claims_to_headers": [mapped]}))},
            "rules": [{"require": {"provider": "corp"}}],
        });
        in_every_host(&configuration, |bed| {
            let token = signer.token(&bed.claims(&json!({"groups": groups})));
            let request = bearer("/", &token).header("x-groups-truncated", "none");
            let removes = bed.removes_headers();
            let request = match removes {
                true => request,
                false => request.without("x-groups-truncated"),
            };
            let Some(missing) = expected else {
                let expected = (403, "claim_header_too_large");
                bed.refuses("too large", &request, &token, expected);
                return;
            };
            let outcome = bed.passes("it fits or is marked", &request, &token);
            let value = outcome.upstream().header("x-groups").unwrap();
            let present = value.split(',').count();
            assert_eq!((150 - present).to_string(), missing);
            let marker = outcome.upstream().header("x-groups-truncated");
            match mapping.get("on_too_large") {
                Some(_) => assert_eq!(marker.as_deref(), Some(missing)),
                None if removes => assert_eq!(marker.as_deref(), Some("none"), "not ours here"),
                None => {}
            }
        });
    }
}

#[test]
fn preflights_pass_only_where_a_rule_could_allow_the_request() {
    let signer = Signer::new("a", 7);
    let configuration = json!({
        "providers": {"corp": issuer(&signer, &json!({}))},
        "cors_preflight": "allow",
        "rules": [
            {"match": {"paths": ["/internal/**"]}, "deny": "everybody"},
            {"match": {"paths": ["/orders"], "methods": ["POST"]}, "require": {"provider": "corp"}},
        ],
    });
    in_every_host(&configuration, |bed| {
        for (path, method, status) in [
            ("/orders", "POST", 200),
            ("/orders", "DELETE", 403),
            ("/internal/x", "GET", 403),
            ("/elsewhere", "GET", 403),
        ] {
            let request = Request::new("OPTIONS", path)
                .header("origin", "https://app.example.com")
                .header("access-control-request-method", method);
            let outcome = bed.run(&request, "-");
            assert_eq!(outcome.client().status(), Some(status), "{method} {path}");
        }
    });
}

#[test]
fn junk_does_not_crowd_out_a_good_token() {
    let configuration = json!({
        "providers": {"opaque": introspection()},
        "rules": [{"require": {"provider": "opaque"}}],
    });
    let mut bed = Bed::new(Profile::Envoy, &configuration);
    let from = |address: &str, token: &str| {
        Request::get("/")
            .header("x-credential", token)
            .attribute(&["source", "address"], format!("{address}:4711"))
    };
    let junk: Vec<u32> = (0..100)
        .map(|number| {
            let request = from("192.0.2.1", &format!("junk {number}"));
            let stream = bed.proxy.start(&request);
            bed.proxy.send(stream, &request);
            stream
        })
        .collect();
    assert_eq!(bed.proxy.host().pending_calls().len(), 2, "half of four");
    let good = from("192.0.2.2", "good");
    let stream = bed.proxy.start(&good);
    bed.proxy.send(stream, &good);
    assert_eq!(
        bed.proxy.host().pending_calls().len(),
        3,
        "it is asked about at once"
    );
    let asked = Rc::new(RefCell::new(0));
    let count = Rc::clone(&asked);
    bed.proxy.respond_to_calls(move |call| {
        *count.borrow_mut() += 1;
        let host::fake::AnyCall::Http { body, .. } = &call.call else {
            panic!("not an HTTP call");
        };
        let active = body.starts_with(b"token=good&");
        Some(CallResponse::http(
            200,
            json!({"active": active, "sub": "jane"}).to_string(),
        ))
    });
    bed.wait(Duration::from_millis(100));
    assert!(bed.proxy.request_arrived(stream));
    bed.proxy.respond(stream, &Response::json("{}"));
    assert_eq!(bed.proxy.finish(stream).client().status(), Some(200));
    for stream in junk {
        let outcome = bed.proxy.finish(stream);
        assert_eq!(outcome.client().status(), Some(401), "its turn came too");
    }
    assert_eq!(*asked.borrow(), 101);
}

#[test]
fn a_response_is_paid_for_by_those_whom_it_is_about() {
    let mut settings = introspection();
    settings["introspection"]["max_requests"] = json!(10);
    let configuration = json!({
        "providers": {"opaque": settings},
        "rules": [{"require": {"provider": "opaque"}}],
    });
    let mut bed = Bed::new(Profile::Envoy, &configuration);
    let streams: Vec<_> = (0..200)
        .map(|number| {
            let request = Request::get("/")
                .header("x-credential", format!("junk {number}"))
                .attribute(
                    &["source", "address"],
                    format!("192.0.2.{}:4711", number % 4),
                );
            bed.proxy.start(&request)
        })
        .collect();
    let before = bed.proxy.host().times_called("proxy_set_effective_context");
    let asked = bed.responses(|_| CallResponse::http(200, r#"{"active":false}"#));
    bed.wait(Duration::from_secs(2));
    let looked = bed.proxy.host().times_called("proxy_set_effective_context") - before;
    for stream in streams {
        assert_eq!(bed.proxy.finish(stream).client().status(), Some(401));
    }
    assert_eq!(*asked.borrow(), 200);
    // Once to ask, once to refuse.
    assert!(looked <= 2 * 200, "{looked}");
}

#[test]
fn identities_are_mapped_and_api_keys_carry_claims() {
    let signer = Signer::new("a", 7);
    let mapping = json!({"identity": {
        "roles": ["realm_access.roles", "resource_access.*.roles", "https://example.com/roles"],
        "tenant": "tid", "client": "azp", "subject": "oid",
    }});
    let configuration = json!({
        "providers": {
            "corp": issuer(&signer, &mapping),
            "partners": api_keys(&json!([{"header": "x-api-key"}])),
        },
        "rules": [
            {"match": {"paths": ["/gold"]}, "require": {"provider": "partners",
                "claims": [{"claim": "plan", "equals": "gold"}, {"claim": "seats", "at_least": 5}]}},
            {"match": {"paths": ["/silver"]}, "require": {"provider": "partners",
                "claims": [{"claim": "plan", "equals": "silver"}]}},
            {"require": {"provider": "corp"}},
        ],
    });
    in_every_host(&configuration, |bed| {
        let key = |path: &str| Request::get(path).header("x-api-key", KEY);
        bed.passes("the plan of the key", &key("/gold"), KEY);
        bed.refuses(
            "another plan",
            &key("/silver"),
            KEY,
            (403, "claim_mismatch"),
        );
        let token = signer.token(&bed.claims(&json!({
            "oid": "4711", "azp": "shop", "tid": "acme", "realm_access": {"roles": ["user"]},
            "resource_access": {"orders": {"roles": ["read"]}}, "https://example.com/roles": ["admin"],
        })));
        let outcome = bed.passes("mapped", &bearer("/", &token), &token);
        if bed.profile == Profile::Envoy {
            let identity = identity_of(&outcome);
            assert_eq!(identity.roles, ["user", "read", "admin"]);
            assert_eq!(identity.tenant.as_deref(), Some("acme"));
            assert_eq!(identity.client_id.as_deref(), Some("shop"));
            assert_eq!(identity.subject.as_deref(), Some("4711"));
        }
    });
}

#[test]
fn a_certificate_says_whose_object_it_is() {
    let same = |claim: &str, field: &str| json!([{"claim": claim, "equals": {"client_certificate": field}}]);
    let configuration = json!({
        "providers": {"partners": api_keys(&json!([{"header": "x-api-key"}]))},
        "rules": [
            {"match": {"paths": ["/dns"]}, "require": {"provider": "partners", "claims": same("sub", "dns_san")}},
            {"match": {"paths": ["/uri"]}, "require": {"provider": "partners", "claims": same("plan", "uri_san")}},
        ],
    });
    let mut bed = Bed::new(Profile::Envoy, &configuration);
    let with = |path: &str, shown: u8, dns: &str| {
        Request::get(path)
            .header("x-api-key", KEY)
            .attribute(&["connection", "mtls"], [shown])
            .attribute(&["connection", "dns_san_peer_certificate"], dns)
    };
    bed.passes("its own", &with("/dns", 1, "acme"), KEY);
    let others = (403, "object_not_owned");
    bed.refuses("another's", &with("/dns", 1, "bolt"), KEY, others);
    bed.refuses("not verified", &with("/dns", 0, "acme"), KEY, others);
    bed.refuses("no such name", &with("/uri", 1, "gold"), KEY, others);
}

#[test]
fn a_certificate_is_an_identity_for_all_filters() {
    let configuration = json!({
        "providers": {},
        "rules": [{"require": {"tls": {"client_certificate": true}}}],
        "deny": {"subjects": ["spiffe://example.com/ns/shop/mallory"]},
    });
    let mut bed = Bed::new(Profile::Envoy, &configuration);
    let from = |name: &str| {
        Request::get("/")
            .attribute(&["connection", "tls_version"], "TLSv1.3")
            .attribute(&["connection", "mtls"], [1])
            .attribute(&["connection", "uri_san_peer_certificate"], name)
            .attribute(&["connection", "subject_peer_certificate"], "CN=web")
    };
    let outcome = bed.passes("mTLS", &from("spiffe://example.com/ns/shop/web"), "-");
    let identity = identity_of(&outcome);
    assert_eq!(identity.method, AuthenticationMethod::ClientCertificate);
    assert_eq!(
        identity.subject.as_deref(),
        Some("spiffe://example.com/ns/shop/web")
    );
    assert_eq!(identity.claim_text("subject_dn").as_deref(), Some("CN=web"));
    let outcome = bed.passes("without a URI", &from(""), "-");
    assert_eq!(identity_of(&outcome).subject.as_deref(), Some("CN=web"));
    let mallory = from("spiffe://example.com/ns/shop/mallory");
    bed.refuses("locked out", &mallory, "-", (401, "token_revoked"));
}
