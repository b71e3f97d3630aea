//! A chain that writes its records down, and what an emitter and an operator say with it.

use super::*;

/// A chain that writes its records down.
pub(super) struct Scribe {
    pub(super) chain: Chain,
    pub(super) key: Option<SigningKey>,
    pub(super) product: &'static str,
    pub(super) lines: Vec<String>,
}

impl Scribe {
    pub(super) fn new(uid: u8, key: Option<SigningKey>) -> Self {
        Self {
            chain: Chain::new([uid; 16]),
            key,
            product: "audit-emitter",
            lines: Vec::new(),
        }
    }

    pub(super) fn control(&mut self, control: &Control, signed: bool) {
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
    pub(super) fn request(&mut self, name: &str) {
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
                    w.member("findings", |w| {
                        w.fragment(r#"[{"count":2,"direction":"response","kind":"US_SSN","outcome":"seen"}]"#);
                    });
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

    pub(super) fn head(&self) -> Head {
        self.chain.head().unwrap()
    }
}

pub(super) fn open(peers: Peers, predecessor: Option<Head>) -> Control {
    Control::Open {
        emitter: "0123456789abcdef01234567".to_owned(),
        node: Some("edge".to_owned()),
        config_sha256: Hash::plain(b"{}"),
        heartbeat_ms: 60_000,
        predecessor,
        pseudonym_key: "2026:9d7b6e0c4a1f38825be0c1f7a3d45e69".to_owned(),
        peers,
    }
}

pub(super) fn statement(records: u64, previous_checkpoint: u64, peers: Peers) -> Statement {
    Statement {
        records,
        sampled_out: 2,
        lost: [("queue_full".to_owned(), 3)].into(),
        disclosed: [("US_SSN".to_owned(), 2 * records)].into(),
        disclosed_people: [("US_SSN".to_owned(), records)].into(),
        previous_checkpoint,
        emitter: "0123456789abcdef01234567".to_owned(),
        heartbeat_ms: 60_000,
        keep_ms: 220_752_000_000,
        keep_at_least_ms: 189_216_000_000,
        pseudonym_key: "2026:9d7b6e0c4a1f38825be0c1f7a3d45e69".to_owned(),
        peers,
    }
}

/// All that an emitter says: a chain with every kind of record, beside another one.
pub(super) fn emitted() -> (Vec<String>, Vec<String>) {
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

pub(super) fn ledger(entries: &[Control]) -> Vec<String> {
    let mut ledger = Scribe::new(0xd0, Some(operator_key()));
    ledger.product = "meshward";
    ledger.control(&Control::open_ledger(), true);
    for entry in entries {
        ledger.control(entry, true);
    }
    ledger.lines
}

pub(super) fn grounds() -> BTreeMap<String, String> {
    let grounds = [
        ("by", "dpo@example.com"),
        ("reason", "GDPR 17"),
        ("ticket", "T-1"),
    ];
    grounds
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
