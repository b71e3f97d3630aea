//! The messages of `meshward check`, word for word: wrong configurations and wrong manifests, each
//! with what is said of it.
//!
//! `MESHWARD_WRITE_TABLES=1 cargo test -p meshward-cli --test check_messages` writes what is said.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

struct Case<'t> {
    /// The name of the file, and words for the command line before it.
    title: &'t str,
    content: String,
    expected: &'t str,
}

/// `### file [words]`, the content, `>>>`, what is said.
fn cases(text: &str) -> Vec<Case<'_>> {
    let parts = text.split("\n### ").skip(1);
    parts
        .map(|part| {
            let (title, rest) = part.split_once('\n').unwrap();
            let (content, expected) = rest
                .split_once("\n>>>\n")
                .unwrap_or_else(|| panic!("no >>> in {title:?}"));
            Case {
                title,
                content: content
                    .replace("\\u{feff}", "\u{feff}")
                    .replace("\\r", "\r"),
                expected: expected.trim_end(),
            }
        })
        .collect()
}

fn check(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meshward"))
        .arg("check")
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(case: &Case<'_>) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let mut words = case.title.split_whitespace();
    let file = words.next().unwrap();
    std::fs::write(folder.path().join(file), &case.content).unwrap();
    let words: Vec<&str> = words.chain([file]).collect();
    let output = check(folder.path(), &words);
    let code = output.status.code().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("panicked"), "{}: {text}", case.title);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\nexit {code}", lines.join("\n").trim_end())
}

fn compare(file: &str, least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/wrong")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let cases = cases(&text);
    assert!(cases.len() >= least, "{}", cases.len());
    let mut made = text.split("\n### ").next().unwrap().to_owned();
    let mut wrong = Vec::new();
    for case in &cases {
        let said = said(case);
        if said != case.expected {
            wrong.push(format!(
                "### {}\n{said}\nexpected:\n{}",
                case.title, case.expected
            ));
        }
        assert!(said.contains("[MW"), "{}: nothing is found", case.title);
        let content = case
            .content
            .replace('\u{feff}', "\\u{feff}")
            .replace('\r', "\\r");
        made.push_str(&format!("\n### {}\n{content}\n>>>\n{said}\n", case.title));
    }
    if std::env::var_os("MESHWARD_WRITE_TABLES").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn wrong_configurations() {
    compare("configs.txt", 60);
}

#[test]
fn wrong_manifests() {
    compare("manifests.txt", 40);
}

/// What ships is right.
#[test]
fn examples_and_shipped_manifests_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let words = [
        "--deny",
        "warnings",
        "--allow",
        "escaped_slashes_kept",
        "envoy-test/envoy",
        "filters/*/examples/*.json",
    ];
    let output = check(&root, &words);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.lines().count() > 12, "{text}");
}

/// The cost of refusing is that of reading.
#[test]
fn a_list_far_beyond_its_maximum_is_one_finding() {
    let folder = tempfile::TempDir::new().unwrap();
    let limit = r#"{"name":"a","key":["ip"],"rate":"5/s"}"#;
    let limits = vec![limit; 400_000].join(",");
    std::fs::write(
        folder.path().join("many.json"),
        format!("{{\"limits\":[{limits}]}}"),
    )
    .unwrap();
    let output = check(folder.path(), &["many.json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("400000 items; expected at most 256"),
        "{text}"
    );
    assert!(text.len() < 500, "{text}");
}

#[test]
fn every_format_says_the_same() {
    let folder = tempfile::TempDir::new().unwrap();
    let text =
        "{\n  \"limits\": [{\"name\": \"a\", \"key\": [\"ip\"], \"rate\": \"5/fortnight\"}]\n}\n";
    std::fs::write(folder.path().join("a.json"), text).unwrap();
    let formatted = |format: &str| {
        let output = check(folder.path(), &["--format", format, "a.json"]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stdout).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&formatted("json")).unwrap();
    assert_eq!(json["findings"][0]["line"], 2);
    assert_eq!(json["findings"][0]["column"], 51);
    assert_eq!(json["findings"][0]["code"], "MW1001");
    let sarif: serde_json::Value = serde_json::from_str(&formatted("sarif")).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "MW1001");
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 2);
    assert!(formatted("junit").contains("<failure type=\"MW1001\""));
    assert!(formatted("github").starts_with("::error file=a.json,line=2,col=51,"));
    assert!(formatted("text").contains("a.json:2:51"));
}

/// A configuration by itself does not say what host it is for; `--host` does.
#[test]
fn what_a_host_refuses_of_a_configuration_by_itself_is_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = r#"{"providers":{"k":{"api_keys":{"from":[{"query":"key"}],"keys":[{"id":"a","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}}},"rules":[{"require":{"provider":"k"}}]}"#;
    std::fs::write(folder.path().join("auth.json"), config).unwrap();
    for (host, code) in [("envoy", 0), ("apisix", 1), ("kong", 1)] {
        for words in [&["auth.json"][..], &["jwt-auth", "auth.json"]] {
            let output = check(folder.path(), &[&["--host", host], words].concat());
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(code), "{host}: {text}");
            assert_eq!(text.contains("MW1001"), code == 1, "{host}: {text}");
        }
    }
}

/// A pipeline that checks a folder hears of what is in it and is no configuration.
#[test]
fn files_without_a_configuration_are_not_called_ok() {
    let folder = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "good.json",
        r#"{"limits":[{"name":"a","key":["ip"],"rate":"1/s"}]}"#,
    );
    write(
        "service.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    );
    write("package.json", r#"{"name": "shop", "rule": 1}"#);
    for words in [&["."][..], &["*"], &["good.json", "service.yaml"]] {
        let output = check(folder.path(), words);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("good.json: ok\n"), "{text}");
        assert!(
            text.contains("service.yaml: no configuration of a filter\n"),
            "{text}"
        );
        assert!(
            text.contains(" files, 1 of them with configurations\n"),
            "{text}"
        );
    }
    write(
        "typo.json",
        r#"{"limit":[{"name":"a","key":["ip"],"rate":"1/s"}]}"#,
    );
    let output = check(folder.path(), &["."]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("did you mean \"limits\"?"), "{text}");
}

/// A link back, a folder that nobody may read, a file that is none: each is told, and the rest is read.
#[cfg(unix)]
#[test]
fn folders_with_loops_and_broken_links() {
    let folder = tempfile::TempDir::new().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::os::unix::fs::symlink(folder.path(), inner.join("back")).unwrap();
    std::os::unix::fs::symlink("nowhere.json", inner.join("broken.json")).unwrap();
    std::fs::write(inner.join("utf16.json"), [0xff, 0xfe, b'{', 0, b'}', 0]).unwrap();
    std::fs::write(inner.join("bad.json"), r#"{"limits":[]}"#).unwrap();
    std::fs::write(inner.join("other.yaml"), "kind: Service\n").unwrap();
    let output = check(folder.path(), &["."]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("broken.json cannot be read"), "{told}");
    assert!(told.contains("UTF-16"), "{told}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.matches("MW1001").count(), 1, "{text}");
    assert!(!text.contains("MW1005"), "{text}");
}

/// Whatever comes, it is told what is wrong with it, and where; nothing is read for ever.
#[test]
fn hostile_files_end_with_a_message() {
    let laughs: String = (1..12)
        .map(|depth| {
            let before = format!("*a{}", depth - 1);
            format!("a{depth}: &a{depth} [{}]\n", vec![before; 9].join(", "))
        })
        .collect();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!(
        "{{\"limits\": [{{\"name\": \"{}\", \"key\": [\"ip\"], \"rate\": \"5/s\"}}]}}",
        "x".repeat(10 << 20)
    );
    let padded = format!("{{\"limits\": [{}{{\"nme\": 1}}]}}", "\n".repeat(10 << 20));
    for (name, text, told) in [
        (
            "laughs.yaml",
            format!("a0: &a0 [x]\n{laughs}limits: *a11\n"),
            "error[MW1002]",
        ),
        (
            "cycle.yaml",
            "limits: &a\n  - *a\n".to_owned(),
            "error[MW1002]",
        ),
        (
            "merge.yaml",
            "a: &a\n  <<: *a\nlimits: [*a]\n".to_owned(),
            "error[MW1002]",
        ),
        ("deep.json", deep, "error[MW1002]"),
        ("long.json", long, "limits[0].name"),
        ("padded.json", padded, "padded.json:10485761:1"),
        (
            "huge.json",
            format!("{{\"limits\": [{{\"burst\": {}}}]}}", "9".repeat(100_000)),
            "number out of range",
        ),
        (
            "helm.yaml",
            "{{- if .Values.on }}\nlimits: []\n{{- end }}\n".to_owned(),
            "render it first",
        ),
    ] {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let output = check(folder.path(), &["token-bucket", name]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let told_of_trouble = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {told_of_trouble}");
        let start: String = text.chars().take(2_000).collect();
        assert!(text.contains(told), "{name}: {start}");
        assert!(text.len() < 20_000, "{name}: {} bytes: {start}", text.len());
        assert!(
            !told_of_trouble.contains("panicked"),
            "{name}: {told_of_trouble}"
        );
    }
}

/// A device is not read for ever, and zeros are no UTF-16.
#[cfg(unix)]
#[test]
fn a_device_without_end_is_not_read_for_ever() {
    let folder = tempfile::TempDir::new().unwrap();
    let output = check(folder.path(), &["/dev/zero"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("/dev/zero cannot be read: it has more than 64 MiB"),
        "{text}"
    );
    std::fs::write(folder.path().join("zeros.json"), vec![0; 4_096]).unwrap();
    let output = check(folder.path(), &["zeros.json"]);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(
        !text.contains("UTF-16") && text.contains("zeros.json"),
        "{text}"
    );
}

/// Whoever writes to standard input is gone in the middle of it.
#[test]
fn an_interrupted_standard_input_is_a_cut_off_text() {
    use std::io::Write as _;

    let mut child = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args(["check", "token-bucket", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"limits\": [{\"name\":").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("error[MW1002]") && text.contains("-:1:"),
        "{text}"
    );
}
