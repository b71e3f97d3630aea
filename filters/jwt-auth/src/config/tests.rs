use super::*;

#[test]
fn every_mistake_is_named() {
    let text = r#"{
        "providers": {
            "a": {"issuer": "", "audiences": [], "jwks": {"inline": {"keys": []}}},
            "b": {"issuer": "i", "jwks": {"remote": {"uri": "ftp://x", "timeout": "5m"}}, "algorithms": ["none"]},
            "c": {"issuer": "i", "audiences": "any", "jwks": {"discovery": {"cluster": "c"}}, "algorithms": ["ES257"], "clock_skew": "1h"},
            "d": {"issuer": "i", "audiences": "all", "jwks": {"inline": {"keys": [{"kty": "RSA", "d": "x"}]}},
                  "from": [{"header": "a", "query": "b"}], "payload_header": "Host", "forwards": true,
                  "claims_to_headers": [{"claim": "a", "header": "x-a", "as": "xml"}]},
            "e": {"api_keys": {"keys": [{"id": "x", "sha256": "not hexadecimal"}]}},
            "f": {"api_keys": {"from": [{"header": "x-k"}], "pepper_env": "P", "keys": [
                {"id": "x", "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                {"id": "y", "hmac_sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "expires": "tomorrow"},
                {"id": "y", "hmac_sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                 "not_before": "2027-01-01T00:00:00Z", "expires": "2026-01-01T00:00:00Z"}]}},
            "g": {"introspection": {"uri": "http://i/", "cluster": "c", "client_id": "x"}, "api_keys": {}},
            "h": {"issuer": "https://i", "audiences": "any", "jwks": {"remote": {"uri": "http://i/", "cluster": "c"}}},
            "i": {"issuer": "https://i", "audiences": "any", "jwks": {"inline": {"keys": [
                {"kty": "oct", "alg": "HS256", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
                {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}}},
            "j": {"issuer": "https://i", "audiences": "any", "jwks": {"inline": {"keys": [{"kty": "oct", "alg": "RS256", "k_env": "X"}]}}}
        },
        "rules": [
            {"match": {"paths": ["/x"]}, "allow": "all"},
            {"require": {"provider": "nobody"}},
            {"require": {"scopes": ["x"]}},
            {"allow": "anonymous", "require": {"provider": "a"}},
            {"require": {"tls": {"min_version": "1.1", "san": ["*"]}, "claims": [{"claim": "a", "exists": true}]}},
            {"match": {"scopes": ["x"]}, "require": {"provider": "a", "optional": "maybe"}}
        ],
        "default": "allow", "on_multiple": "any", "realm": "a\"b", "responses": {"429": {}, "401": {"body": "x"}},
        "cors_preflight": true, "on_error": "ignore", "cache": {"tokens": -1}, "resource_metadata": {"resource": "x"}
    }"#;
    let problems = Config::parse(text).unwrap_err().to_string();
    for expected in [
        r#"providers.a.issuer: """#,
        "providers.a.audiences: an array: expected at least one item",
        "providers.a.jwks.inline: no usable key",
        "providers.b.audiences: missing",
        r#"providers.b.jwks.remote.uri: "ftp://x": expected an address"#,
        "providers.b.jwks.remote.cluster: missing",
        r#"providers.b.jwks.remote.timeout: "5m": expected from 10ms to 1m"#,
        r#"providers.b.algorithms[0]: "none": an unsigned token"#,
        "providers.c.jwks.discovery: the issuer is no address",
        r#"providers.c.algorithms[0]: "ES257": did you mean "ES256"?"#,
        r#"providers.c.clock_skew: "1h": expected from 0s to 5m"#,
        r#"providers.d.audiences: "all""#,
        "providers.d.jwks.inline: no usable key; keys[0]: a private key",
        "providers.d.from[0]",
        r#"providers.d.payload_header: "Host": this header cannot carry a claim"#,
        r#"providers.d.forwards: unknown key; did you mean "forward"?"#,
        r#"providers.d.claims_to_headers[0].as: "xml""#,
        "providers.e.api_keys.keys[0].sha256: expected the hash of the key",
        "providers.f.api_keys.keys[0].hmac_sha256: missing",
        r#"providers.f.api_keys.keys[0].sha256: expected "hmac_sha256""#,
        r#"providers.f.api_keys.keys[1].expires: "tomorrow": expected a time"#,
        "providers.f.api_keys.keys[2]: an object: a key that expires before it is valid",
        "providers.f.api_keys.keys[2]: this key is there twice",
        "providers.g: an object: expected one of \"jwks\"",
        r#"providers.h.jwks.remote.uri: "http://i/": whoever is on the way"#,
        "providers.i.jwks.inline: shared secrets and public keys in one set",
        "providers.j.jwks.inline.keys[0]: expected",
        r#"rules[0].allow: "all": expected "anonymous""#,
        "rules[1].require.provider: \"nobody\"",
        r#"rules[2].require: an object: expected exactly one of "provider", "any_of" and "all_of""#,
        r#"rules[3]: an object: expected exactly one of "allow", "deny" and "require""#,
        r#"rules[4].require.tls.min_version: "1.1""#,
        r#"rules[4].require.tls.san[0]: "*""#,
        "rules[4].require: an object: nobody vouches for the caller",
        "rules[5].match: an object: rules are chosen before the caller is known",
        r#"rules[5].require.optional: "maybe""#,
        r#"default: "allow""#,
        r#"on_multiple: "any""#,
        "realm: \"a\\\"b\": expected printable ASCII",
        "responses.429: expected one of the statuses",
        "responses.401.content_type: missing",
        r#"cors_preflight: true: expected "check" or "allow""#,
        r#"on_error: "ignore""#,
        "cache.tokens: -1: expected an integer",
        r#"resource_metadata.resource: "x": expected an address"#,
        "resource_metadata.authorization_servers: missing",
    ] {
        assert!(
            problems.contains(expected),
            "{expected} is not in\n{problems}"
        );
    }
    assert!(!problems.contains("not hexadecimal"), "it may be the key");
}

#[test]
fn what_is_wrong_is_not_said_to_be_missing_too() {
    for (text, expected) in [
        (
            r#"{"providers": {}, "requests": [{"max_body": "10M"}]}"#,
            "requests[0].max_body:",
        ),
        (
            r#"{"providers": {}, "requests": [{"max_query": {"limit": "many"}}]}"#,
            "requests[0].max_query.limit:",
        ),
        (
            r#"{"providers": {}, "response_rules": [{"sunset": "soon"}]}"#,
            "response_rules[0].sunset:",
        ),
        (
            r#"{"providers": {}, "rules": [{"match": {"consent": {"granted": [7]}}, "allow": "anonymous"}]}"#,
            "rules[0].match.consent.granted[0]:",
        ),
        (
            r#"{"providers": {"k": {"api_keys": {"from": [{"header": "a", "query": "b"}],
                "keys": [{"id": "a", "sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]}}},
                "rules": [{"require": {"provider": "k"}}]}"#,
            "providers.k.api_keys.from[0]:",
        ),
    ] {
        let problems = Config::parse(text).unwrap_err().to_string();
        let told: Vec<&str> = problems.lines().collect();
        assert!(
            matches!(told.as_slice(), [one] if one.contains(expected)),
            "{text}\n{problems}"
        );
    }
    for (text, expected) in [
        (
            r#"{"providers": {}, "requests": [{"match": {"paths": ["/a"]}}]}"#,
            r#"requests[0]: expected "max_body" or "max_query""#,
        ),
        (
            r#"{"providers": {}, "response_rules": [{"hide_errors": false}]}"#,
            r#"response_rules[0]: expected "remove_headers""#,
        ),
        (
            r#"{"providers": {"a": {"issuer": "i", "audiences": ["b"], "jwks": {"inline": {"keys": []}}}}}"#,
            "providers.a.jwks.inline: no usable key: the set is empty",
        ),
        (
            r#"{"providers": {}, "rules": [{"require": {"provider": "K"}}]}"#,
            r#"rules[0].require.provider: "K": there is no provider"#,
        ),
    ] {
        let problems = Config::parse(text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}\n{problems}");
    }
}

#[test]
fn metadata_of_the_resource_are_where_the_standard_has_them() {
    let metadata = |resource: &str| {
        let text = format!(
            r#"{{"providers": {{}}, "resource_metadata": {{"resource": "{resource}",
                "authorization_servers": ["https://idp.test"], "scopes_supported": ["a", "b"]}}}}"#
        );
        Config::parse(&text).unwrap().resource_metadata.unwrap()
    };
    let found = metadata("https://api.test/mcp");
    assert_eq!(found.path, "/.well-known/oauth-protected-resource/mcp");
    assert_eq!(
        found.uri,
        "https://api.test/.well-known/oauth-protected-resource/mcp"
    );
    assert_eq!(
        found.document,
        r#"{"resource":"https://api.test/mcp","authorization_servers":["https://idp.test"],"bearer_methods_supported":["header"],"scopes_supported":["a","b"]}"#
    );
    let whole = metadata("https://api.test");
    assert_eq!(whole.path, "/.well-known/oauth-protected-resource");
    let escaped = metadata("https://api.test/caf%C3%A9");
    assert!(escaped.path.ends_with("/caf\u{e9}"), "{}", escaped.path);
    assert!(escaped.uri.ends_with("/caf%C3%A9"), "{}", escaped.uri);
    // Never served, or no address between quotes.
    for wrong in ["/a//b", "/a;b", "/v1/..", "/\\\"x", "/caf\u{e9}", "/a%2fb"] {
        let text = format!(
            r#"{{"providers": {{}}, "resource_metadata": {{"resource": "https://api.test{wrong}",
                "authorization_servers": ["https://idp.test"]}}}}"#
        );
        let problems = Config::parse(&text).unwrap_err().to_string();
        assert!(problems.contains(": expected an address "), "{problems}");
    }
}

#[test]
fn the_profile_of_rfc_9068_is_a_set_of_demands() {
    let text = r#"{"providers": {"corp": {"issuer": "https://idp.test", "audiences": ["api"], "profile": "rfc9068",
        "jwks": {"discovery": {"cluster": "idp"}}, "required_claims": ["tenant"]}}}"#;
    let config = Config::parse(text).unwrap();
    let Some(ProviderKind::Token(corp)) = config.providers.first().map(|p| &p.kind) else {
        panic!()
    };
    assert!(!corp.claims.types.accept(None) && corp.claims.types.accept(Some("at+JWT")));
    assert!(corp.claims.required_claims.contains(&"jti".to_owned()));
    assert!(corp.claims.required_claims.contains(&"tenant".to_owned()));
    let KeySource::Fetched(fetched) = &corp.keys else {
        panic!()
    };
    assert_eq!(fetched.endpoint.path, "/.well-known/openid-configuration");
    assert_eq!(fetched.endpoint.authority, "idp.test");
}

#[test]
fn silent_mistakes_are_mistakes() {
    let with = |provider: &str, rule: &str| {
        let text = format!(
            r#"{{"providers":{{"a":{{{provider}}}}},"rules":[{{"require":{{"provider":"a"{rule}}}}}]}}"#
        );
        match Config::parse(&text) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    };
    let jwks = r#""jwks":{"remote":{"uri":"https://i/","cluster":"c"}}"#;
    let good = format!(r#""issuer":"https://i","audiences":["a"],{jwks}"#);
    assert_eq!(with(&good, ""), "");
    let inline = |keys: &str| {
        format!(r#""issuer":"https://i","audiences":["a"],"jwks":{{"inline":{keys}}}"#)
    };
    let mapped = |header: &str| {
        format!(r#"{good},"claims_to_headers":[{{"claim":"a","header":"{header}"}}]"#)
    };
    for (provider, rule, expected) in [
        (
            format!(r#""issuer":"https://i ","audiences":["a"],{jwks}"#),
            "",
            "providers.a.issuer: \"https://i \": an issuer with a space",
        ),
        (
            format!(r#""issuer":"https://login.test/{{tenantid}}/v2","audiences":["a"],{jwks}"#),
            "",
            "an issuer with a placeholder",
        ),
        (
            format!(r#""issuer":"https://i","audiences":["any"],{jwks}"#),
            "",
            "write \"any\" without brackets",
        ),
        (
            good.clone(),
            r#","scopes":"orders:read orders:write""#,
            r#"expected ["orders:read", "orders:write"]"#,
        ),
        (
            format!(
                r#"{good},"claims_to_headers":[{{"claim":"a","header":"x-a"}},{{"claim":"b","header":"X-A"}}]"#
            ),
            "",
            r#"two claims for the header "x-a""#,
        ),
        (
            format!(
                r#"{good},"claims_to_headers":[{{"claim":"a","header":"x-a"}},{{"claim":"b","header":"x_a"}}]"#
            ),
            "",
            r#"two claims for the header "x_a""#,
        ),
        (
            format!(
                r#"{good},"claims_to_headers":[{{"claim":"a","header":"x-a","on_too_large":"truncate"}},{{"claim":"b","header":"x-a-truncated"}}]"#
            ),
            "",
            "was truncated",
        ),
        (mapped("x_forwarded_for"), "", "cannot carry a claim"),
        (mapped("X_Request_Id"), "", "cannot carry a claim"),
        (mapped("x-real-ip"), "", "cannot carry a claim"),
        (mapped("true-client-ip"), "", "cannot carry a claim"),
        (mapped("x-http-method-override"), "", "cannot carry a claim"),
        (mapped("x-original-url"), "", "cannot carry a claim"),
        (
            format!("\"issuer\":\"https://i\u{200b}\",\"audiences\":[\"a\"],{jwks}"),
            "",
            "an issuer with a space",
        ),
        (
            format!(r#""issuer":"https://login.test/<tenant>/v2","audiences":["a"],{jwks}"#),
            "",
            "an issuer with a placeholder",
        ),
        (
            format!(r#""issuer":"https://i/.well-known/openid-configuration","audiences":["a"],{jwks}"#),
            "",
            "the issuer is what stands before",
        ),
        (
            format!(r#""issuer":"https://i","audiences":["*"],{jwks}"#),
            "",
            "write \"any\" without brackets",
        ),
        (
            format!(r#""issuer":"https://i","audiences":["ANY"],{jwks}"#),
            "",
            "write \"any\" without brackets",
        ),
        (
            format!(r#""issuer":"https://i","audiences":[""],{jwks}"#),
            "",
            "an audience without a name",
        ),
        (
            format!(r#"{good},"from":[{{"cookie":"a;b"}}]"#),
            "",
            "expected the name of a cookie",
        ),
        (
            format!(r#"{good},"from":[{{"query":"?token"}}]"#),
            "",
            "expected the name of a query parameter",
        ),
        (
            good.clone(),
            r#","claims":[{"claim":"$.roles","contains":"a"}]"#,
            "did you mean \"roles\"?",
        ),
        (
            r#""issuer":"https://i","audiences":["a"],"jwks":{"inline":{"keys":[{"kty":"RSA","x5c":["MII"]}]}}"#
                .to_owned(),
            "",
            "certificates (x5c, x5u) are not read",
        ),
        (mapped("X-Forwarded-Uri"), "", "cannot carry a claim"),
        (mapped("script_name"), "", "cannot carry a claim"),
        (
            format!(r#""issuer":"https://login.microsoftonline.com/common/v2.0","audiences":["a"],{jwks}"#),
            "",
            r#"no token has "common" in its issuer"#,
        ),
        (
            format!(r#""issuer":"https://login.microsoftonline.us/organizations/v2.0","audiences":["a"],{jwks}"#),
            "",
            r#"no token has "organizations" in its issuer"#,
        ),
        (
            format!(r#""issuer":"https://sts.windows.net/common/","audiences":["a"],{jwks}"#),
            "",
            r#"no token has "common" in its issuer"#,
        ),
        (
            format!(r#""issuer":"https://YOUR_DOMAIN/","audiences":["a"],{jwks}"#),
            "",
            "an issuer with a placeholder",
        ),
        (
            format!(r#""issuer":"https://your-tenant.eu.auth0.com/","audiences":["a"],{jwks}"#),
            "",
            "an issuer with a placeholder",
        ),
        (
            format!(r#""issuer":"https://i","audiences":["<client-id>"],{jwks}"#),
            "",
            "an audience with a placeholder",
        ),
        (
            good.clone(),
            r#","audiences":["*"]"#,
            r#"leave out "audiences""#,
        ),
        (inline(r#"{"keys":["-----BEGIN PUBLIC KEY-----"]}"#), "", "PEM is not read"),
        (inline(r#"{"keys":"-----BEGIN PUBLIC KEY-----"}"#), "", "PEM is not read"),
        (inline(r#""LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0""#), "", "PEM is not read"),
        (inline(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#), "", r#"a single key: put it into a set"#),
        (inline(r#"[{"kty":"RSA","n":"AQAB","e":"AQAB"}]"#), "", "a list of keys: put it into a set"),
        (inline(r#"{"4f1a":"-----BEGIN CERTIFICATE-----"}"#), "", "oauth2/v3/certs"),
        (inline(r#"{"issuer":"https://i","jwks_uri":"https://i/jwks"}"#), "", r#"use "discovery""#),
        (inline(r#"{"keys":["AQAB"]}"#), "", "expected an object, not a text"),
        (mapped("x-request-id"), "", "cannot carry a claim"),
        (mapped("X-Forwarded-For"), "", "cannot carry a claim"),
        (mapped("x-envoy-original-path"), "", "cannot carry a claim"),
        (
            r#""issuer":"https://i","audiences":["a"],"jwks":{"inline":"-----BEGIN PUBLIC KEY-----"}"#
                .to_owned(),
            "",
            "PEM is not read",
        ),
        (
            r#""issuer":"https://i","audiences":["a"],"jwks":{"inline":{"keys":[{"x5c":["MII"]}]}}"#
                .to_owned(),
            "",
            "certificates (x5c, x5u) are not read",
        ),
        (
            r#""api_keys":{"from":[{"header":"x"}],"keys":[{"id":"a","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","claims":{"roles":["x"]}}]}"#
                .to_owned(),
            "",
            r#"the key "roles" says this"#,
        ),
    ] {
        let said = with(&provider, rule);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn several_providers_that_cannot_all_vouch_are_told() {
    let provider = |more: &str| {
        format!(
            r#"{{"issuer":"https://i","audiences":["a"],"jwks":{{"remote":{{"uri":"https://i/","cluster":"c"}}}}{more}}}"#
        )
    };
    let header = r#","claims_to_headers":[{"claim":"sub","header":"x-u"}]"#;
    let place = r#","from":[{"header":"x-t"}]"#;
    let (a, b, c) = (
        provider(header),
        provider(""),
        provider(&format!("{header}{place}")),
    );
    let codes = |require: &str| {
        let text = format!(
            r#"{{"providers":{{"a":{a},"b":{b},"c":{c}}},"rules":[{{"require":{{{require}}}}}]}}"#
        );
        let checked = Config::check(&text);
        let mut found: Vec<String> = match &checked.result {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        };
        let warnings = checked
            .warnings
            .iter()
            .map(|warning| warning.code().to_owned());
        found.extend(warnings.filter(|code| code != "provider_unused"));
        found
    };
    assert_eq!(codes(r#""all_of":["a","b"]"#), ["all_of_impossible"]);
    assert_eq!(codes(r#""all_of":["a","c"]"#), ["header_shared"]);
    for fine in [r#""any_of":["a","b","c"]"#, r#""all_of":["b","c"]"#] {
        assert_eq!(codes(fine), [""; 0]);
    }
    for (wrong, part) in [
        (r#""any_of":["a","b","a"]"#, r#""a" is there twice"#),
        (r#""all_of":["a","a"]"#, r#""a" is there twice"#),
        (r#""provider":"a","scopes":[""]"#, "never empty"),
        (
            r#""provider":"a","claims":[{"claim":"x.*.y","contains":"a"}]"#,
            "identity",
        ),
    ] {
        let found = codes(wrong);
        assert!(
            found.iter().any(|text| text.contains(part)),
            "{wrong}: {found:?}"
        );
    }
}

#[test]
fn what_is_probably_not_meant_is_warned_of() {
    let text = r#"{"providers":{
        "used":{"issuer":"http://i","audiences":["a,b"],"jwks":{"remote":{"uri":"https://i/","cluster":"c"}}},
        "keys":{"api_keys":{"from":[{"header":"x-k"}],"keys":[
            {"id":"acme","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","expires":"2020-01-01T00:00:00Z"}]}}},
        "rules":[
            {"name":"a","mode":"report","match":{"paths":["/a/**"]},"allow":"anonymous"},
            {"name":"a","mode":"report","match":{"paths":["/a/b"],"consent":{"denied":"sale"}},"require":{"provider":"used","scopes":["c,d"]}}],
        "requests":[{"match":{"consent":{"granted":"care"}},"max_body":"1KiB"}],"on_error":"allow"}"#;
    let checked = Config::check(text);
    let codes: Vec<(&str, &str)> = checked
        .warnings
        .iter()
        .map(|warning| (warning.problem().path(), warning.code()))
        .collect();
    assert_eq!(
        codes,
        [
            ("providers.used.issuer", "issuer_without_tls"),
            ("providers.used.audiences", "audience_comma"),
            ("rules[1].require.scopes", "scope_comma"),
            ("rules[1]", "rule_unreachable"),
            ("rules[1]", "rule_name_duplicate"),
            ("providers.keys", "provider_unused"),
            ("rules[1].match.consent", "consent_before_caller"),
            ("requests[0].match.consent", "consent_before_caller"),
            ("on_error", "on_error_allow"),
            ("default", "default_enforces"),
        ]
    );
    let expired = checked.result.unwrap().expired_keys(1_800_000_000);
    assert_eq!(expired.len(), 1);
    assert_eq!(
        expired.first().map(ToString::to_string).as_deref(),
        Some(
            r#"providers.keys.api_keys.keys[0]: this key of "acme" has expired (api_key_expired)"#
        )
    );
}

#[test]
fn a_route_knows_the_providers_by_their_names_alone() {
    let check = |provider: &str| {
        let text = format!(
            r#"{{"providers":{{"a":null}},"deny":{{"subjects":null}},"objections":[],
                "rules":[{{"require":{{"provider":"{provider}"}}}}]}}"#
        );
        (Config::ROUTE_PART.check_route)(&text).result
    };
    assert!(check("a").is_ok());
    assert!(
        check("b")
            .unwrap_err()
            .to_string()
            .contains("rules[0].require.provider")
    );
}

#[test]
fn keys_that_check_nothing_are_warned_of() {
    let weak = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#;
    let good = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let found = |keys: &str| {
        let text = format!(
            r#"{{"providers":{{"a":{{"issuer":"https://i","audiences":"any","jwks":{{"inline":{{"keys":[{keys}]}}}}}}}},
                "rules":[{{"require":{{"provider":"a"}}}}]}}"#
        );
        let checked = Config::check(&text);
        assert!(checked.result.is_ok());
        let warnings = checked.warnings.iter();
        let found: Vec<String> = warnings.map(ToString::to_string).collect();
        found
    };
    assert_eq!(found(good), [""; 0]);
    let of_weak = found(&format!("{good},{weak}"));
    assert!(
        of_weak.len() == 1 && of_weak[0].contains("keys[1]") && of_weak[0].contains("key_unusable"),
        "{of_weak:?}"
    );
    let many = vec![good; 101].join(",");
    assert!(found(&many)[0].contains("keys[100]"));
}
