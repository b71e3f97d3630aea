//! `meshward init --openapi`: rules from a document pass `meshward check`, let through what the document
//! describes, and nothing else.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod tool;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HOSTS: [&str; 6] = [
    "istio",
    "envoy",
    "envoy-gateway",
    "apisix",
    "higress",
    "kong",
];

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

/// The rules of a document stand in the manifests of each host, which serve what the document says there is.
#[test]
fn a_document_becomes_manifests() {
    let claims = tempfile::NamedTempFile::new().unwrap();
    let caller = r#"{"sub":"jane","scope":"orders:read"}"#;
    std::fs::write(claims.path(), caller).unwrap();
    let claims = claims.path().to_str().unwrap();
    let document = golden("shop.yaml");
    for host in HOSTS {
        let folder = tempfile::TempDir::new().unwrap();
        let into = folder.path().to_str().unwrap();
        let words = [
            "init",
            "--host",
            host,
            "--openapi",
            document.to_str().unwrap(),
        ];
        let (code, text) = meshward(&[&words[..], &["--output-dir", into]].concat(), "");
        assert_eq!(code, 0, "{host}: {text}");
        let (code, checked) = meshward(&["check", "--deny", "warnings", into], "");
        assert_eq!(code, 0, "{host}: {checked}");
        let step = text
            .split("Try a request: meshward explain -c ")
            .nth(1)
            .unwrap();
        let file = folder.path().join(step.split(' ').next().unwrap());
        let written = std::fs::read_to_string(&file).unwrap();
        assert!(!written.contains("idp.example.com"), "{host}: {written}");
        let config = file.to_str().unwrap();
        let explained = |request: &str, more: &[&str]| {
            let words = ["explain", "-c", config, "--request", request];
            let (code, text) = meshward(&[&words[..], more].concat(), "");
            assert_eq!(code, 0, "{host}: {text}");
            text
        };
        let caller = ["--claims", claims];
        for (request, more, status) in [
            ("GET /v1/healthz", &[][..], 200),
            ("GET /v1/orders", &[], 401),
            ("GET /v1/orders", &caller, 200),
            ("DELETE /v1/orders/7", &caller, 401),
            ("GET /v2/orders", &caller, 403),
        ] {
            let text = explained(request, more);
            let line = format!("the client receives {status}");
            assert!(text.contains(&line), "{host}: {request}: {text}");
        }
    }
}

/// Keys in queries, cookies and headers, tokens, certificates, types, bodies of several kinds: what is written of them
/// passes `check` on each host, with whichever filters.
#[test]
fn a_document_with_everything_becomes_manifests_that_pass_check() {
    let document = golden("everything.yaml");
    let document = document.to_str().unwrap();
    for host in HOSTS {
        for parts in ["audit,auth,limits,redact", "auth", "auth,redact"] {
            let folder = tempfile::TempDir::new().unwrap();
            let into = folder.path().to_str().unwrap();
            let words = [
                "init",
                "--host",
                host,
                "--use",
                parts,
                "--openapi",
                document,
                "--output-dir",
                into,
            ];
            let (code, text) = meshward(&words, "");
            assert_eq!(code, 0, "{host}: {text}");
            let (code, checked) = meshward(&["check", "--deny", "warnings", into], "");
            assert_eq!(code, 0, "{host} {parts}: {checked}");
            let forwards = text.contains("cannot take a key out of a query");
            assert_eq!(
                forwards,
                ["apisix", "kong"].contains(&host),
                "{host}: {text}"
            );
        }
    }
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
/// A document with these members and paths, and security schemes of each kind.
fn with(members: &str, paths: &str) -> String {
    format!(
        r#"{{"openapi":"3.1.0",{members}"paths":{paths},"components":{{"securitySchemes":{{
            "oauth":{{"type":"oauth2","flows":{{}}}},
            "oidc":{{"type":"openIdConnect","openIdConnectUrl":"https://idp.example.com/.well-known/openid-configuration"}},
            "bearer":{{"type":"http","scheme":"bearer"}},
            "key":{{"type":"apiKey","in":"header","name":"X-Key"}},
            "key-again":{{"type":"apiKey","in":"header","name":"x-key"}},
            "authorization":{{"type":"apiKey","in":"header","name":"Authorization"}},
            "a b":{{"type":"apiKey","in":"header","name":"x-one"}},
            "a/b":{{"type":"apiKey","in":"header","name":"x-two"}},
            "mtls":{{"type":"mutualTLS"}}}}}}}}"#
    )
}

#[test]
fn security_of_another_form_is_no_open_door() {
    for wrong in [
        r#"{"oauth":["admin"]}"#,
        r#"["oauth"]"#,
        r#""oauth""#,
        "null",
        "[null]",
        "[[]]",
        "true",
        r#"[{"oauth":"admin"}]"#,
        r#"[{"oauth":null}]"#,
        r#"[{"oauth":[1]}]"#,
        r#"[{},{"oauth":{}}]"#,
    ] {
        let of_all = format!(r#""security":{wrong},"#);
        let own = format!(r#"{{"/x":{{"get":{{"security":{wrong}}}}}}}"#);
        for (document, place) in [
            (with(&of_all, r#"{"/x":{"get":{}}}"#), "security: "),
            (with(r#""security":[{"oauth":[]}],"#, &own), "GET /x: "),
        ] {
            let (code, text, written) = made(&document);
            assert_eq!((code, written), (2, None), "{wrong}\n{text}");
            let says = format!(
                "{place}\"security\" is a list of objects in which each member is a list of scopes"
            );
            assert!(text.contains(&says), "{wrong}\n{text}");
        }
    }
    for open in ["[]", "[{}]", r#"[{"oauth":[]},{}]"#] {
        let paths = format!(r#"{{"/x":{{"get":{{"security":{open}}}}}}}"#);
        assert_eq!(made(&with("", &paths)).0, 0, "{open}");
    }
}

/// The requirement of the one rule for a `security` of one alternative.
fn required(security: &str) -> (serde_json::Value, String) {
    let paths = format!(r#"{{"/x":{{"get":{{"security":[{security}]}}}}}}"#);
    let (code, text, written) = made(&with("", &paths));
    assert_eq!(code, 0, "{security}\n{text}");
    let written = written.unwrap();
    // Nobody passes where no scheme is verified, and check says so.
    if !written.contains("everybody") {
        is_checked(&written);
    }
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    (written["auth"]["rules"][0].clone(), text)
}

#[test]
fn schemes_that_are_needed_together_keep_their_scopes() {
    for (security, expected) in [
        (
            r#"{"bearer":[],"oauth":["admin"]}"#,
            r#"{"provider":"oauth","scopes":["admin"]}"#,
        ),
        (
            r#"{"bearer":["read"],"oauth":["admin"],"oidc":[]}"#,
            r#"{"provider":"oidc","scopes":["admin","read"]}"#,
        ),
        (
            r#"{"mtls":[],"oauth":["admin"]}"#,
            r#"{"provider":"oauth","scopes":["admin"],"tls":{"client_certificate":true}}"#,
        ),
        (
            r#"{"key":[],"oauth":["admin"]}"#,
            r#"{"all_of":["key","oauth"],"scopes":["admin"]}"#,
        ),
        (r#"{"a b":[],"a/b":[]}"#, r#"{"all_of":["a_b","a_b_2"]}"#),
    ] {
        let (rule, text) = required(security);
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(rule["require"], expected, "{security}\n{text}");
    }
    for (security, remark) in [
        (
            r#"{"mtls":["role"]}"#,
            "no rule knows roles of certificates",
        ),
        (r#"{"key":[],"key-again":[]}"#, "nobody can send"),
        (r#"{"authorization":[],"oauth":[]}"#, "nobody can send"),
    ] {
        let (rule, text) = required(security);
        assert_eq!(rule["deny"], "everybody", "{security}\n{text}");
        assert!(text.contains(remark), "{security}\n{text}");
    }
    let (rule, _) = required(r#"{"mtls":[],"oauth":[]},{}"#);
    assert_eq!(rule["name"], "oauth with a certificate");
}

/// What no rule can name is no part of a rule that lets more through than the document.
#[test]
fn nothing_that_is_not_documented_is_open() {
    let oauth = r#""security":[{"oauth":[]}],"servers":[{"url":"https://api.example.com/v1"},{"url":"//old.example.com/v0"},{"url":"/{stage}","variables":{"stage":{"default":"a","enum":["a","b"]}}}],"#;
    let open = r#"{"get":{"security":[]}}"#;
    let closed = r#"{"get":{}}"#;
    let paths = format!(
        r#"{{
        "/status.{{fmt}}":{open},"/docs/{{id}}.pdf":{open},"/jobs/{{id}}:cancel":{open},"/batch/p*":{open},
        "/pages/{{page}}":{open},"/pages/admin;x":{closed},
        "/wide/{{page}}":{open},"/wide/admin%20panel":{closed},"/wide/caf%C3%A9":{closed},
        "/own":{{"get":{{"security":[],"servers":[{{"url":"https://other.example.com/v2"}}]}},"post":{{}}}}
        }}"#
    );
    let (code, text, written) = made(&with(oauth, &paths));
    assert_eq!(code, 0, "{text}");
    let written = written.unwrap();
    is_checked(&written);
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("meshward.json");
    std::fs::write(&file, written).unwrap();
    for base in ["/v1", "/v0", "/a", "/b"] {
        for (path, is_open) in [
            ("/status.json", false),
            ("/admin", false),
            ("/docs/7.pdf", false),
            ("/docs/internal", false),
            ("/jobs/7:cancel", false),
            ("/jobs/7", false),
            ("/batch/all", false),
            // One of them is closed, and no rule tells it apart.
            ("/pages/news", false),
            ("/wide/news", true),
            ("/wide/admin%20panel", false),
            ("/wide/caf%C3%A9", false),
            ("/own", false),
        ] {
            let request = format!("GET {base}{path}");
            let (_, says) = meshward(
                &[
                    "explain",
                    "-c",
                    file.to_str().unwrap(),
                    "--request",
                    &request,
                ],
                "",
            );
            let passes = says.contains("the client receives 200");
            assert_eq!(passes, is_open, "{request}\n{says}");
        }
    }
    for remark in [
        "no rule can name the path, so nobody may call it: GET /v1/batch/p*",
        "operations that no rule can tell apart: the strictest counts: GET /v1/pages/admin;x",
        "operations have different hosts, and rules are about all of them",
    ] {
        assert!(text.contains(remark), "{remark}\n{text}");
    }
}

/// Whoever names another type, or none that is documented, sends no member that is not documented.
#[test]
fn another_type_opens_no_way_around_the_members() {
    let name = r#"{"schema":{"type":"object","properties":{"name":{"type":"string"}}}}"#;
    let post = |content: &str| {
        format!(r#"{{"post":{{"security":[],"requestBody":{{"content":{{{content}}}}}}}}}"#)
    };
    let two = post(&format!(r#""application/json":{name},"text/plain":{{}}"#));
    let pdf = post(&format!(
        r#""application/json":{name},"application/pdf":{{}}"#
    ));
    let bare = r#"{"post":{"security":[]},"get":{"security":[]}}"#;
    let paths = format!(r#"{{"/two":{two},"/pdf":{pdf},"/bare":{bare}}}"#);
    let (code, text, written) = made(&with("", &paths));
    assert_eq!(code, 0, "{text}");
    let written = written.unwrap();
    is_checked(&written);
    let json = r#"{"name":"x","admin":true}"#;
    let form = "name=x&admin=true";
    let mut steps = String::new();
    for (path, content_type, body, status) in [
        ("/two", "application/json", r#"{"name":"x"}"#, 200),
        ("/two", "text/plain", json, 200),
        ("/two", "application/json", json, 400),
        ("/two", "application/x-json", json, 400),
        ("/two", "application/vnd.api+json", json, 400),
        ("/two", "text/json", json, 400),
        ("/two", "application/x-www-form-urlencoded", form, 403),
        ("/pdf", "application/pdf", "%PDF", 200),
        ("/pdf", "application/x-json", json, 400),
        ("/pdf", "text/json", json, 400),
        ("/pdf", "application/x-www-form-urlencoded", form, 403),
        ("/bare", "application/json", json, 413),
        ("/bare", "application/json", "", 200),
    ] {
        let length = body.len();
        let step = format!(
            "[[case.step]]\n\
             request = {{ method = \"POST\", path = \"{path}\", body = '{body}', headers = {{ content-type = \"{content_type}\", content-length = \"{length}\" }} }}\n\
             expect = {{ status = {status} }}\n\n"
        );
        steps.push_str(&step);
    }
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("types.toml");
    let cases = format!(
        "filter = \"meshward\"\nconfiguration = '''\n{written}'''\n\n[[case]]\nname = \"types\"\n\n{steps}"
    );
    std::fs::write(&file, cases).unwrap();
    let (code, says) = meshward(&["test", file.to_str().unwrap()], "");
    assert_eq!(code, 0, "{says}\n{written}");
}

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
