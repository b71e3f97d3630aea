//! Lists that are fetched: who is refused, and who objects.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use host::fake::{CallResponse, Process, Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use serde_json::{Value, json};

use super::bed::{Bed, CLIENT_SECRET, ISSUER, Signer, bearer, header_of, in_every_host, refusal};

fn signer() -> Signer {
    Signer::new("a", 7)
}

fn remote(more: &Value) -> Value {
    let mut remote = json!({
        "uri": "https://lists.example.com/list.json", "cluster": "lists", "timeout": "1s",
        "cache_duration": "60s", "max_stale": "60s",
    });
    let members = remote.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    remote
}

fn configuration(more: &Value) -> Value {
    let mut configuration = json!({
        "providers": {"corp": {
            "issuer": ISSUER, "audiences": ["api"], "jwks": {"inline": signer().jwks()},
        }},
        "rules": [
            {"match": {"paths": ["/care"]}, "require": {"provider": "corp", "consent": {"granted": ["care"]}}},
            {"match": {"paths": ["/optional"]}, "require": {"provider": "corp", "optional": "or_failed"}},
            {"require": {"provider": "corp"}},
        ],
    });
    let members = configuration.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    configuration
}

/// A token that is good for long.
fn token(bed: &Bed, changes: &Value) -> String {
    let mut claims = bed.claims(changes);
    claims["exp"] = json!(bed.now() + 3000);
    signer().token(&claims)
}

/// Answers with a list that can be changed.
fn listed(bed: &mut Bed, list: Value) -> Rc<RefCell<CallResponse>> {
    let response = Rc::new(RefCell::new(CallResponse::http(200, list.to_string())));
    let said = Rc::clone(&response);
    bed.responses(move |call| {
        assert_eq!(header_of(call, ":path"), "/list.json");
        said.borrow().clone()
    });
    response
}

const REVOKED: (u16, &str) = (401, "token_revoked");
const UNAVAILABLE: (u16, &str) = (503, "deny_list_unavailable");
const MISSING: (u16, &str) = (403, "consent_missing");

#[test]
fn whom_a_fetched_list_denies_is_refused_also_who_was_known_before() {
    let denies = configuration(&json!({"deny": {
        "subjects": ["here"], "remote": remote(&json!({})),
    }}));
    in_every_host(&denies, |bed| {
        let list = listed(
            bed,
            json!({"subjects": ["joe"], "token_ids": ["t-1"], "other": 1}),
        );
        let jane = token(bed, &json!({}));
        for _ in 0..2 {
            drop(bed.passes("jane", &bearer("/", &jane), &jane));
        }
        for changes in [
            json!({"sub": "joe"}),
            json!({"sub": "here"}),
            json!({"jti": "t-1"}),
        ] {
            let denied = token(bed, &changes);
            bed.refuses("denied", &bearer("/", &denied), &denied, REVOKED);
        }
        let next = json!({"subjects": ["jane"]}).to_string();
        *list.borrow_mut() = CallResponse::http(200, next);
        bed.wait(Duration::from_secs(61));
        bed.refuses("by the next list", &bearer("/", &jane), &jane, REVOKED);
        let joe = token(bed, &json!({"sub": "joe"}));
        drop(bed.passes("pardoned", &bearer("/", &joe), &joe));
    });
}

#[test]
fn a_list_serves_for_a_while_when_it_cannot_be_had_any_more() {
    let denies = configuration(&json!({"deny": {"remote": remote(&json!({}))}}));
    in_every_host(&denies, |bed| {
        let list = listed(bed, json!({"subjects": ["joe"]}));
        let (jane, joe) = (token(bed, &json!({})), token(bed, &json!({"sub": "joe"})));
        drop(bed.passes("at first", &bearer("/", &jane), &jane));
        *list.borrow_mut() = CallResponse::http(500, "");
        bed.wait(Duration::from_secs(100));
        for _ in 0..2 {
            drop(bed.passes("stale", &bearer("/", &jane), &jane));
            bed.refuses("stale", &bearer("/", &joe), &joe, REVOKED);
        }
        bed.wait(Duration::from_secs(25));
        for token in [&jane, &joe] {
            bed.refuses("too old", &bearer("/", token), token, UNAVAILABLE);
        }
        let next = json!({"subjects": ["joe"]}).to_string();
        *list.borrow_mut() = CallResponse::http(200, next);
        bed.wait(Duration::from_secs(40));
        drop(bed.passes("again", &bearer("/", &jane), &jane));
    });
}

/// Responses that are no list.
fn bad_responses() -> Vec<(&'static str, CallResponse)> {
    let says = |list: Value| CallResponse::http(200, list.to_string());
    let many: Vec<String> = (0..50_001).map(|number| number.to_string()).collect();
    vec![
        ("HTML", CallResponse::http(200, "<html>")),
        ("nothing", CallResponse::http(200, "")),
        ("no list", says(json!({}))),
        ("an array", says(json!(["jane"]))),
        ("a text", says(json!({"subjects": "jane"}))),
        ("a number in it", says(json!({"subjects": ["joe", 7]}))),
        ("an empty name", says(json!({"subjects": ["joe", ""]}))),
        (
            "no ids",
            says(json!({"subjects": [], "token_ids": {"t": 1}})),
        ),
        (
            "twice",
            CallResponse::http(200, r#"{"subjects":[],"subjects":["joe"]}"#),
        ),
        (
            "cut short",
            CallResponse::http(200, r#"{"subjects":["joe""#),
        ),
        ("too many", says(json!({"subjects": many}))),
        (
            "10 MB",
            CallResponse::http(200, format!(r#"{{"subjects":[{}]}}"#, " ".repeat(10 << 20))),
        ),
        ("not found", CallResponse::http(404, r#"{"subjects":[]}"#)),
        ("redirected", CallResponse::http(302, r#"{"subjects":[]}"#)),
        ("down", CallResponse::http(503, r#"{"subjects":[]}"#)),
        ("slow", CallResponse::timeout()),
        ("a reset", CallResponse::Nothing),
    ]
}

#[test]
fn without_a_list_everybody_is_refused_unless_the_configuration_says_otherwise() {
    for (on_error, passes) in [("deny", false), ("allow", true)] {
        let denies = configuration(&json!({"deny": {
            "remote": remote(&json!({"on_error": on_error})),
        }}));
        for (line, response) in bad_responses() {
            in_every_host(&denies, |bed| {
                let response = response.clone();
                bed.responses(move |_| response.clone());
                let jane = token(bed, &json!({}));
                for path in ["/", "/optional"] {
                    match passes {
                        true => drop(bed.passes(line, &bearer(path, &jane), &jane)),
                        false => bed.refuses(line, &bearer(path, &jane), &jane, UNAVAILABLE),
                    }
                }
            });
        }
    }
}

#[test]
fn one_worker_fetches_a_list_for_all_who_wait() {
    let denies = configuration(&json!({"deny": {"remote": remote(&json!({}))}}));
    in_every_host(&denies, |bed| {
        let jane = token(bed, &json!({}));
        let list = CallResponse::http(200, r#"{"subjects":["joe"]}"#);
        bed.only_one_asks(&bearer("/", &jane), &jane, list);
    });
}

#[test]
fn who_is_on_a_fetched_list_objects() {
    for (on_error, others) in [("deny", false), ("allow", true)] {
        let objections = configuration(&json!({
            "consent": {"default": "granted"},
            "objections": [
                {"purposes": ["ads"], "subjects": ["joe"]},
                {"purposes": ["care"], "remote": remote(&json!({"on_error": on_error}))},
            ],
        }));
        in_every_host(&objections, |bed| {
            let list = listed(bed, json!({"subjects": ["jane"]}));
            let consents = json!({"consents": ["care"]});
            let jane = token(bed, &consents);
            let joe = token(bed, &json!({"consents": ["care"], "sub": "joe"}));
            let (of_jane, of_joe) = (bearer("/care", &jane), bearer("/care", &joe));
            for _ in 0..2 {
                bed.refuses("on the list", &of_jane, &jane, MISSING);
                drop(bed.passes("not on it", &of_joe, &joe));
                drop(bed.passes("no purpose", &bearer("/", &jane), &jane));
            }
            // Tokens are no people: such a list says nothing here.
            *list.borrow_mut() = CallResponse::http(200, r#"{"token_ids":["t-1"]}"#);
            bed.wait(Duration::from_secs(125));
            for (request, credential) in [(&of_jane, &jane), (&of_joe, &joe)] {
                match others {
                    true => drop(bed.passes("no list", request, credential)),
                    false => bed.refuses("no list", request, credential, MISSING),
                }
            }
            drop(bed.passes("no purpose", &bearer("/", &jane), &jane));
        });
    }
}

/// Callers whom only their certificates name are on lists like others.
#[test]
fn callers_by_certificate_are_denied_by_fetched_lists() {
    let mut certified = configuration(&json!({"deny": {"remote": remote(&json!({}))}}));
    certified["rules"] = json!([{"require": {"tls": {"client_certificate": true}}}]);
    let of = |uri: &str| {
        Request::get("/")
            .attribute(&["connection", "tls_version"], "TLSv1.3")
            .attribute(&["connection", "mtls"], [1])
            .attribute(&["connection", "uri_san_peer_certificate"], uri)
    };
    let mut bed = Bed::new(Profile::Envoy, &certified);
    drop(listed(&mut bed, json!({"subjects": ["urn:joe"]})));
    drop(bed.passes("another", &of("urn:jane"), ""));
    bed.refuses("denied", &of("urn:joe"), "", REVOKED);
}

#[test]
fn a_list_that_cannot_be_fetched_as_written_is_refused() {
    for (more, expected) in [
        (json!({"cluster": null}), "deny.remote.cluster"),
        (
            json!({"uri": "http://lists.example.com/"}),
            "deny.remote.uri",
        ),
        (json!({"min_refresh": "30s"}), "deny.remote.min_refresh"),
        (json!({"on_error": "ignore"}), "deny.remote.on_error"),
        (
            json!({"cache_duration": "0s"}),
            "deny.remote.cache_duration",
        ),
    ] {
        let said = refusal(&configuration(&json!({"deny": {"remote": remote(&more)}})));
        assert!(said.contains(expected), "{said}");
    }
}

/// A list at the address of another one, or of keys, is a document of its own.
#[test]
fn what_a_document_is_read_as_tells_it_from_others() {
    let both = configuration(&json!({
        "deny": {"remote": remote(&json!({}))},
        "objections": [{"purposes": ["care"], "remote": remote(&json!({}))}],
    }));
    let mut bed = Bed::new(Profile::Envoy, &both);
    drop(listed(
        &mut bed,
        json!({"subjects": ["joe"], "token_ids": []}),
    ));
    let jane = token(&bed, &json!({"consents": ["care"]}));
    drop(bed.passes("on neither", &bearer("/care", &jane), &jane));
    let metrics = bed.proxy.host().process().metrics();
    for list in ["deny", "objections_0"] {
        let counts = |name: &str| {
            metrics
                .keys()
                .any(|key| key.contains(name) && key.contains(list))
        };
        assert!(counts("list_fetches_total"), "{metrics:?}");
        assert!(counts("list_entries"), "{metrics:?}");
    }
}

/// A new list is known to all workers with their next tick, whoever has fetched it, also about tokens that
/// they have verified; a worker that comes later fetches nothing.
#[test]
fn workers_share_a_list() {
    let process = Process::new(Profile::Envoy);
    let denies = configuration(&json!({"deny": {"remote": remote(&json!({}))}})).to_string();
    let worker = || {
        let mut proxy = Proxy::native_worker::<JwtAuth>(&process);
        proxy.configure(&denies).unwrap();
        proxy
    };
    let now = process.wall_clock().as_secs();
    let claims = json!({"iss": ISSUER, "aud": "api", "sub": "jane", "exp": now + 3000});
    let request = bearer("/", &signer().token(&claims));
    let status = |proxy: &mut Proxy| proxy.run(&request, &Response::json("{}")).client().status();
    let [mut fetches, mut other] = [worker(), worker()];
    let list = Rc::new(RefCell::new(json!({"subjects": ["joe"]})));
    let says = Rc::clone(&list);
    fetches.respond_to_calls(move |_| Some(CallResponse::http(200, says.borrow().to_string())));
    fetches.tick();
    other.tick();
    assert_eq!([status(&mut fetches), status(&mut other)], [Some(200); 2]);
    *list.borrow_mut() = json!({"subjects": ["jane"]});
    process.advance(Duration::from_secs(60));
    fetches.tick();
    other.tick();
    let mut late = worker();
    late.tick();
    for proxy in [&mut fetches, &mut other, &mut late] {
        assert_eq!(status(proxy), Some(401));
        assert!(proxy.host().pending_calls().is_empty());
    }
}

#[test]
fn whoever_keeps_a_list_may_want_a_token() {
    let with = |variable: &str| {
        let token = json!({"token_env": variable});
        configuration(&json!({
            "deny": {"remote": remote(&token)},
            "objections": [{"purposes": ["marketing"], "remote": remote(&token)}],
        }))
    };
    in_every_host(&with("CLIENT_SECRET"), |bed| {
        let calls = bed.responses(|call| {
            let sent = header_of(call, "authorization");
            assert_eq!(sent, format!("Bearer {CLIENT_SECRET}"));
            CallResponse::http(200, r#"{"subjects":["joe"]}"#)
        });
        let jane = token(bed, &json!({}));
        bed.wait(Duration::from_secs(1));
        drop(bed.passes("jane", &bearer("/", &jane), &jane));
        assert!(*calls.borrow() >= 1, "{:?}", bed.profile);
    });
    let refused = refusal(&with("NOT_THERE"));
    for path in ["deny.remote.token_env", "objections[0].remote.token_env"] {
        assert!(refused.contains(path), "{refused}");
    }
}
