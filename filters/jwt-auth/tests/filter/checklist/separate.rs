//! What one provider knows is not for another, and what is in no known spelling is for nobody.

use host::fake::{CallResponse, Outcome, Profile, Request};
use serde_json::{Value, json};

use super::bed::{Bed, ISSUER, Signer, bearer, encode, in_every_host};

const KEY: &str = "abc";
const KEY_HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn keys(from: &Value) -> Value {
    json!({"api_keys": {"from": from, "keys": [{"id": "acme", "sha256": KEY_HASH}]}})
}

fn asked(more: &Value) -> Value {
    let mut introspection = json!({
        "uri": "https://idp.example.com/introspect", "cluster": "idp", "client_id": "edge",
        "client_secret_env": "CLIENT_SECRET",
    });
    let members = introspection.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    json!({"introspection": introspection})
}

fn signed(signer: &Signer, audience: &str, more: &Value) -> Value {
    let mut provider =
        json!({"issuer": ISSUER, "audiences": [audience], "jwks": {"inline": signer.jwks()}});
    let members = provider.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    provider
}

fn open_and_closed(providers: &Value, requirement: &Value) -> Value {
    json!({"providers": providers, "rules": [
        {"match": {"paths": ["/open"]}, "allow": "anonymous"},
        {"require": requirement},
    ]})
}

fn header(outcome: &Outcome, name: &str) -> Option<String> {
    outcome.upstream().header(name)
}

#[test]
fn a_credential_in_any_line_of_cookies_is_kept_from_the_upstream() {
    let providers = json!({"keys": keys(&json!([{"cookie": "sid"}, {"cookie": "old_sid"}]))});
    let configuration = open_and_closed(&providers, &json!({"provider": "keys"}));
    in_every_host(&configuration, |bed| {
        for (lines, left) in [
            (["b=2", "sid=abc"], "b=2"),
            (["sid=abc", "b=2"], "b=2"),
            (["b=2; sid=abc; old_sid=abc", "c=3; Old_SID=x"], "b=2; c=3"),
        ] {
            for path in ["/open", "/"] {
                let mut request = Request::get(path);
                for line in lines {
                    request = request.header("cookie", line);
                }
                if bed.profile == Profile::Kong {
                    // It sends on all lines but the first, whatever is written.
                    let outcome = bed.run(&request, KEY);
                    assert!(outcome.client().text().contains(":credential_kept"));
                    assert!(outcome.upstream().headers.is_none());
                    continue;
                }
                let outcome = bed.passes("several lines", &request, KEY);
                assert_eq!(
                    outcome.upstream().header_values("cookie"),
                    [left],
                    "{lines:?}"
                );
            }
        }
    });
}

#[test]
fn each_of_several_providers_has_a_credential_of_its_own() {
    let signer = Signer::new("a", 7);
    let places = json!({"from": [
        {"header": "authorization", "prefix": "Bearer "}, {"header": "x-token"},
    ]});
    let providers = json!({
        "a": signed(&signer, "a", &json!({})), "b": signed(&signer, "b", &places),
        "opaque": asked(&json!({})), "keys": keys(&json!([{"header": "x-key"}])),
    });
    let configuration = json!({"providers": providers, "on_multiple": "first", "rules": [
        {"match": {"paths": ["/optional"]}, "require": {"all_of": ["a", "b"], "optional": true}},
        {"require": {"all_of": ["b", "a"]}},
    ]});
    in_every_host(&configuration, |bed| {
        let both = signer.token(&bed.claims(&json!({"aud": ["a", "b"]})));
        let request = bearer("/", &both);
        bed.refuses(
            "one token for two",
            &request,
            &both,
            (401, "credential_missing"),
        );
        let twice = bearer("/", &both).header("x-token", &both);
        bed.refuses("twice the same", &twice, &both, (401, "credential_missing"));
        // The other signature of the same text: (r, n - s) is good where (r, s) is.
        let other_form = with_other_signature(&both);
        let twice = bearer("/", &both).header("x-token", &other_form);
        bed.refuses("in two forms", &twice, &both, (401, "credential_missing"));
        let outcome = bed.passes("as nobody", &bearer("/optional", &both), &both);
        assert_eq!(outcome.properties.value("meshward.identity"), None);
    });
    let configuration = json!({"providers": configuration["providers"], "on_multiple": "all",
        "rules": [{"require": {"all_of": ["b", "a"]}}]});
    in_every_host(&configuration, |bed| {
        let both = signer.token(&bed.claims(&json!({"aud": ["a", "b"]})));
        let second = signer.token(&bed.claims(&json!({"aud": "b"})));
        let request = bearer("/", &both).header("x-token", &second);
        bed.passes("two tokens", &request, &both);
    });
}

fn with_other_signature(token: &str) -> String {
    use base64::Engine as _;
    let (text, signature) = token.rsplit_once('.').unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(signature)
        .unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&bytes).unwrap();
    let (r, s) = signature.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(r, -*s.as_ref()).unwrap();
    format!("{text}.{}", encode(other.to_bytes()))
}

#[test]
fn what_any_provider_knows_is_posted_to_no_issuer() {
    let signer = Signer::new("a", 7);
    let providers = json!({
        "opaque": asked(&json!({"issuer": "https://other.example.com"})),
        "plain": {
            "introspection": asked(&json!({}))["introspection"], "from": [{"header": "authorization"}],
        },
        "own": asked(&json!({"issuer": ISSUER})),
        "keys": keys(&json!([{"header": "authorization", "prefix": "Bearer "}])),
        "tokens": signed(&signer, "api", &json!({})),
    });
    let rule = |name: &str| json!({"match": {"paths": [format!("/{name}")]}, "require": {"provider": name}});
    let configuration = json!({"providers": providers, "rules": [
        rule("opaque"), rule("plain"), rule("own"), rule("tokens"),
        {"match": {"paths": ["/two"]}, "require": {"any_of": ["opaque", "tokens"]}},
    ]});
    in_every_host(&configuration, |bed| {
        let calls = bed.responses(|_| CallResponse::http(200, r#"{"active":true,"sub":"jane"}"#));
        let token = signer.token(&bed.claims(&json!({})));
        for (path, credential) in [
            ("/opaque", KEY),
            ("/plain", KEY),
            ("/own", KEY),
            ("/two", KEY),
            ("/opaque", &token),
            ("/plain", &token),
        ] {
            let outcome = bed.run(&bearer(path, credential), credential);
            assert_eq!(outcome.client().status(), Some(401), "{path} {credential}");
        }
        assert_eq!(*calls.borrow(), 0, "{:?}", bed.profile);
        bed.passes("its own issuer", &bearer("/own", &token), &token);
        bed.passes("nobody else's", &bearer("/opaque", "opaque"), "opaque");
        assert_eq!(*calls.borrow(), 2, "{:?}", bed.profile);
    });
}

#[test]
fn the_first_provider_counts_whatever_was_asked_for_before() {
    let signer = Signer::new("a", 7);
    let to_user =
        |claim: &str| json!({"claims_to_headers": [{"claim": claim, "header": "x-user"}]});
    let rule = |name: &str| json!({"match": {"paths": [format!("/{name}")]}, "require": {"provider": name}});
    let configuration = json!({
        "providers": {
            "a": signed(&signer, "api", &to_user("sub")),
            "b": signed(&signer, "api", &to_user("aud")),
        },
        "rules": [rule("a"), rule("b"), {"require": {"any_of": ["a", "b"]}}],
    });
    in_every_host(&configuration, |bed| {
        let token = signer.token(&bed.claims(&json!({})));
        for (path, user) in [
            ("/b", "api"),
            ("/", "jane"),
            ("/a", "jane"),
            ("/b", "api"),
            ("/", "jane"),
        ] {
            let outcome = bed.passes(path, &bearer(path, &token), &token);
            assert_eq!(header(&outcome, "x-user").as_deref(), Some(user), "{path}");
        }
    });
}

#[test]
fn no_second_caller_stands_in_for_what_the_first_does_not_say() {
    let (first, second) = (Signer::new("a", 7), Signer::new("b", 8));
    let mail = |more: &Value| {
        let mut settings = json!({"claims_to_headers": [{"claim": "email", "header": "x-email"}]});
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings
    };
    let other = mail(&json!({
        "issuer": "https://other.example.com", "from": [{"header": "x-token"}],
        "claims_to_headers": [{"claim": "email", "header": "x-email"}, {"claim": "sub", "header": "x-second"}],
    }));
    let providers =
        json!({"a": signed(&first, "api", &mail(&json!({}))), "b": signed(&second, "api", &other)});
    let configuration =
        json!({"providers": providers, "rules": [{"require": {"all_of": ["a", "b"]}}]});
    in_every_host(&configuration, |bed| {
        let one = first.token(&bed.claims(&json!({})));
        let changes = json!({"iss": "https://other.example.com", "sub": "boss", "email": "boss@x"});
        let two = second.token(&bed.claims(&changes));
        let request = bearer("/", &one).header("x-token", &two);
        let outcome = bed.passes("both", &request, &one);
        assert_eq!(header(&outcome, "x-email"), None);
        assert_eq!(header(&outcome, "x-second").as_deref(), Some("boss"));
    });
}

#[test]
fn opaque_tokens_with_dots_are_credentials_of_their_own() {
    let place = |header: &str| json!([{"header": header}]);
    let at = |header: &str| {
        let mut provider = asked(&json!({}));
        provider["from"] = place(header);
        provider
    };
    let configuration = json!({"providers": {"i": at("x-a"), "j": at("x-b")},
        "rules": [{"require": {"all_of": ["i", "j"]}}]});
    let mut bed = Bed::new(Profile::Envoy, &configuration);
    bed.responses(|_| CallResponse::http(200, r#"{"active":true,"sub":"jane"}"#));
    let request = |b: &str| Request::get("/").header("x-a", "hvs.AAA").header("x-b", b);
    bed.passes("two", &request("hvs.BBB"), "hvs.AAA");
    bed.refuses(
        "one",
        &request("hvs.AAA"),
        "hvs.AAA",
        (401, "credential_missing"),
    );
}

#[test]
fn other_white_space_behind_the_scheme_hides_no_credential() {
    let signer = Signer::new("a", 7);
    let providers = json!({"a": signed(&signer, "api", &json!({})), "i": asked(&json!({}))});
    let configuration = json!({"providers": providers, "rules": [
        {"match": {"paths": ["/open"]}, "allow": "anonymous"},
        {"match": {"paths": ["/asked"]}, "require": {"provider": "i", "optional": true}},
        {"require": {"provider": "a", "optional": true}},
    ]});
    in_every_host(&configuration, |bed| {
        let calls = bed.responses(|_| CallResponse::http(200, r#"{"active":true,"sub":"jane"}"#));
        let token = signer.token(&bed.claims(&json!({})));
        for between in [&b"\t"[..], b"\xa0", b" \t", "\u{a0}".as_bytes(), b"\x1f"] {
            let value = [b"Bearer", between, token.as_bytes()].concat();
            let request = Request::get("/open").header("authorization", &value);
            let outcome = bed.passes("open", &request, &token);
            let gone = (!bed.removes_headers()).then(|| "removed".to_owned());
            assert_eq!(header(&outcome, "authorization"), gone, "{between:?}");
            for path in ["/", "/asked"] {
                let request = Request::get(path).header("authorization", &value);
                bed.refuses("optional", &request, &token, (401, "token_malformed"));
            }
        }
        assert_eq!(*calls.borrow(), 0);
    });
}

#[test]
fn numbers_do_not_slip_past_the_deny_list() {
    let signer = Signer::new("a", 7);
    let by_number = json!({"identity": {"subject": ["uid", "sub"]}});
    let configuration = json!({
        "providers": {"a": signed(&signer, "api", &by_number), "i": asked(&json!({}))},
        "deny": {"subjects": ["1"], "token_ids": ["5"]},
        "rules": [
            {"match": {"paths": ["/asked"]}, "require": {"provider": "i"}},
            {"require": {"provider": "a"}},
        ],
    });
    in_every_host(&configuration, |bed| {
        for uid in [json!("1"), json!(1)] {
            let token = signer.token(&bed.claims(&json!({"uid": uid})));
            bed.refuses("uid", &bearer("/", &token), &token, (401, "token_revoked"));
        }
        let token = signer.token(&bed.claims(&json!({"uid": 2})));
        bed.passes("another", &bearer("/", &token), &token);
    });
    for response in [
        r#"{"active":true,"sub":1}"#,
        r#"{"active":true,"sub":"x","jti":5}"#,
    ] {
        let mut bed = Bed::new(Profile::Envoy, &configuration);
        bed.responses(move |_| CallResponse::http(200, response));
        bed.refuses(
            response,
            &bearer("/asked", "opaque"),
            "opaque",
            (401, "token_malformed"),
        );
    }
}

#[test]
fn rules_do_not_see_headers_that_only_the_filter_sets() {
    let signer = Signer::new("a", 7);
    let to_user = json!({"claims_to_headers": [{"claim": "sub", "header": "x-user"}]});
    let says_admin = json!({"headers": [{"name": "x-user", "equals": "admin"}]});
    let configuration = json!({"providers": {"a": signed(&signer, "api", &to_user)}, "rules": [
        {"match": says_admin, "allow": "anonymous"}, {"require": {"provider": "a"}},
    ]});
    in_every_host(&configuration, |bed| {
        for name in ["x-user", "x_user"] {
            let request = Request::get("/").header(name, "admin");
            let refused = match bed.removes_headers() {
                true => (401, "credential_missing"),
                false => (400, "managed_header"),
            };
            bed.refuses(name, &request, "", refused);
        }
    });
}

#[test]
fn what_is_unclear_is_refused_where_a_rule_that_it_may_fall_under_enforces() {
    let providers = json!({"keys": keys(&json!([{"header": "x-key"}]))});
    let requirement = json!({"provider": "keys"});
    let configuration = json!({"mode": "report", "providers": providers, "rules": [
        {"match": {"paths": ["/a/**"]}, "mode": "enforce", "require": requirement},
        {"match": {"paths": ["/b/**"], "methods": ["GET"]}, "require": requirement},
    ]});
    in_every_host(&configuration, |bed| {
        let with = |path: &str, name: &str, value: &str| Request::get(path).header(name, value);
        for request in [
            Request::new("HEAD", "/b/1"),
            Request::get("//b/1"),
            with("/b/1", "x-http-method-override", "PUT"),
            with("/c/1", "x-original-url", "/b/1"),
        ] {
            bed.passes("only reported", &request, "");
        }
        for (request, code) in [
            (with("/b/1", "x-original-url", "/a/1"), "path_ambiguous"),
            (Request::get("/b/../a%2f1"), "path_ambiguous"),
        ] {
            bed.refuses("enforced", &request, "", (400, code));
        }
    });
}
