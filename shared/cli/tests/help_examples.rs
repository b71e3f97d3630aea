//! The examples of `--help` are run as they stand.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use bed::Bed;

mod bed;

fn meshward(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshward"));
    let words = words.iter().flat_map(|words| words.split(' '));
    command.args(words).stdin(Stdio::null()).output().unwrap()
}

fn folder_with_files() -> tempfile::TempDir {
    let (Bed { folder }, _) = Bed::with_trail(&["jane"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, source) in [
        (
            "limits.json",
            "filters/token-bucket/examples/per-client.json",
        ),
        ("auth.json", "filters/jwt-auth/examples/api-keys.json"),
        ("redact.json", "filters/pii-redactor/examples/patients.json"),
        (
            "audit.json",
            "filters/audit-emitter/examples/collector.json",
        ),
        ("jwt.json", "filters/jwt-auth/examples/remote-keys.json"),
        ("envoy.yaml", "envoy-test/envoy/meshward.yaml"),
        ("api.yaml", "shared/cli/tests/openapi/shop.yaml"),
    ] {
        std::fs::copy(root.join(source), folder.path().join(name)).unwrap();
    }
    for (name, text) in [
        (
            "body.json",
            r#"{"patients":[{"id":1,"notes":"mail jane@example.com"}]}"#,
        ),
        ("claims.json", r#"{"sub":"jane","scope":"orders:read"}"#),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("token.txt"), TOKEN).unwrap();
    for name in ["manifests", "config"] {
        let inner = folder.path().join(name);
        std::fs::create_dir(&inner).unwrap();
        std::fs::copy(folder.path().join("envoy.yaml"), inner.join("envoy.yaml")).unwrap();
    }
    let cases = folder.path().join("cases");
    std::fs::create_dir(&cases).unwrap();
    std::fs::write(cases.join("limits.toml"), CASES).unwrap();
    folder
}

const CASES: &str = "configuration_file = '../limits.json'\n\n[[case]]\n\
    name = 'the second request passes'\n\n[[case.step]]\nrequest = { path = '/' }\n\
    expect = { status = 200 }\n";

/// `{"alg":"RS256"}` and `{"iss":"joe","exp":1300819380}`, with a signature that is none.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLCJleHAiOjEzMDA4MTkzODB9.c2ln";

/// The commands that stand indented below "Examples:".
fn examples(help: &str) -> Vec<String> {
    let below = help.split("Examples:\n").nth(1).unwrap_or_default();
    let lines = below.lines().take_while(|line| line.starts_with("  "));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn every_example_of_the_help_runs() {
    let folder = folder_with_files();
    let binary = Path::new(env!("CARGO_BIN_EXE_meshward"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    for command in COMMANDS {
        let help = String::from_utf8(meshward(&[command, "--help"]).stdout).unwrap();
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{command}: no examples\n{help}");
        for example in examples {
            let output = Command::new("sh")
                .args(["-c", &example])
                .current_dir(folder.path())
                .env("PATH", &path)
                .env("KEY", "mw_0123456789")
                .env("TOKEN", TOKEN)
                .env("MESHWARD_SUBJECT_KEY", bed::PSEUDONYM_KEY)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            // An example may show what is found, never what cannot be done.
            assert!(matches!(code, Some(0 | 1)), "{example}: {code:?}: {told}");
        }
    }
}

const COMMANDS: [&str; 20] = [
    "api-key",
    "audit coverage",
    "audit disclosures",
    "audit erase",
    "audit hold",
    "audit inventory",
    "audit keygen",
    "audit purge",
    "audit report",
    "audit search",
    "audit verify",
    "check",
    "completions",
    "explain",
    "init",
    "jwt",
    "man",
    "redact",
    "schema",
    "test",
];

/// What they are about is a trail, which other tests have; here they are what the command understands.
#[test]
fn every_example_of_audit_is_understood() {
    let folder = tempfile::TempDir::new().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_meshward"));
    let listed = String::from_utf8(meshward(&["audit", "--help"]).stdout).unwrap();
    let below = listed.split("Commands:\n").nth(1).unwrap();
    let commands = below.lines().take_while(|line| line.starts_with("  "));
    let commands = commands.map(|line| line.trim().split(' ').next().unwrap());
    let commands: Vec<&str> = commands.filter(|name| *name != "help").collect();
    assert!(commands.len() >= 10, "{listed}");
    for command in commands {
        let help = meshward(&["audit", command, "--help"]).stdout;
        let help = String::from_utf8(help).unwrap();
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{command}: no examples\n{help}");
        for example in examples {
            let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
            let output = Command::new("sh")
                .args(["-c", &example])
                .current_dir(folder.path())
                .env("PATH", path)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert_ne!(output.status.code(), Some(64), "{example}: {told}");
        }
    }
}
