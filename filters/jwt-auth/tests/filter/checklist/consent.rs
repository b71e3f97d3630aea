//! What is known of callers beyond their requests and tokens: a consent service, and opt-outs.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use host::fake::{CallResponse, Process, Profile, Proxy, Request, Response};
use jwt_auth::JwtAuth;
use serde_json::{Value, json};

use super::bed::{Bed, ISSUER, Signer, bearer, header_of, in_every_host, refusal};

fn signer() -> Signer {
    Signer::new("a", 7)
}

fn configuration(consent: &Value) -> Value {
    json!({
        "consent": consent,
        "providers": {"corp": {
            "issuer": ISSUER, "audiences": ["api"], "jwks": {"inline": signer().jwks()},
        }},
        "rules": [{"require": {"provider": "corp", "consent": {"granted": ["care"]}}}],
    })
}

fn lookup(on_error: &str) -> Value {
    configuration(&json!({"lookup": {
        "uri": "https://consent.example.com/people/{subject}?brief", "cluster": "idp",
        "timeout": "1s", "token_env": "CLIENT_SECRET", "on_error": on_error,
    }}))
}

#[test]
fn what_the_service_says_counts_and_what_it_does_not_say_denies() {
    let says = |purposes: Value| CallResponse::http(200, json!({"purposes": purposes}).to_string());
    let large = format!(r#"{{"purposes":["care"],"x":"{}"}}"#, "x".repeat(70_000));
    for (line, answer, is_agreed) in [
        ("agreed", says(json!(["ads", "care"])), true),
        ("a word", says(json!("care")), false),
        ("words and more", says(json!(["care", null])), false),
        ("not this", says(json!(["ads"])), false),
        ("nothing", says(json!([])), false),
        ("a lie", says(json!({"care": true})), false),
        ("an object", CallResponse::http(200, "{}"), false),
        ("HTML", CallResponse::http(200, "<html>"), false),
        ("nobody", CallResponse::http(404, "{}"), false),
        (
            "forbidden",
            CallResponse::http(403, r#"{"purposes":["care"]}"#),
            false,
        ),
        (
            "redirected",
            CallResponse::http(302, r#"{"purposes":["care"]}"#),
            false,
        ),
        (
            "down",
            CallResponse::http(500, r#"{"purposes":["care"]}"#),
            false,
        ),
        ("slow", CallResponse::timeout(), false),
        ("no body", CallResponse::http(200, ""), false),
        ("a reset", CallResponse::Nothing, false),
        ("too much", CallResponse::http(200, large), false),
    ] {
        // Who has not agreed is told so; of whom nobody knows, to come again.
        let refusal = match ["not this", "nothing", "nobody"].contains(&line) {
            true => (403, "consent_missing"),
            false => (503, "consent_unavailable"),
        };
        in_every_host(&lookup("deny"), |bed| {
            let given = answer.clone();
            bed.responses(move |_| given.clone());
            let token = signer().token(&bed.claims(&json!({})));
            let request = bearer("/", &token);
            match is_agreed {
                true => drop(bed.passes(line, &request, &token)),
                false => bed.refuses(line, &request, &token, refusal),
            }
            // A claim does not grant what the service does not.
            let token = signer().token(&bed.claims(&json!({"consents": ["care"], "sub": "joe"})));
            let request = bearer("/", &token);
            match is_agreed {
                true => drop(bed.passes(line, &request, &token)),
                false => bed.refuses(line, &request, &token, refusal),
            }
        });
    }
}

/// `on_error` of the filter is about keys and introspection: what people have agreed to has one of its own.
#[test]
fn nobody_passes_because_a_service_is_down() {
    let mut asks = lookup("deny");
    asks["on_error"] = json!("allow");
    in_every_host(&asks, |bed| {
        bed.responses(|_| CallResponse::http(503, ""));
        let token = signer().token(&bed.claims(&json!({"consents": ["care"]})));
        let unavailable = (503, "consent_unavailable");
        bed.refuses("down", &bearer("/", &token), &token, unavailable);
    });
}

#[test]
fn a_service_that_is_down_can_be_ignored() {
    in_every_host(&lookup("ignore"), |bed| {
        bed.responses(|_| CallResponse::http(503, ""));
        let token = signer().token(&bed.claims(&json!({"consents": ["care"]})));
        drop(bed.passes("the claim decides", &bearer("/", &token), &token));
        bed.responses(|_| CallResponse::http(200, ""));
        bed.wait(Duration::from_secs(2));
        drop(bed.passes("likewise", &bearer("/", &token), &token));
        let token = signer().token(&bed.claims(&json!({})));
        let missing = (403, "consent_missing");
        bed.refuses("nothing grants", &bearer("/", &token), &token, missing);
    });
}

/// One person after the other would wait for nothing otherwise, and many at once would fill the places of all who wait.
#[test]
fn nobody_waits_for_a_service_that_is_away_but_who_finds_out() {
    let mut proxy = Proxy::native::<JwtAuth>(Profile::Envoy);
    let secret = "the secret of the client";
    proxy
        .host()
        .set_environment_variable("CLIENT_SECRET", secret);
    let mut asks = lookup("ignore");
    asks["consent"]["lookup"]["max_requests"] = json!(10);
    proxy.configure(asks.to_string()).unwrap();
    let now = proxy.host().process().wall_clock().as_secs();
    let of = |person: u32| {
        let claims = json!({
            "iss": ISSUER, "aud": "api", "sub": format!("person {person}"), "exp": now + 300,
            "consents": ["care"],
        });
        bearer("/", &signer().token(&claims))
    };
    let streams: Vec<u32> = (0..100).map(|person| proxy.start(&of(person))).collect();
    assert_eq!(proxy.host().pending_calls().len(), 10);
    // The host gives the calls up.
    let mut given_up = 0;
    while let Some(call) = proxy.host().pending_calls().first() {
        proxy.respond_to_call(call.token, CallResponse::timeout());
        given_up += 1;
    }
    assert!(given_up < 20, "{given_up}");
    proxy.advance(Duration::from_millis(50));
    for stream in streams {
        assert!(proxy.request_arrived(stream), "the claim decides");
        proxy.finish(stream);
    }
    // What it says of one person shows that it is there.
    proxy.advance(Duration::from_secs(1));
    let odd = proxy.start(&of(100));
    let call = proxy.host().pending_calls()[0].token;
    proxy.respond_to_call(call, CallResponse::http(400, ""));
    assert!(proxy.request_arrived(odd));
    let streams: Vec<u32> = (101..104).map(|person| proxy.start(&of(person))).collect();
    assert_eq!(
        proxy.host().pending_calls().len(),
        3,
        "it is asked as before"
    );
    for call in proxy.host().pending_calls() {
        proxy.respond_to_call(call.token, CallResponse::http(503, ""));
    }
    assert!(streams.iter().all(|stream| proxy.request_arrived(*stream)));
    // A second later one asks, and meanwhile nobody waits.
    proxy.advance(Duration::from_secs(1));
    let first = proxy.start(&of(200));
    assert_eq!(proxy.host().pending_calls().len(), 1);
    let second = proxy.start(&of(201));
    assert!(proxy.request_arrived(second));
    let call = proxy.host().pending_calls()[0].token;
    proxy.respond_to_call(call, CallResponse::http(200, r#"{"purposes":["care"]}"#));
    assert!(proxy.request_arrived(first));
    let third = proxy.start(&of(202));
    assert_eq!(proxy.host().pending_calls().len(), 1, "it is back");
    // Who has waited as long as he may goes by what is said for a failure.
    proxy.advance(Duration::from_secs(11));
    assert!(proxy.request_arrived(third));
}

#[test]
fn a_service_is_asked_once_and_a_withdrawal_is_seen_when_the_response_is_old() {
    in_every_host(&lookup("deny"), |bed| {
        let agrees = Rc::new(Cell::new(true));
        let switch = Rc::clone(&agrees);
        let calls = bed.responses(move |call| {
            let header = |name| header_of(call, name);
            assert_eq!(header(":method"), "GET");
            assert_eq!(header(":path"), "/people/a%2Fb%20c%40d?brief");
            assert!(header("authorization").starts_with("Bearer "));
            let purposes: &[&str] = if switch.get() { &["care"] } else { &[] };
            CallResponse::http(200, json!({"purposes": purposes}).to_string())
        });
        let claims = bed.claims(&json!({"sub": "a/b c@d", "exp": bed.now() + 3_000}));
        let token = signer().token(&claims);
        let request = bearer("/", &token);
        for _ in 0..5 {
            drop(bed.passes("agreed", &request, &token));
        }
        assert_eq!(*calls.borrow(), 1, "it is remembered");
        agrees.set(false);
        bed.wait(Duration::from_secs(31));
        bed.refuses("withdrawn", &request, &token, (403, "consent_missing"));
        assert_eq!(*calls.borrow(), 2);
    });
}

/// A path ends where a server says: `/people/..` is another place, and `/people/` are all.
#[test]
fn nobody_is_called_by_a_place_above() {
    for sub in [".", "..", ""] {
        in_every_host(&lookup("deny"), |bed| {
            let says = json!({"purposes": ["care"]}).to_string();
            let calls = bed.responses(move |_| CallResponse::http(200, says.clone()));
            let token = signer().token(&bed.claims(&json!({"sub": sub})));
            bed.refuses(sub, &bearer("/", &token), &token, (403, "consent_missing"));
            assert_eq!(*calls.borrow(), 0, "{sub:?}");
        });
    }
}

/// Callers whom only their certificates name are people and services like others.
#[test]
fn callers_by_certificate_are_looked_up_and_their_opt_outs_remembered() {
    let certified = |consent: Value| {
        json!({"consent": consent, "providers": {}, "rules": [{"require": {
            "tls": {"client_certificate": true}, "consent": {"granted": ["care"]},
        }}]})
    };
    let missing = (403, "consent_missing");
    let of = |uri: &str| {
        Request::get("/")
            .attribute(&["connection", "tls_version"], "TLSv1.3")
            .attribute(&["connection", "mtls"], [1])
            .attribute(&["connection", "uri_san_peer_certificate"], uri)
    };
    let asks = json!({"lookup": {
        "uri": "https://consent.example.com/people/{subject}", "cluster": "idp",
    }});
    let mut bed = Bed::new(Profile::Envoy, &certified(asks));
    let calls = bed.responses(|call| {
        let is_jane = header_of(call, ":path") == "/people/urn%3Ajane";
        let purposes: &[&str] = if is_jane { &["care"] } else { &[] };
        CallResponse::http(200, json!({"purposes": purposes}).to_string())
    });
    drop(bed.passes("agreed", &of("urn:jane"), ""));
    bed.refuses("not agreed", &of("urn:joe"), "", missing);
    assert_eq!(*calls.borrow(), 2);
    let remembers = json!({"gpc": ["care"], "default": "granted", "remember_opt_out": {}});
    let mut bed = Bed::new(Profile::Envoy, &certified(remembers));
    drop(bed.passes("before", &of("urn:jane"), ""));
    let opted_out = of("urn:jane").header("sec-gpc", "1");
    bed.refuses("with the signal", &opted_out, "", missing);
    bed.refuses("without it, later", &of("urn:jane"), "", missing);
    drop(bed.passes("somebody else", &of("urn:joe"), ""));
}

#[test]
fn an_opt_out_is_remembered_for_the_person() {
    let consent = json!({"gpc": ["care"], "remember_opt_out": {"duration": "2m"}});
    in_every_host(&configuration(&consent), |bed| {
        let missing = (403, "consent_missing");
        let exp = bed.now() + 3_000;
        let of = |sub: &str| json!({"sub": sub, "consents": ["care"], "exp": exp});
        let jane = signer().token(&bed.claims(&of("jane")));
        let joe = signer().token(&bed.claims(&of("joe")));
        drop(bed.passes("before", &bearer("/", &jane), &jane));
        let opted_out = bearer("/", &jane).header("sec-gpc", "1");
        bed.refuses("with the signal", &opted_out, &jane, missing);
        bed.refuses("without it, later", &bearer("/", &jane), &jane, missing);
        drop(bed.passes("somebody else", &bearer("/", &joe), &joe));
        bed.wait(Duration::from_secs(121));
        drop(bed.passes("long after", &bearer("/", &jane), &jane));
    });
}

/// Two plugins of one VM meet in shared data: what one service says is no word of the other.
#[test]
fn what_another_service_says_is_not_believed() {
    let process = Process::new(Profile::Envoy);
    let statuses = ["care", "ads"].map(|says| {
        let mut proxy = Proxy::native_worker::<JwtAuth>(&process);
        let mut asks = lookup("deny");
        let host = format!("https://{says}.example.com/people/{{subject}}");
        asks["consent"]["lookup"]["uri"] = json!(host);
        let secret = "the secret of the client";
        proxy
            .host()
            .set_environment_variable("CLIENT_SECRET", secret);
        proxy.configure(asks.to_string()).unwrap();
        proxy.respond_to_calls(move |call| {
            assert_eq!(header_of(call, ":authority"), format!("{says}.example.com"));
            Some(CallResponse::http(
                200,
                json!({"purposes": [says]}).to_string(),
            ))
        });
        let now = process.wall_clock().as_secs();
        let claims = json!({"iss": ISSUER, "aud": "api", "sub": "jane", "exp": now + 300});
        let request = bearer("/", &signer().token(&claims));
        proxy.run(&request, &Response::json("{}")).client().status()
    });
    assert_eq!(statuses, [Some(200), Some(403)]);
}

#[test]
fn an_objection_is_stronger_than_all_that_was_agreed_to() {
    for combine in ["strictest", "first"] {
        let mut objecting = configuration(&json!({
            "combine": combine, "default": "granted",
            "header": {"name": "x-consent", "trusted": true},
        }));
        objecting["providers"]["corp"]["identity"] = json!({"subject": "email"});
        objecting["objections"] = json!([
            {"purposes": ["ads"], "subjects": ["joe"]},
            {"purposes": ["ads", "care"], "subjects": ["jane", "ann@example.com"]},
        ]);
        in_every_host(&objecting, |bed| {
            let missing = (403, "consent_missing");
            let objecting = [
                json!({"consents": ["care"]}),
                json!({"consents": ["care"], "email": "jane@example.com"}),
                json!({"consents": ["care"], "sub": "4711", "email": "ann@example.com"}),
                json!({}),
            ];
            for changes in objecting {
                let token = signer().token(&bed.claims(&changes));
                let request = bearer("/", &token).header("x-consent", "care");
                let outcome = bed.run(&request, &token);
                assert_eq!(outcome.client().status(), Some(403), "{changes}");
                // The second time it is remembered.
                bed.refuses("objects", &request, &token, missing);
            }
            for subject in ["joe", "JANE", "jane "] {
                let claims = bed.claims(&json!({"consents": ["care"], "sub": subject}));
                let token = signer().token(&claims);
                drop(bed.passes(subject, &bearer("/", &token), &token));
            }
        });
    }
}

#[test]
fn objections_without_people_or_purposes_are_refused() {
    for (objections, expected) in [
        (json!({}), "expected an array"),
        (json!([]), "objections"),
        (
            json!([{"subjects": ["jane"]}]),
            "objections[0].purposes: missing",
        ),
        (
            json!([{"purposes": ["ads"]}]),
            r#"objections[0]: expected "subjects""#,
        ),
        (
            json!([{"purposes": [], "subjects": [7], "subject": "x"}]),
            "objections[0].subjects[0]",
        ),
    ] {
        let mut wrong = configuration(&json!({}));
        wrong["objections"] = objections;
        let said = refusal(&wrong);
        assert!(said.contains(expected), "{said}");
    }
}

/// What only reports leaves the response to the upstream, and the request to the rules.
#[test]
fn documents_are_served_where_the_filter_enforces() {
    let served = |mode: &str, rules: Value| {
        let mut served = configuration(&json!({}));
        let more = json!({
            "mode": mode, "rules": [], "default": rules, "gpc_status": {},
            "resource_metadata": {
                "resource": "https://api.example.com", "authorization_servers": [ISSUER],
            },
        });
        let members = served.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        served
    };
    for path in [
        "/.well-known/gpc.json",
        "/.well-known/oauth-protected-resource",
    ] {
        let request = Request::get(path);
        for (mode, is_served) in [("enforce", true), ("report", false)] {
            let mut bed = Bed::new(Profile::Envoy, &served(mode, json!("deny")));
            let outcome = bed.passes(mode, &request, "");
            assert_eq!(
                outcome.upstream().headers.is_none(),
                is_served,
                "{mode} {path}"
            );
        }
        let denied = served("report", json!({"access": "deny", "mode": "enforce"}));
        let mut bed = Bed::new(Profile::Envoy, &denied);
        bed.refuses("by the rules", &request, "", (403, "no_rule"));
    }
}

/// Somebody about whom the service fails alone says nothing of the service.
#[test]
fn one_person_takes_the_consent_of_nobody_else_away() {
    in_every_host(&lookup("ignore"), |bed| {
        bed.responses(|call| match header_of(call, ":path").contains("evil") {
            true => CallResponse::http(500, ""),
            false => CallResponse::http(200, r#"{"purposes":[]}"#),
        });
        let of = |bed: &Bed, person: &str| {
            signer().token(&bed.claims(&json!({"sub": person, "consents": ["care"]})))
        };
        for number in 0..6 {
            let evil = of(bed, "evil");
            bed.passes("the claim decides", &bearer("/", &evil), &evil);
            let jane = of(bed, &format!("jane {number}"));
            let missing = (403, "consent_missing");
            bed.refuses("withdrawn", &bearer("/", &jane), &jane, missing);
            bed.wait(Duration::from_millis(1100));
        }
        let before = of(bed, "evil");
        for _ in 0..5 {
            bed.passes("the claim decides", &bearer("/", &before), &before);
            bed.wait(Duration::from_millis(1100));
        }
        let jane = of(bed, "jane again");
        bed.refuses(
            "withdrawn",
            &bearer("/", &jane),
            &jane,
            (403, "consent_missing"),
        );
        // Nobody is asked about who may be somebody else to a server that decodes.
        let calls = bed.responses(|_| CallResponse::http(200, r#"{"purposes":["care"]}"#));
        for person in [
            "../people/jane",
            "x/../../jane",
            "..\\jane",
            "jane;x",
            "jane.",
            "jane/",
            "a//b",
            "jane%2e",
            "jane?x",
            "..",
        ] {
            let token = of(bed, person);
            bed.passes("the claim decides", &bearer("/", &token), &token);
        }
        assert_eq!(*calls.borrow(), 0, "{:?}", bed.profile);
        let token = of(bed, "tenant/jane@example.com");
        bed.passes("a name", &bearer("/", &token), &token);
        assert_eq!(*calls.borrow(), 1, "{:?}", bed.profile);
    });
}
