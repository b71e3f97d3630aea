//! `meshward audit` as people call it: files, arguments, words and exit statuses.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

#[path = "../bed/mod.rs"]
mod bed;
mod believed;
mod rewritten;

use std::path::Path;

use bed::{Bed, KEYS, PSEUDONYM_KEY, SIGN, chain_of, closed_chain, joined, logged};
use policy::json::Json;
use trail::synthetic::{Emitter, Random, Request, write_trail};

/// Whose request is the first of those in the containers.
const SUBJECT_IN_CONTAINERS: &str = "2026:975835de1c9756cebfc846100bfc1e42";

fn trail(requests: u64) -> Vec<u8> {
    let mut text = Vec::new();
    write_trail(&mut text, requests, 3).unwrap();
    text
}

fn otlp(lines: &[String]) -> String {
    let log = |line: &String| {
        let mut body = String::new();
        audit::canonical::push_string(&mut body, line);
        format!(
            r#"{{"timeUnixNano":"0","observedTimeUnixNano":"18446744073709551615","body":{{"stringValue":{body}}}}}"#
        )
    };
    let logs: Vec<String> = lines.iter().map(log).collect();
    format!(
        "{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{}]}}]}}]}}\n",
        logs.join(",")
    )
}

#[test]
fn help_and_wrong_usage() {
    let bed = Bed::new();
    let help = bed.run("--help").expect(0).out;
    for command in [
        "verify", "report", "coverage", "purge", "erase", "hold", "keygen",
    ] {
        assert!(help.contains(command), "{command}: {help}");
        let help = bed.run(&format!("{command} --help")).expect(0).out;
        assert!(help.contains("Usage: meshward audit"), "{help}");
    }
    for wrong in [
        "",
        "verfy x",
        "verify",
        "verify --at noon x",
        "verify --key zz x",
        "keygen",
    ] {
        let outcome = bed.run(wrong);
        assert_eq!(
            outcome.code,
            if wrong.starts_with("verify --") {
                2
            } else {
                64
            },
            "{wrong}"
        );
        assert!(!outcome.err.is_empty(), "{wrong}");
    }
    let emitters = bed.run("verify --emitters 0 x").expect(64).err;
    assert!(emitters.contains("at least 1"), "{emitters}");
    assert!(
        bed.run("verfy x").err.contains("verify"),
        "the nearest name"
    );
    let keys = bed.write(
        "keys.json",
        r#"{"keys":[{"public_key":"12","rol":"operator"}]}"#,
    );
    let wrong = bed
        .run(&format!("verify --keys {} x", keys.display()))
        .expect(2)
        .err;
    assert!(
        wrong.contains("keys[0].public_key") && wrong.contains("did you mean \"role\""),
        "{wrong}"
    );
}

#[test]
fn verify_reads_several_forms_and_several_files() {
    let bed = Bed::with_keys();
    let text = String::from_utf8(trail(300)).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let third = lines.len() / 3;
    bed.write("a.ndjson", joined(&lines[..third]));
    bed.write("b.json", otlp(&lines[third..2 * third]));
    let log: Vec<String> = lines[2 * third..]
        .iter()
        .map(|line| format!("[2026-11-24 21:00:00.000][7][critical][wasm] wasm log audit-emitter meshward.audit-emitter: {}\n[x] other", logged(line)))
        .collect();
    bed.write("envoy.log", joined(&log));
    let outcome = bed
        .run(&format!("verify {KEYS} --json a.ndjson b.json envoy.log"))
        .expect(0);
    assert_eq!(outcome.number("records.valid"), lines.len() as u64);
    assert_eq!(outcome.number("records.other_lines"), log.len() as u64);
    // On as many threads as wanted, in any order, and from standard input.
    for threads in [1, 3] {
        let arguments =
            format!("verify {KEYS} --json --threads {threads} envoy.log a.ndjson b.json");
        assert_eq!(bed.run(&arguments).expect(0).json(), outcome.json());
    }
    let outcome = bed
        .run_with(&format!("verify {KEYS} -"), text.as_bytes())
        .expect(0);
    assert!(outcome.out.contains("CLEAN"), "{}", outcome.out);
    // A part of it, alone.
    let part = bed.run(&format!("verify {KEYS} b.json")).expect(1).out;
    assert!(
        part.contains("records are missing, and nothing says why"),
        "{part}"
    );
    bed.run(&format!(
        "verify {KEYS} --excerpt a.ndjson b.json envoy.log"
    ))
    .expect(0);
}

#[test]
fn verify_says_what_is_wrong_with_files() {
    let bed = Bed::with_keys();
    let text = trail(50);
    bed.write("cut.ndjson", &text[..text.len() - 10]);
    let outcome = bed.run(&format!("verify {KEYS} cut.ndjson")).expect(2).out;
    assert!(
        outcome.contains("INCOMPLETE") && outcome.contains("cut_off"),
        "{outcome}"
    );
    bed.write("whole.ndjson", &text);
    let outcome = bed
        .run(&format!("verify {KEYS} whole.ndjson none.ndjson"))
        .expect(2)
        .out;
    assert!(outcome.contains("none.ndjson: cannot be read"), "{outcome}");
    bed.write("zipped.gz", [0x1f, 0x8b, 8, 0, 0]);
    bed.write("zipped.xz", [0xfd, b'7', b'z', b'X', b'Z', 0]);
    let outcome = bed
        .run(&format!("verify {KEYS} whole.ndjson zipped.gz zipped.xz"))
        .expect(2)
        .out;
    assert!(
        outcome.contains("zipped.gz: cannot be read") && outcome.contains("xzcat"),
        "{outcome}"
    );
    let mut changed = text;
    let at = changed.len() / 2;
    changed[at] ^= 1;
    bed.write("changed.ndjson", changed);
    let outcome = bed
        .run(&format!("verify {KEYS} changed.ndjson"))
        .expect(1)
        .out;
    assert!(outcome.contains("FAILED"), "{outcome}");
    let outcome = bed.run("verify whole.ndjson").expect(2).out;
    assert!(outcome.contains("No key was given"), "{outcome}");
}

#[test]
fn keygen_keeps_the_secret() {
    let bed = Bed::new();
    let made = bed.run("keygen --secret edge.secret").expect(0).out;
    let secret = bed.read("edge.secret");
    assert_eq!(secret.trim().len(), 64);
    assert!(!made.contains(secret.trim()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(bed.path("edge.secret"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = bed.run("keygen --secret edge.secret").expect(2).err;
    assert!(again.contains("exists"), "{again}");
    assert_eq!(bed.read("edge.secret"), secret);
    let key = audit::keys::SigningKey::from_text(None, &secret).unwrap();
    assert!(made.contains(&key.public().to_hex()), "{made}");
    bed.run("keygen --secret - --id a/b").expect(2);
}

#[test]
fn paths_are_not_shown_twice() {
    let bed = Bed::with_keys();
    let path = bed.write("trail.ndjson", trail(20));
    assert!(Path::new(&path).is_absolute());
    bed.run(&format!("verify {KEYS} {}", path.display()))
        .expect(0);
}
