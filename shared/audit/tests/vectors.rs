//! The test vectors in `vectors/`: what this crate writes must be what stands there, this crate must
//! judge each as it says, and so must a verifier in another language that knows the README alone.
//!
//! `MESHWARD_WRITE_VECTORS=1 cargo test -p meshward-audit --test vectors` writes them anew.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use audit::canonical::{self, Writer};
use audit::keys::{LogKey, PublicKey, SigningKey};
use audit::record::{Fault, Record};
use audit::{
    Chain, Committed, Control, Event, Group, Hash, Head, Lost, Peers, Range, Statement, Target,
    log_line,
};
use policy::json::Json;
use serde_json::{Value, json};

const CLASS: &str = "hipaa";

fn emitter_key() -> SigningKey {
    SigningKey::from_seed(Some("edge-1"), &[7; 32])
}

fn operator_key() -> SigningKey {
    SigningKey::from_seed(Some("dpo-1"), &[8; 32])
}

/// A chain that writes its records down.
struct Scribe {
    chain: Chain,
    key: Option<SigningKey>,
    product: &'static str,
    lines: Vec<String>,
}

impl Scribe {
    fn new(uid: u8, key: Option<SigningKey>) -> Self {
        Self {
            chain: Chain::new([uid; 16]),
            key,
            product: "audit-emitter",
            lines: Vec::new(),
        }
    }

    fn control(&mut self, control: &Control, signed: bool) {
        let event = Event {
            control,
            time_ms: 1_800_000_000_000 + self.chain.next_sequence(),
            class: CLASS,
            product: self.product,
            product_version: "1.0.0",
        };
        let key = self.key.as_ref().filter(|_| signed);
        let sealed = self.chain.add_event(&event, key);
        self.lines.push(sealed.text);
    }

    /// The record of a request, with a value in every group.
    fn request(&mut self, name: &str) {
        let actor = format!(r#"{{"user":{{"name":"{name}","type_id":1}}}}"#);
        let consent = r#"{"gpc":true,"purposes":["care"]}"#;
        let people = r#"{"uids":["2026:00112233445566778899aabbccddeeff"]}"#;
        let source = r#"{"ip":"192.0.2.1"}"#;
        let agent = r#""curl/8 \"é\" 😀""#;
        let path = format!(r#""/patients/{name}""#);
        let sent = format!(r#""/x/../patients/{name}""#);
        let mut committed = Committed::default();
        committed.commit(
            Group::Consent,
            [1; 16],
            &[("/unmapped/consent", Some(consent))],
        );
        committed.commit(
            Group::DataSubject,
            [5; 16],
            &[("/unmapped/data_subject", Some(people))],
        );
        committed.commit(
            Group::Source,
            [2; 16],
            &[
                ("/http_request/user_agent", Some(agent)),
                ("/src_endpoint", Some(source)),
            ],
        );
        committed.commit(Group::Subject, [3; 16], &[("/actor", Some(&actor))]);
        committed.commit(
            Group::Url,
            [4; 16],
            &[
                ("/http_request/url/path", Some(&path)),
                ("/http_request/url/url_string", Some(&sent)),
            ],
        );
        let chain = &self.chain;
        let mut writer = Writer::with_capacity(1024);
        writer.object(|w| {
            w.cut_member("actor", |w| w.fragment(&actor));
            w.number_member("class_uid", 6003);
            w.member("http_request", |w| {
                w.object(|w| {
                    w.member("url", |w| {
                        w.object(|w| {
                            w.text_member("hostname", "h\n\u{1f}é\u{7f}\u{2028}");
                            w.cut_member("path", |w| w.fragment(&path));
                            w.cut_member("url_string", |w| w.fragment(&sent));
                        });
                    });
                    w.cut_member("user_agent", |w| w.fragment(agent));
                });
            });
            w.member("metadata", |w| {
                w.object(|w| {
                    w.number_member("sequence", chain.next_sequence());
                    w.text_member("uid", &chain.next_uid());
                });
            });
            w.cut_member("src_endpoint", |w| w.fragment(source));
            w.number_member("time", 1_800_000_000_000);
            w.member("unmapped", |w| {
                w.object(|w| {
                    w.cut_member("consent", |w| w.fragment(consent));
                    w.cut_member("data_subject", |w| w.fragment(people));
                    chain.write_integrity(w, &committed, false);
                    w.member("retention", |w| {
                        w.object(|w| {
                            w.text_member("class", CLASS);
                            w.number_member("expires", canonical::MAX_INTEGER);
                        });
                    });
                });
            });
        });
        let sealed = self.chain.seal(writer, None);
        self.lines.push(sealed.text);
    }

    fn head(&self) -> Head {
        self.chain.head().unwrap()
    }
}

fn open(peers: Peers, predecessor: Option<Head>) -> Control {
    Control::Open {
        emitter: "0123456789abcdef01234567".to_owned(),
        node: Some("edge".to_owned()),
        config_sha256: Hash::plain(b"{}"),
        heartbeat_ms: 60_000,
        predecessor,
        peers,
    }
}

fn statement(records: u64, previous_checkpoint: u64, peers: Peers) -> Statement {
    Statement {
        records,
        sampled_out: 2,
        lost: [("queue_full".to_owned(), 3)].into(),
        previous_checkpoint,
        emitter: "0123456789abcdef01234567".to_owned(),
        peers,
    }
}

/// All that an emitter says: a chain with every kind of record, beside another one.
fn emitted() -> (Vec<String>, Vec<String>) {
    let mut sibling = Scribe::new(0x0a, Some(emitter_key()));
    sibling.control(&open(Peers::default(), None), true);
    sibling.request("john");
    sibling.control(
        &Control::Checkpoint(statement(1, 0, Peers::default())),
        true,
    );
    let peers = Peers {
        siblings: vec![sibling.head()],
        emitters: vec!["89abcdef0123456789abcdef".to_owned()],
    };
    let mut chain = Scribe::new(0x09, Some(emitter_key()));
    let predecessor = Head {
        chain_uid: "0b".repeat(16),
        sequence: 41,
        fingerprint: Hash::plain(b"before"),
    };
    chain.control(&open(peers.clone(), Some(predecessor)), true);
    chain.control(
        &Control::ConfigChange {
            from: Hash::plain(b"[]"),
            to: Hash::plain(b"{}"),
        },
        false,
    );
    chain.request("jane");
    chain.request("joan");
    chain.request("jack");
    for (chain_uid, ranges, kept) in [
        (None, vec![Range(3, 3)], Some("host_log")),
        (Some("0b".repeat(16)), vec![Range(40, 41)], Some("host_log")),
        (None, vec![], None),
    ] {
        let gap = Control::Gap(Lost {
            reason: if kept.is_some() {
                "rejected"
            } else {
                "queue_full"
            }
            .to_owned(),
            count: 3,
            chain_uid,
            ranges,
            kept: kept.map(str::to_owned),
            from_ms: 1_800_000_000_000,
            to_ms: 1_800_000_000_001,
        });
        chain.control(&gap, false);
    }
    chain.control(&Control::Checkpoint(statement(3, 0, peers.clone())), true);
    chain.control(&Control::Heartbeat(statement(3, 8, peers.clone())), true);
    chain.request("jill");
    let close = Control::Close {
        statement: statement(4, 9, peers),
        reason: "shutdown".to_owned(),
    };
    chain.control(&close, true);
    (chain.lines, sibling.lines)
}

fn ledger(entries: &[Control]) -> Vec<String> {
    let mut ledger = Scribe::new(0xd0, Some(operator_key()));
    ledger.product = "meshward";
    ledger.control(&Control::open_ledger(), true);
    for entry in entries {
        ledger.control(entry, true);
    }
    ledger.lines
}

fn grounds() -> BTreeMap<String, String> {
    let grounds = [
        ("by", "dpo@example.com"),
        ("reason", "GDPR 17"),
        ("ticket", "T-1"),
    ];
    grounds
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn erased(line: &str, groups: &[Group]) -> String {
    let mut record = Json::parse(line.as_bytes()).unwrap();
    for group in groups {
        group.erase(&mut record);
    }
    canonical::to_string(&record)
}

fn keys() -> Value {
    let of =
        |key: &SigningKey, role: &str| json!({"public_key": key.public().to_hex(), "role": role});
    json!({
        "edge-1": of(&emitter_key(), "emitter"),
        "dpo-1": of(&operator_key(), "operator"),
    })
}

fn hashes() -> Value {
    let uid = [9; 16];
    let core = Hash::core(r#"{"a":1}"#);
    let previous = Hash::plain(b"before");
    let fingerprint = Hash::link(&uid, 258, &previous, &core);
    let key = emitter_key();
    json!({
        "about": "The three hashes, a signature and the tag of a log line, each by itself.",
        "commitment": {
            "salt": "01".repeat(16),
            "value": r#"{"/actor":{"user":{"name":"jane","type_id":1}}}"#,
            "result": Hash::commitment(&[1; 16], r#"{"/actor":{"user":{"name":"jane","type_id":1}}}"#).to_hex(),
        },
        "core_hash": {"core": r#"{"a":1}"#, "result": core.to_hex()},
        "fingerprint": {
            "chain_uid": "09".repeat(16),
            "sequence": 258,
            "previous": previous.to_hex(),
            "core_hash": core.to_hex(),
            "result": fingerprint.to_hex(),
        },
        "signature": {
            "seed": "07".repeat(32),
            "public_key": key.public().to_hex(),
            "default_key_id": key.public().id(),
            "fingerprint": fingerprint.to_hex(),
            "result": key.sign(&fingerprint),
        },
        "log_key": {"seed": "07".repeat(32), "result": key.log_key().to_hex()},
    })
}

fn chains() -> Value {
    let (chain, sibling) = emitted();
    let without = |gone: &[usize]| -> Vec<String> {
        let kept = chain.iter().enumerate();
        let kept = kept.filter(|(at, _)| !gone.contains(at));
        kept.map(|(_, line)| line.clone()).collect()
    };
    let reversed = |lines: &[String]| lines.iter().rev().cloned().collect::<Vec<String>>();
    let with_sibling = |lines: Vec<String>| [lines, sibling.clone()].concat();
    let (uid, other, before) = ("09".repeat(16), "0a".repeat(16), "0b".repeat(16));
    let shuffled = [reversed(&sibling), reversed(&chain), chain[..4].to_vec()].concat();
    let both = |last: u64| json!({ &uid: last, &other: 2 });
    let case =
        |name: &str, lines: &[String], missing: &[String], covered: Value, named: &[&String]| {
            let expect = json!({"missing": missing, "covered": covered, "named": named});
            json!({"name": name, "lines": lines, "expect": expect})
        };
    let whole = with_sibling(chain.clone());
    let beheaded = [chain.clone(), sibling[..1].to_vec()].concat();
    let gap = with_sibling(without(&[3]));
    let hole = with_sibling(without(&[4]));
    let cut = with_sibling(without(&[9, 10, 11]));
    let (both_missing, one_missing) = (
        [format!("{other}:1"), format!("{other}:2")],
        [format!("{uid}:4")],
    );
    let alone = json!({ &uid: 11 });
    let cut_off = "the end of a chain was cut off that signed records beside it name";
    let mut cases = vec![
        case("every kind of record", &whole, &[], both(11), &[&before]),
        case(
            "any order, and some twice",
            &shuffled,
            &[],
            both(11),
            &[&before],
        ),
        case("a gap is told of", &gap, &[], both(11), &[&before]),
        case(
            "a record was taken out",
            &hole,
            &one_missing,
            both(11),
            &[&before],
        ),
        case("the end was cut off", &cut, &[], both(8), &[&before]),
        case(
            "a whole chain was taken away",
            &chain,
            &[],
            alone,
            &[&other, &before],
        ),
        case(
            cut_off,
            &beheaded,
            &both_missing,
            json!({ &uid: 11, &other: 0 }),
            &[&before],
        ),
    ];
    // Whoever has the key can write another history, and not one that others have seen.
    let mut rewritten = Scribe::new(0x0a, Some(emitter_key()));
    rewritten.control(&open(Peers::default(), None), true);
    rewritten.request("nobody");
    rewritten.control(
        &Control::Checkpoint(statement(1, 0, Peers::default())),
        true,
    );
    let rewritten_lines = [chain.clone(), rewritten.lines].concat();
    cases.push(json!({
        "name": "a chain has another record than the one that signed records beside it name",
        "lines": rewritten_lines,
        "refused": "fork",
    }));
    json!({
        "about": "Chains as an emitter signs them, whole and not. `missing` are numbers that no gap record speaks of; `covered` is the last number of each chain that a signature of a known key vouches for; `named` are chains that signed records name and that are not there. A record that signed records of another chain name must be there, and must be the one that they name.",
        "keys": keys(),
        "cases": cases,
    })
}

fn erasures() -> Value {
    let (chain, _) = emitted();
    let uid = "09".repeat(16);
    let record = Record::check_text(&chain[4]).unwrap();
    let checkpoint = Record::check_text(&chain[8]).unwrap();
    let target = |ranges: &[Range]| {
        vec![Target {
            chain_uid: uid.clone(),
            ranges: ranges.to_vec(),
        }]
    };
    let entries = [
        Control::Hold {
            hold: "case-7".to_owned(),
            targets: target(&[Range(3, 3)]),
            standing: Vec::new(),
            grounds: grounds(),
        },
        Control::Erasure {
            targets: target(&[Range(2, 2)]),
            groups: vec!["subject".to_owned(), "url".to_owned()],
            grounds: grounds(),
        },
        Control::Tombstone {
            chain_uid: uid.clone(),
            sequence: 4,
            previous: record.previous,
            core: record.core,
            grounds: grounds(),
        },
        Control::Release {
            hold: "case-7".to_owned(),
            grounds: grounds(),
        },
        Control::Purge {
            chain_uid: uid.clone(),
            checkpoint: 8,
            fingerprint: checkpoint.fingerprint,
            grounds: grounds(),
        },
    ];
    let groups: Vec<Value> = Group::ALL
        .iter()
        .map(|group| json!({"group": group.name(), "before": chain[2], "after": erased(&chain[2], &[*group])}))
        .collect();
    let all = erased(&chain[2], &Group::ALL);
    json!({
        "about": "What is left of a record after erasure, and the operator's ledger in the order in which it is written: what is held is neither erased nor purged until it is released.",
        "keys": keys(),
        "erasures": groups,
        "all_groups": {"before": chain[2], "after": all},
        "ledger": ledger(&entries),
        "tombstone": {
            "removed": chain[4],
            "fingerprint": record.fingerprint.to_hex(),
            "next": chain[5],
        },
    })
}

fn log_lines() -> Value {
    let key = emitter_key().log_key();
    let (chain, _) = emitted();
    let uid = |line: &str| {
        let record = Record::check_text(line).unwrap();
        format!("{}:{}", record.chain_uid, record.sequence)
    };
    let whole = log_line::whole(&chain[2], Some(&key));
    let parts = log_line::write(&uid(&chain[2]), &chain[2], 1_000, Some(&key));
    let untagged = log_line::whole(&chain[2], None);
    let other = SigningKey::from_seed(None, &[9; 32]).log_key();
    let forged = log_line::whole(&chain[2], Some(&other));
    let cut = &whole[..whole.len() - 5];
    let found = |tagged: bool| json!([{"uid": uid(&chain[2]), "tagged": tagged}]);
    json!({
        "about": "Lines of logs; what each holds, and whether the holder of the key tagged it.",
        "log_key": key.to_hex(),
        "lines": [
            {"line": whole, "records": found(true)},
            {"line": format!("[2026-11-29 12:00:00.000][7][critical][wasm] wasm log audit meshward.audit-emitter: {whole}"), "records": found(true)},
            {"line": format!("{whole} while logging request, client: 192.0.2.1, server: , request: \"GET / HTTP/1.1\""), "records": found(true)},
            {"line": format!("x [meshward-audit/1 - 9 {whole}"), "records": found(true)},
            {"line": untagged, "records": found(false)},
            {"line": forged, "records": found(false)},
            {"line": cut, "records": []},
            {"line": "[meshward-audit removed]", "records": []},
            {"line": "GET / \"meshward.audit {}\"", "records": []},
        ],
        "parts": {"lines": parts, "record": chain[2]},
    })
}

fn faults() -> Value {
    let (chain, _) = emitted();
    let request = &chain[2];
    let checkpoint = &chain[8];
    let cases = [
        ("not JSON", format!("{request}}}"), "not_json"),
        (
            "a name twice",
            request.replacen(
                r#""class_uid":6003"#,
                r#""class_uid":6003,"class_uid":6003"#,
                1,
            ),
            "not_json",
        ),
        (
            "white space",
            request.replacen(":", ": ", 1),
            "not_canonical",
        ),
        (
            "another order",
            request
                .replacen(r#"{"actor":"#, r#"{"time":1800000000000,"actor":"#, 1)
                .replacen(r#","time":1800000000000,"unmapped""#, r#","unmapped""#, 1),
            "not_canonical",
        ),
        (
            "an escape that need not be",
            request.replacen("curl", "\\u0063url", 1),
            "not_canonical",
        ),
        (
            "upper-case digits",
            request.replacen("\"previous\":\"", "\"previous\":\"A", 1),
            "not_a_record",
        ),
        (
            "another sequence",
            request.replacen("\"sequence\":2", "\"sequence\":3", 1),
            "not_a_record",
        ),
        (
            "a later version",
            request.replacen("\"version\":1}", "\"version\":2}", 1),
            "newer_version",
        ),
        (
            "a value of the core",
            request.replacen("6003", "6004", 1),
            "wrong_fingerprint",
        ),
        (
            "another chain",
            request.replace(&"09".repeat(16), &"0c".repeat(16)),
            "wrong_fingerprint",
        ),
        (
            "a value of a group",
            request.replacen("\"jane\"", "\"june\"", 1),
            "wrong_value",
        ),
        (
            "a salt without its value",
            request.replacen(r#""actor":{"user":{"name":"jane","type_id":1}},"#, "", 1),
            "unvouched",
        ),
        (
            "a value beside its erasure",
            erased(request, &[Group::Subject]).replacen("\"erased\"", "\"jane\"", 1),
            "unvouched",
        ),
        (
            "a signature taken away",
            {
                let (before, rest) = checkpoint.split_once(",\"signature\":\"").unwrap();
                format!("{before}{}", &rest[129..])
            },
            "no_signature",
        ),
        (
            "a kind that there is not",
            checkpoint.replacen("\"kind\":\"checkpoint\"", "\"kind\":\"chockpoint\"", 1),
            "wrong_fingerprint",
        ),
    ];
    let cases: Vec<Value> = cases
        .into_iter()
        .map(|(name, text, fault)| json!({"name": name, "text": text, "fault": fault}))
        .collect();
    let broken = checkpoint.replacen("\"signature\":\"", "\"signature\":\"00", 1);
    let broken = {
        let (before, after) = broken.split_once("\"signature\":\"").unwrap();
        let (digits, rest) = after.split_once('"').unwrap();
        format!("{before}\"signature\":\"{}\"{rest}", &digits[..128])
    };
    json!({
        "about": "Records that a reader of lines must refuse, and why. What is only spelled otherwise (not_canonical) may be taken after it was brought into the canonical form.",
        "keys": keys(),
        "cases": cases,
        "wrong_signature": broken,
    })
}

fn vectors() -> Vec<(&'static str, Value)> {
    vec![
        ("hashes.json", hashes()),
        ("chains.json", chains()),
        ("erasures.json", erasures()),
        ("log_lines.json", log_lines()),
        ("faults.json", faults()),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().unwrap().iter();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_published_vectors_are_what_this_crate_writes() {
    for (name, value) in vectors() {
        let text = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
        let path = folder().join(name);
        if std::env::var_os("MESHWARD_WRITE_VECTORS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == text,
            "{name} is not up to date: see the top of this file"
        );
    }
}

#[test]
fn this_crate_judges_them_as_they_say() {
    let faults = read("faults.json");
    for case in faults["cases"].as_array().unwrap() {
        let fault = Record::check_text(case["text"].as_str().unwrap()).unwrap_err();
        let word = match fault {
            Fault::NotJson(_) => "not_json",
            Fault::NotARecord(_) => "not_a_record",
            Fault::NewerVersion(_) => "newer_version",
            Fault::NotCanonical => "not_canonical",
            Fault::WrongFingerprint => "wrong_fingerprint",
            Fault::NoSignature => "no_signature",
            Fault::WrongValue(_) => "wrong_value",
            Fault::Unvouched(_) => "unvouched",
            other => panic!("{other}"),
        };
        assert_eq!(case["fault"], word, "{}", case["name"]);
    }
    let key = PublicKey::from_hex(faults["keys"]["edge-1"]["public_key"].as_str().unwrap());
    let record = Record::check_text(faults["wrong_signature"].as_str().unwrap()).unwrap();
    assert!(!record.is_signed_by(&key.unwrap()));

    let logs = read("log_lines.json");
    let key = LogKey::from_text(logs["log_key"].as_str().unwrap()).unwrap();
    for case in logs["lines"].as_array().unwrap() {
        let line = case["line"].as_str().unwrap();
        let found: Vec<Value> = log_line::find(line)
            .filter_map(|found| {
                let record = Record::check_text(found.text?).unwrap();
                let uid = format!("{}:{}", record.chain_uid, record.sequence);
                Some(json!({"uid": uid, "tagged": found.is_tagged_by(&key)}))
            })
            .collect();
        assert_eq!(case["records"], Value::Array(found), "{line}");
    }

    let erasures = read("erasures.json");
    for case in erasures["erasures"].as_array().unwrap() {
        let after = Record::check_text(case["after"].as_str().unwrap()).unwrap();
        let names: Vec<&str> = after.erased.iter().map(|group| group.name()).collect();
        assert_eq!(names, [case["group"].as_str().unwrap()]);
    }
    for line in texts(&erasures["ledger"]) {
        let record = Record::check_text(&line).unwrap();
        assert!(record.is_signed_by(&operator_key().public()));
    }
}

/// Whoever knows the README alone comes to the same results.
#[test]
fn an_independent_verifier_agrees() {
    let output = Command::new("python3")
        .arg(folder().join("check_vectors.py"))
        .output()
        .expect("python3 must be installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{errors}");
    // It has looked at all of them.
    for (name, _) in vectors() {
        assert!(said.contains(&format!("{name}: ok")), "{said}");
    }
}
