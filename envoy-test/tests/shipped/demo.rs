//! The demonstration ends with every line as expected.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use envoy_test::paths;
use envoy_test::readme::{self, Step};
use envoy_test::{BUNDLE, FILTERS};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn the_demonstration_is_as_expected_and_the_same_when_it_runs_again_at_once() {
    let first = run(&[]);
    assert_eq!(first, run(&[]));
}

#[test]
fn the_demonstration_with_four_modules_is_as_expected() {
    run(&["--separate"]);
}

/// A demonstration that goes on, until it is dropped.
struct Running {
    process: Child,
    said: String,
    _modules: TempDir,
}

impl Running {
    /// Starts it at free ports, and reads what it says until it waits.
    fn start() -> Self {
        let modules = modules(false);
        let mut process = Command::new(env!("CARGO_BIN_EXE_demo"))
            .args(["--keep", "--free-ports"])
            .env("MESHWARD_MODULES", modules.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        while !said.contains("Ctrl-C ends it.") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        Self {
            process,
            said,
            _modules: modules,
        }
    }

    /// The commands between two of its lines, as it prints them.
    fn commands(&self, from: &str, to: &str) -> String {
        let (_, after) = self.said.split_once(from).unwrap();
        let (_, after) = after.split_once('\n').unwrap();
        after.split_once(to).unwrap().0.trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What bash prints, in the folder of the checkout, where `meshward` is installed.
fn shell(script: &str) -> String {
    let meshward = paths::command_line().unwrap();
    let path = format!(
        "{}:{}",
        meshward.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new("bash")
        .args(["-c", script])
        .current_dir(paths::root())
        .env("PATH", path)
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// What is left running is tried with the very commands that it prints, twice in a minute, and each filter
/// and the chain have a next step.
#[test]
fn what_is_left_running_gives_the_responses_of_the_readme_each_time() {
    for _ in 0..2 {
        let demo = Running::start();
        let printed = shell(&demo.commands("To try, for example:", "Next, with each filter"));
        // Not every output ends its line.
        let expected = readme::steps()
            .unwrap()
            .into_iter()
            .flat_map(|step| step.output);
        let step = Step {
            command: String::new(),
            output: vec![expected.collect()],
        };
        let in_one_line = printed.replace('\n', "");
        assert_eq!(step.difference(&in_one_line), None, "{printed}");

        let next = demo.commands("Next, with each filter", "To change something");
        let next: Vec<&str> = next.split("# ").skip(1).collect();
        let shows = [
            ("jwt-auth", "credential_missing"),
            ("token-bucket", "meshward_token_bucket_requests_total"),
            ("pii-redactor", "[EMAIL]"),
            ("audit-emitter", "alice"),
            ("the chain", "deny_by_default): set"),
        ];
        assert_eq!(next.len(), shows.len());
        for (step, (filter, shown)) in next.into_iter().zip(shows) {
            let (heading, command) = step.split_once('\n').unwrap();
            assert!(heading.starts_with(filter), "{heading}");
            let printed = shell(command);
            assert!(printed.contains(shown), "{command}: {printed}");
        }
    }
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

/// A folder with nothing but the modules that `make demo` builds.
fn modules(is_separate: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let names = match is_separate {
        true => &FILTERS[..],
        false => &[BUNDLE],
    };
    for name in names {
        let module = paths::wasm(name).unwrap();
        let link = folder.path().join(module.file_name().unwrap());
        std::os::unix::fs::symlink(module, link).unwrap();
    }
    folder
}

fn run(arguments: &[&str]) -> String {
    let modules = modules(arguments.contains(&"--separate"));
    let demo = Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(arguments)
        .env("MESHWARD_MODULES", modules.path())
        .output()
        .unwrap();
    let table = String::from_utf8_lossy(&demo.stdout);
    assert!(
        demo.status.success() && table.contains("as expected"),
        "{table}\n{}",
        String::from_utf8_lossy(&demo.stderr)
    );
    same_statuses_as_explained(&table);
    table.into_owned()
}
