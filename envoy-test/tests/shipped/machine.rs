//! A machine for scripts to run on: a folder of programs that is all there is on `PATH`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use envoy_test::paths;
use tempfile::TempDir;

/// What every machine has, and the scripts use.
const BASE: [&str; 22] = [
    "awk", "bash", "basename", "cat", "cp", "dirname", "env", "find", "grep", "head", "id",
    "install", "ldd", "ln", "mkdir", "mktemp", "mv", "readlink", "rm", "sed", "sort", "sleep",
];

pub(crate) const RUSTC: &str =
    "case $1 in --version) echo 'rustc 1.95.0 (59807616e 2026-04-14)' ;; *) echo / ;; esac";
pub(crate) const PYTHON: &str = "case $2 in *version_info*) echo 3.11 ;; esac";

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

pub(crate) struct Machine {
    /// Where the programs of the imitated machine are, which is all of its `PATH`.
    pub(crate) folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Machine {
    pub(crate) fn bare() -> Self {
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

    pub(crate) fn complete() -> Self {
        COMPLETE
            .iter()
            .fold(Self::bare(), |machine, (name, script)| {
                machine.with(name, script)
            })
    }

    /// Has a program, which does this.
    pub(crate) fn with(self, name: &str, script: &str) -> Self {
        let program = self.folder.path().join(name);
        let _ = fs::remove_file(&program);
        fs::write(&program, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    pub(crate) fn without(self, names: &[&str]) -> Self {
        for name in names {
            fs::remove_file(self.folder.path().join(name)).unwrap();
        }
        self
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Runs a script with arguments: how it ended, and what it said.
    pub(crate) fn run(&self, script: &Path, arguments: &[&str]) -> (i32, String) {
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
    pub(crate) fn needs(&self, goals: &[&str]) -> String {
        // Of a checkout in which nothing was built or fetched yet.
        let checkout = scripts();
        let script = checkout.path().join("envoy-test/setup/needs.sh");
        let (status, said) = self.run(&script, goals);
        assert_eq!(
            status,
            i32::from(said.contains("lacks something")),
            "{said}"
        );
        said
    }
}

pub(crate) fn file(path: &str) -> PathBuf {
    paths::root().join("envoy-test").join(path)
}

#[track_caller]
pub(crate) fn all_in(said: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(said.contains(wanted), "{wanted} is not in:\n{said}");
    }
}

/// A checkout with nothing but the scripts, where they may write.
pub(crate) fn scripts() -> TempDir {
    let checkout = tempfile::tempdir().unwrap();
    let cargo = paths::root().join("Cargo.toml");
    fs::copy(cargo, checkout.path().join("Cargo.toml")).unwrap();
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
