//! A folder in which `meshward audit` runs as people call it, and small trails.

#![allow(dead_code, reason = "no test uses all of it")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use policy::json::Json;
use tempfile::TempDir;
use trail::synthetic::{Emitter, Random, Request, emitter_key};

pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) struct Bed {
    pub(crate) folder: TempDir,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    /// With the files that [`KEYS`] names, of the emitter's key and a new operator's, whose secret is in
    /// `dpo.secret`, and a ledger without an entry.
    pub(crate) fn with_keys() -> Self {
        let bed = Self::new();
        bed.keys();
        bed.write("ledger.ndjson", "");
        bed
    }

    /// Makes the files of keys.
    pub(crate) fn keys(&self) {
        let made = self.run("keygen --secret dpo.secret --operator --id dpo");
        assert_eq!(made.code, 0, "{}", made.err);
        let emitter = format!(
            r#"{{"keys":[{{"id":"{}","public_key":"{}"}}]}}"#,
            emitter_key().id(),
            emitter_key().public().to_hex()
        );
        self.write("emitter.json", emitter);
        self.write("operator.json", made.out);
    }

    /// With keys, and the records of these subjects in `trail.ndjson`, which come with it.
    pub(crate) fn with_trail(subjects: &[&str]) -> (Self, Vec<String>) {
        let bed = Self::with_keys();
        let lines = closed_chain(subjects);
        bed.write("trail.ndjson", joined(&lines));
        (bed, lines)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The name of the folder in the one that it is in.
    pub(crate) fn name(&self) -> &str {
        self.folder.path().file_name().unwrap().to_str().unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn run(&self, arguments: &str) -> Outcome {
        self.run_with(arguments, &[])
    }

    /// The same, with a log key in the environment.
    pub(crate) fn run_in(&self, arguments: &str, log_key: &str) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
            .arg("audit")
            .args(arguments.split(' '))
            .current_dir(self.folder.path())
            .env("LOG_KEY", log_key)
            .output()
            .unwrap();
        Outcome::of(output)
    }

    /// Runs `meshward audit` in the folder; the words are separated by spaces.
    pub(crate) fn run_with(&self, arguments: &str, input: &[u8]) -> Outcome {
        let mut child = Command::new(env!("CARGO_BIN_EXE_meshward"))
            .arg("audit")
            .args(arguments.split(' ').filter(|word| !word.is_empty()))
            .current_dir(self.folder.path())
            .env("PSEUDONYM_KEY", PSEUDONYM_KEY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        Outcome::of(output)
    }
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> Json {
        Json::parse(self.out.as_bytes()).unwrap()
    }

    pub(crate) fn number(&self, path: &str) -> u64 {
        self.json().at(path).unwrap().to_string().parse().unwrap()
    }
}

pub(crate) const PSEUDONYM_KEY: &str = "hV7nXq2LrT9cZb4WmK6sYd3PfG8jRt5Q";
/// Orders are given at a time that has come, so what they are about is older still: 2020-09-13.
pub(crate) const LONG_AGO_MS: u64 = 1_600_000_000_000;
pub(crate) const KEYS: &str = "--keys emitter.json --keys operator.json";
pub(crate) const SIGN: &str = "--ledger ledger.ndjson --sign-key dpo.secret --sign-key-id dpo";

/// A chain of these subjects in 2020, each with one request, whose records are kept for a second; with
/// a checkpoint after each fifth.
pub(crate) fn chain_of(subjects: &[&str]) -> (Emitter, Vec<String>) {
    let mut emitter = Emitter::new(8, "hipaa", Some(emitter_key()));
    emitter.time_ms = LONG_AGO_MS;
    emitter.keep_ms = Some(1_000);
    let mut random = Random(5);
    let mut lines = vec![emitter.open(None).text];
    for (subject, number) in subjects.iter().zip(1_usize..) {
        let request = Request {
            subject: Some((*subject).to_owned()),
            path: format!("/patients/{subject}"),
            ..Request::some(&mut random)
        };
        lines.push(emitter.request(&request).text);
        if number.is_multiple_of(5) {
            lines.push(emitter.checkpoint().text);
        }
    }
    (emitter, lines)
}

/// The same, ended.
pub(crate) fn closed_chain(subjects: &[&str]) -> Vec<String> {
    let (mut emitter, mut lines) = chain_of(subjects);
    lines.push(emitter.close().text);
    lines
}

pub(crate) fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A record as a line of a log.
pub(crate) fn logged(record: &str) -> String {
    audit::log_line::whole(record, None)
}

/// The number of a record in its chain.
pub(crate) fn sequence(line: &str) -> u64 {
    let record = Json::parse(line.as_bytes()).unwrap();
    record.at("metadata.sequence").unwrap().as_u64().unwrap()
}
