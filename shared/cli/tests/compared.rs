//! Mistakes in the shipped manifests, and the tools that find them: the README's table is made of them,
//! and `meshward check` finds what the table says.
//!
//! `MESHWARD_WRITE_TABLES=1 cargo test -p meshward-cli --test compared` writes the table.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

#[derive(Deserialize)]
struct Faults {
    fault: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    what: String,
    manifest: String,
    replace: String,
    with: String,
    code: String,
    envoy: Option<String>,
    istioctl: Option<String>,
    deck: Option<String>,
    kubeconform: Option<String>,
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn faults() -> Vec<Fault> {
    let text = std::fs::read_to_string(here().join("tests/wrong/compared.toml")).unwrap();
    toml::from_str::<Faults>(&text).unwrap().fault
}

#[test]
fn meshward_finds_what_the_table_says() {
    let faults = faults();
    assert!(faults.len() >= 30, "{}", faults.len());
    let mut wrong = Vec::new();
    for fault in &faults {
        let manifest = here().join("../../envoy-test").join(&fault.manifest);
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(
            text.contains(&fault.replace),
            "{}: {}",
            fault.manifest,
            fault.what
        );
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(
            folder.path().join("a.yaml"),
            text.replacen(&fault.replace, &fault.with, 1),
        )
        .unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
            .args(["check", "--allow", "escaped_slashes_kept", "a.yaml"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let is_found = match fault.code.as_str() {
            "" => !told.contains("[MW"),
            code => told.contains(&format!("[{code}]")),
        };
        if !is_found {
            wrong.push(format!("{}, {}: {told}", fault.manifest, fault.what));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_the_readme_is_made_of_the_faults() {
    let mut table = "| mistake | in | `meshward check` | `envoy --mode validate` | istioctl analyze | deck | kubeconform |\n\
                     | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
    for fault in faults() {
        let ours = match fault.code.as_str() {
            "" => "no".to_owned(),
            code => format!("`{code}`"),
        };
        table.push_str(&format!(
            "| {} | {} | {ours} | {} | {} | {} | {} |\n",
            fault.what,
            fault.manifest,
            word(&fault.envoy),
            word(&fault.istioctl),
            word(&fault.deck),
            word(&fault.kubeconform),
        ));
    }
    let path = here().join("README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- compared -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end compared -->").unwrap();
    let made = format!("{before}<!-- compared -->\n{table}<!-- end compared -->{after}");
    if std::env::var_os("MESHWARD_WRITE_TABLES").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    assert!(
        made == page,
        "MESHWARD_WRITE_TABLES=1 writes the table anew"
    );
}
