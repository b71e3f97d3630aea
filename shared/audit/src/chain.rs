//! What ties records together: each holds the hash of the one before it.

use policy::hex;
use policy::json::Json;

use crate::canonical::Writer;
use crate::control::{Control, Head};
use crate::group::Committed;
use crate::hash::Hash;
use crate::keys::SigningKey;

/// The version of the format that this code writes.
pub const VERSION: u64 = 1;

/// A salt for each group that a record may commit to, fresh for every record.
pub type Salts = [[u8; 16]; crate::Group::ALL.len()];

/// A chain, at the end where it grows.
#[derive(Clone, Debug)]
pub struct Chain {
    uid: [u8; 16],
    uid_text: String,
    next: u64,
    head: Hash,
}

/// A record with its place in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Canonical JSON on one line.
    pub text: String,
    /// Its number in the chain.
    pub sequence: u64,
    /// The fingerprint of the sealed record.
    pub fingerprint: Hash,
}

/// What a chain says about itself, or an operator about chains.
#[derive(Debug)]
pub struct Event<'e> {
    /// The control record to append.
    pub control: &'e Control,
    /// When it happened, in milliseconds since 1970.
    pub time_ms: u64,
    /// The retention class of the chain.
    pub class: &'e str,
    /// The program that says it.
    pub product: &'e str,
    /// The version of the product.
    pub product_version: &'e str,
}

impl Chain {
    /// A chain without records. `uid` is random: two chains of one id would look like one that was
    /// forged.
    #[must_use]
    pub fn new(uid: [u8; 16]) -> Self {
        Self::after(uid, 0, Hash::NONE)
    }

    /// A chain that goes on after what was read of it: the next number, and the fingerprint of the
    /// record before.
    #[must_use]
    pub fn after(uid: [u8; 16], next: u64, head: Hash) -> Self {
        Self {
            uid,
            uid_text: hex::encode(&uid),
            next,
            head,
        }
    }

    /// The chain's unique id: 32 hexadecimal digits.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid_text
    }

    /// The number of the next record; the first is 0.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The last record; `None` when there is none yet.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        Some(Head {
            chain_uid: self.uid_text.clone(),
            sequence: self.next.checked_sub(1)?,
            fingerprint: self.head,
        })
    }

    /// The id of the next record: chain and number.
    #[must_use]
    pub fn next_uid(&self) -> String {
        format!("{}:{}", self.uid_text, self.next)
    }

    /// Writes the member `record_integrity` of the next record, with a place for a signature where
    /// there will be one.
    pub fn write_integrity(&self, writer: &mut Writer, committed: &Committed, signed: bool) {
        writer.member("record_integrity", |writer| {
            writer.object(|writer| {
                writer.text_member("chain_uid", &self.uid_text);
                if !committed.is_empty() {
                    writer.member("commitments", |writer| committed.write_commitments(writer));
                }
                writer.fingerprint_member();
                writer.text_member("previous", &self.head.to_hex());
                if !committed.is_empty() {
                    writer.cut_member("salts", |writer| committed.write_salts(writer));
                }
                if signed {
                    writer.signature_member();
                }
                writer.number_member("version", VERSION);
            });
        });
    }

    /// Closes the next record, which `writer` holds whole, and makes it the last of the chain.
    pub fn seal(&mut self, writer: Writer, key: Option<&SigningKey>) -> Sealed {
        let core = Hash::core_in_pieces(writer.core());
        let fingerprint = Hash::link(&self.uid, self.next, &self.head, &core);
        let signature = key
            .filter(|_| writer.wants_signature())
            .map(|key| key.sign(&fingerprint))
            .unwrap_or_default();
        let sealed = Sealed {
            text: writer.finish(&fingerprint.to_hex(), &signature),
            sequence: self.next,
            fingerprint,
        };
        self.head = fingerprint;
        self.next = self.next.saturating_add(1);
        sealed
    }

    /// Adds a record about chains: an event of the base class of OCSF, signed with `key` if there
    /// is one.
    pub fn add_event(&mut self, event: &Event<'_>, key: Option<&SigningKey>) -> Sealed {
        let control = event.control.to_json(key.map(SigningKey::id));
        let mut writer = Writer::with_capacity(1024);
        writer.object(|writer| {
            writer.number_member("activity_id", 99);
            writer.text_member("activity_name", event.control.kind());
            writer.number_member("category_uid", 0);
            writer.number_member("class_uid", 0);
            writer.member("metadata", |writer| {
                writer.object(|writer| {
                    writer.member("product", |writer| {
                        writer.object(|writer| {
                            writer.text_member("name", event.product);
                            writer.text_member("vendor_name", "Meshward");
                            writer.text_member("version", event.product_version);
                        });
                    });
                    writer.number_member("sequence", self.next);
                    writer.text_member("uid", &self.next_uid());
                    writer.text_member("version", "1.8.0");
                });
            });
            writer.number_member("severity_id", event.control.severity_id());
            writer.number_member("time", event.time_ms);
            writer.number_member("type_uid", 99);
            writer.member("unmapped", |writer| {
                writer.object(|writer| {
                    writer.member("control", |writer| writer.fragment(&control));
                    self.write_integrity(writer, &Committed::default(), key.is_some());
                    writer.member("retention", |writer| {
                        writer.object(|writer| writer.text_member("class", event.class));
                    });
                });
            });
        });
        self.seal(writer, key)
    }
}

/// What is no part of the core of a record: what can be erased, and what the core is the input of.
#[must_use]
pub(crate) fn core_of(record: &Json) -> String {
    let mut core = record.clone();
    let erasable = crate::Group::ALL.iter().flat_map(|group| group.pointers());
    for pointer in erasable.chain(&[
        "/unmapped/record_integrity/fingerprint",
        "/unmapped/record_integrity/salts",
        "/unmapped/record_integrity/signature",
    ]) {
        crate::group::remove(&mut core, pointer);
    }
    crate::canonical::to_string(&core)
}
