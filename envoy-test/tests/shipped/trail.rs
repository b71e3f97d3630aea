//! The service `trail` of `docker-compose.yaml`: a trail is verified without a compiler.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use envoy_test::{output_of, paths};

use crate::{texts, yaml};

fn run(dist: &Path, trail: &Path) -> Output {
    Command::new("sh")
        .arg(paths::root().join("envoy-test/compose/trail.sh"))
        .args([dist, trail])
        .output()
        .unwrap()
}

/// An archive of a release with a command that says what it is asked for.
fn archive(dist: &Path, script: &str) {
    let machine = output_of(Command::new("uname").arg("-m")).unwrap();
    let machine = String::from_utf8(machine).unwrap();
    let name = format!("meshward-1.2.3-{}-unknown-linux-musl", machine.trim());
    let folder = dist.join(&name);
    fs::create_dir(&folder).unwrap();
    let program = folder.join("meshward");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(dist).arg("-czf");
    tar.arg(dist.join(format!("{name}.tar.gz"))).arg(&name);
    output_of(&mut tar).unwrap();
}

#[test]
fn it_verifies_and_then_reports_and_ends_as_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let trail = folder.path().join("records.jsonl");
    fs::write(&trail, "").unwrap();
    archive(folder.path(), r#"echo "$@"; [ "$2" = report ] || exit 3"#);
    let output = run(folder.path(), &trail);
    let said = String::from_utf8(output.stdout).unwrap();
    let trail = trail.display();
    assert_eq!(
        said,
        format!("audit verify {trail}\n\naudit report {trail}\n")
    );
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn what_is_missing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let trail = folder.path().join("records.jsonl");
    let told = |expected: &str| {
        let output = run(folder.path(), &trail);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(expected), "{told}");
    };
    told("make it with: make dist");
    archive(folder.path(), "exit 9");
    told("there is no");
}

#[test]
fn the_container_has_the_packages_and_the_trail() {
    let services = &yaml("docker-compose.yaml")["services"];
    let trail = &services["trail"];
    assert_eq!(
        trail["image"], services["upstream"]["image"],
        "nothing more to pull"
    );
    let words = texts(&trail["entrypoint"]);
    assert_eq!(
        words,
        ["sh", "/compose/trail.sh", "/dist", "/trail/records.jsonl"]
    );
    assert_eq!(
        texts(&trail["volumes"]),
        [
            "./compose:/compose:ro",
            "../dist:/dist:ro",
            "../target/trail:/trail:ro"
        ]
    );
}
