//! The documents in `vectors/`, as this crate makes them.

use super::scribe::*;
use super::*;

pub(super) fn erased(line: &str, groups: &[Group]) -> String {
    let mut record = Json::parse(line.as_bytes()).unwrap();
    for group in groups {
        group.erase(&mut record);
    }
    canonical::to_string(&record)
}

pub(super) fn keys() -> Value {
    let of =
        |key: &SigningKey, role: &str| json!({"public_key": key.public().to_hex(), "role": role});
    json!({
        "edge-1": of(&emitter_key(), "emitter"),
        "edge-2": of(&other_emitter_key(), "emitter"),
        "dpo-1": of(&operator_key(), "operator"),
    })
}

/// A chain of one request, and the number of its checkpoint.
fn begun() -> (Scribe, u64) {
    let mut scribe = Scribe::new(0x0a, Some(emitter_key()));
    scribe.control(&open(Peers::default(), None), true);
    scribe.request("somebody");
    scribe.control(
        &Control::Checkpoint(statement(1, 0, Peers::default())),
        true,
    );
    (scribe, 2)
}

pub(super) fn hashes() -> Value {
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

pub(super) fn chains() -> Value {
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
    // Nor does whoever has another emitter's key go on with a chain, or explain what is missing from it.
    let (mut stranger, checkpoint) = begun();
    stranger.key = Some(other_emitter_key());
    stranger.request("nobody");
    stranger.control(
        &Control::Checkpoint(statement(2, checkpoint, Peers::default())),
        true,
    );
    cases.push(json!({
        "name": "a chain goes on with another key",
        "lines": stranger.lines,
        "refused": "key_changed",
    }));
    // Nor does an operator, who has ledgers of his own, to which nobody else adds.
    let release = Control::Release {
        hold: "none".to_owned(),
        grounds: BTreeMap::new(),
    };
    let (mut cut, _) = begun();
    cut.key = Some(operator_key());
    cut.control(&release, true);
    let mut ledger = Scribe::new(0x0d, Some(operator_key()));
    ledger.control(&Control::open_ledger(), true);
    ledger.request("nobody");
    ledger.control(&release, true);
    for (name, lines) in [
        ("an order in the chain of an emitter", cut.lines),
        ("a request in a ledger", ledger.lines),
    ] {
        cases.push(json!({"name": name, "lines": lines, "refused": "wrong_role"}));
    }
    // A signed record states what is not so.
    for (name, change) in [
        (
            "requests",
            (|stated| stated.records += 1) as fn(&mut Statement),
        ),
        ("values of a class", |stated| {
            stated.disclosed.insert("US_SSN".to_owned(), 3);
        }),
        ("people of a class", |stated| {
            stated.disclosed_people.insert("US_SSN".to_owned(), 9);
        }),
        ("another signed record before it", |stated| {
            stated.previous_checkpoint = 0;
        }),
    ] {
        let (mut liar, checkpoint) = begun();
        liar.request("nobody");
        let mut stated = statement(2, checkpoint, Peers::default());
        change(&mut stated);
        liar.control(&Control::Checkpoint(stated), true);
        cases.push(json!({
            "name": format!("a signed record states other totals than the chain has: {name}"),
            "lines": liar.lines,
            "refused": "contradiction",
        }));
    }
    let (whole, _) = begun();
    let mut excuse = Scribe::new(0x0b, Some(other_emitter_key()));
    excuse.control(&open(Peers::default(), None), true);
    excuse.control(
        &Control::Gap(Lost {
            reason: "rejected".to_owned(),
            count: 1,
            chain_uid: Some("0a".repeat(16)),
            ranges: vec![Range(1, 1)],
            ..Lost::default()
        }),
        true,
    );
    let holed = [
        whole.lines[..1].to_vec(),
        whole.lines[2..].to_vec(),
        excuse.lines,
    ]
    .concat();
    cases.push(case(
        "a gap of another emitter explains nothing",
        &holed,
        &[format!("{other}:1")],
        json!({ &other: 2, &before: 1 }),
        &[],
    ));
    json!({
        "about": "Chains as an emitter signs them, whole and not. A chain has one key: what another emitter signs neither goes on with it nor tells what is lost of it. `missing` are numbers that no gap record speaks of; `covered` is the last number of each chain that a signature of a known key vouches for; `named` are chains that signed records name and that are not there. A record that signed records of another chain name must be there, and must be the one that they name.",
        "keys": keys(),
        "cases": cases,
    })
}

pub(super) fn erasures() -> Value {
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

pub(super) fn log_lines() -> Value {
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

pub(super) fn faults() -> Value {
    let (chain, _) = emitted();
    let request = &chain[2];
    let checkpoint = &chain[8];
    // What readers that keep numbers as doubles would write down as another one.
    let mut ledger = Scribe::new(12, Some(operator_key()));
    let chain_uid = "09".repeat(16);
    let ranges = vec![Range(0, canonical::MAX_INTEGER + 1)];
    ledger.control(
        &Control::Hold {
            hold: "case".to_owned(),
            targets: vec![Target { chain_uid, ranges }],
            standing: Vec::new(),
            grounds: BTreeMap::new(),
        },
        true,
    );
    let cases = [
        (
            "a number above 2^53 - 1",
            ledger.lines.remove(0),
            "not_a_record",
        ),
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

pub(super) fn vectors() -> Vec<(&'static str, Value)> {
    vec![
        ("hashes.json", hashes()),
        ("chains.json", chains()),
        ("erasures.json", erasures()),
        ("log_lines.json", log_lines()),
        ("faults.json", faults()),
    ]
}
