//! `meshward init`: whatever is chosen, what it writes passes `meshward check`, and nothing is lost.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod tool;

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn meshward(words: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = tool::said(&output);
    (output, text)
}

const HOSTS: [&str; 6] = [
    "istio",
    "envoy",
    "envoy-gateway",
    "apisix",
    "higress",
    "kong",
];
/// What stands where the hash of an API key belongs, and that of the key `abc`.
const NO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const PARTS: [(&str, &str); 4] = [
    ("audit", "audit-emitter"),
    ("auth", "jwt-auth"),
    ("limits", "token-bucket"),
    ("redact", "pii-redactor"),
];

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<(String, String)> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The number of filters whose configuration stands in the files, of which the bundle's parts count.
fn is_there(files: &[(String, String)], part: &str, filter: &str) -> bool {
    files.iter().any(|(_, text)| {
        let own = format!("{part}:");
        let in_bundle = text
            .lines()
            .any(|line| line.trim() == own && line.starts_with("    "));
        in_bundle || text.contains(&format!("- name: {filter}\n"))
    })
}

#[test]
fn every_choice_on_every_host_passes_check() {
    for host in HOSTS {
        for chosen in 1..16_u32 {
            let parts: Vec<_> = (0..4)
                .filter(|bit| chosen & (1 << bit) != 0)
                .map(|bit| PARTS[bit])
                .collect();
            let words: Vec<&str> = parts.iter().map(|(part, _)| *part).collect();
            let folder = tempfile::TempDir::new().unwrap();
            let into = folder.path().join("new").display().to_string();
            let what = format!("{host} {}", words.join(","));
            let (output, text) = meshward(&[
                "init",
                "--host",
                host,
                "--use",
                &words.join(","),
                "--output-dir",
                &into,
            ]);
            assert_eq!(output.status.code(), Some(0), "{what}: {text}");
            assert!(text.contains("\nNext:\n1. "), "{what}: {text}");
            let files = files(&folder.path().join("new"));
            for (part, filter) in PARTS {
                let is_chosen = parts.contains(&(part, filter));
                // Lists of rules and of limits have the name of a part, too.
                let is_there = is_there(&files, part, filter);
                assert!(is_there || !is_chosen, "{what}: {part} is not there");
            }
            // As the next step says it.
            let step = text.split("Check it: meshward ").nth(1).unwrap();
            let step = step.lines().next().unwrap().strip_suffix(" .").unwrap();
            let (output, text) = meshward(&step.split(' ').chain([&*into]).collect::<Vec<_>>());
            assert_eq!(output.status.code(), Some(0), "{what}: {text}");
            // And by name, as a shell expands a pattern.
            let paths = files.iter().map(|(name, _)| format!("{into}/{name}"));
            let paths: Vec<String> = paths.filter(|path| !path.ends_with("meta.json")).collect();
            let words = ["check", "--deny", "warnings"].into_iter();
            let words: Vec<&str> = words.chain(paths.iter().map(String::as_str)).collect();
            let (output, text) = meshward(&words);
            assert_eq!(output.status.code(), Some(0), "{what}: {text}");
            for (name, text) in &files {
                let has_tab = text.contains('\t');
                assert!(!has_tab && text.ends_with('\n'), "{what}: {name}");
            }
        }
    }
}

#[test]
fn all_filters_are_what_is_shipped_and_the_bundle() {
    let folder = tempfile::TempDir::new().unwrap();
    let into = folder.path().display().to_string();
    let (output, _) = meshward(&["init", "--host", "envoy", "--output-dir", &into]);
    assert_eq!(output.status.code(), Some(0));
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy-test/envoy/bundle.yaml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    assert_eq!(files(folder.path()), [("envoy.yaml".to_owned(), shipped)]);
}

/// As the steps say: what init writes admits the caller that it is written for, and what has nothing personal
/// in it reaches him, on the host whose manifest it is.
#[test]
fn what_is_written_serves_a_request() {
    let claims = tempfile::NamedTempFile::new().unwrap();
    let caller = r#"{"sub":"jane","scope":"orders:read"}"#;
    std::fs::write(claims.path(), caller).unwrap();
    let claims = claims.path().display().to_string();
    let body = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(body.path(), r#"[{"id":1}]"#).unwrap();
    let body = body.path().display().to_string();
    for host in HOSTS {
        for parts in [&[][..], &["--use", "audit,auth,limits,redact"]] {
            let folder = tempfile::TempDir::new().unwrap();
            let into = folder.path().display().to_string();
            let words = ["init", "--host", host, "--output-dir", &into];
            let (_, text) = meshward(&[&words[..], parts].concat());
            let changes_bodies = !["apisix", "kong"].contains(&host);
            let is_told = text.contains("this host cannot change bodies");
            assert_eq!(is_told, !changes_bodies, "{host}: {text}");
            let step = text.split("Try a request: meshward ").nth(1).unwrap();
            let file = step.split(' ').nth(2).unwrap();
            let config = folder.path().join(file).display().to_string();
            let words = ["explain", "-c", &config, "--request", "GET /orders/17"];
            let (output, text) = meshward(&words);
            assert_eq!(output.status.code(), Some(0), "{host}: {text}");
            assert!(text.contains("the client receives 401"), "{host}: {text}");
            // The placeholder of an API key admits nobody.
            let written = std::fs::read_to_string(&config).unwrap();
            std::fs::write(&config, written.replace(NO_KEY, OF_ABC)).unwrap();
            let caller = match host {
                "kong" => ["--header", "x-api-key: abc"],
                _ => ["--claims", &claims],
            };
            let (_, text) = meshward(
                &[
                    &words[..],
                    &caller,
                    &["--body", &body],
                    &["--response-header", "content-type: application/json"],
                ]
                .concat(),
            );
            assert!(text.contains("the client receives 200"), "{host}: {text}");
        }
    }
}

#[test]
fn nothing_that_is_there_is_overwritten_unasked() {
    let folder = tempfile::TempDir::new().unwrap();
    let mine = folder.path().join("apisix.yaml");
    std::fs::write(&mine, "mine").unwrap();
    let into = folder.path().display().to_string();
    let words = ["init", "--host", "apisix", "--output-dir", &into];
    let (output, text) = meshward(&words);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("apisix.yaml is there") && text.contains("--force"),
        "{text}"
    );
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(
        files(folder.path()).len(),
        1,
        "no other file is written either"
    );
    let (output, _) = meshward(&[&words[..], &["--force"]].concat());
    assert_eq!(output.status.code(), Some(0));
    assert_ne!(std::fs::read_to_string(&mine).unwrap(), "mine");
}

/// As on a full disk: the file that is there stays whole, and nothing half-written is left beside it.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_whole_stays_as_it_was() {
    let folder = tempfile::TempDir::new().unwrap();
    let mine = folder.path().join("envoy.yaml");
    std::fs::write(&mine, "mine").unwrap();
    let script =
        "trap '' XFSZ; ulimit -f 1; exec \"$0\" init --host envoy --force --output-dir \"$1\"";
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_meshward")])
        .arg(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("envoy.yaml: "), "{text}");
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
