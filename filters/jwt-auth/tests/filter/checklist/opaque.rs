//! Credentials that say nothing by themselves: API keys, and tokens that the issuer is asked about.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use host::fake::{CallResponse, Profile, Proxy, Request};
use jwt_auth::JwtAuth;
use jwt_auth::opaque::api_key;
use serde_json::{Value, json};

use super::bed::{Bed, PEPPER, bearer, header_of, in_every_host, refusal};

fn hexadecimal(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn plain(key: &str) -> String {
    hexadecimal(api_key::hash(None, key.as_bytes()))
}

fn peppered(key: &str) -> String {
    hexadecimal(api_key::hash(Some(PEPPER.as_bytes()), key.as_bytes()))
}

const OLD: &str = "mw_the-old-key-of-the-partner-acme";
const NEW: &str = "mw_the-new-key-of-the-partner-acme";
const EXPIRED: &str = "mw_a-key-that-has-expired-long-ago";
const EARLY: &str = "mw_a-key-that-is-not-valid-so-soon";
const BOLT: &str = "mw_a-key-that-is-hashed-with-pepper";

fn api_keys() -> Value {
    json!({
        "providers": {
            "partners": {"api_keys": {"from": [{"header": "x-api-key"}], "keys": [
                {"id": "acme", "sha256": plain(OLD), "scopes": ["orders:read"]},
                {"id": "acme", "sha256": plain(NEW), "scopes": ["orders:read"]},
                {"id": "past", "sha256": plain(EXPIRED), "expires": "2020-01-01T00:00:00Z"},
                {"id": "soon", "sha256": plain(EARLY), "not_before": "2100-01-01T00:00:00Z"},
                {"id": "denied", "sha256": plain("mw_a-key-of-somebody-who-is-denied")},
            ]}},
            "vendors": {"api_keys": {
                "from": [{"header": "x-vendor-key"}], "pepper_env": "PEPPER",
                "keys": [{"id": "bolt", "hmac_sha256": peppered(BOLT)}],
            }},
        },
        "rules": [
            {"match": {"paths": ["/vendors/**"]}, "require": {"provider": "vendors"}},
            {"require": {"provider": "partners"}},
        ],
        "deny": {"subjects": ["denied"]},
    })
}

#[test]
fn api_keys_are_known_by_their_hashes() {
    in_every_host(&api_keys(), |bed| {
        let with = |key: &str| Request::get("/orders/1").header("x-api-key", key);
        for key in [OLD, NEW] {
            let outcome = bed.passes("both while they overlap", &with(key), key);
            let seen = outcome.upstream().header("x-api-key");
            let expected = (!bed.removes_headers()).then(|| "removed".to_owned());
            assert_eq!(seen, expected, "{:?}", bed.profile);
        }
        let hash = plain(OLD);
        let long = "x".repeat(5000);
        for (line, key, code) in [
            (
                "unknown",
                "mw_nobodys-key-of-any-provider",
                "api_key_unknown",
            ),
            ("one more byte", &format!("{OLD}x"), "api_key_unknown"),
            ("one byte less", &OLD[..OLD.len() - 1], "api_key_unknown"),
            ("other letters", &OLD.to_uppercase(), "api_key_unknown"),
            ("its hash", &hash, "api_key_unknown"),
            ("too long", &long, "api_key_unknown"),
            ("another provider's", BOLT, "api_key_unknown"),
            ("expired", EXPIRED, "api_key_expired"),
            ("not valid yet", EARLY, "api_key_not_yet_valid"),
            (
                "denied",
                "mw_a-key-of-somebody-who-is-denied",
                "token_revoked",
            ),
        ] {
            bed.refuses(line, &with(key), key, (401, code));
        }
        bed.refuses("none", &Request::get("/"), "", (401, "credential_missing"));
        let twice = with(OLD).header("x-api-key", NEW);
        bed.refuses("two", &twice, OLD, (401, "credentials_multiple"));
        let vendor = |key: &str| Request::get("/vendors/1").header("x-vendor-key", key);
        bed.passes("with pepper", &vendor(BOLT), BOLT);
        bed.refuses("without", &vendor(OLD), OLD, (401, "api_key_unknown"));
    });
}

#[test]
fn what_is_too_weak_for_secrets_is_refused() {
    let mut unset = api_keys();
    unset["providers"]["vendors"]["api_keys"]["pepper_env"] = json!("NOT_SET");
    assert!(refusal(&unset).contains("NOT_SET"));
    let mut mixed = api_keys();
    mixed["providers"]["partners"]["api_keys"]["keys"][0] =
        json!({"id": "a", "hmac_sha256": plain(OLD)});
    assert!(refusal(&mixed).contains("hmac_sha256"));
    let mut text = api_keys();
    text["providers"]["partners"]["api_keys"]["keys"][0] = json!({"id": "a", "sha256": OLD});
    let said = refusal(&text);
    assert!(said.contains("sha256") && !said.contains(OLD), "{said}");
}

const TOKEN: &str = "an-opaque-token-of-the-issuer";

fn introspection() -> Value {
    json!({
        "providers": {"asked": {"introspection": {
            "uri": "https://idp.example.com/introspect", "cluster": "idp", "timeout": "2s",
            "client_id": "edge", "client_secret_env": "CLIENT_SECRET",
            "issuer": "https://idp.example.com", "audiences": ["api"], "cache_duration": "30s",
        }}},
        "rules": [{"require": {"provider": "asked"}}],
    })
}

#[test]
fn only_active_tokens_are_good() {
    let code = |code| Some((401, code));
    let undecided = Some((503, "introspection_unavailable"));
    for (line, response, expected) in [
        (
            "active",
            CallResponse::http(200, r#"{"active":true,"aud":"api"}"#),
            None,
        ),
        (
            "inactive",
            CallResponse::http(200, r#"{"active":false}"#),
            code("token_inactive"),
        ),
        (
            "inactive with claims",
            CallResponse::http(200, r#"{"active":false,"aud":"api","sub":"jane"}"#),
            code("token_inactive"),
        ),
        (
            "another audience",
            CallResponse::http(200, r#"{"active":true,"aud":"other"}"#),
            code("audience_mismatch"),
        ),
        (
            "no audience",
            CallResponse::http(200, r#"{"active":true}"#),
            code("audience_mismatch"),
        ),
        (
            "another issuer",
            CallResponse::http(
                200,
                r#"{"active":true,"aud":"api","iss":"https://evil.test"}"#,
            ),
            code("issuer_unknown"),
        ),
        (
            "expired",
            CallResponse::http(200, r#"{"active":true,"aud":"api","exp":1000}"#),
            code("token_expired"),
        ),
        (
            "not yet",
            CallResponse::http(200, r#"{"active":true,"aud":"api","nbf":9999999999}"#),
            code("token_not_yet_valid"),
        ),
        (
            "text",
            CallResponse::http(200, r#"{"active":"true","aud":"api"}"#),
            undecided,
        ),
        (
            "a number",
            CallResponse::http(200, r#"{"active":1,"aud":"api"}"#),
            undecided,
        ),
        (
            "nothing",
            CallResponse::http(200, r#"{"aud":"api"}"#),
            undecided,
        ),
        (
            "twice",
            CallResponse::http(200, r#"{"active":false,"active":true,"aud":"api"}"#),
            undecided,
        ),
        (
            "a list",
            CallResponse::http(200, r#"[{"active":true}]"#),
            undecided,
        ),
        ("HTML", CallResponse::http(200, "<html>"), undecided),
        (
            "401",
            CallResponse::http(401, r#"{"active":true,"aud":"api"}"#),
            undecided,
        ),
        (
            "302",
            CallResponse::http(302, r#"{"active":true,"aud":"api"}"#),
            undecided,
        ),
        (
            "500",
            CallResponse::http(500, r#"{"active":true,"aud":"api"}"#),
            undecided,
        ),
        ("a reset", CallResponse::Nothing, undecided),
        ("a timeout", CallResponse::timeout(), undecided),
        (
            "too much",
            CallResponse::http(
                200,
                format!(
                    r#"{{"active":true,"aud":"api","x":"{}"}}"#,
                    "x".repeat(70_000)
                ),
            ),
            undecided,
        ),
    ] {
        in_every_host(&introspection(), |bed| {
            let given = response.clone();
            bed.responses(move |_| given.clone());
            let request = bearer("/", TOKEN);
            match expected {
                None => drop(bed.passes(line, &request, TOKEN)),
                Some(expected) => bed.refuses(line, &request, TOKEN, expected),
            }
        });
    }
}

#[test]
fn an_issuer_is_asked_once_and_by_us() {
    in_every_host(&introspection(), |bed| {
        let active = Rc::new(Cell::new(true));
        let switch = Rc::clone(&active);
        let expires = bed.now() + 10;
        let calls = bed.responses(move |call| {
            let header = |name| header_of(call, name);
            assert_eq!(header(":method"), "POST");
            assert!(header("authorization").starts_with("Basic "));
            assert!(!header(":path").contains(TOKEN), "not where logs see it");
            let active = switch.get();
            let response = json!({"active": active, "aud": "api", "exp": expires});
            CallResponse::http(200, response.to_string())
        });
        let request = bearer("/", TOKEN);
        for _ in 0..5 {
            bed.passes("active", &request, TOKEN);
        }
        assert_eq!(*calls.borrow(), 1, "it is remembered");
        bed.wait(Duration::from_secs(11));
        bed.refuses("not beyond exp", &request, TOKEN, (401, "token_expired"));
        active.set(false);
        bed.wait(Duration::from_secs(31));
        bed.refuses("revoked", &request, TOKEN, (401, "token_inactive"));
        assert_eq!(*calls.borrow(), 2);
        let large = "x".repeat(17_000);
        let request = bearer("/", &large);
        bed.refuses(
            "too large to ask",
            &request,
            &large,
            (401, "token_too_large"),
        );
        assert_eq!(*calls.borrow(), 2);
    });
}

#[test]
fn many_who_wait_ask_once() {
    in_every_host(&introspection(), |bed| {
        let response = CallResponse::http(200, r#"{"active":true,"aud":"api"}"#);
        bed.only_one_asks(&bearer("/", TOKEN), TOKEN, response);
    });
}

/// A host ends every call, if only with a failure. Should one not, the issuer counts as away.
#[test]
fn an_issuer_that_the_host_says_nothing_of_is_away() {
    let mut proxy = Proxy::native::<JwtAuth>(Profile::Envoy);
    proxy
        .host()
        .set_environment_variable("CLIENT_SECRET", "not-to-be-guessed-9f3a");
    proxy.configure(introspection().to_string()).unwrap();
    let stream = proxy.start(&bearer("/", TOKEN));
    assert_eq!(proxy.host().pending_calls().len(), 1);
    proxy.advance(Duration::from_millis(4_200));
    let away = "meshward.jwt-auth.introspections_total;provider=asked;result=no_response";
    assert_eq!(proxy.host().metric(away), 1);
    assert_eq!(proxy.finish(stream).client().status(), Some(503));
}

#[test]
fn every_emergency_is_told_whatever_others_do() {
    let key = "the key of ward 4";
    let configuration = json!({
        "providers": {"staff": {"api_keys": {
            "from": [{"header": "x-api-key"}],
            "keys": [{"id": "ward-4", "sha256": plain(key), "scopes": ["emergency"]}],
        }}},
        "break_glass": {"scopes": ["emergency"]},
        "rules": [
            {"match": {"paths": ["/tried"]}, "mode": "report",
                "require": {"provider": "staff", "scopes": ["other"]}},
            {"require": {"provider": "staff"}},
        ],
    });
    let with = |key| Request::get("/").header("x-api-key", key);
    in_every_host(&configuration, |bed| {
        for _ in 0..40 {
            bed.refuses(
                "guessed",
                &with("guessed"),
                "guessed",
                (401, "api_key_unknown"),
            );
        }
        let request = with(key).header("x-break-glass", "cardiac arrest");
        for _ in 0..40 {
            let outcome = bed.passes("an emergency", &request, key);
            let mut lines = outcome.logs.iter();
            assert!(lines.any(|line| line.text.contains("breaks the glass at rules[1]")));
        }
        // A rule that only reports lets him through, and the other filters know of the emergency.
        let request = Request::get("/tried").header("x-api-key", key);
        let request = request.header("x-break-glass", "cardiac arrest");
        let outcome = bed.passes("refused in report mode", &request, key);
        let mut lines = outcome.logs.iter();
        assert!(lines.any(|line| line.text.contains("breaks the glass at rules[0]")));
    });
}

/// Who is out of time in the queue has been kept out by others, not by an outage.
#[test]
fn a_queue_that_is_too_long_lets_nobody_through() {
    let configuration = json!({
        "on_error": "allow", "waiting": {"timeout": "2s"},
        "providers": {"a": {"introspection": {"uri": "https://idp.example.com/introspect", "cluster": "idp",
            "client_id": "edge", "client_secret_env": "CLIENT_SECRET", "max_requests": 1, "timeout": "5s"}}},
        "rules": [{"require": {"provider": "a"}}],
    });
    let mut bed = Bed::new(Profile::Envoy, &configuration);
    let streams: Vec<u32> = (0..3)
        .map(|number| bed.proxy.start(&bearer("/", &format!("token {number}"))))
        .collect();
    bed.wait(Duration::from_millis(1900));
    let call = bed.proxy.host().pending_calls()[0].token;
    bed.proxy
        .respond_to_call(call, CallResponse::http(200, r#"{"active":false}"#));
    bed.wait(Duration::from_millis(200));
    let mut codes = Vec::new();
    for stream in streams {
        let outcome = bed.proxy.finish(stream);
        assert!(outcome.upstream().headers.is_none());
        codes.push(outcome.client().text());
    }
    assert!(codes[0].contains("token_inactive"), "{codes:?}");
    assert!(codes[1].contains("waiting_full"), "{codes:?}");
    assert!(codes[2].contains("waiting_full"), "{codes:?}");
}
