//! Limits on failed attempts: what counts, for whom, and who is refused.

use std::time::Duration;

use host::fake::{AnyCall, CallResponse, Process, Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use jwt_auth::opaque::api_key;
use serde_json::{Value, json};

use super::bed::{Bed, ISSUER, Signer, bearer, encode, in_every_host};

const KEY: &str = "mw_the-key-of-the-partner-acme";
const EXPIRED: &str = "mw_a-key-that-has-expired-long-ago";

fn signer() -> Signer {
    Signer::new("a", 7)
}

fn hexadecimal(key: &str) -> String {
    let bytes = api_key::hash(None, key.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn configuration(limits: &Value) -> Value {
    json!({
        "providers": {
            "corp": {
                "issuer": ISSUER, "audiences": ["api"], "required_claims": ["sub"],
                "jwks": {"inline": signer().jwks()},
            },
            "partners": {"api_keys": {"from": [{"header": "x-api-key"}], "keys": [
                {"id": "acme", "sha256": hexadecimal(KEY)},
                {"id": "past", "sha256": hexadecimal(EXPIRED), "expires": "2020-01-01T00:00:00Z"},
            ]}},
        },
        "failures": {"limits": limits},
        "deny": {"subjects": ["gone"]},
        "rules": [{"require": {"any_of": ["corp", "partners"]}}],
    })
}

/// A token in the name of somebody that is signed by nobody.
fn forged(bed: &Bed, subject: &str) -> String {
    let token = signer().token(&bed.claims(&json!({"sub": subject})));
    let (signed, _) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", encode([7; 64]))
}

#[test]
fn where_no_address_is_known_the_owner_passes_and_the_guesser_does_not() {
    let mut limited = configuration(&json!([{"key": ["subject"], "rate": "2/day"}]));
    limited["client_address"] = json!({"trusted_hops": 1});
    in_every_host(&limited, |bed| {
        let hidden = |token: &str| bearer("/", token).header("x-forwarded-for", "unknown");
        let wrong = forged(bed, "jane");
        for _ in 0..2 {
            bed.refuses("wrong", &hidden(&wrong), &wrong, (401, "signature_invalid"));
        }
        for _ in 0..2 {
            bed.refuses(
                "used up",
                &hidden(&wrong),
                &wrong,
                (429, "too_many_failures"),
            );
        }
        let right = signer().token(&bed.claims(&json!({})));
        drop(bed.passes("the owner", &hidden(&right), &right));
    });
}

#[test]
fn a_request_is_charged_once_and_for_the_credential_that_fails() {
    let mut limited = configuration(&json!([
        {"key": ["ip"], "rate": "3/day"},
        {"key": ["subject"], "rate": "1/day"},
    ]));
    limited["on_multiple"] = json!("all");
    in_every_host(&limited, |bed| {
        let jane = signer().token(&bed.claims(&json!({})));
        for wrong in ["wrong-1", "wrong-2", "wrong-3"] {
            let both = bearer("/", &jane).header("x-api-key", wrong);
            bed.refuses(wrong, &both, wrong, (401, "api_key_unknown"));
        }
        let both = bearer("/", &jane).header("x-api-key", KEY);
        bed.refuses("used up", &both, KEY, (429, "too_many_failures"));
    });
}

#[test]
fn credentials_that_are_out_of_date_or_for_somebody_else_are_no_guesses() {
    in_every_host(
        &configuration(&json!([{"key": ["ip"], "rate": "2/day"}])),
        |bed| {
            let token = |bed: &Bed, changes: Value| signer().token(&bed.claims(&changes));
            let now = bed.now();
            for (code, changes) in [
                ("token_expired", json!({"exp": now - 1000})),
                ("token_not_yet_valid", json!({"nbf": now + 1000})),
                ("audience_mismatch", json!({"aud": "another"})),
                ("token_revoked", json!({"sub": "gone"})),
                ("claim_missing", json!({"sub": null})),
                ("expiration_missing", json!({"exp": null})),
            ] {
                let stale = token(bed, changes);
                for _ in 0..3 {
                    bed.refuses(code, &bearer("/", &stale), &stale, (401, code));
                }
            }
            let expired = Request::get("/").header("x-api-key", EXPIRED);
            for _ in 0..3 {
                bed.refuses("expired", &expired, EXPIRED, (401, "api_key_expired"));
            }
            let right = token(bed, json!({}));
            drop(bed.passes("their neighbour", &bearer("/", &right), &right));
            let wrong = forged(bed, "jane");
            for _ in 0..2 {
                bed.refuses(
                    "wrong",
                    &bearer("/", &wrong),
                    &wrong,
                    (401, "signature_invalid"),
                );
            }
            bed.refuses("used up", &expired, EXPIRED, (429, "too_many_failures"));
        },
    );
}

fn introspection() -> Value {
    json!({
        "providers": {"asked": {"introspection": {
            "uri": "https://idp.example.com/introspect", "cluster": "idp", "timeout": "2s",
            "client_id": "edge", "client_secret_env": "CLIENT_SECRET",
        }}},
        "failures": {"limits": [{"key": ["ip"], "rate": "2/day"}]},
        "rules": [{"require": {"provider": "asked"}}],
    })
}

#[test]
fn an_inactive_token_that_says_itself_that_it_has_expired_is_no_guess() {
    in_every_host(&introspection(), |bed| {
        bed.responses(|_| CallResponse::http(200, r#"{"active":false}"#));
        let expired = signer().token(&bed.claims(&json!({"exp": bed.now() - 10})));
        for _ in 0..3 {
            bed.refuses(
                "expired",
                &bearer("/", &expired),
                &expired,
                (401, "token_expired"),
            );
        }
        for opaque in ["one-guess-at-a-token", "another-guess-at-a-token"] {
            bed.refuses(
                opaque,
                &bearer("/", opaque),
                opaque,
                (401, "token_inactive"),
            );
        }
        bed.refuses(
            "used up",
            &bearer("/", &expired),
            &expired,
            (429, "too_many_failures"),
        );
    });
}

/// Guesses that are with the issuer all at once: no more are told to be wrong than may fail, and one
/// that is right is not told either.
#[test]
fn guesses_under_way_at_once_tell_no_more_than_one_after_the_other() {
    const RIGHT: &str = "the-right-guess-at-a-token";
    let mut bed = Bed::new(Profile::Envoy, &introspection());
    let streams: Vec<u32> = (0..8)
        .map(|index| {
            let guess = format!("a-wrong-guess-at-a-token-{index}");
            let token = if index == 7 { RIGHT } else { &guess };
            let request = bearer("/", token);
            let stream = bed.proxy.start(&request);
            bed.proxy.send(stream, &request);
            stream
        })
        .collect();
    let calls = bed.proxy.host().pending_calls();
    assert_eq!(calls.len(), 8, "all are asked about at once");
    for call in calls {
        let AnyCall::Http { body, .. } = &call.call else {
            panic!("not an HTTP call");
        };
        let is_right = String::from_utf8_lossy(body).contains(RIGHT);
        let text = json!({"active": is_right, "sub": "jane"}).to_string();
        bed.proxy
            .respond_to_call(call.token, CallResponse::http(200, text));
    }
    let statuses: Vec<Option<u16>> = streams
        .into_iter()
        .map(|stream| bed.proxy.finish(stream).client().status())
        .collect();
    let of = |status| {
        statuses
            .iter()
            .filter(|found| **found == Some(status))
            .count()
    };
    assert_eq!((of(401), of(429)), (2, 6), "{statuses:?}");
}

/// Where a rule is tried out, all clients may fail at first: what enforces goes on as before.
#[test]
fn failures_under_a_rule_that_reports_refuse_nobody_under_one_that_enforces() {
    let mut staged = configuration(&json!([{"key": ["ip"], "rate": "2/day"}]));
    let rule = json!({"require": {"any_of": ["corp", "partners"]}});
    let mut tried = rule.clone();
    tried["match"] = json!({"paths": ["/tried"]});
    tried["mode"] = json!("report");
    staged["rules"] = json!([tried, rule]);
    in_every_host(&staged, |bed| {
        let with = |path: &str, key: &str| Request::get(path).header("x-api-key", key);
        for _ in 0..4 {
            drop(bed.passes("reported", &with("/tried", "wrong"), "wrong"));
        }
        drop(bed.passes("enforced", &with("/", KEY), KEY));
        for _ in 0..2 {
            let unknown = (401, "api_key_unknown");
            bed.refuses("wrong", &with("/", "wrong"), "wrong", unknown);
        }
        bed.refuses("used up", &with("/", KEY), KEY, (429, "too_many_failures"));
    });
}

/// Two plugins of one VM meet in shared data.
#[test]
fn limits_of_another_plugin_count_for_themselves() {
    let process = Process::new(Profile::Envoy);
    let plugins = [("a", "1/day"), ("a", "100/min"), ("b", "1/day")];
    let [mut strict, mut mild, mut alike] = plugins.map(|(name, rate)| {
        let mut proxy = Proxy::native_worker::<JwtAuth>(&process);
        proxy.host().set_attribute(&["plugin_name"], name);
        let limited = configuration(&json!([{"key": ["ip"], "rate": rate}]));
        proxy.configure(limited.to_string()).unwrap();
        proxy
    });
    let status = |proxy: &mut Proxy, key: &str| {
        let request = Request::get("/").header("x-api-key", key);
        proxy.run(&request, &Response::json("{}")).client().status()
    };
    assert_eq!(status(&mut strict, "wrong"), Some(401));
    assert_eq!(status(&mut strict, KEY), Some(429));
    assert_eq!(status(&mut mild, KEY), Some(200));
    assert_eq!(status(&mut alike, KEY), Some(200), "that says the same");
    process.advance(Duration::from_secs(1));
    assert_eq!(status(&mut mild, "wrong"), Some(401));
}
