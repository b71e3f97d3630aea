//! How long records are kept: minimum and maximum, purges, and what shows that all days are there.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod bed;

use std::process::Command;

use std::path::Path;

use audit::Range;
use bed::{Bed, KEYS, LONG_AGO_MS, SIGN, chain_of, joined, logged};
use trail::synthetic::{Emitter, Random, Request, emitter_key};

#[test]
fn a_purge_deletes_what_is_past_its_time() {
    let bed = Bed::with_keys();
    let subjects = ["a"; 12];
    let (mut emitter, mut lines) = chain_of(&subjects);
    emitter.time_ms += 10_000;
    lines.push(emitter.some_request().text);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let at = trail::time::format(emitter.time_ms);
    let purge = format!("purge {KEYS} {SIGN} --at {at} trail.ndjson");
    let dry = bed.run(&purge).expect(0).out;
    // Twelve are past their time, and ten of them before a signed record.
    assert!(
        dry.contains("10 records to delete") && dry.contains("Dry run"),
        "{dry}"
    );
    assert_eq!(bed.read("trail.ndjson"), joined(&lines));
    bed.run(&format!(
        "hold {KEYS} {SIGN} --name case-7 --at {at} --chain {} --apply ledger.ndjson",
        emitter.chain_uid()
    ))
    .expect(0);
    let held = bed.run(&format!("{purge} --apply")).expect(0).out;
    assert!(held.contains("the hold \"case-7\" keeps"), "{held}");
    bed.run(&format!(
        "hold {KEYS} {SIGN} --name case-7 --at {at} --release --apply ledger.ndjson"
    ))
    .expect(0);
    bed.run(&format!("{purge} --apply")).expect(0);
    assert!(bed.read("trail.ndjson").lines().count() < lines.len() - 10);
    let verify = format!("verify {KEYS} --at {at} --json trail.ndjson");
    let outcome = bed
        .run(&format!("{verify} --ledger ledger.ndjson"))
        .expect(0);
    assert_eq!(outcome.number("records.expired"), 12);
    bed.run(&verify).expect(1);
    // Whoever asks later is told that the list was longer.
    let gone = "Gone by order: 12 records were purged or removed";
    let asked = format!("{KEYS} --at {at} --ledger ledger.ndjson trail.ndjson");
    let report = bed.run(&format!("report {asked}")).expect(0).out;
    assert!(report.contains(gone), "{report}");
    let found = bed.run(&format!("search {asked}")).expect(0).err;
    assert!(found.contains(gone), "{found}");
    let person = "--data-subject 7 --pseudonym-key-env 2026=SUBJECT";
    let accounting = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args(["audit", "disclosures"])
        .args(format!("{person} {asked}").split_whitespace())
        .current_dir(bed.folder.path())
        .env("SUBJECT", "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&accounting.stderr);
    assert!(told.contains(gone), "{told}");
    assert_eq!(accounting.status.code(), Some(2), "{told}");
    // Later all of it is past its time, and the end of the chain stays.
    let later = purge.replace(&at, "2024-01-01");
    bed.run(&format!("{later} --apply")).expect(0);
    assert_eq!(bed.read("trail.ndjson").lines().count(), 1);
    bed.run(&format!("{verify} --ledger ledger.ndjson"))
        .expect(0);
    let nothing = bed.run(&format!("{later} --apply")).expect(0).out;
    assert!(nothing.contains("0 records to delete"), "{nothing}");
}

/// Two rules with one class and different times: what blocks the purge is said.
#[test]
fn a_purge_says_what_stays_and_why() {
    let bed = Bed::with_keys();
    let mut emitter = Emitter::new(8, "hipaa", Some(emitter_key()));
    emitter.time_ms = LONG_AGO_MS;
    let mut lines = vec![emitter.open(None).text];
    for keep_ms in [1_000, 100_000_000_000, 1_000, 1_000] {
        emitter.keep_ms = Some(keep_ms);
        lines.push(emitter.some_request().text);
    }
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let dry = bed
        .run(&format!("purge {KEYS} {SIGN} --at 2022-01-01 trail.ndjson"))
        .expect(0)
        .out;
    assert!(dry.contains("0 records to delete"), "{dry}");
    assert!(
        dry.contains("2 records stay")
            && dry.contains("kept until")
            && dry.contains("retention classes"),
        "{dry}"
    );
}

#[test]
fn nothing_is_purged_over_a_hole() {
    let bed = Bed::with_keys();
    let mut emitter = Emitter::new(8, "hipaa", Some(emitter_key()));
    emitter.time_ms = LONG_AGO_MS;
    emitter.keep_ms = Some(1_000);
    let mut lines = vec![emitter.open(None).text];
    let spilled = emitter.some_request().text;
    lines.push(emitter.some_request().text);
    lines.push(emitter.gap(vec![Range(1, 1)], Some("host_log")).text);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let purge = format!("purge {KEYS} {SIGN} --at 2024-01-01 --apply trail.ndjson");
    let kept = bed.run(&purge).expect(0).out;
    assert!(kept.contains("others are missing before number"), "{kept}");
    bed.write("envoy.log", format!("[x] wasm log: {}\n", logged(&spilled)));
    let done = bed.run(&format!("{purge} envoy.log")).expect(0).out;
    assert!(done.contains("2 records to delete"), "{done}");
    assert!(!bed.read("envoy.log").contains("actor"));
    bed.run(&format!(
        "verify {KEYS} --ledger ledger.ndjson trail.ndjson envoy.log"
    ))
    .expect(0);
}

/// A least time binds whoever erases, unless he says why; the longest time is the purge's.
#[test]
fn a_least_time_is_respected_unless_somebody_says_why() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&[]);
    (emitter.keep_at_least_ms, emitter.keep_ms) = (Some(1_000_000), Some(2_000_000));
    let request = Request {
        subject: Some("jane".to_owned()),
        ..Request::some(&mut Random(3))
    };
    let record = emitter.request(&request);
    assert!(
        record.text.contains(r#""required_until":"#),
        "{}",
        record.text
    );
    lines.push(record.text);
    let uid = format!("{}:1", emitter.chain_uid());
    let written_ms = emitter.time_ms;
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let at = |after_ms: u64| trail::time::format(written_ms + after_ms);
    let during = format!("--at {} trail.ndjson", at(500_000));
    let between = format!("--at {} trail.ndjson", at(1_500_000));
    let after = format!("--at {} trail.ndjson", at(2_500_000));
    for what in [
        "--subject jane",
        "--subject jane --whole",
        &format!("--record {uid}"),
    ] {
        let erase = format!("erase {KEYS} {SIGN} {what}");
        let out = bed.run(&format!("{erase} {during}")).expect(1).out;
        assert!(
            out.contains("Nothing is erased") && out.contains("--reason"),
            "{out}"
        );
        // Saying so is not enough: the ledger says why.
        bed.run(&format!("{erase} --before-expiry {during}"))
            .expect(64);
        bed.run(&format!("{erase} --before-expiry --reason court {during}"))
            .expect(0);
        bed.run(&format!("{erase} {between}")).expect(0);
    }
    let purge = format!("purge {KEYS} {SIGN}");
    let out = bed.run(&format!("{purge} {between}")).expect(0).out;
    assert!(out.contains("No record is past its time"), "{out}");
    let out = bed.run(&format!("{purge} {after}")).expect(0).out;
    assert!(out.contains("1 records to delete"), "{out}");
    bed.run(&format!(
        "erase {KEYS} {SIGN} --subject jane --before-expiry --reason court {during} --apply"
    ))
    .expect(0);
    let ledger = bed.read("ledger.ndjson");
    assert!(
        ledger.contains(r#""before_expiry":"parts of 1 records""#) && ledger.contains("court"),
        "{ledger}"
    );
    bed.run(&format!("verify {KEYS} --ledger ledger.ndjson {during}"))
        .expect(0);
}

/// A time to come would make any record one that is past its time.
#[test]
fn nothing_is_done_for_good_at_a_time_to_come() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["jane"]);
    emitter.keep_ms = Some(1_000_000_000_000_000);
    lines.push(emitter.some_request().text);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let signed = format!("{KEYS} {SIGN} --at 9999-01-01 trail.ndjson");
    for command in [
        format!("erase --subject jane --pseudonym-key-env 2026=PSEUDONYM_KEY --whole {signed}"),
        format!("purge {signed}"),
        format!("hold --name case-7 {signed}"),
    ] {
        // What would be done then can be asked for.
        bed.run(&command).expect(0);
        let refused = bed.run(&format!("{command} --apply")).expect(2).err;
        assert!(refused.contains("has not come yet"), "{refused}");
        assert_eq!(bed.read("trail.ndjson"), joined(&lines));
        assert_eq!(bed.read("ledger.ndjson"), "");
    }
}

/// `--before-expiry` is worth what its reason is.
#[test]
fn a_ground_that_says_nothing_is_none() {
    let bed = Bed::with_keys();
    bed.write("trail.ndjson", "");
    for option in ["reason", "by", "ticket"] {
        for text in ["", "...", "\u{3164}", "\u{200b}"] {
            let erase =
                format!("erase {KEYS} {SIGN} --subject jane --{option}={text} trail.ndjson");
            let refused = bed.run(&erase).expect(64).err;
            assert!(refused.contains("letters or digits"), "{text:?}: {refused}");
        }
    }
}

/// A report in the place of the records would be all that is left of them.
#[test]
fn what_is_read_is_not_overwritten() {
    let (bed, _) = Bed::with_trail(&["jane"]);
    bed.run(&format!(
        "hold {KEYS} {SIGN} --name case-7 --apply ledger.ndjson"
    ))
    .expect(0);
    let files = ["trail.ndjson", "ledger.ndjson", "emitter.json"];
    let before = files.map(|file| bed.read(file));
    let report = format!("report {KEYS} --ledger ledger.ndjson trail.ndjson");
    for file in files {
        for output in [file.to_owned(), format!("../{}/{file}", bed.name())] {
            let refused = bed.run(&format!("{report} -o {output}")).expect(2).err;
            assert!(refused.contains("would be overwritten"), "{refused}");
        }
    }
    assert_eq!(files.map(|file| bed.read(file)), before);
    // A second name of a file keeps what is in it.
    std::fs::hard_link(bed.path("trail.ndjson"), bed.path("report.txt")).unwrap();
    bed.run(&format!("{report} -o report.txt")).expect(0);
    assert_eq!(files.map(|file| bed.read(file)), before);
    assert_ne!(bed.read("report.txt"), before[0]);
}

/// A command that has not read all has not done all, and says what is left.
#[test]
fn a_command_that_has_not_read_all_says_so() {
    let (bed, _) = Bed::with_trail(&["john"]);
    let (_, others) = chain_of(&["jane"]);
    bed.write("cut.ndjson", others[1].get(..200).unwrap());
    let keyed = "--pseudonym-key-env 2026=PSEUDONYM_KEY --data-subject 7";
    for command in [
        format!("erase {KEYS} {SIGN} --subject joan"),
        format!("purge {KEYS} {SIGN} --at 2020-09-13"),
        format!("hold {KEYS} {SIGN} --name case-7 --subject john"),
        format!("report {KEYS}"),
        format!("search {KEYS}"),
        format!("disclosures {KEYS} {keyed}"),
        format!("inventory {KEYS}"),
        format!("coverage {KEYS} --at 2020-09-14 --last 1d"),
    ] {
        let all = bed.run(&format!("{command} trail.ndjson")).expect(0).err;
        assert!(!all.contains("Not all was read"), "{command}: {all}");
        for left in ["missing.ndjson", "cut.ndjson"] {
            let told = bed.run(&format!("{command} trail.ndjson {left}"));
            let told = told.expect(2).err;
            let is_told = told.contains("Not all was read:\n") && told.contains(left);
            assert!(is_told, "{command}: {told}");
        }
    }
    // Lines of logs that nobody vouches for stay as they are, with whom they name.
    bed.write(
        "envoy.log",
        format!(
            "[x] started\n[x] wasm log: {}\n",
            logged(&others[1].replace("jane", "joan"))
        ),
    );
    let erase = format!("erase {KEYS} {SIGN} --subject joan trail.ndjson envoy.log");
    let told = bed.run(&erase).expect(2).err;
    assert!(told.contains("are left as they are"), "{told}");
}

/// Of each day it is said whether there are records that a key vouches for.
#[test]
fn coverage_names_the_days_without_records() {
    let bed = Bed::with_keys();
    let mut emitter = Emitter::new(8, "pci", Some(emitter_key()));
    let day_ms = 86_400_000;
    let first_ms = emitter.time_ms - emitter.time_ms % day_ms;
    let mut lines = vec![emitter.open(None).text];
    for day in [0, 1, 2, 6] {
        emitter.time_ms = first_ms + day * day_ms + 3_600_000;
        if day != 2 {
            lines.push(emitter.some_request().text);
        }
        lines.push(emitter.checkpoint().text);
    }
    // Nobody vouches for what comes after the last signature.
    emitter.time_ms = first_ms + 7 * day_ms + 3_600_000;
    lines.push(emitter.some_request().text);
    bed.write("trail.ndjson", joined(&lines));
    let at = trail::time::format(first_ms + 8 * day_ms);
    let out = bed
        .run(&format!(
            "coverage {KEYS} --at {at} --last 8d --json trail.ndjson"
        ))
        .expect(1);
    for (path, number) in [
        ("days", 8),
        ("with_requests", 3),
        ("with_signs_only", 1),
        ("days_without", 4),
    ] {
        assert_eq!(out.number(path), number, "{path}: {}", out.out);
    }
    let text = bed
        .run(&format!("coverage {KEYS} --at {at} --last 8d trail.ndjson"))
        .expect(1)
        .out;
    assert!(
        text.contains("4  without any record") && text.contains("2027-01-18 to 2027-01-20"),
        "{text}"
    );
    let at = trail::time::format(first_ms + 3 * day_ms);
    bed.run(&format!(
        "coverage {KEYS} --at {at} --last 3d --class pci trail.ndjson"
    ))
    .expect(0);
    bed.run(&format!(
        "coverage {KEYS} --at {at} --last 3d --class hipaa trail.ndjson"
    ))
    .expect(1);
    bed.run(&format!("coverage {KEYS} --last soon trail.ndjson"))
        .expect(2);
}

/// The scheduled purge of the examples is a command that works.
#[test]
fn the_examples_of_a_scheduled_purge_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy-test/retention");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let service = read("meshward-purge.service");
    let job = read("purge-cronjob.yaml");
    assert!(read("meshward-purge.timer").contains("OnCalendar="));
    let of_service = service.split_once("ExecStart=").unwrap().1;
    let of_service = of_service
        .split("\n\n")
        .next()
        .unwrap()
        .replace("\\\n", " ");
    let words: Vec<&str> = of_service.split_whitespace().collect();
    let (program, words) = words.split_first().unwrap();
    assert!(program.ends_with("/meshward"), "{program}");
    // The job runs the same command, a word on each line.
    let arguments = job.split_once("args:\n").unwrap().1.lines().map(str::trim);
    let arguments = arguments.map_while(|line| line.strip_prefix("- "));
    let arguments: Vec<&str> = arguments.map(|word| word.trim_matches('"')).collect();
    assert_eq!(arguments, words);
    let (bed, _) = Bed::with_trail(&["jane"; 12]);
    let keys = format!(
        r#"{{"keys":[{{"id":"{}","public_key":"{}"}}]}}"#,
        emitter_key().id(),
        emitter_key().public().to_hex()
    );
    bed.write("keys.json", keys);
    let command = words[1..].join(" ");
    let command = command
        .replace("/etc/meshward/keys.json", "keys.json --at 2024-01-01")
        .replace("/var/lib/meshward/trail", "trail.ndjson")
        .replace("/var/lib/meshward/ledger.ndjson", "ledger.ndjson")
        .replace("/etc/meshward/operator.secret", "dpo.secret");
    assert!(
        !command.contains("/etc/") && !command.contains("/var/"),
        "{command}"
    );
    let out = bed.run(&command).expect(0).out;
    assert!(
        out.contains("12 records to delete") && out.contains("taken away"),
        "{out}"
    );
    assert_eq!(bed.read("trail.ndjson").lines().count(), 1);
}

/// What is written where records are read from would be read as one.
#[test]
fn nothing_is_written_among_the_records() {
    let bed = Bed::new();
    let (mut emitter, mut lines) = chain_of(&["jane"]);
    lines.push(emitter.close().text);
    std::fs::create_dir_all(bed.path("trail/old")).unwrap();
    bed.write("trail/records.ndjson", joined(&lines));
    for output in ["trail/report.html", "trail/old/report.html"] {
        let refused = bed.run(&format!("report --format html --output {output} trail"));
        let refused = refused.expect(2).err;
        assert!(refused.contains("are read as records"), "{refused}");
    }
    bed.run("report --format html --output report.html trail")
        .expect(0);
}

/// Records of a chain that is here, in a form that nobody reads, are not erased, and that is said. A client, who does
/// not know the ids of chains, raises no alarm.
#[test]
fn records_in_a_form_that_is_not_read_are_told() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["a"; 3]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let said = lines[1].replace('"', "&quot;");
    let logged = format!("started\n<log>{said}</log>\n");
    bed.write("log.xml", &logged);
    let unread = bed
        .run(&format!("verify {KEYS} trail.ndjson log.xml"))
        .expect(2);
    let all = format!("{}{}", unread.out, unread.err);
    assert!(all.contains("in a form that is not read"), "{all}");
    let erased = bed
        .run(&format!(
            "erase {KEYS} {SIGN} --subject nobody --apply trail.ndjson log.xml"
        ))
        .expect(2);
    assert!(erased.err.contains("log.xml:2"), "{}", erased.err);
    let other = format!("{:032x}", 7);
    let forged = format!("started\nrecord_integrity chain_uid {other}\n");
    bed.write("log.xml", &forged);
    bed.run(&format!("verify {KEYS} trail.ndjson log.xml"))
        .expect(0);
}
