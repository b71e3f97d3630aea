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

/// On a terminal a bar shows how far a long stream is; in a pipe nothing is written.
#[cfg(unix)]
#[test]
fn a_bar_is_drawn_on_a_terminal_and_nowhere_else() {
    use std::fs::File;
    use std::io::Read as _;
    use std::sync::mpsc;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let folder = tempfile::TempDir::new().unwrap();
    let chunk = b"nothing to be found in here\n".repeat(2_000);
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut child = command(&folder, &["--content-type", "text/plain"])
        .env("TERM", "xterm")
        .stdout(Stdio::null())
        .stderr(terminal)
        .spawn()
        .unwrap();
    let (drawn, is_drawn) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut screen = File::from(controller);
        let mut buffer = [0; 4096];
        let mut text = Vec::new();
        // The end of a terminal that nobody has open is an error.
        while let Ok(length @ 1..) = screen.read(&mut buffer) {
            text.extend_from_slice(&buffer[..length]);
            let _ = drawn.send(());
        }
        String::from_utf8(text).unwrap()
    });
    let mut stdin = child.stdin.take().unwrap();
    let mut chunks = 0;
    while is_drawn.try_recv().is_err() {
        assert!(chunks < 100_000, "no bar after {chunks} chunks");
        stdin.write_all(&chunk).unwrap();
        chunks += 1;
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let screen = reader.join().unwrap();
    assert!(screen.contains("B read, "), "{screen:?}");

    let mut child = command(&folder, &["--content-type", "text/plain"])
        .env("TERM", "xterm")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..chunks {
        stdin.write_all(&chunk).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// What the command says on both of its outputs.
fn told(config: &str, words: &[&str], body: &[u8]) -> (Option<i32>, String, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let mut command = command(&folder, words);
    std::fs::write(folder.path().join("rules.json"), config).unwrap();
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn limits_that_a_body_exceeds_are_told() {
    let config = r#"{"rules":[
        {"name":"deep","apply_to":["request.body"],"max_depth":1,"max_members":3},
        {"name":"long","apply_to":["request.body"],"max_body":"8B","mode":"report"},
        {"name":"listed","apply_to":["request.body"],"allow_fields":["$.a"],"allow_fields_action":"refuse"}
    ]}"#;
    let request = ["--request", "POST /a", "--place", "request.body"];
    let (_, _, said) = told(config, &request, br#"{"a":[1,2,3]}"#);
    for expected in [
        "more than rule \"deep\" allows: json_too_deep; the proxy lets it go no further",
        "more than rule \"deep\" allows: json_too_many_members; the proxy",
        "more than rule \"long\" allows: body_too_large; report mode only counts it",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("allow_fields"), "{said}");
    let (_, _, said) = told(config, &request, br#"{"b":1}"#);
    assert!(!said.contains("more than"), "{said}");
    assert!(said.contains("$.b is not in allow_fields"), "{said}");
}

#[test]
fn what_the_proxy_refuses_for_its_type_does_not_pass() {
    let owner = r#"{"rules":[{"owner":[{"path":"$.orders[*].owner_id","equals":{"claim":"sub"},"else":"remove","if_missing":"else"}]}]}"#;
    let members = r#"{"rules":[{"allow_fields":["$.id"]}]}"#;
    let types = r#"{"presets":["gdpr"],"on_error":{"unsupported_type":"block"}}"#;
    for (config, content_type, body, why) in [
        (owner, "text/csv", "owner_id\nbob\n", "whose the objects"),
        (
            owner,
            "application/xml",
            "<owner_id>bob</owner_id>",
            "whose the objects",
        ),
        (
            owner,
            "application/x-www-form-urlencoded",
            "owner_id=bob",
            "whose the objects",
        ),
        (members, "text/plain", "ssn 5", "allow_fields"),
        (members, "text/plain", r#"{"id":1,"ssn":2}"#, "allow_fields"),
        (members, "application/xml", "<a>1</a>", "allow_fields"),
        (
            members,
            "application/octet-stream",
            "hello world",
            "allow_fields",
        ),
        (
            types,
            "application/x-foo",
            "jane@example.com hello",
            "unsupported_type",
        ),
    ] {
        let (code, text, said) = told(config, &["--content-type", content_type], body.as_bytes());
        assert_eq!(
            (code, text.as_str()),
            (Some(2), ""),
            "{content_type}: {said}"
        );
        assert!(said.contains(why), "{content_type}: {said}");
    }
    let json = told(
        members,
        &["--content-type", "application/json"],
        br#"{"id":1,"ssn":2}"#,
    );
    assert_eq!(json.1, r#"{"id":1}"#, "{}", json.2);
}

#[test]
fn the_head_of_a_response_says_how_its_body_is_read() {
    let config = r#"{"rules":[{"detect":["EMAIL"],"match":{"content_types":["text/csv"]}}]}"#;
    let csv = b"mail,n\njane@example.com,1\n";
    let request = ["--request", "GET /a"];
    let with = |more: &[&str], body: &[u8]| told(config, &[&request[..], more].concat(), body);
    let head = ["--response-header", "Content-Type: text/csv; charset=utf-8"];
    assert_eq!(with(&head, csv).1, "mail,n\n[EMAIL],1\n");
    // Another type is another rule's.
    let (_, text, said) = with(&["--response-headers", "content-type: text/plain"], csv);
    assert_eq!(text.as_bytes(), csv, "{said}");
    let coded = [&head[..], &["--response-header", "content-encoding: br"]].concat();
    let (code, _, said) = with(&coded, csv);
    assert!(
        code == Some(2) && said.contains("on_error.unsupported_encoding"),
        "{said}"
    );
    for (words, expected) in [
        (
            vec!["--response-header", "content-range: bytes 0-3/9"],
            "on_error.partial_content",
        ),
        (
            vec!["--response-header", "nonsense"],
            "expected \"name: value\"",
        ),
        (
            vec!["--place", "request.body", "--response-header", "a: b"],
            "request.body is not in one",
        ),
    ] {
        let (code, _, said) = with(&words, csv);
        assert!(
            code == Some(2) && said.contains(expected),
            "{words:?}: {said}"
        );
    }
}

/// A body cannot move the cursor of a terminal, nor write lines of its own into a difference.
#[test]
fn differences_have_no_control_characters() {
    let config = r#"{"rules":[{"fields":[{"name":["a"],"action":"label"}],"detect":["EMAIL"]}]}"#;
    let body = b"a\n-- \x1b[2Jjane@example.com\x1b[2J\n";
    let (_, shown, _) = told(config, &["--diff", "--content-type", "text/plain"], body);
    assert!(
        shown.contains("jane@example.com") && !shown.contains('\u{1b}'),
        "{shown:?}"
    );
    let body = "{\"a\":\"x\u{202e}y\u{7f}\"}";
    let (_, shown, _) = told(config, &["--diff"], body.as_bytes());
    assert!(shown.contains("x\u{fffd}y\u{fffd}"), "{shown:?}");
}
