//! Holds, and the ledger that they and all other orders are written to.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod bed;

use bed::{Bed, KEYS, SIGN, chain_of, joined, sequence};
use trail::synthetic::{Random, Request};

/// A hold on one record keeps it and nothing else, and the chain still verifies.
#[test]
fn a_hold_keeps_only_what_it_must() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["a"; 40]);
    lines.push(emitter.close().text);
    assert_eq!(lines.len(), 50);
    bed.write("trail.ndjson", joined(&lines));
    let chain = emitter.chain_uid().to_owned();
    let hold = format!("hold {KEYS} {SIGN} --name case-7 --at 2023-01-01 --apply");
    bed.run(&format!("{hold} --chain {chain}:46-46 ledger.ndjson"))
        .expect(0);
    let purge = format!("purge {KEYS} {SIGN} --at 2024-01-01 trail.ndjson");
    let dry = bed.run(&purge).expect(0).out;
    // Number 42 is the last signed record before it: 35 requests are before that, and all others
    // but the one on hold go one by one.
    for said in [
        "35 records before number 42".to_owned(),
        "4 records behind one on hold".to_owned(),
        format!("1 record stays: the hold \"case-7\" keeps {chain}:46"),
        "39 records to delete".to_owned(),
    ] {
        assert!(dry.contains(&said), "{said}: {dry}");
    }
    bed.run(&format!("{purge} --apply")).expect(0);
    let left: Vec<u64> = bed.read("trail.ndjson").lines().map(sequence).collect();
    assert_eq!(left, [42, 46, 48, 49]);
    let verify = format!("verify {KEYS} --at 2024-01-01 --ledger ledger.ndjson trail.ndjson");
    let outcome = bed.run(&format!("{verify} --json")).expect(0);
    assert_eq!(outcome.number("records.expired"), 42);
    assert_eq!(outcome.number("records.removed"), 4);
    // Again there is nothing to do, and it says why.
    let again = bed.run(&format!("{purge} --apply")).expect(0).out;
    assert!(
        again.contains("0 records to delete") && again.contains("1 record stays"),
        "{again}"
    );
    let erase =
        format!("erase {KEYS} {SIGN} --at 2025-01-01 --record {chain}:46 --apply trail.ndjson");
    let held = bed.run(&erase).expect(1).out;
    assert!(held.contains("1 records are on hold"), "{held}");
    // When the hold ends, it goes as any other.
    let release = hold.replace("2023-01-01", "2024-01-01");
    bed.run(&format!("{release} --release ledger.ndjson"))
        .expect(0);
    bed.run(&format!("{purge} --apply")).expect(0);
    let left: Vec<u64> = bed.read("trail.ndjson").lines().map(sequence).collect();
    assert_eq!(left, [48, 49]);
    bed.run(&verify).expect(0);
}

#[test]
fn a_hold_stops_erasing_and_a_changed_ledger_everything() {
    let (bed, lines) = Bed::with_trail(&["jane", "john"]);
    bed.run(&format!(
        "hold {KEYS} {SIGN} --name case-7 --subject jane --apply trail.ndjson"
    ))
    .expect(0);
    let again = bed
        .run(&format!(
            "hold {KEYS} {SIGN} --name case-7 --apply ledger.ndjson"
        ))
        .expect(2)
        .err;
    assert!(again.contains("already"), "{again}");
    let held = bed
        .run(&format!(
            "erase {KEYS} {SIGN} --subject jane --apply trail.ndjson"
        ))
        .expect(1)
        .out;
    assert!(held.contains("1 records are on hold"), "{held}");
    assert_eq!(bed.read("trail.ndjson"), joined(&lines));
    let changed = bed.read("ledger.ndjson").replace("case-7", "case-8");
    bed.write("ledger.ndjson", changed);
    let refused = bed
        .run(&format!(
            "erase {KEYS} {SIGN} --subject john --apply trail.ndjson"
        ))
        .expect(2)
        .err;
    assert!(refused.contains("does not verify"), "{refused}");
}

/// A hold that was ended and ordered again holds, whatever the clocks of the two said.
#[test]
fn a_hold_holds_from_its_place_in_the_ledger_on() {
    let (bed, lines) = Bed::with_trail(&["jane", "john"]);
    let hold = format!("hold {KEYS} {SIGN} --name case-7 --apply");
    bed.run(&format!(
        "{hold} --subject jane --at 2022-01-01 trail.ndjson"
    ))
    .expect(0);
    bed.run(&format!("{hold} --release --at 2022-02-01 ledger.ndjson"))
        .expect(0);
    // An entry before the last one would say two things: one by its place, another by its time.
    let before = bed.read("ledger.ndjson");
    let again = format!("{hold} --subject jane trail.ndjson");
    let refused = bed.run(&format!("{again} --at 2022-01-31")).expect(2).err;
    assert!(
        refused.contains("last entry is of 2022-02-01T00:00:00Z")
            && refused.contains("2022-01-31T00:00:00Z"),
        "{refused}"
    );
    assert_eq!(bed.read("ledger.ndjson"), before);
    bed.run(&format!("{again} --at 2022-02-01")).expect(0);
    let erase = format!("erase {KEYS} {SIGN} --subject jane --at 2022-03-01 --apply trail.ndjson");
    let held = bed.run(&erase).expect(1).out;
    assert!(held.contains("1 records are on hold"), "{held}");
    assert_eq!(bed.read("trail.ndjson"), joined(&lines));
}

/// A hold by what records say keeps those that are written after it too.
#[test]
fn standing_holds_keep_later_records() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["jane", "john"]);
    bed.write("trail.ndjson", joined(&lines));
    let hold = format!("hold {KEYS} {SIGN} --apply --at 2021-02-01");
    bed.run(&format!(
        "{hold} --name person --subject jane --standing trail.ndjson"
    ))
    .expect(0);
    bed.run(&format!(
        "{hold} --name ward --path /patients/7/** ledger.ndjson"
    ))
    .expect(0);
    // A ledger is never erased, so it names nobody.
    assert!(!bed.read("ledger.ndjson").contains("jane"));
    let later = |subject: &str, path: &str| Request {
        subject: Some(subject.to_owned()),
        path: path.to_owned(),
        ..Request::some(&mut Random(3))
    };
    for request in [
        later("jane", "/orders/1"),
        later("john", "/patients/7/notes"),
        later("john", "/patients/70"),
        later("mary", "/patients/%37/labs"),
    ] {
        lines.push(emitter.request(&request).text);
    }
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let erase = format!("erase {KEYS} {SIGN} --at 2024-01-01 --subject");
    let held = bed.run(&format!("{erase} jane trail.ndjson")).expect(1).out;
    assert!(
        held.contains("0 records to erase") && held.contains("2 records are on hold"),
        "{held}"
    );
    let some = bed.run(&format!("{erase} john trail.ndjson")).expect(2).out;
    assert!(
        some.contains("2 records to erase parts") && some.contains("1 records are on hold"),
        "{some}"
    );
    let purge = format!("purge {KEYS} {SIGN} --at 2024-01-01 trail.ndjson --apply");
    let out = bed.run(&purge).expect(0).out;
    assert!(
        out.contains("\"person\" keeps") && out.contains("\"ward\" keeps"),
        "{out}"
    );
    // The open record, jane's two, the two of the ward, and the last one, which is signed.
    let left: Vec<u64> = bed.read("trail.ndjson").lines().map(sequence).collect();
    assert_eq!(left, [0, 1, 3, 4, 6, 7]);
    bed.run(&format!(
        "verify {KEYS} --ledger ledger.ndjson --at 2024-01-01 trail.ndjson"
    ))
    .expect(0);
    let later_hold = hold.replace("2021-02-01", "2024-06-01");
    // A class is held whole, and `verify` knows the class of a chain.
    bed.run(&format!(
        "{later_hold} --name all-hipaa --class hipaa ledger.ndjson"
    ))
    .expect(0);
    let out = bed.run(&purge.replace("2024", "2025")).expect(0).out;
    assert!(out.contains("0 records to delete"), "{out}");
    bed.run(&format!("{hold} --name bad --path patients ledger.ndjson"))
        .expect(2);
}

/// A hold on a name that is spelled otherwise holds nothing, and is said to.
#[test]
fn a_hold_on_an_unknown_name_is_told() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["jane"]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let hold = format!("hold {KEYS} {SIGN} --name case");
    let told = bed
        .run(&format!("{hold} --class hippa trail.ndjson"))
        .expect(0)
        .err;
    assert!(told.contains("did you mean \"hipaa\""), "{told}");
    let chain = "00112233445566778899aabbccddeeff";
    let told = bed
        .run(&format!("{hold} --chain {chain}:1-2 trail.ndjson"))
        .expect(0)
        .err;
    assert!(
        told.contains("no such chain") && told.contains(emitter.chain_uid()),
        "{told}"
    );
    let known = format!(
        "{hold} --class hipaa --chain {} trail.ndjson",
        emitter.chain_uid()
    );
    assert_eq!(bed.run(&known).expect(0).err, "");
}

/// A full disk leaves the ledger as it was; half a line that a crash left is told with what to do.
#[test]
#[cfg(unix)]
fn a_ledger_is_written_whole_or_not_at_all() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["jane"]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let hold = format!("hold {KEYS} {SIGN} --apply trail.ndjson");
    bed.run(&format!("{hold} --name one")).expect(0);
    let before = bed.read("ledger.ndjson");
    // One more block, in which no entry ends.
    let blocks = before.len() / 512 + 1;
    let text = "x".repeat(2_000);
    let script = format!(
        "trap '' XFSZ; ulimit -f {blocks}; exec {} audit {hold} --name two --reason {text}",
        env!("CARGO_BIN_EXE_meshward")
    );
    let limited = std::process::Command::new("bash")
        .args(["-c", &script])
        .env("POSIXLY_CORRECT", "1")
        .current_dir(bed.folder.path())
        .output()
        .unwrap();
    assert_eq!(
        limited.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&limited.stderr)
    );
    assert_eq!(bed.read("ledger.ndjson"), before);
    bed.run(&format!("{hold} --name two")).expect(0);
    let whole = bed.read("ledger.ndjson");
    bed.write("ledger.ndjson", format!("{whole}{}", &before[..100]));
    let refused = bed.run(&format!("{hold} --name three")).expect(2).err;
    let remedy = format!("truncate -s {} ledger.ndjson", whole.len());
    assert!(refused.contains(&remedy), "{refused}");
}

/// A ledger that is not where it should be has the holds, wherever it is.
#[test]
fn a_ledger_that_is_not_there_is_not_begun_by_accident() {
    let (bed, lines) = Bed::with_trail(&["jane", "john"]);
    bed.run(&format!(
        "hold {KEYS} {SIGN} --name case --subject jane trail.ndjson --apply"
    ))
    .expect(0);
    let elsewhere = SIGN.replace("ledger.ndjson", "leger.ndjson");
    let orders = [
        format!("purge {KEYS} {elsewhere} --at 2024-01-01"),
        format!("erase {KEYS} {elsewhere} --subject jane"),
        format!("hold {KEYS} {elsewhere} --name other"),
    ];
    for order in &orders {
        let dry = bed.run(&format!("{order} trail.ndjson")).expect(0).err;
        assert!(dry.contains("no hold is known"), "{dry}");
        let refused = bed.run(&format!("{order} trail.ndjson --apply"));
        let refused = refused.expect(2).err;
        assert!(
            refused.contains("leger.ndjson: there is no ledger there")
                && refused.contains("--new-ledger"),
            "{refused}"
        );
        assert_eq!(bed.read("trail.ndjson"), joined(&lines));
        assert!(!bed.path("leger.ndjson").exists());
    }
    // Nor is one begun where there is one.
    let again = format!("hold {KEYS} {SIGN} --name other trail.ndjson --apply --new-ledger");
    let refused = bed.run(&again).expect(2).err;
    assert!(refused.contains("is there already"), "{refused}");
    let [.., hold] = &orders;
    bed.run(&format!("{hold} trail.ndjson --apply --new-ledger"))
        .expect(0);
    bed.run(&format!("{hold} --release leger.ndjson --apply"))
        .expect(0);
}

/// A record that has the template of its path, or whose path was erased, may be for any path of that template.
#[test]
fn a_hold_by_path_keeps_what_may_be_for_it() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&[]);
    for path in [
        "/patients/{id}",
        "/patients/{id}/notes",
        "/erased",
        "/orders/{id}",
    ] {
        let request = Request {
            path: path.to_owned(),
            ..Request::some(&mut Random(3))
        };
        lines.push(emitter.request(&request).text);
    }
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let hold = format!("hold {KEYS} {SIGN} --name case --at 2023-01-01 --apply trail.ndjson");
    let told = bed
        .run(&format!("{hold} --path /patients/7/**"))
        .expect(0)
        .out;
    assert!(told.contains("3 of 4 records of requests"), "{told}");
    let purge = format!("purge {KEYS} {SIGN} --at 2024-01-01 --apply trail.ndjson");
    bed.run(&purge).expect(0);
    let left = bed.read("trail.ndjson");
    let left: Vec<u64> = left.lines().map(sequence).collect();
    assert!(
        [1, 2, 3].iter().all(|number| left.contains(number)),
        "{left:?}"
    );
    assert!(!left.contains(&4), "{left:?}");
    let hold = hold.replace("case", "other").replace("2023", "2025");
    let told = bed
        .run(&format!("{hold} --path /patient/7/x/**"))
        .expect(0)
        .err;
    assert!(
        !told.contains("no record"),
        "the path that was erased: {told}"
    );
    let lines = bed::closed_chain(&["jane"]);
    bed.write("trail.ndjson", joined(&lines));
    bed.write("ledger.ndjson", "");
    let told = bed
        .run(&format!("{hold} --path /patient/7/x/**"))
        .expect(0)
        .err;
    assert!(
        told.contains("no record in the files is for such a path"),
        "{told}"
    );
}

/// A ledger with a number that readers of doubles write as another one would fail from then on.
#[test]
fn a_hold_has_numbers_that_all_readers_keep() {
    let (bed, _) = Bed::with_trail(&["jane"]);
    let chain = "09".repeat(16);
    let hold = format!("hold {KEYS} {SIGN} --name case-7 --apply ledger.ndjson --chain {chain}:0-");
    for number in ["9007199254740992", "18446744073709551615"] {
        let refused = bed.run(&format!("{hold}{number}")).expect(2).err;
        assert!(refused.contains("up to 9007199254740991"), "{refused}");
    }
    assert_eq!(bed.read("ledger.ndjson"), "");
    bed.run(&format!("{hold}9007199254740991")).expect(0);
}
