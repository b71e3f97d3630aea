//! What it says of each filter.

use serde_json::Value;

use super::{explain, explain_json, write};

/// Nobody responds to `explain`, which is not the same as a refusal.
#[test]
fn what_the_consent_service_says_is_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let auth = r#"{ "providers": { "corp": { "issuer": "https://idp.example.com", "audiences": ["a"], "algorithms": ["RS256"],
          "jwks": { "remote": { "uri": "https://idp.example.com/keys", "cluster": "idp" } } } },
      "rules": [{ "require": { "provider": "corp", "consent": { "granted": ["marketing"] } } }],
      "consent": { "lookup": { "uri": "https://consent.example.com/people/{subject}", "cluster": "consent" } } }"#;
    let config = write(folder.path(), "auth.json", auth);
    let claims = write(
        folder.path(),
        "claims.json",
        r#"{"sub": "ada", "aud": "a"}"#,
    );
    let words = ["-c", &config, "--request", "GET /", "--claims", &claims];
    let (_, text) = explain(&words);
    assert!(
        text.contains("the consent service says of ada: no answer, so on_error decides"),
        "{text}"
    );
    let services = explain_json(&words)["filters"][0]["services"].clone();
    assert_eq!(services.as_array().map(Vec::len), Some(1), "{services}");
    assert_eq!(services[0]["about"], "ada");
}

#[test]
fn budgets_say_what_they_are_charged_and_what_is_left() {
    let folder = tempfile::TempDir::new().unwrap();
    let redact = r#"{ "rules": [{ "name": "found", "apply_to": ["response.body"], "detect": ["EMAIL"], "actions": { "EMAIL": "detect" },
        "data_subject": [{ "response": "$.people[*].id" }] }],
      "budget": [
        { "name": "mails", "key": ["ip"], "class": "EMAIL", "values": "5/day", "people": "4/day", "then": "block" },
        { "name": "keyless", "key": ["header:x-other"], "on_missing_key": "shared", "class": "EMAIL", "values": "9/day", "then": "report" }] }"#;
    let config = write(folder.path(), "redact.json", redact);
    let people = r#"{"people":[{"id":"ada","mail":"ada@example.com"},{"id":"bob","mail":"bob@example.com"}]}"#;
    let people = write(folder.path(), "people.json", people);
    let nobody = write(folder.path(), "nobody.json", "{}");
    let words = |body: &'static str| {
        let body = if body == "people" {
            people.clone()
        } else {
            nobody.clone()
        };
        [
            "-c",
            &config,
            "--request",
            "GET /people",
            "--client",
            "203.0.113.7",
            "--response",
            "HTTP/1.1 200",
            "--body",
            &body,
        ]
        .map(str::to_owned)
    };
    let of = |words: &[String], more: &[&str]| {
        let words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        (
            explain(&words),
            explain_json(&words)["filters"][0]["budgets"].clone(),
        )
    };
    let ((_, text), budgets) = of(&words("people"), &[]);
    assert_eq!(budgets[0]["key"], "ip=203.0.113.7", "{budgets}");
    assert_eq!(
        budgets[0]["charged"][0],
        serde_json::json!({"unit": "values", "number": 2, "remaining": 3, "quota": 5})
    );
    assert_eq!(
        budgets[0]["charged"][1],
        serde_json::json!({"unit": "people", "number": 2, "remaining": 2, "quota": 4})
    );
    assert_eq!(budgets[1]["key"], "all that lack the key");
    let line = "budget mails is for ip=203.0.113.7; it is charged 2 values (3 of 5 left); it is charged 2 people (2 of 4 left)";
    assert!(text.contains(line), "{text}");
    let (_, budgets) = of(&words("people"), &["--times", "2"]);
    assert_eq!(budgets[0]["charged"][0]["remaining"], 1, "{budgets}");
    let ((_, text), budgets) = of(&words("nobody"), &[]);
    assert_eq!(budgets[0]["charged"], serde_json::json!([]), "{budgets}");
    assert!(
        text.contains("this response charges nothing to it"),
        "{text}"
    );
}

fn rules<'v>(explained: &'v Value, filter: &str) -> &'v Value {
    let filters = explained["filters"].as_array().unwrap();
    let found = filters.iter().find(|section| section["filter"] == filter);
    &found.unwrap()["rules"]
}

/// Each kind of condition, as the first that fails.
#[test]
fn the_first_condition_that_fails_is_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let everything = |change: &str| {
        let all = [
            r#""paths": ["/a/**"]"#,
            r#""methods": ["GET"]"#,
            r#""hosts": ["api.example.com"]"#,
            r#""routes": ["orders"]"#,
            r#""headers": [{ "name": "x-beta", "equals": "1" }]"#,
            r#""scopes": ["read"]"#,
            r#""claims": [{ "claim": "tenant", "equals": "acme" }]"#,
            r#""consent": { "denied": ["sharing"] }"#,
        ];
        let key = change.split(':').next().unwrap();
        let members = all.map(|member| {
            if member.starts_with(key) && !key.is_empty() {
                change.to_owned()
            } else {
                member.to_owned()
            }
        });
        format!(
            r#"{{ "limits": [{{ "name": "l", "key": ["ip"], "rate": "5/s", "match": {{ {} }} }}] }}"#,
            members.join(", ")
        )
    };
    let claims = write(
        folder.path(),
        "claims.json",
        r#"{"sub": "a", "scope": "read", "tenant": "acme"}"#,
    );
    let try_one = |change: &str| {
        let config = write(folder.path(), "limits.json", &everything(change));
        explain_json(&[
            "-c",
            &config,
            "--request",
            "GET /a/b",
            "-H",
            "host: api.example.com",
            "-H",
            "x-beta: 1",
            "-H",
            "sec-gpc: 1",
            "--route",
            "orders",
            "--claims",
            &claims,
        ])
    };
    let explained = try_one("");
    assert_eq!(
        rules(&explained, "token-bucket")[0]["outcome"],
        "applies",
        "{explained}"
    );
    for (change, key, found) in [
        (r#""paths": ["/b"]"#, "paths", "/a/b"),
        (r#""methods": ["POST"]"#, "methods", "GET"),
        (r#""hosts": ["*.example.org"]"#, "hosts", "api.example.com"),
        (r#""routes": ["carts"]"#, "routes", "orders"),
        (
            r#""headers": [{ "name": "x-beta", "equals": "2" }]"#,
            "headers",
            r#"["1"]"#,
        ),
        (r#""scopes": ["write"]"#, "scopes", "read"),
        (
            r#""claims": [{ "claim": "tenant", "equals": "other" }]"#,
            "claims",
            r#""acme""#,
        ),
        (
            r#""consent": { "granted": ["sharing"] }"#,
            "consent",
            "sharing is denied",
        ),
    ] {
        let explained = try_one(change);
        let rule = &rules(&explained, "token-bucket")[0];
        assert_eq!(rule["outcome"], "fails", "{change}: {explained}");
        assert_eq!(rule["condition"]["key"], key, "{change}");
        assert_eq!(rule["condition"]["found"], found, "{change}");
    }
}

#[test]
fn limits_say_what_they_count_and_what_is_left() {
    let folder = tempfile::TempDir::new().unwrap();
    let limits = r#"{ "limits": [
        { "name": "two", "key": ["ip", "header:x-tag"], "windows": [{ "rate": "10/min" }, { "rate": "100/h" }], "cost": 3 },
        { "name": "keyless", "key": ["header:x-other"], "on_missing_key": "skip", "rate": "1/s" }] }"#;
    let config = write(folder.path(), "limits.json", limits);
    let words = [
        "-c",
        &config,
        "--request",
        "GET /",
        "-H",
        "x-tag: t",
        "--client",
        "203.0.113.7",
    ];
    let explained = explain_json(&words);
    let section = &explained["filters"][0];
    let charge = &section["limits"][0];
    assert_eq!(
        charge["key"], "ip=203.0.113.7 header:x-tag=t",
        "{explained}"
    );
    assert_eq!(
        (
            charge["cost"].as_u64(),
            charge["windows"].as_array().map(Vec::len)
        ),
        (Some(3), Some(2))
    );
    assert_eq!(charge["windows"][0]["remaining"], 7);
    assert_eq!(section["rules"][1]["condition"]["key"], "key");
    let twice = explain_json(&[&words[..], &["--times", "2"]].concat());
    assert_eq!(
        twice["filters"][0]["limits"][0]["windows"][0]["remaining"],
        4
    );
    let refused = explain_json(&[&words[..], &["--times", "4"]].concat());
    assert_eq!(refused["response"]["status"], 429);
}

#[test]
fn redaction_says_where_what_and_for_whom() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = write(
        folder.path(),
        "redact.json",
        r#"{ "rules": [
            { "name": "bodies", "detect": ["EMAIL"], "apply_to": ["response.body"], "unless": { "scopes": ["pii:read"] } },
            { "name": "queries", "detect": ["EMAIL"], "apply_to": ["request.query"] },
            { "name": "html", "detect": ["EMAIL"], "match": { "content_types": ["text/html"] } }] }"#,
    );
    let body = write(
        folder.path(),
        "body.json",
        r#"{"mail": "jane@example.com"}"#,
    );
    let claims = write(
        folder.path(),
        "claims.json",
        r#"{"sub": "doc", "scope": "pii:read"}"#,
    );
    let words = [
        "-c",
        &config,
        "--request",
        "GET /?mail=joe@example.com",
        "--body",
        &body,
    ];
    let explained = explain_json(&words);
    let all = rules(&explained, "pii-redactor");
    assert_eq!(
        all[0]["places"],
        serde_json::json!(["response.body"]),
        "{explained}"
    );
    assert_eq!(
        all[1]["places"],
        serde_json::json!(["request.query"]),
        "{explained}"
    );
    let decisions = explained["filters"][0]["decisions"].to_string();
    for part in [
        r#""place":"request.query""#,
        r#""place":"response.body""#,
        r#""outcome":"masked""#,
    ] {
        assert!(decisions.contains(part), "{part}: {decisions}");
    }
    assert!(
        !explained["response"]["body"]
            .as_str()
            .unwrap()
            .contains("jane@")
    );
    let exempt = explain_json(&[&words[..], &["--claims", &claims]].concat());
    let rule = &rules(&exempt, "pii-redactor")[0];
    assert_eq!(
        (rule["outcome"].as_str(), rule["condition"]["key"].as_str()),
        (Some("exempts"), Some("unless"))
    );
    assert!(
        exempt["response"]["body"]
            .as_str()
            .unwrap()
            .contains("jane@")
    );
}

/// What a rule asks for and the caller lacks, and the rules that are not looked at any more.
#[test]
fn authentication_says_what_is_missing() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = write(
        folder.path(),
        "auth.json",
        r#"{ "providers": { "corp": { "issuer": "https://idp.example.com", "audiences": ["orders"],
                "jwks": { "remote": { "uri": "https://idp.example.com/certs", "cluster": "idp" } } } },
            "rules": [{ "name": "health", "match": { "paths": ["/healthz"] }, "allow": "anonymous" },
                { "name": "admin", "match": { "paths": ["/admin/**"] }, "require": { "provider": "corp",
                    "claims": [{ "claim": "roles", "contains": "admin" }] } },
                { "name": "all", "require": { "provider": "corp" } }] }"#,
    );
    let claims = write(
        folder.path(),
        "claims.json",
        r#"{"sub": "alice", "roles": ["user"]}"#,
    );
    let explained = explain_json(&[
        "-c",
        &config,
        "--request",
        "GET /admin/x",
        "--claims",
        &claims,
    ]);
    let outcomes: Vec<_> = rules(&explained, "jwt-auth")
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["fails", "applies", "not_reached"], "{explained}");
    let lacks = &explained["filters"][0]["lacks"][0];
    assert_eq!(
        lacks["expected"], r#"roles contains "admin""#,
        "{explained}"
    );
    assert_eq!(lacks["found"], r#"["user"]"#);
    assert_eq!(explained["response"]["status"], 403);
    assert!(explained["upstream"].is_null());
}
