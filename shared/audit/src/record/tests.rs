use proptest::prelude::*;

use super::*;
use crate::canonical::Writer;
use crate::keys::SigningKey;
use crate::{Chain, Committed, Event, Lost, Range, Sealed, Statement, Target};

/// The record of a request, with what matters of one.
fn request(chain: &mut Chain, number: u64) -> Sealed {
    let actor = r#"{"user":{"name":"jane","type_id":1}}"#;
    let path = r#""/patients/jane""#;
    let source = r#"{"ip":"192.0.2.1"}"#;
    let mut committed = Committed::default();
    committed.commit(Group::Subject, [1; 16], &[("/actor", Some(actor))]);
    committed.commit(
        Group::Source,
        [2; 16],
        &[
            ("/http_request/user_agent", None),
            ("/src_endpoint", Some(source)),
        ],
    );
    committed.commit(
        Group::Url,
        [3; 16],
        &[
            ("/http_request/url/path", Some(path)),
            ("/http_request/url/query_string", None),
        ],
    );
    committed.commit(Group::Consent, [4; 16], &[("/unmapped/consent", None)]);
    let mut writer = Writer::with_capacity(64);
    writer.object(|writer| {
        writer.cut_member("actor", |writer| writer.fragment(actor));
        writer.member("http_request", |writer| {
            writer.object(|writer| {
                writer.member("url", |writer| {
                    writer.object(|writer| {
                        writer.text_member("hostname", "h\n\u{1f}é");
                        writer.cut_member("path", |writer| writer.fragment(path));
                    });
                });
            });
        });
        writer.member("metadata", |writer| {
            writer.object(|writer| {
                writer.number_member("sequence", chain.next_sequence());
                writer.text_member("uid", &chain.next_uid());
            });
        });
        writer.cut_member("src_endpoint", |writer| writer.fragment(source));
        writer.number_member("time", number);
        writer.member("unmapped", |writer| {
            writer.object(|writer| {
                chain.write_integrity(writer, &committed, false);
                writer.member("retention", |writer| {
                    writer.object(|writer| {
                        writer.text_member("class", "hipaa");
                        writer.number_member("expires", 5_000);
                    });
                });
            });
        });
    });
    chain.seal(writer, None)
}

fn event(chain: &mut Chain, control: &Control, key: Option<&SigningKey>) -> Sealed {
    let event = Event {
        control,
        time_ms: 7,
        class: "hipaa",
        product: "audit-emitter",
        product_version: "1",
    };
    chain.add_event(&event, key)
}

fn key() -> SigningKey {
    SigningKey::from_seed(Some("k1"), &[7; 32])
}

fn open() -> Control {
    Control::Open {
        emitter: "e".to_owned(),
        node: None,
        config_sha256: Hash::plain(b"{}"),
        heartbeat_ms: 60_000,
        predecessor: None,
        pseudonym_key: String::new(),
        peers: crate::Peers::default(),
    }
}

fn short_chain() -> Vec<Sealed> {
    let mut chain = Chain::new([9; 16]);
    vec![
        event(&mut chain, &open(), Some(&key())),
        request(&mut chain, 1),
        request(&mut chain, 2),
        event(
            &mut chain,
            &Control::Checkpoint(Statement {
                records: 2,
                ..Statement::default()
            }),
            Some(&key()),
        ),
    ]
}

#[test]
fn a_chain_fits_together_and_says_what_it_holds() {
    let records: Vec<Record> = short_chain()
        .iter()
        .map(|sealed| Record::check_text(&sealed.text).unwrap())
        .collect();
    assert_eq!(records[0].previous, Hash::NONE);
    for pair in records.windows(2) {
        assert_eq!(pair[0].fingerprint, pair[1].previous);
        assert_eq!(pair[0].sequence + 1, pair[1].sequence);
    }
    assert_eq!(records[1].class, "hipaa");
    assert_eq!(
        (records[1].expires_ms, records[1].time_ms),
        (Some(5_000), 1)
    );
    assert_eq!(records[0].control, Some(open()));
    let public = key().public();
    assert!(records[3].is_signed_by(&public));
    assert!(!records[1].is_signed_by(&public));
    assert!(!records[3].is_signed_by(&SigningKey::from_seed(None, &[8; 32]).public()));
    assert_eq!(records[3].signature.as_ref().unwrap().0, "k1");
}

/// What is written down there is what other programs rely on: it changes with the version only.
#[test]
fn the_format_does_not_change_by_itself() {
    let page = include_str!("../../README.md");
    let example = page.lines().find(|line| line.starts_with(r#"{"actor""#));
    assert_eq!(example, Some(short_chain()[1].text.as_str()));
}

#[test]
fn every_changed_byte_is_noticed() {
    for sealed in short_chain() {
        for position in 0..sealed.text.len() {
            for change in [1_u8, 0x20] {
                let mut bytes = sealed.text.clone().into_bytes();
                bytes[position] ^= change;
                let Ok(text) = String::from_utf8(bytes) else {
                    continue;
                };
                let noticed = match Record::check_text(&text) {
                    Err(_) => true,
                    Ok(record) => {
                        record.signature.is_some() && !record.is_signed_by(&key().public())
                    }
                };
                assert!(noticed, "{text}");
            }
        }
    }
}

#[test]
fn what_is_erased_is_gone_and_the_rest_still_fits() {
    let sealed = &short_chain()[1];
    let whole = Json::parse(sealed.text.as_bytes()).unwrap();
    for group in Group::ALL {
        let mut erased = whole.clone();
        group.erase(&mut erased);
        let text = canonical::to_string(&erased);
        let record = Record::check_text(&text).unwrap();
        assert_eq!(record.fingerprint, sealed.fingerprint);
        let expected = if matches!(group, Group::Consent | Group::DataSubject) {
            vec![]
        } else {
            vec![group]
        };
        assert_eq!(record.erased, expected);
    }
    let mut all = whole;
    Group::ALL.iter().for_each(|group| group.erase(&mut all));
    let text = canonical::to_string(&all);
    for personal in ["jane", "192.0.2.1", "0101", "0202", "0303"] {
        assert!(!text.contains(personal), "{text}");
    }
    // Erasing again changes nothing.
    Group::ALL.iter().for_each(|group| group.erase(&mut all));
    assert_eq!(canonical::to_string(&all), text);
    assert_eq!(Record::check_text(&text).unwrap().erased.len(), 3);
}

#[test]
fn a_value_needs_a_commitment_and_a_salt() {
    let text = &short_chain()[1].text;
    for (from, to, expected) in [
        (
            "jane\",\"type",
            "joan\",\"type",
            Fault::WrongValue("subject"),
        ),
        ("0101", "0102", Fault::WrongValue("subject")),
        (
            r#""subject":"01010101010101010101010101010101","#,
            "",
            Fault::Unvouched("subject"),
        ),
        (
            r#""src_endpoint":{"ip":"192.0.2.1"},"#,
            "",
            Fault::Unvouched("source"),
        ),
        (
            r#""unmapped":{"#,
            r#""unmapped":{"consent":{"gpc":true},"#,
            Fault::Unvouched("consent"),
        ),
        (
            r#""url":{"hostname"#,
            r#""user_agent":"x","url":{"hostname"#,
            Fault::WrongValue("source"),
        ),
        (r#""version":1"#, r#""version":2"#, Fault::NewerVersion(2)),
        (
            r#""version":1"#,
            r#""version":0"#,
            Fault::NotARecord("unmapped.record_integrity.version"),
        ),
        (r#""time":1"#, r#""time":3"#, Fault::WrongFingerprint),
        (r#""time":1"#, r#""time": 1"#, Fault::NotCanonical),
        (r"\u001f", r"\u001F", Fault::NotCanonical),
        (
            r#""sequence":1"#,
            r#""sequence":2"#,
            Fault::NotARecord("metadata.uid"),
        ),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(&changed, text);
        assert_eq!(
            Record::check_text(&changed).unwrap_err(),
            expected,
            "{changed}"
        );
    }
    let signed = &short_chain()[3].text;
    let start = signed.find(r#""signature""#).unwrap();
    let end = signed.find(r#""version":1}"#).unwrap();
    let unsigned = format!("{}{}", &signed[..start], &signed[end..]);
    assert_eq!(
        Record::check_text(&unsigned).unwrap_err(),
        Fault::NoSignature
    );
}

#[test]
fn what_is_said_about_chains_survives_the_record() {
    let grounds =
        [("by", "dpo"), ("ticket", "T-1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let uid = "09".repeat(16);
    let targets = vec![Target {
        chain_uid: uid.clone(),
        ranges: vec![Range(1, 3), Range(7, 7)],
    }];
    let statement = Statement {
        records: 3,
        sampled_out: 2,
        lost: [("queue_full".to_owned(), 4)].into(),
        disclosed: [("US_SSN".to_owned(), 9)].into(),
        disclosed_people: [("US_SSN".to_owned(), 2)].into(),
        previous_checkpoint: 1,
        emitter: "e".to_owned(),
        heartbeat_ms: 60_000,
        keep_ms: 7,
        keep_at_least_ms: 6,
        pseudonym_key: "2026:00112233445566778899aabbccddeeff".to_owned(),
        peers: crate::Peers {
            siblings: vec![crate::Head {
                chain_uid: uid.clone(),
                sequence: 7,
                fingerprint: Hash::NONE,
            }],
            emitters: vec!["f".to_owned()],
        },
    };
    let all = [
        open(),
        Control::Checkpoint(statement.clone()),
        Control::Heartbeat(Statement::default()),
        Control::Close {
            statement,
            reason: "shutdown".to_owned(),
        },
        Control::Gap(Lost {
            reason: "rejected".to_owned(),
            count: 3,
            chain_uid: Some(uid.clone()),
            ranges: vec![Range(1, 3)],
            kept: Some("host_log".to_owned()),
            from_ms: 1,
            to_ms: 2,
        }),
        Control::ConfigChange {
            from: Hash::plain(b"a"),
            to: Hash::plain(b"b"),
        },
        Control::Tombstone {
            chain_uid: uid.clone(),
            sequence: 1,
            previous: Hash::NONE,
            core: Hash::NONE,
            grounds: grounds.clone().into(),
        },
        Control::Erasure {
            targets: targets.clone(),
            groups: vec!["subject".to_owned()],
            grounds: grounds.clone().into(),
        },
        Control::Purge {
            chain_uid: uid,
            checkpoint: 3,
            fingerprint: Hash::NONE,
            grounds: grounds.clone().into(),
        },
        Control::Hold {
            hold: "h".to_owned(),
            targets,
            standing: Vec::new(),
            grounds: grounds.clone().into(),
        },
        Control::Release {
            hold: "h".to_owned(),
            grounds: grounds.into(),
        },
    ];
    let mut chain = Chain::new([1; 16]);
    for control in all {
        for key in [None, Some(&key())] {
            let sealed = event(&mut chain, &control, key);
            let record = Record::check_text(&sealed.text).unwrap();
            assert_eq!(record.control.as_ref(), Some(&control));
            assert_eq!(record.signature.is_some(), key.is_some());
            assert!(
                sealed
                    .text
                    .contains(&format!(r#""activity_name":"{}""#, control.kind()))
            );
        }
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in any::<String>(), cut in 0_usize..600) {
        let _ = Record::check_text(&text);
        let whole = &short_chain()[1].text;
        let _ = Record::check_text(whole.get(..cut).unwrap_or_default());
    }
}
