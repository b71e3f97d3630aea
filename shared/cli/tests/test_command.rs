//! `meshward test`: what it prints and how it ends, and the case files of the filters.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn test(folder: &Path, words: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .arg("test")
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

/// Limits of one request a day for each caller, in a file of their own and in a manifest.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().unwrap();
    let limits = r#"{"limits":[{"name":"daily","key":["claim:sub"],"on_missing_key":{"fallback":["ip"]},"rate":"1/day","burst":1}]}"#;
    let manifest = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: limits }}\n\
         spec:\n  url: oci://example.com/token-bucket:1\n  pluginConfig: {limits}\n"
    );
    for (name, text) in [("limits.json", limits), ("limits.yaml", &manifest)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

const TWICE: &str = "
[[case]]
name = \"one a day for each caller\"

[[case.step]]
request = { path = \"/\", claims = { sub = \"alice\" } }
expect = { status = 200 }

[[case.step]]
request = { path = \"/\", claims = { sub = \"bob\" } }
expect = { status = 200 }

[[case.step]]
request = { path = \"/\", claims = { sub = \"alice\" } }
expect = { status = EXPECTED, upstream = false }

[[case.step]]
advance = \"24h\"
request = { path = \"/\", claims = { sub = \"alice\" } }
expect = { status = 200 }
";

#[test]
fn the_case_files_of_the_filters_pass() {
    let (output, text) = test(&root(), &["filters"]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(" 0 failed,"), "{text}");
}

#[test]
fn a_failure_is_told_with_its_line() {
    let folder = folder();
    let cases = |file: &str, expected: &str| {
        format!(
            "configuration_file = \"{file}\"\n{}",
            TWICE.replace("EXPECTED", expected)
        )
    };
    write(folder.path(), "right.toml", &cases("limits.json", "429"));
    write(folder.path(), "manifest.toml", &cases("limits.yaml", "429"));
    let (output, text) = test(folder.path(), &["."]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.ends_with("2 passed, 0 failed, 0 skipped, 0 could not be run\n"),
        "{text}"
    );

    write(folder.path(), "wrong.toml", &cases("limits.json", "200"));
    let (output, text) = test(folder.path(), &["wrong.toml"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let line = "    wrong.toml:16: step 3: status: expected 200, found 429 with the body ";
    assert!(text.contains(line), "{text}");

    let (output, text) = test(folder.path(), &["--format", "junit", "."]);
    assert_eq!(output.status.code(), Some(1));
    for part in [
        r#"<testsuite name="meshward test" tests="3" failures="1" errors="0" skipped="0">"#,
        r#"name="one a day for each caller" file="./wrong.toml" line="16">"#,
        r#"<failure type="status" message="./wrong.toml:16: step 3: status: expected 200"#,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, text) = test(folder.path(), &["--format", "json", "wrong.toml"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["failed"], 1);
    assert_eq!(json["cases"][0]["failures"][0]["line"], 16);
}

#[test]
fn only_cases_of_a_name_and_only_their_names() {
    let folder = folder();
    let second = TWICE.replace("one a day for each caller", "another");
    let both = format!("configuration_file = \"limits.json\"\n{TWICE}{second}");
    write(folder.path(), "a.toml", &both.replace("EXPECTED", "429"));
    let (output, text) = test(folder.path(), &["--name", "other", "a.toml"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text.contains("1 passed") && !text.contains("for each"),
        "{text}"
    );
    let (output, text) = test(folder.path(), &["--list", "a.toml"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text, "a.toml\n  one a day for each caller\n  another\n");
    let (output, _) = test(folder.path(), &["--name", "nothing", "a.toml"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_cannot_be_run_is_none_that_passes() {
    let folder = folder();
    for (name, text, told) in [
        ("syntax.toml", "configuration = ", "line 1"),
        (
            "key.toml",
            "configuration = \"{}\"\ncases = []",
            "unknown field `cases`",
        ),
        (
            "none.toml",
            "case = []",
            "configuration or configuration_file is missing",
        ),
        (
            "missing.toml",
            "configuration_file = \"gone.json\"\ncase = []",
            "gone.json cannot be read",
        ),
        (
            "whose.toml",
            "configuration = \"{}\"\n[[case]]\nname = \"a\"\n[[case.step]]\nrequest = { path = \"/\" }\nexpect = {}",
            "say whose",
        ),
        (
            "empty.toml",
            "configuration = '{\"limits\": []}'\ncase = []",
            "there is no case in it",
        ),
        (
            "idle.toml",
            "configuration = '{\"limits\": []}'\n[[case]]\nname = \"a\"\nstep = []",
            "\"a\" has no step",
        ),
        (
            "path.toml",
            "configuration = '{\"limits\": []}'\n[[case]]\nname = \"a\"\n[[case.step]]\nrequest = { path = \"orders\" }\nexpect = { status = 200 }",
            "line 4: \"a\": the path \"orders\" does not begin with \"/\"",
        ),
        (
            "metric.toml",
            "configuration = '{\"limits\": []}'\n[[case]]\nname = \"a\"\n[[case.step]]\nrequest = { path = \"/\" }\nexpect = { metrics = { \"meshward_token_bucket_requests_total\" = 0 } }",
            "line 6: \"a\": no filter has a metric \"meshward_token_bucket_requests_total\"",
        ),
        (
            "refused.toml",
            "configuration = '{\"limits\": [{\"name\": \"a\"}]}'\n[[case]]\nname = \"a\"\n[[case.step]]\nrequest = { path = \"/\" }\nexpect = {}",
            "limits[0].key: missing",
        ),
        (
            "host.toml",
            "configuration = '{\"limits\": []}'\nhosts = [\"nginx\"]\n[[case]]\nname = \"a\"\nstep = []",
            "unknown host \"nginx\"",
        ),
    ] {
        write(folder.path(), name, text);
        let (output, text) = test(folder.path(), &[name]);
        let all = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{name}: {all}");
        assert!(all.contains(told), "{name}: {all}");
    }
    let (output, _) = test(folder.path(), &["--envoy=/no/envoy", "syntax.toml"]);
    assert_eq!(output.status.code(), Some(2));
}

/// Tokens that are given as claims pass what jwt-auth asks of every token, and fail where it asks for
/// more than they say.
#[test]
fn claims_stand_for_a_signed_token() {
    let folder = tempfile::TempDir::new().unwrap();
    let text = r#"
configuration = '''
{ "providers": { "corp": { "issuer": "https://idp.example.com", "audiences": ["orders"], "max_lifetime": "10m",
    "algorithms": ["RS256"], "forward": false,
    "jwks": { "remote": { "uri": "https://idp.example.com/certs", "cluster": "idp" } } } },
  "rules": [{ "match": { "paths": ["/orders/**"] }, "require": { "provider": "corp", "scopes": ["orders:read"] } }] }
'''

[[case]]
name = "scopes"

[[case.step]]
request = { path = "/orders/1", claims = { sub = "alice", scope = "orders:read" } }
expect = { status = 200, upstream_absent = ["authorization"] }

[[case.step]]
request = { path = "/orders/1", claims = { sub = "alice" } }
expect = { status = 403, contains = ["scope_missing"] }

[[case.step]]
request = { path = "/orders/1", claims = { sub = "alice", scope = "orders:read", aud = "others" } }
expect = { status = 401, contains = ["audience_mismatch"] }

[[case.step]]
request = { path = "/orders/1", claims = { sub = "alice", scope = "orders:read", exp = 1 } }
expect = { status = 401, contains = ["token_expired"] }

[[case.step]]
request = { path = "/orders/1" }
expect = { status = 401, contains = ["credential_missing"] }
"#;
    write(folder.path(), "auth.toml", text);
    let (output, text) = test(folder.path(), &["auth.toml"]);
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[test]
fn others_respond_as_the_file_says() {
    let folder = tempfile::TempDir::new().unwrap();
    let text = r#"
configuration = '''
{ "providers": { "opaque": { "introspection": { "uri": "https://idp.example.com/introspect", "cluster": "idp",
    "client_id": "edge", "client_secret_env": "SECRET" } } },
  "rules": [{ "require": { "provider": "opaque" } }] }
'''
environment = { SECRET = "s3cret" }

[[call]]
cluster = "idp"
path = "/introspect"
response = { body_file = "active.json" }

[[case]]
name = "an active token"

[[case.step]]
request = { path = "/", headers = { authorization = "Bearer opaque-token" } }
expect = { status = 200 }
"#;
    write(folder.path(), "opaque.toml", text);
    write(
        folder.path(),
        "active.json",
        r#"{"active": true, "sub": "alice"}"#,
    );
    let (output, told) = test(folder.path(), &["opaque.toml"]);
    assert_eq!(output.status.code(), Some(0), "{told}");
    write(folder.path(), "active.json", r#"{"active": false}"#);
    let (output, told) = test(folder.path(), &["opaque.toml"]);
    assert_eq!(output.status.code(), Some(1), "{told}");
}

/// The schema that editors use takes every case file of ours, and none with a misspelled key.
#[test]
fn case_files_fit_their_schema() {
    let schema = std::fs::read_to_string(root().join("shared/cases/schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut files = 0;
    for filter in std::fs::read_dir(root().join("filters")).unwrap() {
        let Ok(cases) = std::fs::read_dir(filter.unwrap().path().join("cases")) else {
            continue;
        };
        for file in cases {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let value: toml::Value = toml::from_str(&text).unwrap();
            let value = serde_json::to_value(value).unwrap();
            if let Err(error) = validator.validate(&value) {
                panic!("{}: {} at {}", path.display(), error, error.instance_path());
            }
            files += 1;
        }
    }
    assert!(files > 40, "{files}");
    let keys = |text: &str| {
        let text = format!("configuration = '{{}}'\n[[case]]\nname = 'a'\n[[case.step]]\n{text}");
        let value: toml::Value = toml::from_str(&text).unwrap();
        validator.is_valid(&serde_json::to_value(value).unwrap())
    };
    assert!(keys("request = { path = '/' }\nexpect = { status = 200 }"));
    for wrong in [
        "request = { path = '/' }",
        "request = { paht = '/' }\nexpect = {}",
        "request = { path = '/', status = 200 }\nexpect = {}",
        "request = { path = '/' }\nexpect = { satus = 200 }",
        "request = { path = '/' }\nexpect = { status = '200' }",
        "request = { path = '/' }\nresponse = { path = '/' }\nexpect = {}",
    ] {
        assert!(!keys(wrong), "{wrong}");
    }
}

/// Kong tells filters of a certificate by other names than Envoy, and tells less of it.
#[test]
fn each_host_tells_of_a_certificate_what_it_tells_of_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = r#"
configuration = '{"rules": [{"match": {"paths": ["/machines/**"]}, "require": {"tls": {"client_certificate": true}}}], "default": "anonymous"}'

[[case]]
name = "a certificate"

[[case.step]]
request = { path = "/machines/1", tls = { version = "1.3", subject = "CN=billing" } }
expect = { status = 200 }

[[case.step]]
request = { path = "/machines/1", tls = { version = "1.3" } }
expect = { status = 403, upstream = false }
"#;
    write(folder.path(), "tls.toml", file);
    for host in ["envoy", "kong"] {
        let (output, text) = test(folder.path(), &["--host", host, "tls.toml"]);
        assert_eq!(output.status.code(), Some(0), "{host}: {text}");
    }
}
