//! Whatever servers may take for the query, and whoever names a key: nobody gets through by it.

use std::time::Duration;

use host::fake::{CallResponse, Profile, Request};
use serde_json::json;

use super::bed::{Bed, ISSUER, Signer, bearer, in_every_host, refusal};

const KEY: &str = "abc";
const KEY_HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn the_query_of_every_path_that_a_server_may_take_counts() {
    let signer = Signer::new("a", 7);
    let configuration = json!({
        "providers": {"a": {"issuer": ISSUER, "audiences": ["api"], "jwks": {"inline": signer.jwks()}}},
        "requests": [{"match": {"paths": ["/orders"]}, "max_query": {"limit": 100}}],
        "rules": [
            {"match": {"paths": ["/acc/**"]}, "require": {"provider": "a",
                "claims": [{"claim": "sub", "equals": {"query": "account"}}]}},
            {"match": {"paths": ["/items/**"], "methods": ["DELETE"]}, "require": {"provider": "a"}},
            {"allow": "anonymous"},
        ],
    });
    in_every_host(&configuration, |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        let own = bearer("/acc/1?account=jane", &token);
        bed.passes("the owner", &own, &token);
        let same = own.header("x-forwarded-uri", "/acc/1?account=jane");
        bed.passes("a proxy repeats it", &same, &token);
        for name in [
            "x-original-url",
            "x-rewrite-url",
            "x-forwarded-uri",
            "path-info",
        ] {
            for given in [
                "/acc/1?account=jo",
                "/acc/1",
                "/acc/1?account=jane&account=jo",
                "/acc/1?account=jane&account=",
            ] {
                let request = bearer("/acc/1?account=jane", &token).header(name, given);
                bed.refuses(name, &request, &token, (400, "query_ambiguous"));
            }
        }
        for path in [
            "/acc/1%3faccount=jo%26x=?account=jane",
            "/acc/1%253faccount=jo%26x=?account=jane",
        ] {
            let request = bearer(path, &token);
            bed.refuses(path, &request, &token, (400, "query_ambiguous"));
        }
        for path in [
            "/acc/1?account=jane&account=",
            "/acc/1?account=&account=jane",
            "/acc/1?account&account=jane",
            "/acc/1?account=jane&Account=",
            "/acc/1?account=jane&account[]=",
            "/acc/1?account=jane;account=",
        ] {
            let request = bearer(path, &token);
            bed.refuses(path, &request, &token, (400, "query_ambiguous"));
        }
        let nobody = bearer("/acc/1?account=", &token);
        bed.refuses("nobody's", &nobody, &token, (403, "object_not_owned"));
        let too_large = (400, "query_too_large");
        for request in [
            Request::get("/orders?limit=500"),
            Request::get("/orders?limit=5").header("x-original-url", "/orders?limit=500"),
            Request::get("/x").header("x-original-url", "/orders?limit=500"),
            Request::get("/orders%3flimit=500"),
        ] {
            bed.refuses("too much", &request, "", too_large);
        }
        let methods = (400, "method_ambiguous");
        for request in [
            Request::post("/items/1?_method=DELETE", "x"),
            Request::post("/items/1", "x").header("x-original-url", "/items/1?_method=DELETE"),
        ] {
            bed.refuses("another method", &request, "", methods);
        }
    });
}

#[test]
fn an_api_key_has_the_identity_that_its_claims_give() {
    let key = |id: &str, more: serde_json::Value| {
        let mut key = json!({"id": id, "sha256": KEY_HASH});
        key.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        key
    };
    let configuration = |identity: serde_json::Value,
                         key: serde_json::Value,
                         require: serde_json::Value| {
        let mut rule = json!({"provider": "keys"});
        rule.as_object_mut()
            .unwrap()
            .extend(require.as_object().unwrap().clone());
        json!({
            "providers": {"keys": {"identity": identity, "api_keys": {"from": [{"header": "x-key"}], "keys": [key]}}},
            "deny": {"subjects": ["jane@example.com"]},
            "rules": [{"require": rule}],
        })
    };
    let request = Request::get("/").header("x-key", KEY);
    let revoked = configuration(
        json!({"subject": "email"}),
        key("k", json!({"claims": {"email": "jane@example.com"}})),
        json!({}),
    );
    in_every_host(&revoked, |bed| {
        bed.refuses("on the list", &request, KEY, (401, "token_revoked"));
    });
    for (identity, claims, require) in [
        (
            json!({"scopes": "perms"}),
            json!({"perms": ["a", "b"]}),
            json!({"scopes": ["b"]}),
        ),
        (
            json!({"consents": "agreed"}),
            json!({"agreed": ["care"]}),
            json!({"consent": {"granted": "care"}}),
        ),
    ] {
        let configuration = configuration(identity, key("k", json!({"claims": claims})), require);
        in_every_host(&configuration, |bed| {
            bed.passes("by its claims", &request, KEY);
        });
    }
    let told = configuration(
        json!({"tenant": "org", "roles": "groups"}),
        key(
            "k",
            json!({"roles": ["own"], "claims": {"org": "acme", "groups": ["other"]}}),
        ),
        json!({}),
    );
    let mut bed = Bed::new(Profile::Envoy, &told);
    let outcome = bed.passes("by both", &request, KEY);
    let identity = outcome.properties.value("meshward.identity").unwrap();
    let identity: serde_json::Value = serde_json::from_slice(&identity).unwrap();
    assert_eq!(identity["tenant"], "acme");
    assert_eq!(
        identity["roles"],
        json!(["own"]),
        "what the entry says itself"
    );
    assert_eq!(identity["subject"], "k");
}

#[test]
fn on_error_lets_nobody_through_who_names_keys_that_nobody_has() {
    let signer = Signer::new("a", 7);
    let configuration = json!({
        "on_error": "allow",
        "providers": {"a": {"issuer": ISSUER, "audiences": ["api"],
            "jwks": {"remote": {"uri": "https://idp.example.com/keys", "cluster": "idp"}}}},
        "rules": [{"require": {"provider": "a"}}],
    });
    let jwks = signer.jwks().to_string();
    in_every_host(&configuration, |bed| {
        let keys = jwks.clone();
        bed.responses(move |_| CallResponse::http(200, keys.clone()));
        bed.wait(Duration::from_millis(150));
        let token = signer.token(&bed.claims(&json!({})));
        bed.passes("the first", &bearer("/", &token), &token);
        for number in 0..20 {
            bed.wait(Duration::from_millis(100));
            let header = json!({"alg": "ES256", "kid": format!("made up {number}")});
            let forged = signer.sign(&header.to_string(), &bed.claims(&json!({})).to_string());
            let outcome = bed.run(&bearer("/", &forged), &forged);
            let status = outcome.client().status();
            assert!(
                matches!(status, Some(401 | 503)),
                "{:?} {number}: {status:?}",
                bed.profile
            );
            assert!(outcome.upstream().headers.is_none());
        }
        // The keys cannot be fetched anew, and those at hand serve: what they do not have is still for the
        // client to name.
        bed.responses(|_| CallResponse::http(500, ""));
        bed.wait(Duration::from_secs(60));
        let claims = bed.claims(&json!({})).to_string();
        for number in 0..5 {
            let header = json!({"alg": "ES256", "kid": format!("new {number}")});
            let forged = signer.sign(&header.to_string(), &claims);
            let unavailable = (503, "keys_unavailable");
            bed.refuses("undecided", &bearer("/", &forged), &forged, unavailable);
            bed.wait(Duration::from_secs(5));
        }
        let token = signer.token(&bed.claims(&json!({})));
        bed.passes("genuine", &bearer("/", &token), &token);
        // Without any keys nobody can be checked: that is an outage.
        bed.wait(Duration::from_secs(2 * 3600));
        let token = signer.token(&bed.claims(&json!({})));
        bed.passes("nothing known", &bearer("/", &token), &token);
    });
}

#[test]
fn on_error_lets_nobody_through_for_what_clients_bring_about() {
    let configuration = json!({
        "on_error": "allow", "waiting": {"max_requests": 0},
        "providers": {"a": {"introspection": {"uri": "https://idp.example.com/introspect",
            "cluster": "idp", "client_id": "edge", "client_secret_env": "CLIENT_SECRET"}}},
        "rules": [{"require": {"provider": "a"}}],
    });
    let mut odd = configuration.clone();
    odd.as_object_mut().unwrap().remove("waiting");
    in_every_host(&odd, |bed| {
        bed.responses(|_| CallResponse::http(400, ""));
        let request = bearer("/", "an-odd-token");
        let unavailable = (503, "introspection_unavailable");
        bed.refuses("said of one token", &request, "an-odd-token", unavailable);
        for (status, body) in [
            (500, ""),
            (503, ""),
            (302, ""),
            (200, "<html>"),
            (200, r#"{"active":1}"#),
        ] {
            bed.responses(move |_| CallResponse::http(status, body));
            bed.wait(Duration::from_secs(2));
            bed.refuses("said of one token", &request, "an-odd-token", unavailable);
        }
        bed.responses(|_| CallResponse::http(200, r#"{"active":false}"#));
        let inactive = (401, "token_inactive");
        bed.refuses("it answers", &bearer("/", "odd"), "odd", inactive);
        let from = |address: &str, token: &str| {
            let with_port = format!("{address}:4711");
            let request = bearer("/", token).attribute(&["source", "address"], with_port);
            // What nginx hosts call it.
            request.attribute(&["remote_addr"], address)
        };
        for failure in [
            CallResponse::http(503, ""),
            CallResponse::http(500, "oops"),
            CallResponse::Nothing,
            CallResponse::timeout(),
        ] {
            let given = failure.clone();
            bed.responses(move |_| given.clone());
            for number in 0..5 {
                let token = format!("odd-{number}-{failure:?}");
                let request = from("192.0.2.1", &token);
                bed.refuses("of one client", &request, &token, unavailable);
                bed.wait(Duration::from_secs(11));
                bed.refuses("again", &request, &token, unavailable);
            }
            for (address, passes) in [
                ("192.0.2.2", false),
                ("192.0.2.3", true),
                ("192.0.2.1", true),
            ] {
                let token = format!("odd-{address}-{failure:?}");
                match passes {
                    true => drop(bed.passes("an outage", &from(address, &token), &token)),
                    false => bed.refuses("not yet", &from(address, &token), &token, unavailable),
                }
            }
            bed.responses(|_| CallResponse::http(200, r#"{"active":false}"#));
            let back = format!("odd-back-{failure:?}");
            bed.refuses("it is back", &from("192.0.2.1", &back), &back, inactive);
        }
        // What it called active before is no token that somebody has made up.
        bed.responses(|_| CallResponse::http(200, r#"{"active":true}"#));
        let known = from("192.0.2.1", "known");
        bed.passes("active", &known, "known");
        bed.wait(Duration::from_secs(31));
        bed.responses(|_| CallResponse::http(500, ""));
        bed.passes("an outage", &known, "known");
        let odd = from("192.0.2.1", "odd-6");
        bed.refuses("another one", &odd, "odd-6", unavailable);
    });
    let mut bed = Bed::new(Profile::Envoy, &configuration);
    let request = bearer("/", "an-opaque-token");
    bed.refuses(
        "no room",
        &request,
        "an-opaque-token",
        (503, "waiting_full"),
    );
}

#[test]
fn nobody_is_asked_for_consent_whom_nobody_vouches_for() {
    let rule = |tls: serde_json::Value| json!({"providers": {}, "rules": [{"require": {"tls": tls, "consent": {"granted": "care"}}}]});
    let refused = refusal(&rule(json!({"min_version": "1.2"})));
    assert!(
        refused.contains("rules[0].require") && refused.contains("nobody vouches"),
        "{refused}"
    );
    in_every_host(&rule(json!({"client_certificate": true})), |bed| {
        let request = Request::get("/").attribute(&["connection", "mtls"], [1]);
        let outcome = bed.run(&request, "");
        assert_eq!(outcome.client().status(), Some(403), "{:?}", bed.profile);
        assert!(outcome.upstream().headers.is_none());
    });
}

#[test]
fn an_optional_credential_leaves_no_consent_away() {
    let signer = Signer::new("a", 7);
    let rule = |path: &str, optional: serde_json::Value, consent: serde_json::Value| json!({"match": {"paths": [path]}, "require": {"provider": "a", "optional": optional, "consent": consent}});
    let configuration = json!({
        "providers": {"a": {"issuer": ISSUER, "audiences": ["api"], "jwks": {"inline": signer.jwks()}}},
        "consent": {"cookie": {"name": "agreed", "trusted": true}},
        "rules": [
            rule("/none", json!(true), json!({"granted": ["sharing"]})),
            rule("/bad", json!("or_failed"), json!({"granted": ["sharing"]})),
            {"require": {"provider": "a", "optional": true}},
        ],
    });
    in_every_host(&configuration, |bed| {
        let missing = (403, "consent_missing");
        for (path, token) in [("/none", ""), ("/bad", ""), ("/bad", "x.y.z")] {
            let request = match token {
                "" => Request::get(path),
                token => bearer(path, token),
            };
            bed.refuses("nobody has agreed", &request, token, missing);
            let agreed = request.header("cookie", "agreed=sharing");
            bed.passes("the request says so", &agreed, token);
            let opted_out = agreed.header("sec-gpc", "1");
            bed.refuses("an opt-out is stronger", &opted_out, token, missing);
        }
        bed.passes(
            "no consent asked",
            &Request::get("/").header("sec-gpc", "1"),
            "",
        );
    });
}

#[test]
fn the_query_of_an_overriding_path_has_no_credential_either() {
    let configuration = json!({
        "providers": {"k": {"api_keys": {"from": [{"query": "key"}, {"header": "x-api-key"}],
            "keys": [{"id": "acme", "sha256": KEY_HASH}]}}},
        "rules": [{"allow": "anonymous"}],
    });
    let mut bed = Bed::new(Profile::Envoy, &configuration);
    for (given, expected) in [
        ("/x?key=abc", "/x"),
        ("/x?a=1&KEY=abc&b=2", "/x?a=1&b=2"),
        ("/x?a=1,/y?key=abc", "/x?a=1,/y"),
        ("/x?a=1,2&%6bey=abc", "/x?a=1,2"),
        ("/x?key[]=abc", "/x"),
        ("/x?monkey=abc", "/x?monkey=abc"),
        ("/x", "/x"),
    ] {
        for name in ["x-original-url", "x_forwarded_uri", "path-info"] {
            let request = Request::get("/x").header(name, given);
            let outcome = bed.passes(given, &request, "");
            let seen = outcome.upstream().header(name);
            assert_eq!(seen.as_deref(), Some(expected), "{name}: {given}");
        }
    }
}

#[test]
fn trailers_have_no_credentials_and_no_headers_of_this_filter() {
    let configuration = |mode: &str| {
        json!({
            "mode": mode, "path_override": "strip",
            "providers": {"k": {"claims_to_headers": [{"claim": "sub", "header": "x-user-id"}],
                "api_keys": {"from": [{"header": "x-api-key"}, {"cookie": "key"}],
                "keys": [{"id": "acme", "sha256": KEY_HASH}]}}},
            "rules": [{"allow": "anonymous"}],
        })
    };
    let sent = [
        ("x-user-id", "admin"),
        ("x_user_id", "admin"),
        ("x-meshward-identity", "e30"),
        ("x-api-key", "abc"),
        ("x_api_key", "abc"),
        ("cookie", "key=abc"),
        ("x-original-url", "/admin"),
        ("grpc-status", "0"),
        ("x-checksum", "1"),
    ];
    for (mode, expected) in [("enforce", &sent[7..]), ("report", &sent[3..])] {
        let mut bed = Bed::new(Profile::Envoy, &configuration(mode));
        let request = Request::post("/x", "body").trailers(&sent);
        let outcome = bed.passes(mode, &request, "");
        let trailers = outcome.upstream().trailers.clone().unwrap();
        let seen: Vec<(&str, &str)> = trailers
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        assert_eq!(seen, expected, "{mode}");
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_clock_that_is_behind_refuses_no_token_that_the_issuer_calls_active() {
    let configuration = json!({
        "providers": {"a": {"introspection": {"uri": "https://idp.example.com/introspect", "cluster": "idp",
            "client_id": "edge", "client_secret_env": "CLIENT_SECRET", "audiences": "any", "clock_skew": "10s"}}},
        "rules": [{"require": {"provider": "a"}}],
    });
    in_every_host(&configuration, |bed| {
        let now = bed.now();
        let said = move |from: u64| json!({"active": true, "sub": "jane", "nbf": from}).to_string();
        bed.responses(move |_| CallResponse::http(200, said(now + 10)));
        bed.passes("within the skew", &bearer("/", "near"), "near");
        bed.responses(move |_| CallResponse::http(200, said(now + 12)));
        let early = (401, "token_not_yet_valid");
        bed.refuses("beyond it", &bearer("/", "far"), "far", early);
        bed.wait(Duration::from_secs(3));
        bed.passes("a little later", &bearer("/", "far"), "far");
    });
}
