//! The demonstration ends with every line as expected.

use std::process::Command;

use envoy_test::paths;
use serde_json::Value;

#[test]
fn the_demonstration_is_as_expected() {
    run(&[]);
}

#[test]
fn the_demonstration_with_four_modules_is_as_expected() {
    run(&["--separate"]);
}

/// `meshward explain` says of the same requests what this Envoy does with them.
fn same_statuses_as_explained(table: &str) {
    let path = paths::root().join("shared/cli/tests/explained/demo.toml");
    let explained: Value = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let requests = explained["request"].as_array().unwrap();
    assert!(requests.len() >= 7);
    for request in requests {
        let row = request["row"].as_str().unwrap();
        let status = request["status"].as_u64().unwrap();
        let line = table.lines().find(|line| line.contains(row));
        let line = line.unwrap_or_else(|| panic!("{row} is not in {table}"));
        let is_same = match row.contains("every other byte") {
            // Its table tells of the body alone, which there is with 200 only.
            true => status == 200 && line.ends_with("as the upstream sent it"),
            false => line
                .split("  ")
                .any(|cell| cell.trim().starts_with(&status.to_string())),
        };
        assert!(is_same, "{status}: {line}");
    }
}

fn run(arguments: &[&str]) {
    let demo = Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(arguments)
        .output()
        .unwrap();
    let table = String::from_utf8_lossy(&demo.stdout);
    assert!(
        demo.status.success() && table.contains("as expected"),
        "{table}\n{}",
        String::from_utf8_lossy(&demo.stderr)
    );
    same_statuses_as_explained(&table);
}
