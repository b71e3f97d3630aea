//! `meshward explain`: the demonstration's requests word for word, and what it says of each filter.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod filters;
mod hosts;
#[path = "../tool/mod.rs"]
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

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
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
