//! `meshward init --openapi`: rules from a document pass `meshward check`, let through what the document
//! describes, and nothing else.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod tool;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn meshward(words: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = tool::said(&output);
    (output.status.code().unwrap(), text)
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/openapi")
        .join(name)
}

/// What `init` says of a document, and the configuration that it writes.
fn made(document: &str) -> (i32, String, Option<String>) {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("api.yaml");
    std::fs::write(&file, document).unwrap();
    let into = folder.path().join("new");
    let words = [
        "init",
        "--openapi",
        file.to_str().unwrap(),
        "--output-dir",
        into.to_str().unwrap(),
    ];
    let (code, text) = meshward(&words, "");
    let text = text.replace(&format!("{}/", folder.path().display()), "");
    let written = std::fs::read_to_string(into.join("meshward.json")).ok();
    (code, text, written)
}

fn is_checked(config: &str) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("meshward.json");
    std::fs::write(&file, config).unwrap();
    let words = ["check", "--deny", "warnings", file.to_str().unwrap()];
    let (code, text) = meshward(&words, "");
    assert_eq!(code, 0, "{text}\n{config}");
    text
}

#[test]
fn a_document_becomes_rules_that_pass_check() {
    let document = std::fs::read_to_string(golden("shop.yaml")).unwrap();
    let (code, text, written) = made(&document);
    assert_eq!(code, 0, "{text}");
    let written = written.unwrap();
    for (name, found) in [("shop.json", &written), ("shop.txt", &text)] {
        if std::env::var_os("MESHWARD_WRITE_TABLES").is_some() {
            std::fs::write(golden(name), found).unwrap();
        }
        let wanted = std::fs::read_to_string(golden(name)).unwrap();
        assert_eq!(*found, wanted, "{name}");
    }
    is_checked(&written);
}

#[test]
fn bodies_have_what_the_document_names() {
    let config = golden("shop.json").display().to_string();
    let redacted = |request: &str, place: &str, body: &str| {
        let words = [
            "redact",
            "--config",
            &config,
            "--request",
            request,
            "--place",
            place,
            "--content-type",
            "application/json",
        ];
        let (code, text) = meshward(&words, body);
        let bytes = text.split("meshward redact:").next().unwrap_or_default();
        (code, bytes.trim_end().to_owned())
    };
    for (request, body, wanted) in [
        (
            "GET /v1/orders/7",
            r#"{"id":7,"cost_price":3,"coupon":"X","ship_to":{"city":"Ulm","note":"n","street name":"A"}}"#,
            r#"{"id":7,"ship_to":{"city":"Ulm","street name":"A"}}"#,
        ),
        // What the more concrete path has is no part of the other.
        (
            "GET /v1/orders/mine",
            r#"{"orders":[{"id":1,"state":"open"}],"id":7}"#,
            r#"{"orders":[{"id":1}]}"#,
        ),
        // A tree of any depth.
        (
            "GET /v1/categories",
            r#"{"name":"a","children":[{"name":"b","x":1,"tags":["t"],"children":[{"name":"c","y":{"z":2}}]}]}"#,
            r#"{"name":"a","children":[{"name":"b","tags":["t"],"children":[{"name":"c","y":{}}]}]}"#,
        ),
        // What builds on a schema with a discriminator.
        (
            "GET /v1/pets",
            r#"[{"kind":"cat","lives":9,"owner":"ada"},{"kind":"kitten","mother":{"name":"Ada","age":3}}]"#,
            r#"[{"kind":"cat","lives":9},{"kind":"kitten","mother":{"name":"Ada"}}]"#,
        ),
    ] {
        let (code, text) = redacted(request, "response.body", body);
        assert_eq!((code, text.as_str()), (0, wanted), "{request}");
    }
    for (request, body, is_refused) in [
        (
            "POST /v1/orders",
            r#"{"items":[{"sku":"a","quantity":1}],"coupon":"X"}"#,
            false,
        ),
        // What only the server sets, and what nobody knows.
        ("POST /v1/orders", r#"{"items":[],"state":"paid"}"#, true),
        (
            "POST /v1/orders",
            r#"{"items":[{"sku":"a","price":0}]}"#,
            true,
        ),
        ("POST /v1/orders", r#"{"items":[[[[]]]]}"#, true),
        ("PUT /v1/labels", r#"{"a":"b"}"#, false),
    ] {
        let (code, text) = redacted(request, "request.body", body);
        let passes = code == 0 && text == body;
        assert_eq!(passes, !is_refused, "{request} {body}: {code} {text}");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_nothing_is_written() {
    let path = |operation: &str| format!("openapi: 3.1.0\npaths:\n  /a:\n    get:\n{operation}");
    let schema = |schema: &str| {
        path(&format!(
            "      responses: {{\"200\": {{content: {{application/json: {{schema: {schema}}}}}}}}}\n"
        ))
    };
    for (document, expected) in [
        (
            "kind: Service\n".to_owned(),
            "no OpenAPI document: it has no \"openapi\"",
        ),
        (
            "{\"swagger\": \"2.0\", \"paths\": {}}".to_owned(),
            "OpenAPI 2.0 (Swagger): versions 3.0 and 3.1 are read",
        ),
        ("openapi: 4.0.0\n".to_owned(), "OpenAPI 4.0.0"),
        (
            "openapi: 3.1.0\npaths: []\n".to_owned(),
            "\"paths\" is no object",
        ),
        (
            "openapi: 3.1.0\n".to_owned(),
            "there are no operations in it",
        ),
        ("openapi: [\n".to_owned(), "line "),
        (String::new(), "there is nothing in it"),
        (
            schema("{$ref: 'other.yaml#/Pet'}"),
            "\"other.yaml#/Pet\" leads out of the document; bundle it into one first",
        ),
        (
            schema("{$ref: 'https://example.com/pet.json'}"),
            "leads out of the document",
        ),
        (
            schema("{type: object, properties: {a: {$ref: '#/components/schemas/None'}}}"),
            "\"#/components/schemas/None\" leads nowhere",
        ),
        (
            schema("{$ref: '#/components/schemas/A'}")
                + "components: {schemas: {A: {$ref: '#/components/schemas/B'}, B: {$ref: '#/components/schemas/A'}}}\n",
            "leads nowhere, or in a circle",
        ),
        (
            "openapi: 3.1.0\npaths: {/a: {$ref: 'a.yaml'}, b: {}}\n".to_owned(),
            "/a: its \"$ref\" leads nowhere",
        ),
    ] {
        let (code, text, written) = made(&document);
        assert_eq!((code, &written), (2, &None), "{document}: {text}");
        assert!(text.starts_with("meshward init: api.yaml: "), "{text}");
        assert!(text.contains(expected), "{document}: {text}");
    }
    // All at once.
    let (_, text, _) = made(
        "openapi: 3.0.0\npaths: {/a: {get: {requestBody: {$ref: 'x'}, responses: {\"200\": {$ref: '#/y'}}}}}\n",
    );
    assert!(text.contains("\"x\"") && text.contains("\"#/y\""), "{text}");
    let (code, text) = meshward(&["init"], "");
    assert_eq!(code, 64, "{text}");
    let (code, text) = meshward(&["init", "--openapi", "/nowhere/a.yaml"], "");
    assert_eq!(code, 2, "{text}");
}

/// Schemas that lead back to themselves, or fan out at each level, and many operations.
#[test]
fn documents_of_any_size_become_bounded_configurations() {
    let fan: String = (0..40)
        .map(|level| {
            let next = level + 1;
            let inner = format!("{{$ref: '#/components/schemas/L{next}'}}");
            format!("    L{level}: {{type: object, properties: {{a: {inner}, b: {inner}, c: {{type: string}}}}}}\n")
        })
        .collect();
    let wide: String = (0..1500)
        .map(|n| format!("      f{n}: {{type: string}}\n"))
        .collect();
    let paths: String = (0..1200)
        .map(|n| {
            format!(
                "  /p{n}/{{id}}: {{get: {{responses: {{\"200\": {{content: {{application/json: {{schema: {{type: object, properties: {{a: {{type: string}}}}}}}}}}}}}}}}}}\n"
            )
        })
        .collect();
    let answer = |name: &str| {
        format!(
            "{{responses: {{default: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/{name}'}}}}}}}}}}}}"
        )
    };
    let body = |name: &str| {
        format!(
            "{{requestBody: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/{name}'}}}}}}}}, responses: {{}}}}"
        )
    };
    let document = format!(
        "openapi: 3.1.0\npaths:\n{paths}  /fan: {{get: {}, post: {}}}\n  /wide: {{get: {}}}\n  /self: {{get: {}, post: {}}}\n  /files/{{name}}.json: {{get: {}}}\n  /files/{{name}}: {{get: {}}}\n  '/odd;x': {{get: {}}}\ncomponents:\n  schemas:\n{fan}    L40: {{type: string}}\n    W:\n      properties:\n{}\n    S: {{allOf: [{{$ref: '#/components/schemas/S'}}, {{properties: {{s: {{$ref: '#/components/schemas/S'}}, t: {{type: integer}}}}}}]}}\n",
        answer("L0"),
        body("L0"),
        answer("W"),
        answer("S"),
        body("S"),
        answer("S"),
        answer("L39"),
        answer("S"),
        wide.replace("      f", "        f"),
    );
    let (code, text, written) = made(&document);
    assert_eq!(code, 0, "{text}");
    let written = written.unwrap();
    is_checked(&written);
    assert!(written.contains("\"$.s..['t']\", \"$.t\""), "{written}");
    for remark in [
        "responses may have any member: the schema does not say which: GET /wide",
        "responses may have any member below",
        "no rule can name the path, so nobody may call it: GET /odd;x",
    ] {
        assert!(text.contains(remark), "{remark}: {text}");
    }
}
