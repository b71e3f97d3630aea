use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "servers": [{"url": "https://api.example.com/v1/"}],
        "security": [{"oauth": []}],
        "paths": {
            "/patients/{id}": {"get": {"operationId": "read"}, "delete": {"deprecated": true}},
            "/patients/me": {"get": {}},
            "/patients/{id}/{part}": {"get": {}},
            "/patients/{id}/notes": {"get": {"security": []}},
            "/{anything}/me/notes": {"get": {}},
            "/files/{name}.pdf": {"get": {"security": [{}, {"oauth": []}]}},
            "/files/{name}": {"get": {}},
            "/same": {"$ref": "#/components/pathItems/shared"},
            "/circle": {"$ref": "#/components/pathItems/one"},
            "/nowhere": {"$ref": "other.yaml#/paths/x"},
            "x-extension": {}
        },
        "components": {"pathItems": {
            "shared": {"post": {}},
            "one": {"$ref": "#/components/pathItems/two"},
            "two": {"$ref": "#/components/pathItems/one"}
        }}
    })
}

#[test]
fn requests_find_the_most_concrete_operation() {
    let operations = Operations::read(&document()).unwrap();
    for (method, path, expected) in [
        ("GET", "/v1/patients/7", Some("/v1/patients/{id}")),
        ("HEAD", "/v1/patients/7", Some("/v1/patients/{id}")),
        ("GET", "/v1/patients/7/", Some("/v1/patients/{id}")),
        ("GET", "/v1/patients/7?x=1", Some("/v1/patients/{id}")),
        ("GET", "/v1/patients/me", Some("/v1/patients/me")),
        (
            "GET",
            "/v1/patients/me/notes",
            Some("/v1/patients/{id}/notes"),
        ),
        ("GET", "/v1/staff/me/notes", Some("/v1/{anything}/me/notes")),
        (
            "GET",
            "/v1/patients/7/labs",
            Some("/v1/patients/{id}/{part}"),
        ),
        ("GET", "/v1/files/a.pdf", Some("/v1/files/{name}.pdf")),
        ("GET", "/v1/files/.pdf", Some("/v1/files/{name}")),
        ("POST", "/v1/same", Some("/v1/same")),
        // What is not documented for this method, or at all.
        ("DELETE", "/v1/patients/me", Some("/v1/patients/{id}")),
        ("POST", "/v1/patients/7", None),
        ("GET", "/patients/7", None),
        ("GET", "/v1/circle", None),
        ("GET", "/", None),
    ] {
        let found = operations
            .find(method, path)
            .and_then(|n| operations.all.get(n));
        let template = found.map(|operation| operation.template.as_str());
        assert_eq!(template, expected, "{method} {path}");
    }
    let of = |method: &str, path: &str| &operations.all[operations.find(method, path).unwrap()];
    assert!(of("DELETE", "/v1/patients/7").is_deprecated);
    assert!(of("GET", "/v1/patients/7").needs_authentication);
    assert!(!of("GET", "/v1/patients/7/notes").needs_authentication);
    assert!(!of("GET", "/v1/files/a.pdf").needs_authentication);
    assert_eq!(operations.remarks.len(), 2, "{:?}", operations.remarks);
}

#[test]
fn other_documents_are_refused() {
    for (document, expected) in [
        (json!({}), "no \"openapi\""),
        (json!([]), "no \"openapi\""),
        (json!({"swagger": "2.0", "paths": {}}), "Swagger"),
        (json!({"openapi": "4.0.0"}), "OpenAPI 4.0.0"),
        (
            json!({"openapi": "3.0.0", "paths": []}),
            "\"paths\" is no object",
        ),
    ] {
        let error = Operations::read(&document).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(
        Operations::read(&json!({"openapi": "3.1.0"}))
            .unwrap()
            .all
            .is_empty()
    );
}

/// However many templates fit, a path costs a bounded number of steps.
#[test]
fn a_search_ends() {
    let mut paths = serde_json::Map::new();
    for number in 0..4096_u32 {
        let segment = |bit: u32| if number >> bit & 1 == 0 { "a" } else { "{x}" };
        let template: Vec<&str> = (0..12).map(segment).collect();
        paths.insert(format!("/{}", template.join("/")), json!({"get": {}}));
    }
    let document = json!({"openapi": "3.0.3", "paths": paths});
    let operations = Operations::read(&document).unwrap();
    assert!(operations.find("POST", &"/a".repeat(12)).is_none());
    assert!(operations.find("GET", &"/a".repeat(12)).is_some());
    assert!(operations.find("GET", &"/a".repeat(10_000)).is_none());
}

/// One gateway serves many hosts, and a document is of some of them.
#[test]
fn operations_are_at_the_hosts_of_their_servers() {
    let operations = |servers: &str| {
        let text =
            format!(r#"{{"openapi":"3.1.0","servers":{servers},"paths":{{"/a":{{"get":{{}}}}}}}}"#);
        Operations::read(&serde_json::from_str(&text).unwrap()).unwrap()
    };
    for (servers, host, expected) in [
        (
            r#"[{"url":"https://API.example.com/"}]"#,
            "api.example.com",
            true,
        ),
        (
            r#"[{"url":"https://api.example.com:8443/"}]"#,
            "Api.Example.com:443",
            true,
        ),
        (
            r#"[{"url":"https://api.example.com/"}]"#,
            "legacy.example.com",
            false,
        ),
        (r#"[{"url":"https://api.example.com/"}]"#, "", true),
        (
            r#"[{"url":"https://a.example"},{"url":"https://b.example"}]"#,
            "b.example",
            true,
        ),
        (
            r#"[{"url":"https://{tenant}.example.com"}]"#,
            "acme.example.com",
            true,
        ),
        (
            r#"[{"url":"https://{tenant}.example.com"}]"#,
            "acme.example.org",
            false,
        ),
        // A host that names a person stands in the record as its pattern.
        (
            r#"[{"url":"https://anna.clinic.example"}]"#,
            "{id}.clinic.example",
            true,
        ),
        (r#"[{"url":"/"}]"#, "legacy.example.com", true),
        (
            r#"[{"url":"https://a.example"},{"url":"/"}]"#,
            "legacy.example.com",
            true,
        ),
        ("[]", "legacy.example.com", true),
    ] {
        let operations = operations(servers);
        let found = operations.find("GET", "/a").unwrap();
        assert_eq!(
            operations.all[found].is_at(host),
            expected,
            "{servers} {host}"
        );
    }
}
