//! `meshward redact`: differences, sums, and streams of any length.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

fn command(folder: &tempfile::TempDir, words: &[&str]) -> Command {
    let rules = folder.path().join("rules.json");
    std::fs::write(&rules, r#"{"rules":[{"name":"mail","detect":["EMAIL"]}]}"#).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshward"));
    command
        .arg("redact")
        .arg("-c")
        .arg(rules)
        .args(words)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn sums_stand_beside_the_result_and_colours_where_they_are_asked_for() {
    let folder = tempfile::TempDir::new().unwrap();
    let run = |words: &[&str]| {
        let mut child = command(&folder, words).spawn().unwrap();
        let body = b"{\"a\": \"jane@example.com\", \"b\": \"joe@example.com\"}";
        child.stdin.take().unwrap().write_all(body).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let (out, err) = run(&["--stats"]);
    assert_eq!(out, r#"{"a": "[EMAIL]", "b": "[EMAIL]"}"#);
    assert!(err.contains("49 bytes read"), "{err}");
    assert!(
        err.contains("       2 EMAIL                masked by mail"),
        "{err}"
    );
    let (out, _) = run(&["--diff"]);
    assert_eq!(
        out,
        "@@ byte 7, EMAIL, rule \"mail\" @@\n-jane@example.com\n+[EMAIL]\n\
         @@ byte 32, EMAIL, rule \"mail\" @@\n-joe@example.com\n+[EMAIL]\n"
    );
    let (out, _) = run(&["--diff", "--color", "always"]);
    assert!(
        out.contains("\u{1b}[31m-jane@example.com\u{1b}[0m"),
        "{out}"
    );
    assert!(out.contains("\u{1b}[32m+[EMAIL]\u{1b}[0m"), "{out}");
}

/// What has been found is told, and what is redacted is written, while the stream goes on.
#[test]
fn a_stream_is_redacted_as_it_comes() {
    let folder = tempfile::TempDir::new().unwrap();
    for words in [
        &["--content-type", "application/x-ndjson"][..],
        &["--content-type", "application/x-ndjson", "--diff"],
    ] {
        let mut child = command(&folder, words).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        // Less than a pipe holds, and more than the tool reads at once.
        let some = "{\"a\": \"jane@example.com\"}\n".repeat(2_700);
        let writer = std::thread::spawn(move || {
            stdin.write_all(some.as_bytes()).unwrap();
            stdin
        });
        let mut line = String::new();
        // The input has not ended.
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains("EMAIL"), "{line}");
        drop(writer.join().unwrap());
        std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}
