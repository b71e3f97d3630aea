//! The filter in a host in memory: tokens, key fetches that succeed and fail, and what others see.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use host::fake::{CallResponse, Outcome, Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use jwt_simple::prelude::{
    Claims, Duration as Seconds, ECDSAP256KeyPairLike as _, ECDSAP256PublicKeyLike as _,
    ES256KeyPair,
};
use policy::identity::Identity;

const ISSUER: &str = "https://idp.example.com";

/// A signing key, its JWK set, and tokens made with it.
struct Signer {
    key: ES256KeyPair,
    jwks: String,
}

impl Signer {
    fn new(id: &str) -> Self {
        let key = ES256KeyPair::generate().with_key_id(id);
        let point = key.public_key().public_key().to_bytes_uncompressed();
        let coordinate = |bytes: &[u8]| {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
        };
        let (x, y) = (coordinate(&point[1..33]), coordinate(&point[33..]));
        let jwks = format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}]}}"#
        );
        Self { key, jwks }
    }

    fn token(&self, proxy: &Proxy, claims: &str) -> String {
        let now = proxy.host().process().wall_clock().as_secs();
        let custom: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(claims).unwrap();
        let mut claims = Claims::with_custom_claims(custom, Seconds::from_secs(300));
        claims.issued_at = Some(Seconds::from_secs(now));
        claims.expires_at = Some(Seconds::from_secs(now + 300));
        claims.invalid_before = None;
        claims = claims
            .with_issuer(ISSUER)
            .with_audience("api")
            .with_subject("jane");
        self.key.sign(claims).unwrap()
    }
}

fn configuration(jwks: &str) -> String {
    format!(
        r#"{{"providers":{{"corp":{{"issuer":"{ISSUER}","audiences":["api"],"jwks":{jwks},
            "from":[{{"header":"authorization","prefix":"Bearer "}},{{"query":"access_token"}},{{"cookie":"session"}}],
            "claims_to_headers":[{{"claim":"roles","header":"x-roles"}}],"payload_header":"x-payload"}}}},
        "rules":[
            {{"match":{{"paths":["/open/**"]}},"allow":"anonymous"}},
            {{"match":{{"paths":["/orders/**"]}},"require":{{"provider":"corp","scopes":["orders:read"]}}}},
            {{"match":{{"paths":["/admin/**"]}},"require":{{"provider":"corp","claims":[{{"claim":"roles","contains":"admin"}}]}}}}]}}"#
    )
}

fn inline(signer: &Signer) -> String {
    configuration(&format!(r#"{{"inline":{}}}"#, signer.jwks))
}

const REMOTE: &str = r#"{"remote":{"uri":"https://idp.example.com/jwks","cluster":"idp","timeout":"2s","cache_duration":"10m","max_stale":"1h"}}"#;

fn configured(profile: Profile, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<JwtAuth>(profile);
    let configuration = match profile {
        Profile::Envoy => configuration.to_owned(),
        // They cannot take a credential out of a query.
        Profile::Apisix | Profile::Kong => {
            configuration.replace("\"payload_header\"", "\"forward\":true,\"payload_header\"")
        }
    };
    proxy.configure(configuration).unwrap();
    proxy
}

fn bearer(path: &str, token: &str) -> Request {
    Request::get(path).header("authorization", format!("Bearer {token}"))
}

fn status(proxy: &mut Proxy, request: &Request) -> u16 {
    run(proxy, request).client().status().unwrap()
}

fn run(proxy: &mut Proxy, request: &Request) -> Outcome {
    let outcome = proxy.run(request, &Response::json("{}"));
    assert_eq!(outcome.trap, None);
    outcome
}

#[test]
fn tokens_let_through_and_keep_out() {
    for profile in Profile::ALL {
        let (ours, theirs) = (Signer::new("a"), Signer::new("a"));
        let mut proxy = configured(profile, &inline(&ours));
        let good = ours.token(&proxy, r#"{"scope":"orders:read","roles":["admin","ops"]}"#);
        let poor = ours.token(&proxy, r#"{"scope":"orders:write"}"#);
        let forged = theirs.token(&proxy, r#"{"scope":"orders:read"}"#);
        for (request, status, code) in [
            (Request::get("/open/x"), 200, ""),
            (bearer("/orders/1", &good), 200, ""),
            (bearer("/admin/1", &good), 200, ""),
            (Request::get("/orders/1"), 401, "credential_missing"),
            (bearer("/orders/1", &poor), 403, "scope_missing"),
            (bearer("/admin/1", &poor), 403, "claim_mismatch"),
            (bearer("/orders/1", &forged), 401, "signature_invalid"),
            (bearer("/orders/1", "garbage"), 401, "token_malformed"),
            (
                bearer("/orders/1", &"x".repeat(100_000)),
                401,
                "token_too_large",
            ),
            (bearer("/elsewhere", &good), 403, "no_rule"),
            (
                bearer("/open/..%2forders/1", "garbage"),
                400,
                "path_ambiguous",
            ),
            (Request::get("/%zz"), 400, "path_unreadable"),
            (
                bearer("/orders/1", &good).header("cookie", "session=other"),
                401,
                "credentials_multiple",
            ),
            (
                Request::get("/orders/1").header("authorization", b"Bearer \xff\xfe"),
                401,
                "token_malformed",
            ),
            (
                Request::get("/orders/1").header("authorization", "Basic abc"),
                401,
                "credential_missing",
            ),
        ] {
            let outcome = run(&mut proxy, &request);
            let client = outcome.client();
            assert_eq!(
                client.status(),
                Some(status),
                "{profile:?} {code} {}",
                client.text()
            );
            assert!(client.text().contains(code), "{}", client.text());
            assert_eq!(
                outcome.upstream().headers.is_some(),
                status == 200,
                "{code}"
            );
        }
    }
}

#[test]
fn challenges_are_those_of_rfc_6750() {
    let signer = Signer::new("a");
    let mut proxy = configured(Profile::Envoy, &inline(&signer));
    let poor = signer.token(&proxy, "{}");
    for (request, expected) in [
        (Request::get("/orders/1"), r#"Bearer realm="meshward""#),
        (
            bearer("/orders/1", "x"),
            r#"Bearer realm="meshward", error="invalid_token""#,
        ),
        (
            bearer("/orders/1", &poor),
            r#"Bearer realm="meshward", error="insufficient_scope", scope="orders:read""#,
        ),
    ] {
        let outcome = run(&mut proxy, &request);
        assert_eq!(
            outcome.client().header("www-authenticate").as_deref(),
            Some(expected)
        );
    }
    let grpc = Request::get("/orders/1").header("content-type", "application/grpc");
    assert_eq!(run(&mut proxy, &grpc).local_reply.unwrap().grpc_status, 16);
}

#[test]
fn the_upstream_sees_what_it_should_and_no_forgery() {
    let signer = Signer::new("a");
    let mut proxy = configured(Profile::Envoy, &inline(&signer));
    let token = signer.token(
        &proxy,
        r#"{"scope":"orders:read","roles":["a","b\r\nx-admin: 1"]}"#,
    );
    let forged = |request: Request| {
        request
            .header("x-roles", "admin")
            .header("x-payload", "e30")
            .header("x-meshward-identity", "e30")
    };
    let outcome = run(&mut proxy, &forged(bearer("/orders/1?a=b", &token)));
    let upstream = outcome.upstream();
    assert_eq!(upstream.header_values("x-roles"), ["a,b%0D%0Ax-admin: 1"]);
    assert_eq!(upstream.header("authorization"), None);
    assert_eq!(
        upstream.header("x-payload").unwrap(),
        token.split('.').nth(1).unwrap()
    );
    let identity = outcome.properties.value("meshward.identity").unwrap();
    let identity = Identity::parse(&identity).unwrap();
    assert_eq!(
        (identity.subject.as_deref(), identity.provider.as_str()),
        (Some("jane"), "corp")
    );
    for name in ["x-roles", "x-payload", "x-meshward-identity"] {
        let open = run(&mut proxy, &forged(Request::get("/open/x")));
        assert_eq!(open.upstream().header(name), None, "{name}");
    }
    let in_query = run(
        &mut proxy,
        &Request::get(&format!("/orders/1?access_token={token}&a=b")),
    );
    assert_eq!(
        in_query.upstream().header(":path").as_deref(),
        Some("/orders/1?a=b")
    );
    let cookie = Request::get("/orders/1").header("cookie", format!("a=b; session={token}"));
    assert_eq!(
        run(&mut proxy, &cookie)
            .upstream()
            .header("cookie")
            .as_deref(),
        Some("a=b")
    );
}

#[test]
fn claims_and_time_are_checked() {
    let signer = Signer::new("a");
    let mut proxy = configured(Profile::Envoy, &inline(&signer));
    let token = signer.token(&proxy, r#"{"scope":"orders:read"}"#);
    proxy.advance(Duration::from_secs(359));
    assert_eq!(status(&mut proxy, &bearer("/orders/1", &token)), 200);
    proxy.advance(Duration::from_secs(2));
    let outcome = run(&mut proxy, &bearer("/orders/1", &token));
    assert!(outcome.client().text().contains("token_expired"));
    assert!(outcome.logged("token_expired"));
    assert!(
        !outcome
            .logs
            .iter()
            .any(|line| line.text.contains(&token[..20]))
    );
    let metric =
        "meshward.jwt-auth.requests_total;outcome=denied;reason=token_expired;provider=corp";
    assert_eq!(proxy.host().metric(metric), 1);
}

#[test]
fn one_fetch_serves_everybody_who_waits() {
    let signer = Rc::new(Signer::new("a"));
    let mut proxy = configured(Profile::Envoy, &configuration(REMOTE));
    let token = signer.token(&proxy, r#"{"scope":"orders:read"}"#);
    let streams: Vec<u32> = (0..20)
        .map(|_| {
            let request = bearer("/orders/1", &token);
            let stream = proxy.start(&request);
            proxy.send(stream, &request);
            assert!(!proxy.request_arrived(stream));
            stream
        })
        .collect();
    proxy.advance(Duration::from_millis(200));
    let calls = proxy.host().pending_calls();
    assert_eq!(calls.len(), 1);
    proxy.respond_to_call(calls[0].token, CallResponse::http(200, signer.jwks.clone()));
    proxy.advance(Duration::from_millis(5));
    for stream in streams {
        assert!(proxy.request_arrived(stream));
        proxy.finish(stream);
    }
    assert_eq!(status(&mut proxy, &bearer("/orders/1", &token)), 200);
}

#[test]
fn without_keys_it_is_our_fault_and_old_keys_serve() {
    for response in [
        CallResponse::http(503, "no"),
        CallResponse::timeout(),
        CallResponse::Nothing,
        CallResponse::http(200, "<html>"),
        CallResponse::http(200, r#"{"keys":[]}"#),
        CallResponse::http(302, ""),
        CallResponse::http(200, "x".repeat(600_000)),
    ] {
        let mut proxy = configured(Profile::Envoy, &configuration(REMOTE));
        let signer = Signer::new("a");
        let token = signer.token(&proxy, r#"{"scope":"orders:read"}"#);
        let given = response.clone();
        let good = Rc::new(Cell::new(false));
        let (switch, jwks) = (Rc::clone(&good), signer.jwks.clone());
        proxy.respond_to_calls(move |_| {
            Some(if switch.get() {
                CallResponse::http(200, jwks.clone())
            } else {
                given.clone()
            })
        });
        proxy.advance(Duration::from_millis(150));
        let outcome = run(&mut proxy, &bearer("/orders/1", &token));
        assert_eq!(outcome.client().status(), Some(503), "{response:?}");
        assert!(outcome.client().header("retry-after").is_some());
        assert!(outcome.client().text().contains("keys_unavailable"));
        good.set(true);
        proxy.advance(Duration::from_secs(31));
        assert_eq!(status(&mut proxy, &bearer("/orders/1", &token)), 200);
        good.set(false);
        proxy.advance(Duration::from_secs(1200));
        let late = signer.token(&proxy, r#"{"scope":"orders:read"}"#);
        // A set without keys is no failure: the issuer has withdrawn them.
        let expected = match response == CallResponse::http(200, r#"{"keys":[]}"#) {
            true => 503,
            false => 200,
        };
        assert_eq!(status(&mut proxy, &bearer("/orders/1", &late)), expected);
    }
}

#[test]
fn a_rotated_key_is_fetched_and_made_up_ones_make_no_storm() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let mut proxy = configured(Profile::Envoy, &configuration(REMOTE));
    let fetches = Rc::new(Cell::new(0));
    let (count, first, second) = (Rc::clone(&fetches), old.jwks.clone(), new.jwks.clone());
    proxy.respond_to_calls(move |_| {
        count.set(count.get() + 1);
        Some(CallResponse::http(
            200,
            if count.get() == 1 {
                first.clone()
            } else {
                second.clone()
            },
        ))
    });
    proxy.advance(Duration::from_millis(150));
    let token = old.token(&proxy, r#"{"scope":"orders:read"}"#);
    assert_eq!(status(&mut proxy, &bearer("/orders/1", &token)), 200);
    proxy.advance(Duration::from_secs(31));
    let rotated = new.token(&proxy, r#"{"scope":"orders:read"}"#);
    let request = bearer("/orders/1", &rotated);
    let stream = proxy.start(&request);
    proxy.send(stream, &request);
    proxy.advance(Duration::from_millis(150));
    assert!(
        proxy.request_arrived(stream),
        "the new key was fetched for it"
    );
    proxy.finish(stream);
    assert_eq!(fetches.get(), 2);
    // The bucket has two more fetches. Without a fetch nobody knows that a key is made up.
    for number in 0..50 {
        proxy.host().process().advance(Duration::from_millis(1));
        let made_up = Signer::new(&format!("k{number}")).token(&proxy, "{}");
        let outcome = run(&mut proxy, &bearer("/orders/1", &made_up));
        let expected = if number < 2 {
            "key_unknown"
        } else {
            "keys_unavailable"
        };
        assert!(outcome.client().text().contains(expected), "{number}");
    }
    proxy.advance(Duration::from_millis(150));
    assert_eq!(fetches.get(), 4);
    proxy.advance(Duration::from_secs(300));
    assert!(fetches.get() <= 4 + 1, "one wish, one fetch");
}

#[test]
fn report_mode_lets_through_and_tells() {
    let signer = Signer::new("a");
    let report = inline(&signer).replacen('{', r#"{"mode":"report","#, 1);
    let mut proxy = configured(Profile::Envoy, &report);
    let outcome = run(
        &mut proxy,
        &Request::get("/orders/1").header("x-roles", "admin"),
    );
    assert_eq!(outcome.client().status(), Some(200));
    assert_eq!(
        outcome.upstream().header("x-roles"),
        None,
        "forgeries go in any mode"
    );
    assert!(outcome.decisions()[0].report_only);
    assert_eq!(outcome.decisions()[0].reason, "credential_missing");
}

/// The mode of the filter is the default of its rules and of `default`, and no more than that.
#[test]
fn rules_and_the_default_have_a_mode_of_their_own_or_that_of_the_filter() {
    for (filter, rule, default, expected) in [
        ("report", "", r#""deny""#, [200, 200]),
        ("report", r#","mode":"enforce""#, r#""deny""#, [401, 200]),
        (
            "report",
            "",
            r#"{"access":"deny","mode":"enforce"}"#,
            [200, 403],
        ),
        ("enforce", r#","mode":"report""#, r#""deny""#, [200, 403]),
        (
            "enforce",
            r#","mode":"report""#,
            r#"{"access":"deny","mode":"report"}"#,
            [200, 200],
        ),
        ("enforce", "", r#"{"access":"anonymous"}"#, [401, 200]),
    ] {
        let signer = Signer::new("a");
        let configuration = format!(
            r#"{{"mode":"{filter}","providers":{{"corp":{{"issuer":"{ISSUER}","audiences":["api"],
                "jwks":{{"inline":{}}}}}}},"default":{default},
                "rules":[{{"match":{{"paths":["/a"]}},"require":{{"provider":"corp"}}{rule}}}]}}"#,
            signer.jwks
        );
        let mut proxy = configured(Profile::Envoy, &configuration);
        let responses = ["/a", "/b"].map(|path| {
            let outcome = run(&mut proxy, &Request::get(path));
            outcome.client().status().unwrap()
        });
        assert_eq!(responses, expected, "{filter} {rule} {default}");
    }
}

/// What is not clear falls under whatever enforces, or it would walk around that.
#[test]
fn an_ambiguous_path_does_not_walk_around_the_one_rule_that_enforces() {
    let signer = Signer::new("a");
    let configuration = |rule: &str| {
        format!(
            r#"{{"mode":"report","providers":{{"corp":{{"issuer":"{ISSUER}","audiences":["api"],
                "jwks":{{"inline":{}}}}}}},"default":"anonymous","rules":[
                {{"match":{{"paths":["/admin/**"]}},"require":{{"provider":"corp"}}{rule}}}]}}"#,
            signer.jwks
        )
    };
    for (rule, expected) in [(r#","mode":"enforce""#, 400), ("", 200)] {
        let mut proxy = configured(Profile::Envoy, &configuration(rule));
        let outcome = run(&mut proxy, &Request::get("/open/%2e%2e/admin//..//admin/x"));
        assert_eq!(outcome.client().status(), Some(expected), "{rule}");
    }
}

/// Upstreams that make variables of headers read `x_tier` as `x-tier`, and as the header that
/// overrides the method.
#[test]
fn a_header_that_folds_into_another_walks_around_no_rule() {
    const RULES: &str = r#"{"providers":{"corp":{"issuer":"https://idp.example.com","audiences":["api"],
            "jwks":{"remote":{"uri":"https://idp.example.com/jwks","cluster":"idp"}}}},
        "rules":[
            {"match":{"headers":[{"name":"x-tier","equals":"internal"}]},"require":{"provider":"corp"}},
            {"match":{"methods":["DELETE"]},"require":{"provider":"corp"}}],
        "default":"anonymous"}"#;
    for (method_override, overridden) in [("honour", 400), ("strip", 200), ("ignore", 200)] {
        let rules = RULES.replacen(
            '{',
            &format!(r#"{{"method_override":"{method_override}","#),
            1,
        );
        let mut proxy = configured(Profile::Envoy, &rules);
        for (name, value, status) in [
            ("x-tier", "internal", 401),
            ("x_tier", "internal", 400),
            ("x.tier", "internal", 400),
            ("x_tier", "public", 200),
            ("xtier", "internal", 200),
            ("x_http_method_override", "DELETE", overridden),
            ("x-http_method-override", "delete", overridden),
            ("x_method_override", "PATCH", 200),
        ] {
            let outcome = run(&mut proxy, &Request::get("/items/1").header(name, value));
            assert_eq!(outcome.client().status(), Some(status), "{name}: {value}");
            if method_override == "strip" && status == 200 {
                let upstream = outcome.upstream().headers.iter().flatten();
                let methods = upstream
                    .filter(|(name, _)| name.ends_with(b"method") || name.ends_with(b"override"));
                assert_eq!(methods.count(), 1, "{name}: {value}");
            }
        }
    }
}
