//! Whatever keeps the records of a trail, they are read from it, and a change of them shows.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::path::PathBuf;

use trail::issue::Kind;
use trail::rewrite::Beside;
use trail::source::{Source, files_of};
use trail::synthetic::{Emitter, Random, Request, emitter_key};

use bed::{RECORDS, folder, verify, verify_source};

mod bed;

/// The files, with how many of their records are spelled anew.
const FILES: [(&str, u64); 65] = [
    ("trail.ndjson", 0),
    ("trail.ndjson.gz", 0),
    ("trail.ndjson.zst", 0),
    ("array.json", 0),
    ("array-of-lines.json", 0),
    ("blank-lines.ndjson", 0),
    ("byte-order-mark.ndjson", 0),
    ("byte-order-marks.ndjson", 0),
    ("clickhouse-compact.ndjson", 0),
    ("clickhouse.csv", 0),
    ("clickhouse.json", 0),
    ("clickhouse.ndjson", 0),
    ("cloudevents-base64.ndjson", 0),
    ("cloudevents.json", 0),
    ("cloudevents.ndjson", 0),
    ("collector-bytes.json", 0),
    ("collector-structured.json", 0),
    ("collector.binpb", 0),
    ("collector.json", 0),
    ("cri-istio-json.log", 0),
    ("cri.log", 0),
    ("crlf.ndjson", 0),
    ("docker.json.log", 0),
    ("elastic-message.ndjson", 0),
    ("elastic-search.json", 0),
    ("elastic.ndjson", RECORDS),
    ("envoy-json.log", 0),
    ("envoy.log", 0),
    ("escapes.ndjson", RECORDS),
    ("exponents.ndjson", RECORDS),
    ("filelog.json", 0),
    ("fluent-bit.json", 0),
    ("fluentd.log", 0),
    ("istio-json.log", 0),
    ("journald.json", 0),
    ("journald.log", 0),
    ("loki.json", 0),
    ("order.ndjson", RECORDS),
    ("pretty-array.json", 1),
    ("pretty.json", 1),
    ("quoted.ndjson", 0),
    ("requests.binpb", 0),
    ("postgres.tsv", 0),
    ("record-first.tsv", 0),
    ("semicolons.csv", 0),
    ("spaces.ndjson", RECORDS),
    ("splunk.csv", 0),
    ("splunk.json", 0),
    ("splunk.ndjson", 0),
    ("commas.json", 0),
    ("concatenated.json", 0),
    ("concatenated-collector.json", 0),
    ("concatenated-events.json", 0),
    ("fluent-bit-file.log", 0),
    ("inserts.sql", 0),
    ("journald.export", 0),
    ("logcli.log", 0),
    ("logfmt.log", 0),
    ("mysql.sql", 0),
    ("octet-counts.log", 0),
    ("pretty-collector.json", 0),
    ("pretty-concatenated.json", 1),
    ("pretty-sequence.json-seq", 1),
    ("sequence.json-seq", 0),
    ("syslog.log", 0),
];

#[test]
fn every_container_is_read() {
    for (name, reserialised) in FILES {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let verdict = verify(bytes);
        assert_eq!(verdict.exit_code, 0, "{name}: {:#?}", verdict.issues);
        let seen = &verdict.records.seen;
        assert_eq!(seen.valid, RECORDS, "{name}");
        assert_eq!(seen.reserialised, reserialised, "{name}");
        assert_eq!(seen.unproven, 0, "{name}");
    }
}

/// What is in the directory is in the table.
#[test]
fn every_file_is_tested() {
    let files = files_of(&[folder()]).unwrap();
    let names = files
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap());
    for name in names.filter(|name| *name != "make.py") {
        assert!(FILES.iter().any(|(file, _)| *file == name), "{name}");
    }
}

#[test]
fn a_directory_is_all_its_files() {
    let files = files_of(&[folder()]).unwrap();
    let files = files.into_iter().filter(|file| !file.ends_with("make.py"));
    let verdict = verify_source(Source::new(files.collect()));
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
    let seen = &verdict.records.seen;
    assert_eq!(seen.valid, RECORDS);
    assert_eq!(seen.duplicates, RECORDS * (FILES.len() as u64 - 1));
}

/// Wherever a piece of a line ends up, also in another chunk than the rest.
#[test]
fn pieces_are_joined_across_chunks() {
    for name in ["docker.json.log", "cri.log"] {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let noise = match name {
            "cri.log" => "2026-11-24T21:00:00.000000000Z stdout F noise\n".to_owned(),
            _ => "{\"log\":\"noise\\n\",\"stream\":\"stdout\",\"time\":\"2026\"}\n".to_owned(),
        };
        for ahead in (0..40).map(|step| 256 * 1024 - step * 1024) {
            let noise = noise.repeat(ahead / noise.len());
            let verdict = verify([noise.as_bytes(), &bytes].concat());
            assert_eq!(
                verdict.exit_code, 0,
                "{name} {ahead}: {:#?}",
                verdict.issues
            );
            assert_eq!(verdict.records.seen.valid, RECORDS, "{name} {ahead}");
        }
    }
}

/// A runtime begins a new file between the pieces of a line, and the newest file may have the first name.
#[test]
fn a_line_that_is_spread_over_files_is_whole_again() {
    for name in ["docker.json.log", "cri.log", "cri-istio-json.log"] {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for size in [2, 3, 5] {
            assert_whole(name, &lines, size);
        }
    }
}

/// All records are read from files of so many lines each, whichever file comes first.
fn assert_whole(name: &str, lines: &[&[u8]], lines_per_file: usize) {
    let directory = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    for (number, part) in lines.chunks(lines_per_file).enumerate() {
        let file = directory.path().join(format!("{number:03}.log"));
        std::fs::write(&file, part.concat()).unwrap();
        files.push(file);
    }
    for turn in 0..2 {
        let verdict = verify_source(Source::new(files.clone()));
        assert_eq!(
            (verdict.exit_code, verdict.records.seen.valid),
            (0, RECORDS),
            "{name} {lines_per_file} {turn}: {:#?}",
            verdict.issues
        );
        files.reverse();
    }
}

/// A runtime that cuts lines into many pieces begins more than one new file within a line.
#[test]
fn a_line_that_is_spread_over_many_files_is_whole_again() {
    let text = std::fs::read_to_string(folder().join("envoy.log")).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let pieces: Vec<&[u8]> = line.as_bytes().chunks(400).collect();
        for (number, piece) in pieces.iter().enumerate() {
            let tag = if number + 1 == pieces.len() { "F" } else { "P" };
            let piece = std::str::from_utf8(piece).unwrap();
            lines.push(format!(
                "2026-11-24T21:00:00.123456789Z stderr {tag} {piece}\n"
            ));
        }
    }
    let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    for size in [1, 2, 3, 5] {
        assert_whole("envoy.log", &lines, size);
    }
}

/// The end of one container's log and the beginning of another's have nothing to do with each other.
#[test]
fn lines_of_two_containers_stay_two() {
    let bytes = std::fs::read(folder().join("cri.log")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let cut =
        b"2026-11-24T21:00:00.000000000Z stderr P [2026-11-24 21:00:00.000][7][info] a line that ";
    let files = [cut.as_slice(), b"\n", &bytes].concat();
    let other = directory.path().join("a.log");
    std::fs::write(&other, &files[..=cut.len()]).unwrap();
    let first = directory.path().join("b.log");
    let without_noise = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    std::fs::write(&first, &bytes[without_noise..]).unwrap();
    let verdict = verify_source(Source::new(vec![other, first]));
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
    assert_eq!(verdict.records.seen.valid, RECORDS);
}

/// What a file has in the place of what was not written, or was cut away below the program that writes.
#[test]
fn bytes_of_zero_take_nothing_else_away() {
    for name in ["trail.ndjson", "envoy.log", "cri.log", "splunk.csv"] {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        for zeros in [1, 5000, 300 << 10, 70 << 20] {
            let verdict = verify([vec![0; zeros], bytes.clone()].concat());
            assert_eq!(verdict.exit_code, 0, "{name}: {:#?}", verdict.issues);
            assert_eq!(verdict.records.seen.valid, RECORDS, "{name} {zeros}");
        }
        let ends = memchr(&bytes);
        for end in ends {
            let (before, behind) = bytes.split_at(end + 1);
            let verdict = verify([before, &[0; 4096], behind].concat());
            assert_eq!(verdict.exit_code, 0, "{name} {end}: {:#?}", verdict.issues);
        }
    }
    // A record that was lost halfway is said to be, and the next one is there.
    let text = std::fs::read_to_string(folder().join("trail.ndjson")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let torn = format!("{}\0\0\0{}", &lines[1][..200], text);
    let verdict = verify(torn.into_bytes());
    assert_eq!(verdict.records.seen.valid, RECORDS);
    assert_eq!(verdict.issue_counts.get(&Kind::CutOff), Some(&1));
    assert_eq!(verdict.exit_code, 2, "{:#?}", verdict.issues);
}

fn memchr(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let bytes = bytes.iter().enumerate();
    bytes.filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at)
}

/// What is read is also found when it is to go.
#[test]
fn what_is_read_is_written_anew() {
    let zeros = |name: &str| {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        [vec![0; 100], bytes].concat()
    };
    let csv = |name: &str| std::fs::read(folder().join(name)).unwrap();
    for (bytes, is_log) in [
        (zeros("trail.ndjson"), false),
        (zeros("envoy.log"), true),
        (zeros("cri.log"), true),
        (csv("clickhouse.csv"), false),
        (csv("postgres.tsv"), false),
        (csv("record-first.tsv"), false),
        (csv("semicolons.csv"), false),
        (csv("splunk.csv"), true),
        (csv("commas.json"), false),
        (csv("concatenated.json"), false),
        (csv("concatenated-collector.json"), false),
        (csv("concatenated-events.json"), false),
        (csv("fluent-bit-file.log"), false),
        (csv("inserts.sql"), false),
        (csv("journald.export"), false),
        (csv("logcli.log"), false),
        (csv("mysql.sql"), false),
        (csv("octet-counts.log"), false),
        (csv("sequence.json-seq"), false),
        (csv("syslog.log"), false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, &bytes).unwrap();
        let mut seen = 0;
        // What is no JSON takes what stands behind it in its line along.
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let other = if lines < RECORDS {
            "SHOP-WEB"
        } else {
            "SHOP\"WEB"
        };
        let done = trail::rewrite::rewrite(&file, Beside::Ignored, |_, text| {
            seen += 1;
            match seen {
                2 => trail::rewrite::Fate::Drop,
                3 => trail::rewrite::Fate::Replace(text.replace("shop-web", other)),
                _ => trail::rewrite::Fate::Keep,
            }
        })
        .unwrap();
        assert_eq!(
            (seen, done.dropped, done.replaced),
            (RECORDS, 1, 1),
            "{lines}"
        );
        let changed = std::fs::read(&file).unwrap();
        let has = |part: &[u8]| changed.windows(part.len()).any(|window| window == part);
        assert_eq!(has(audit::log_line::REMOVED.as_bytes()), is_log);
        let verdict = verify(changed.clone());
        assert_eq!(
            verdict.records.seen.valid,
            RECORDS - 2,
            "{:#?}",
            verdict.issues
        );
    }
}

/// What has the words of a record in a form that is not read is told, and does not count as a line of somebody else.
#[test]
fn what_was_not_read_is_told() {
    let text = std::fs::read_to_string(folder().join("trail.ndjson")).unwrap();
    let quoted = text.replace('"', "&quot;");
    let lines: Vec<String> = quoted
        .lines()
        .map(|line| format!("<log>{line}</log>"))
        .collect();
    let xml = lines.join("\n");
    let cri = lines
        .iter()
        .map(|line| format!("2026-11-24T21:00:00.1234Z stdout F {line}\n"));
    let cri: String = cri.collect();
    for unread in [xml, cri] {
        let alone = verify(unread.clone().into_bytes());
        let beside = verify(format!("{unread}\n{text}").into_bytes());
        for verdict in [alone, beside] {
            assert_eq!(verdict.exit_code, 2, "{:#?}", verdict.issues);
            let told = verdict.issue_counts.get(&Kind::Unreadable);
            assert_eq!(told, Some(&RECORDS), "{:#?}", verdict.issues);
        }
    }
    // Nothing is cut off where one value stands behind the other.
    let concatenated = text.replace('\n', "");
    let cut = concatenated[..concatenated.len() - 20].to_owned();
    let verdict = verify(cut.into_bytes());
    assert_eq!(verdict.records.seen.valid, RECORDS - 1);
    assert_eq!(verdict.issue_counts.get(&Kind::CutOff), Some(&1));
}

/// A proxy whose log begins with what a client sends: nobody vouches for it, so it is neither counted nor an alarm.
#[test]
fn values_before_the_words_of_a_log_prove_nothing() {
    let text = std::fs::read_to_string(folder().join("trail.ndjson")).unwrap();
    let record = text.lines().nth(1).unwrap().replace("shop-web", "another");
    for forged in [
        format!("{{}} {record} 200 GET /"),
        format!("{{\"a\":1}},{record}, 200"),
        format!("[{{}}]{record} [2026-11-24] {record} -"),
    ] {
        let verdict = verify(format!("{text}{forged}\n").into_bytes());
        let seen = &verdict.records.seen;
        assert_eq!(
            (verdict.exit_code, seen.valid, verdict.records.invalid),
            (0, RECORDS, 0),
            "{forged}: {:#?}",
            verdict.issues
        );
    }
}

/// Files in which the value stands as text.
fn texts() -> impl Iterator<Item = (&'static str, String)> {
    let files = FILES.into_iter().map(|(name, _)| name);
    let texts =
        files.filter_map(|name| Some((name, std::fs::read_to_string(folder().join(name)).ok()?)));
    texts.filter(|(name, _)| {
        !name.contains("base64")
            && !name.contains("bytes")
            && !name.ends_with(".binpb")
            && *name != "journald.json"
    })
}

#[test]
fn a_changed_value_shows_in_every_container() {
    for (name, text) in texts() {
        let changed = text.replacen("shop-web", "shop-wob", 1);
        assert_ne!(changed, text, "{name}");
        let verdict = verify(changed.into_bytes());
        assert_eq!(verdict.exit_code, 1, "{name}: {:#?}", verdict.issues);
    }
}

#[test]
fn names_that_come_twice_and_numbers_that_were_cut_are_no_spelling() {
    let text = std::fs::read_to_string(folder().join("trail.ndjson")).unwrap();
    let changes: [(&str, &str); 6] = [
        (r#"{"action_id":"#, r#"{"action_id":9,"action_id":"#),
        (r#""type_uid":"#, r#""time":1,"type_uid":"#),
        (r#""time":1800"#, r#""time":1.8001e12,"x":"#),
        (r#""time":1800"#, r#""time":1800.5e"#),
        (r#""time":1800"#, r#""time":-1800"#),
        (r#""time":1800"#, r#""time":0.1800"#),
    ];
    for (from, to) in changes {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let verdict = verify(changed.into_bytes());
        assert_eq!(verdict.exit_code, 1, "{from} {to}: {:#?}", verdict.issues);
    }
}

#[test]
fn a_file_that_ends_too_early_is_not_complete() {
    for name in ["trail.ndjson.gz", "trail.ndjson.zst"] {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        for less in [1, 5, 100, bytes.len() / 2, bytes.len() - 20] {
            let verdict = verify(bytes[..bytes.len() - less].to_vec());
            assert_ne!(verdict.exit_code, 0, "{name} {less}: {:#?}", verdict.issues);
        }
    }
}

/// A runtime cuts lines by bytes, also within a character.
#[test]
fn a_line_that_is_cut_within_a_character_is_whole_again() {
    let mut emitter = Emitter::new(8, "hipaa", Some(emitter_key()));
    let request = Request {
        subject: Some("jan\u{20ac}".to_owned()),
        ..Request::some(&mut Random(3))
    };
    let lines = [
        emitter.open(None).text,
        emitter.request(&request).text,
        emitter.close().text,
    ];
    for cut in 1..3 {
        let mut log = Vec::new();
        for line in &lines {
            let line = audit::log_line::whole(line, None).into_bytes();
            let at = line
                .windows(3)
                .position(|three| three == "\u{20ac}".as_bytes());
            let (first, rest) = line.split_at(at.map_or(0, |at| at + cut));
            for (tag, text) in [("P", first), ("F", rest)] {
                log.extend_from_slice(b"2026-11-24T21:00:00.123456789Z stderr ");
                log.extend([tag.as_bytes(), b" ", text, b"\n"].concat());
            }
        }
        let verdict = verify(log.clone());
        assert_eq!(verdict.records.seen.valid, 3, "{:#?}", verdict.issues);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cri.log");
        std::fs::write(&file, log).unwrap();
        let mut seen = Vec::new();
        let done = trail::rewrite::rewrite(&file, Beside::Ignored, |_, text| {
            seen.push(text.to_owned());
            trail::rewrite::Fate::Keep
        });
        assert!(done.is_ok());
        assert_eq!(seen, lines);
    }
}
