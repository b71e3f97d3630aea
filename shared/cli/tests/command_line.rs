//! What all commands have in common: exit statuses, help, and an output that may be closed or full.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshward"));
    command.args(words).stdin(Stdio::null());
    command
}

fn run(words: &[&str]) -> Output {
    command(words).output().unwrap()
}

/// One table for all commands; the README has it too.
#[test]
fn exit_statuses() {
    let folder = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = write(
        "good.json",
        r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/s"}]}"#,
    );
    let bad = write("bad.json", r#"{"limits":[{"nme":"a"}]}"#);
    let rules = write("rules.json", r#"{"rules":[{"detect":["EMAIL"]}]}"#);
    let cases = write(
        "cases.toml",
        "configuration_file = 'good.json'\n[[case]]\nname = 'a'\n[[case.step]]\n\
         request = { path = '/' }\nexpect = { status = 200 }\n",
    );
    let rules_equals = format!("--config={rules}");
    let body = write("body.json", "{}");
    let changed = write(
        "changed.ndjson",
        "{\"unmapped\":{\"record_integrity\":{\"version\":1}}}\n",
    );
    for (words, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["help", "check"], 0),
        (&["check", "token-bucket", &good], 0),
        (&["check", "token-bucket", &bad], 1),
        (&["check", "token-bucket", "none.json"], 2),
        (&["check", "token-bucket", &bad, "none.json"], 2),
        (&["check", "token-buckets", &good], 64),
        (&["check", "token-bucket"], 64),
        (&["check", &good], 0),
        (&["check", &good, &bad, "none.json"], 2),
        (&["check", "--deny", "errors", &good], 64),
        (&["check", "--allow", "MW9999", &good], 64),
        (&["check", "--format", "xml", &good], 64),
        (&["explain", "MW1203"], 0),
        (&["explain"], 0),
        (&["explain", "MW9999"], 64),
        (&["init", "--host", "nginx"], 64),
        (&["init"], 64),
        (
            &["init", "--host", "envoy", "--output-dir", "/dev/null/x"],
            2,
        ),
        (&["explain", "-c", &good, "--request", "GET /"], 0),
        (&["explain", "-c", &bad, "--request", "GET /"], 1),
        (&["explain", "-c", "none.json", "--request", "GET /"], 2),
        (&["explain", "-c", &good, "--request", "GET"], 2),
        (&["explain", "-c", &good], 64),
        (&["explain", "--claims", &good], 64),
        (&["test", &cases], 0),
        (&["test", &bad], 2),
        (&["test", "none.toml"], 2),
        (&["test"], 64),
        (&["test", "--module", "dist", &cases], 64),
        (&["schema", "jwt-auth"], 0),
        (&["schema", "jwt"], 64),
        (&["redact", "--config", &rules, &body], 0),
        (&["redact", &rules_equals, &body], 0),
        (&["redact", "-c", &rules, &body], 0),
        (&["redact", "-c", &bad, &body], 1),
        (&["redact", "-c", "none.json", &body], 2),
        (&["redact", "-c", &rules, &body, "surplus"], 64),
        (&["redact", "--list"], 0),
        (&["redact", "--list", "surplus"], 64),
        (&["redact"], 64),
        (&["api-key", "new"], 0),
        (&["api-key", "new", "surplus"], 64),
        (&["api-key", "hash"], 2),
        (&["audit", "verify", &changed], 1),
        (&["audit", "verify", "none.ndjson"], 2),
        (&["audit", "verify", "--rows", "1", &changed], 64),
        (&["completions", "bash"], 0),
        (&["completions", "tcsh"], 64),
        (&["man"], 0),
        (&["man", "audit", "verify"], 0),
        (&["man", "audit", "verfy"], 64),
        (&["man", "--output-dir", "/dev/null/x"], 2),
        (&["--color", "never", "redact", "--list"], 0),
        (&["redact", "--list", "--color", "sometimes"], 64),
        (&["audit"], 64),
        (&["verify"], 64),
        (&[], 64),
    ] {
        let output = run(words);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert!(!told.contains("panicked"), "{words:?}: {told}");
        if code == 64 {
            assert!(!told.is_empty() && output.stdout.is_empty(), "{words:?}");
        }
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    for code in ["0", "1", "2", "64"] {
        assert!(readme.contains(&format!("\n| {code} |")), "{code}");
        assert!(help.contains(&format!(" {code}  ")), "{code}: {help}");
    }
}

/// `meshward redact --list | head -1`.
#[test]
fn a_reader_that_leaves_is_no_mistake() {
    for words in [
        &["redact", "--list"][..],
        &["--help"],
        &["man"],
        &["completions", "zsh"],
        &["audit", "verify", "--help"],
    ] {
        let mut child = command(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut reader = BufReader::with_capacity(16, child.stdout.take().unwrap());
        reader.read_line(&mut line).unwrap();
        drop(reader);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    }
}

/// What could not be written is not done.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    for words in [
        &["redact", "--list"][..],
        &["--version"],
        &["api-key", "new"],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = command(words).stdout(full).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {told}");
        assert!(told.contains("standard output"), "{words:?}: {told}");
    }
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = String::from_utf8(run(&["completions", shell]).stdout).unwrap();
        for word in ["api-key", "check", "keygen", "redact"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let folder = tempfile::TempDir::new().unwrap();
    let pages = folder.path().join("man");
    let output = run(&["man", "--output-dir", pages.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    for page in ["meshward.1", "meshward-check.1", "meshward-audit-verify.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}: {text}");
    }
    // What `help` does stands on each page.
    let names = std::fs::read_dir(&pages).unwrap();
    let mut names = names.map(|page| page.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.find(|name| name.contains("help")), None);
}

/// `--color`, and NO_COLOR for `auto`; a pipe is no terminal.
#[test]
fn colours_are_chosen_on_the_command_line() {
    let folder = tempfile::TempDir::new().unwrap();
    let good = folder.path().join("good.json");
    std::fs::write(
        &good,
        r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/s"}]}"#,
    )
    .unwrap();
    for (option, coloured) in [
        (&[][..], false),
        (&["--color=auto"], false),
        (&["--color=always"], true),
        (&["--color", "never"], false),
    ] {
        let words = [&["check", "token-bucket", good.to_str().unwrap()], option].concat();
        let output = command(&words).env("NO_COLOR", "1").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.contains("\u{1b}["), coloured, "{option:?}: {text:?}");
    }
}
