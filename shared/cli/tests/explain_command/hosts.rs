//! Manifests, and what a host does otherwise.

use super::{explain, explain_json, root, write};

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

/// The settings around a filter decide what it sees, and some requests it never sees.
#[test]
fn the_connection_manager_comes_before_the_filters() {
    let folder = tempfile::tempdir().unwrap();
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let wasm = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    let limits = r#"{"limits":[{"name":"one","key":["ip"],"rate":"5/s"}]}"#;
    let manifest = |settings: &str| {
        let text = format!(
            "static_resources: {{listeners: [{{filter_chains: [{{filters: [{{typed_config: {{\"@type\": {manager}{settings}, http_filters: [{{name: token-bucket, typed_config: {{\"@type\": {wasm}, config: {{name: token-bucket, configuration: {{value: '{limits}'}}}}}}}}]}}}}]}}]}}]}}\n"
        );
        write(folder.path(), "envoy.yaml", &text)
    };
    let sent = [
        "--request",
        "GET /a%2F../b",
        "--client",
        "203.0.113.7",
        "-H",
        "x-forwarded-for: 192.0.2.1",
    ];
    let asked = |settings: &str| {
        let file = manifest(settings);
        explain_json(&[&["-c", &file], &sent[..]].concat())
    };
    let kept = asked("");
    assert_eq!(kept["upstream"][":path"], "/a%2F../b", "{kept}");
    assert_eq!(kept["filters"][0]["limits"][0]["key"], "ip=192.0.2.1");
    let edge = asked(
        ", use_remote_address: true, normalize_path: true, path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD",
    );
    assert_eq!(edge["upstream"][":path"], "/b", "{edge}");
    assert_eq!(edge["filters"][0]["limits"][0]["key"], "ip=203.0.113.7");
    assert_eq!(edge["request"], "GET /a%2F../b");
    let refused = asked(", path_with_escaped_slashes_action: REJECT_REQUEST");
    assert_eq!(refused["response"]["status"], 400, "{refused}");
    assert_eq!(refused["filters"][0]["reached"], false);
    let line = refused["proxy"][0].as_str().unwrap();
    assert!(
        line.starts_with("the proxy itself responds 400: "),
        "{line}"
    );
    assert!(line.ends_with("no filter sees the request"), "{line}");
}
