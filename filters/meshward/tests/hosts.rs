//! The bundle on every host: what its parts tell each other, and what no failure changes.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use host::Status;
use host::fake::{CallResponse, HOST_CALLS, Profile, Proxy, Request, Response};
use meshward_bundle::Meshward;

/// The SHA-256 of "test".
const KEY: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn configuration(more: &str) -> String {
    format!(
        r#"{{
        "audit": {{"sink": {{"host_log": {{}}}}}},
        "auth": {{
            "providers": {{"partners": {{"api_keys": {{
                "from": [{{"header": "x-api-key"}}],
                "keys": [{{"id": "acme", "sha256": "{KEY}", "scopes": ["orders:read"]}}]
            }}}}}},
            "rules": [{{"match": {{"paths": ["/orders/**"]}}, "require": {{"any_of": ["partners"]}}}}],
            "default": "deny"
        }},
        "limits": {{"limits": [{{"name": "per-partner", "key": ["claim:sub"], "on_missing_key": "deny", "rate": "1/day", "burst": 2}}]}}
        {more}
    }}"#
    )
}

fn proxy(profile: Profile, more: &str) -> Proxy {
    let mut proxy = Proxy::native::<Meshward>(profile);
    let configured = proxy.configure(configuration(more));
    configured.unwrap_or_else(|refused| panic!("{}", refused.text()));
    proxy
}

fn order(key: &str) -> Request {
    Request::get("/orders/1")
        .header("host", "gateway.example")
        .header("x-api-key", key)
}

/// Limits count by the verified caller, and the record says who that was and what was decided, also
/// on hosts that pass nothing from plugin to plugin.
#[test]
fn identity_and_decisions_reach_the_other_parts_on_every_host() {
    for profile in Profile::ALL {
        let mut proxy = proxy(profile, "");
        let status = |proxy: &mut Proxy, key: &str| {
            let outcome = proxy.run(&order(key), &Response::new(200));
            assert_eq!(outcome.trap, None, "{profile:?}");
            (outcome.client().status(), outcome)
        };
        assert_eq!(status(&mut proxy, "wrong").0, Some(401), "{profile:?}");
        assert_eq!(status(&mut proxy, "test").0, Some(200), "{profile:?}");
        let (code, outcome) = status(&mut proxy, "test");
        assert_eq!(code, Some(200), "{profile:?}");
        assert!(
            outcome.logged(r#""uid":"acme""#),
            "{profile:?}: {:?}",
            outcome.logs
        );
        assert!(
            outcome.logged("token-bucket"),
            "{profile:?}: {:?}",
            outcome.logs
        );
        assert!(
            !outcome
                .upstream()
                .headers
                .iter()
                .flatten()
                .any(|(name, _)| { name.starts_with(b"x-meshward") })
        );
        let (code, outcome) = status(&mut proxy, "test");
        assert_eq!(code, Some(429), "{profile:?}");
        assert!(
            outcome.logged("rate_limited"),
            "{profile:?}: {:?}",
            outcome.logs
        );
    }
}

/// With all parts there nothing leaves the bundle unless the configuration says so.
#[test]
fn properties_are_published_as_the_configuration_says() {
    let redact = r#", "redact": {"rules": [{"name": "r", "match": {"paths": ["/none"]}, "detect": ["EMAIL"]}]}"#;
    let told = |more: &str| {
        let mut proxy = proxy(Profile::Envoy, more);
        let outcome = proxy.run(&order("test"), &Response::new(200));
        assert_eq!(outcome.client().status(), Some(200));
        ["identity", "decisions", "within_limits"].map(|name| {
            outcome
                .properties
                .value(&format!("meshward.{name}"))
                .is_some()
        })
    };
    assert_eq!(told(redact), [false; 3]);
    let identity = format!(r#"{redact}, "publish": ["identity"]"#);
    assert_eq!(told(&identity), [true, false, false]);
    // A separate pii-redactor may want to know.
    assert_eq!(told(""), [true, false, true]);
    assert_eq!(told(r#", "publish": []"#), [false; 3]);
}

/// Whatever call fails, a request without a key never reaches the upstream, and no client gets more
/// than its limit.
#[test]
fn no_failing_call_lets_a_request_pass_another_part() {
    for profile in Profile::ALL {
        for call in HOST_CALLS {
            let mut proxy = proxy(profile, "");
            for status in [
                Status::InternalFailure,
                Status::NotFound,
                Status::BadArgument,
            ] {
                proxy.host().fail(call, status);
                let outcome = proxy.run(&order("wrong"), &Response::new(200));
                assert_eq!(
                    outcome.upstream().headers,
                    None,
                    "{profile:?} {call} {status}"
                );
            }
            for _ in 0..2 {
                proxy.run(&order("test"), &Response::new(200));
            }
            proxy.host().stop_failing();
            let mut passed = 0;
            for _ in 0..4 {
                let outcome = proxy.run(&order("test"), &Response::new(200));
                passed += u32::from(outcome.upstream().headers.is_some());
            }
            assert!(passed <= 2, "{profile:?} {call}: {passed}");
        }
    }
}

/// What a host lacks is told by the part that lacks it.
#[test]
fn a_part_says_for_itself_what_the_host_lacks() {
    let mut proxy = Proxy::native::<Meshward>(Profile::Apisix);
    let text = configuration("").replace(r#"{"limits": ["#, r#"{"scope": "process", "limits": ["#);
    let refused = proxy.configure(text).unwrap_err().text();
    assert!(
        refused.contains("limits: this host shares no data among workers"),
        "{refused}"
    );
    assert!(!refused.contains("refused: auth"), "{refused}");
}

/// People in bodies are found by one part and recorded by another, also on hosts that pass nothing
/// from plugin to plugin.
#[test]
fn people_in_bodies_reach_the_record_on_every_host() {
    let configuration = r#"{
        "audit": {
            "sink": {"host_log": {}},
            "subject": {"pseudonymize": {"key_env": "SUBJECT", "epoch": "2026"}},
            "rules": [
                {"match": {"paths": ["/patients/**"]}, "data_subject": {"path": "/patients/{id}/**"}},
                {"match": {"paths": ["/search"]}, "data_subject": [{"query": "q"}, {"response": "$[*].id"}]}
            ]
        },
        "redact": {"on_error": {"host_readonly": "pass"}, "rules": [{"detect": ["EMAIL"]}]}
    }"#;
    let key = "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo";
    let pseudonym = |person: &str| {
        let keyed = audit_emitter::pseudonym::Pseudonymizer::new(key.as_bytes(), "2026".to_owned());
        keyed.data_subject(person)
    };
    for profile in Profile::ALL {
        let mut proxy = Proxy::native::<Meshward>(profile);
        proxy.host().set_environment_variable("SUBJECT", key);
        let configured = proxy.configure(configuration);
        configured.unwrap_or_else(|refused| panic!("{}", refused.text()));
        let body = r#"[{"id":7,"m":"a@example.com"},{"id":"8"}]"#;
        let outcome = proxy.run(&Request::get("/search?q=5"), &Response::json(body));
        assert_eq!(outcome.trap, None, "{profile:?}");
        for person in ["5", "7", "8"] {
            assert!(
                outcome.logged(&pseudonym(person)),
                "{profile:?} {person}: {:?}",
                outcome.logs
            );
        }
        let outcome = proxy.run(&Request::get("/patients/7/x"), &Response::json("{}"));
        assert!(outcome.logged(&pseudonym("7")), "{profile:?}");
        assert!(
            !outcome.logged(r#""incomplete":true"#),
            "{profile:?}: {:?}",
            outcome.logs
        );
    }
}

/// Hiding what the upstream says of an error hides no refusal of another part, and of no own one.
#[test]
fn refusals_are_no_errors_of_the_upstream() {
    let text = r#"{
        "auth": {
            "providers": {"away": {"introspection": {"uri": "https://idp.example.com/i", "cluster": "idp",
                "client_id": "gateway", "client_secret_env": "SECRET"}}},
            "rules": [{"match": {"paths": ["/auth"]}, "require": {"provider": "away"}}, {"allow": "anonymous"}],
            "response_rules": [{"hide_errors": true}],
            "responses": {"503": {"body": "away {code}", "content_type": "text/html"}}
        },
        "limits": {"limits": [{"name": "l", "match": {"paths": ["/limits"]}, "key": ["constant"],
            "rate": "1/h", "burst": 1, "refusal": {"status": 503, "body": "busy"}}]}
    }"#;
    for profile in [Profile::Envoy, Profile::Kong] {
        let mut proxy = Proxy::native::<Meshward>(profile);
        let secret = "the secret of the client";
        proxy.host().set_environment_variable("SECRET", secret);
        proxy.configure(text).unwrap();
        proxy.respond_to_calls(|_| Some(CallResponse::http(503, "")));
        let mut run = |path: &str, status: u16| {
            let request = Request::get(path).header("authorization", "Bearer opaque");
            let response = Response::new(status).chunks([b"trace".to_vec()]);
            let outcome = proxy.run(&request, &response);
            let client = outcome.client();
            // Kong ends what it sends with a line break.
            (client.status(), client.text().trim_end().to_owned())
        };
        let (status, body) = run("/auth", 200);
        let expected = (Some(503), "away introspection_unavailable");
        assert_eq!((status, body.as_str()), expected, "{profile:?}");
        assert_eq!(run("/limits", 200).0, Some(200));
        let (status, body) = run("/limits", 200);
        assert_eq!((status, body.as_str()), (Some(503), "busy"), "{profile:?}");
        let (status, body) = run("/", 500);
        assert_eq!(status, Some(500), "{profile:?}");
        assert!(body.contains("upstream_error"), "{profile:?}: {body}");
    }
}

/// nginx looks for a zone of shared memory by what a key has before its first slash: one called `meshward` is
/// enough for all that the filters share.
#[test]
fn all_that_is_shared_is_in_one_zone() {
    let text = r#"{
        "audit": {"sink": {"otlp_http": {"cluster": "collector", "path": "/v1/logs"}}, "retention": {"class": "a", "keep": "1y"}},
        "auth": {
            "providers": {"corp": {"issuer": "https://idp.example.com", "audiences": ["a"],
                "jwks": {"remote": {"uri": "https://idp.example.com/certs", "cluster": "idp"}}}},
            "rules": [{"match": {"paths": ["/open"]}, "allow": "anonymous"}, {"require": {"provider": "corp"}}],
            "failures": {"limits": [{"key": ["ip"], "rate": "10/min", "burst": 10}]}
        },
        "limits": {"limits": [{"name": "l", "key": ["ip"], "rate": "5/s"}]},
        "redact": {"rules": [{"detect": ["EMAIL"], "mode": "report"}]}
    }"#;
    for profile in [Profile::Envoy, Profile::Kong] {
        let mut proxy = Proxy::native::<Meshward>(profile);
        proxy.configure(text).unwrap();
        for path in ["/open", "/"] {
            proxy.run(&Request::get(path), &Response::new(200));
        }
        proxy.advance(std::time::Duration::from_secs(5));
        proxy.run(&Request::get("/open"), &Response::new(200));
        proxy.shut_down();
        let shared = proxy.host().process().shared_data();
        assert!(shared.len() > 2, "{profile:?}: {:?}", shared.keys());
        let mut keys = shared.keys();
        let elsewhere = keys.find(|key| !key.starts_with("meshward/"));
        assert_eq!(elsewhere, None, "{profile:?}");
    }
}
