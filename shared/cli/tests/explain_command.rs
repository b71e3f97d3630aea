//! `meshward explain`: the demonstration's requests word for word, and what it says of each filter.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod tool;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn explain(words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args(["explain", "--at", "2026-06-01T12:00:00Z"])
        .args(words)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = tool::said(&output);
    (output.status.code(), text)
}

fn explain_json(words: &[&str]) -> Value {
    let (code, text) = explain(&[words, &["--json"]].concat());
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[derive(Deserialize)]
struct Demo {
    request: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    name: String,
    status: u16,
    claims: Option<String>,
    words: Vec<String>,
}

/// Their statuses are also compared with those of the real Envoy, where the demonstration is tested.
#[test]
fn the_requests_of_the_demonstration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explained");
    let demo: Demo =
        toml::from_str(&std::fs::read_to_string(folder.join("demo.toml")).unwrap()).unwrap();
    let writes = std::env::var_os("MESHWARD_WRITE_TABLES").is_some();
    let claims_file = tempfile::NamedTempFile::new().unwrap();
    let claims_path = claims_file.path().display().to_string();
    for request in &demo.request {
        let mut words = vec!["-c", "envoy-test/envoy/meshward.yaml"];
        words.extend(request.words.iter().map(String::as_str));
        if let Some(claims) = &request.claims {
            std::fs::write(claims_file.path(), claims).unwrap();
            words.extend(["--claims", &claims_path]);
        }
        let (code, text) = explain(&words);
        assert_eq!(code, Some(0), "{}: {text}", request.name);
        let line = format!("\n  the client receives {}\n", request.status);
        assert!(text.contains(&line), "{}: {text}", request.name);
        let golden = folder.join(format!("{}.txt", request.name));
        if writes {
            std::fs::write(&golden, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(
            text,
            expected,
            "{}; MESHWARD_WRITE_TABLES=1 writes it anew",
            golden.display()
        );
    }
}

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

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
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

/// Every manifest that is shipped, on its host, with whatever variables it names.
#[test]
fn shipped_manifests_are_explained() {
    let mut explained = 0;
    for host in [
        "envoy",
        "istio",
        "envoy-gateway",
        "higress",
        "apisix",
        "kong",
    ] {
        for entry in std::fs::read_dir(root().join("envoy-test").join(host)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "yaml") {
                continue;
            }
            let path = path.display().to_string();
            let (code, text) = explain(&["-c", &path, "--request", "GET /orders/17"]);
            let is_one = !text.contains("there is no configuration")
                && !text.contains("say which is meant")
                && !text.contains("there are several configurations");
            assert!(!is_one || code == Some(0), "{path}: {text}");
            explained += u32::from(is_one);
            let on = match host {
                "apisix" => ", on APISIX\n",
                "kong" => ", on Kong\n",
                _ => " from 127.0.0.1\n",
            };
            assert!(!is_one || text.contains(on), "{path}: {text}");
        }
    }
    assert!(explained >= 12, "{explained}");
}

/// What fails goes the way that the configuration says, and the command says which.
#[test]
fn services_that_are_away_are_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let claims = write(folder.path(), "claims.json", r#"{"sub":"jane"}"#);
    let auth = r#""providers": {"corp": {"issuer": "https://idp.example.com", "audiences": ["a"], "algorithms": ["RS256"],
        "jwks": {"remote": {"uri": "https://idp.example.com/certs", "cluster": "idp"}}}},
        "rules": [{"require": {"provider": "corp"}}]"#;
    for (on_error, assurance, expected) in [
        ("deny", "buffered", [("idp", 503), ("collector", 200)]),
        ("deny", "synchronous", [("idp", 503), ("collector", 503)]),
        ("allow", "buffered", [("idp", 200), ("collector", 200)]),
    ] {
        let config = format!(
            r#"{{"auth": {{{auth}, "on_error": "{on_error}"}},
                "audit": {{"sink": {{"otlp_http": {{"cluster": "collector", "path": "/v1/logs"}}}}, "retention": {{"class": "a", "keep": "1y"}}, "assurance": "{assurance}"}}}}"#
        );
        let config = write(folder.path(), "bundle.json", &config);
        let words = ["-c", &config, "--request", "GET /", "--claims", &claims];
        let explained = explain_json(&words);
        assert_eq!(explained["response"]["status"], 200, "{explained}");
        let outages = explained["outages"].as_array().unwrap();
        assert_eq!(outages.len(), 2, "{explained}");
        for (service, status) in expected {
            let outage = outages.iter().find(|outage| outage["service"] == service);
            assert_eq!(outage.unwrap()["status"], status, "{service}: {outages:?}");
        }
        let (_, text) = explain(&words);
        assert!(text.contains("while it cannot be reached"), "{text}");
    }
}

/// What a filter refuses on the host of the manifest is wrong with the configuration.
#[test]
fn what_the_host_of_a_manifest_refuses_is_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let kong = write(
        folder.path(),
        "kong.yaml",
        "filter_chains:\n- filters:\n  - name: token-bucket\n    config:\n      limits:\n      - {name: a, key: [ip], rate: 5/s, match: {routes: [x]}}\n",
    );
    let words = ["-c", &kong, "--request", "GET /"];
    let (code, text) = explain(&words);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("limits[0].match.routes: "), "{text}");
    let (code, text) = explain(&[&words[..], &["--host", "envoy"]].concat());
    assert_eq!(code, Some(0), "{text}");
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

/// Each option is a field of the playground, so that whatever can be asked here can be asked there.
/// APISIX and Kong keep no properties, in which decisions stand elsewhere.
#[test]
fn decisions_are_told_on_every_host() {
    let folder = tempfile::TempDir::new().unwrap();
    let auth = write(
        folder.path(),
        "auth.json",
        r#"{"providers":{"corp":{"issuer":"https://idp.example.com","audiences":["a"],"jwks":{"remote":{"uri":"https://idp.example.com/certs","cluster":"idp"}}}},
            "rules":[{"name":"open","match":{"paths":["/open"]},"allow":"anonymous"},
                     {"name":"own","match":{"paths":["/users/*/**"]},
                      "require":{"provider":"corp","claims":[{"claim":"sub","equals":{"path":"/users/{id}/**"}}]}}]}"#,
    );
    let limits = write(
        folder.path(),
        "limits.json",
        r#"{"limits":[{"name":"one","key":["ip"],"rate":"1/h","burst":1}]}"#,
    );
    let claims = write(folder.path(), "claims.json", r#"{"sub":"alice"}"#);
    for host in ["envoy", "apisix", "kong"] {
        let decided = |config: &str, words: &[&str]| {
            let (code, text) = explain(&[&["-c", config, "--host", host], words].concat());
            assert_eq!(code, Some(0), "{text}");
            text
        };
        let text = decided(&auth, &["--request", "GET /users/alice/x HTTP/1.1"]);
        assert!(
            text.contains("-> denied by own: credential_missing"),
            "{host}: {text}"
        );
        assert!(!text.contains("the request passes"), "{host}: {text}");
        let own = ["--request", "GET /users/alice/x", "--claims", &claims];
        let text = decided(&auth, &own);
        assert!(text.contains("-> allowed by own"), "{host}: {text}");
        let other = ["--request", "GET /users/bob/x", "--claims", &claims];
        let text = decided(&auth, &other);
        assert!(
            text.contains("-> denied by own: object_not_owned"),
            "{host}: {text}"
        );
        let asked = r#"it asks for claims sub equals segment 2 of the path, which is "bob", and there is "alice""#;
        assert!(text.contains(asked), "{host}: {text}");
        let text = decided(&limits, &["--request", "GET /x", "--times", "2"]);
        assert!(text.contains("-> denied by one: "), "{host}: {text}");
    }
}

#[test]
fn the_playground_has_a_field_for_each_option() {
    let page = root().join("shared/playground/page");
    let read = |file: &str| std::fs::read_to_string(page.join(file)).unwrap();
    let (html, script) = (read("page.html"), read("page.js"));
    let (_, help) = explain(&["--help"]);
    let options = help.split("Options:").nth(1).unwrap();
    let options = options.split("Examples:").next().unwrap().lines();
    let options = options.filter_map(|line| line.trim_start().split_once("--"));
    let names = options
        .filter(|(before, _)| before.trim().len() <= "-H,".len())
        .map(|(_, option)| option.split([' ', '=', '<']).next().unwrap());
    let names: Vec<&str> = names
        .filter(|name| !["color", "json", "help", "version"].contains(name))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let id = if name == "config" {
            "configuration"
        } else {
            name
        };
        assert!(html.contains(&format!("id=\"{id}\"")), "{name}");
        assert!(script.contains(&format!("\"{id}\"")), "{name}");
    }
}

#[test]
fn a_certificate_is_what_the_proxy_tells_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.json");
    let rules = r#"{"providers":{},"rules":[{"match":{"paths":["/ledger/**"]},
        "require":{"tls":{"client_certificate":true,"san":["spiffe://example.com/ns/billing/*"]}}}]}"#;
    std::fs::write(&file, rules).unwrap();
    let config = file.display().to_string();
    let status = |more: &[&str]| {
        let words = ["-c", &config, "--request", "GET /ledger/1"];
        let explanation = explain_json(&[&words[..], more].concat());
        explanation["response"]["status"].as_u64()
    };
    let billing = "uri_san=spiffe://example.com/ns/billing/sa/job";
    assert_eq!(status(&[]), Some(403));
    assert_eq!(status(&["--tls", "1.3"]), Some(403));
    assert_eq!(status(&["--certificate", billing]), Some(200));
    let shop = "uri_san=spiffe://example.com/ns/shop/sa/job";
    assert_eq!(status(&["--certificate", shop]), Some(403));
    for (wrong, message) in [
        ("uri=spiffe://a", "there are uri_san, dns_san"),
        ("uri_san", "--certificate \"uri_san\": expected FIELD=VALUE"),
    ] {
        let words = ["-c", &config, "--request", "GET /", "--certificate", wrong];
        let (code, text) = explain(&words);
        assert_ne!(code, Some(0), "{text}");
        assert!(text.contains(message), "{text}");
    }
}

/// What a client or an upstream sends cannot move the cursor of a terminal.
#[test]
fn an_explanation_has_no_control_characters() {
    let folder = tempfile::TempDir::new().unwrap();
    let limits = r#"{"limits":[{"name":"a","key":["header:x-a"],"rate":"5/s","match":{"headers":[{"name":"x-b","equals":"b"}]}},
        {"name":"c","key":["header:x-a"],"rate":"5/s"}]}"#;
    let config = write(folder.path(), "limits.json", limits);
    let body = write(folder.path(), "body.txt", "one\n\u{1b}[2Jtwo\u{202e}");
    let (code, text) = explain(&[
        "-c",
        &config,
        "--request",
        "GET /\u{1b}[1m",
        "-H",
        "x-a: \u{1b}[31mred",
        "-H",
        "x-b: \u{9b}2J",
        "--response-header",
        "content-type: text/plain",
        "--body",
        &body,
    ]);
    assert_eq!(code, Some(0), "{text}");
    for expected in [
        "[31mred",
        "\\u{9b}2J",
        "\n  one\n",
        "\u{fffd}[2Jtwo\u{fffd}",
    ] {
        assert!(text.contains(expected), "{expected:?}: {text:?}");
    }
    let is_odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(is_odd), "{text:?}");
}
