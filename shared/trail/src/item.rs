//! What a record says about itself, checked against its own hash; the part of the work that can be
//! done for all records at once.

use audit::record::{Fault, Record};
use audit::{Control, Group, Hash};
use policy::json::Json;

use crate::hex::{decode, encode};
use crate::keyring::{Keyring, Vouched};
use crate::scan::{Fields, Shapes};

/// The id of a chain.
pub type ChainUid = [u8; 16];

/// A record that fits its own hash, with what the check of its chain needs.
#[derive(Clone, Debug)]
pub struct Item {
    /// The chain.
    pub chain: ChainUid,
    /// Its number.
    pub sequence: u64,
    /// The fingerprint that the record before it must have.
    pub previous: Hash,
    /// Its own.
    pub fingerprint: Hash,
    /// When, milliseconds since 1970.
    pub time_ms: u64,
    /// Until when it is kept.
    pub expires_ms: Option<u64>,
    /// Groups that have a value.
    pub present: Groups,
    /// Groups that were erased.
    pub erased: Groups,
    /// What it says about chains.
    pub control: Option<Box<ControlItem>>,
}

/// What a record about chains says.
#[derive(Clone, Debug)]
pub struct ControlItem {
    /// What.
    pub control: Control,
    /// The retention class.
    pub class: String,
    /// The id of the key that it names.
    pub key_id: Option<String>,
    /// Who vouches for it.
    pub vouched: Vouched,
}

/// A set of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups(u8);

impl Groups {
    /// All of them.
    pub const ALL: Self = Self(15);

    /// With these.
    #[must_use]
    pub fn of(groups: impl IntoIterator<Item = Group>) -> Self {
        Self(groups.into_iter().fold(0, |set, group| set | bit(group)))
    }

    /// The groups of these names; `None` if one of them is no group.
    #[must_use]
    pub fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Self> {
        let groups: Option<Vec<Group>> = names.into_iter().map(Group::named).collect();
        groups.map(Self::of)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of these that are not among others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those in either.
    #[must_use]
    pub const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Group> {
        Group::ALL
            .into_iter()
            .filter(move |group| self.0 & bit(*group) != 0)
    }
}

const fn bit(group: Group) -> u8 {
    match group {
        Group::Consent => 1,
        Group::Source => 2,
        Group::Subject => 4,
        Group::Url => 8,
    }
}

/// Reads and checks records, with what it has learnt from those before.
#[derive(Debug)]
pub struct Checker<'k> {
    keyring: &'k Keyring,
    shapes: Shapes,
    /// What is hashed, in one piece; kept for its memory.
    hashed: Vec<u8>,
}

impl<'k> Checker<'k> {
    /// A checker that has learnt nothing yet.
    #[must_use]
    pub fn new(keyring: &'k Keyring) -> Self {
        Self {
            keyring,
            shapes: Shapes::default(),
            hashed: Vec::new(),
        }
    }

    /// Reads and checks one line.
    ///
    /// # Errors
    /// It is no record, or one that does not fit its own hash.
    pub fn check(&mut self, text: &str) -> Result<(Item, Option<Fields>), Fault> {
        if let Some((item, fields)) = self.check_fast(text) {
            return Ok((item, Some(fields)));
        }
        let record = Record::check_text(text)?;
        let item = from_record(record, self.keyring)?;
        // A record of a request that is written in an unusual way.
        let fields = match item.control {
            None => self.shapes.scan(text),
            Some(_) => None,
        };
        Ok((item, fields))
    }

    /// Checks the record of a request that is written as audit-emitter writes it. `None`: it is
    /// another, or wrong.
    #[must_use]
    pub fn check_fast(&mut self, text: &str) -> Option<(Item, Fields)> {
        let fields = self.shapes.scan(text)?;
        let item = check_fields(text, &fields, &mut self.hashed)?;
        Some((item, fields))
    }

    /// Checks a record whose spelling does not count.
    ///
    /// # Errors
    /// As for [`Checker::check`].
    pub fn check_json(&self, json: &Json) -> Result<Item, Fault> {
        from_record(Record::check(json)?, self.keyring)
    }
}

fn from_record(record: Record, keyring: &Keyring) -> Result<Item, Fault> {
    let chain = decode::<16>(record.chain_uid.as_bytes())
        .ok_or(Fault::NotARecord("unmapped.record_integrity.chain_uid"))?;
    let erased = Groups::of(record.erased.iter().copied());
    let vouched = keyring.vouched(&record);
    let control = record.control.map(|control| {
        Box::new(ControlItem {
            control,
            class: record.class,
            key_id: record.signature.map(|(key_id, _)| key_id),
            vouched,
        })
    });
    let present = match &control {
        Some(_) => Groups::default(),
        None => Groups::ALL.without(erased),
    };
    Ok(Item {
        chain,
        sequence: record.sequence,
        previous: record.previous,
        fingerprint: record.fingerprint,
        time_ms: record.time_ms,
        expires_ms: record.expires_ms,
        present,
        erased,
        control,
    })
}

/// The checks of `Record::check`, with what the scanner found. `None`: that function decides.
fn check_fields(text: &str, fields: &Fields, hashed: &mut Vec<u8>) -> Option<Item> {
    let chain_text = fields.chain_uid.string(text)?;
    let chain = decode::<16>(chain_text.as_bytes())?;
    let previous = decode::<32>(fields.previous.string(text)?.as_bytes())?;
    let fingerprint = decode::<32>(fields.fingerprint.string(text)?.as_bytes())?;
    let (uid_chain, uid_sequence) = fields.uid.string(text)?.split_once(':')?;
    let is_whole = fields.version == audit::VERSION
        && fields.has_time
        && uid_chain == chain_text
        && uid_sequence.len() <= 16
        && !(uid_sequence.len() > 1 && uid_sequence.starts_with('0'))
        && uid_sequence.bytes().all(|byte| byte.is_ascii_digit())
        && uid_sequence.parse() == Ok(fields.sequence);
    let class = fields.class.string(text)?;
    if !is_whole || class.contains('\\') {
        return None;
    }
    let core = core_hash(text, fields, hashed)?;
    let (previous, fingerprint) = (Hash(previous), Hash(fingerprint));
    if Hash::link(&chain, fields.sequence, &previous, &core) != fingerprint {
        return None;
    }
    let (present, erased) = check_groups(text, fields, hashed)?;
    Some(Item {
        chain,
        sequence: fields.sequence,
        previous,
        fingerprint,
        time_ms: fields.time,
        expires_ms: fields.expires,
        present,
        erased,
        control: None,
    })
}

fn core_hash(text: &str, fields: &Fields, hashed: &mut Vec<u8>) -> Option<Hash> {
    hashed.clear();
    hashed.push(Hash::CORE);
    let mut from = 0;
    for (start, end) in fields.cuts() {
        hashed.extend_from_slice(text.get(from..start)?.as_bytes());
        from = end;
    }
    hashed.extend_from_slice(text.get(from..)?.as_bytes());
    Some(Hash::plain(hashed))
}

fn check_groups(text: &str, fields: &Fields, hashed: &mut Vec<u8>) -> Option<(Groups, Groups)> {
    let mut present = Groups::default();
    let mut erased = Groups::default();
    for ((group, commitment), salt) in Group::ALL
        .into_iter()
        .zip(fields.commitments)
        .zip(fields.salts)
    {
        let members = fields.members(group);
        let members = group
            .pointers()
            .iter()
            .zip(members)
            .filter_map(|(pointer, span)| Some((*pointer, span.of(text)?)));
        let commitment = commitment.of(text);
        match (commitment, salt.of(text)) {
            (None, None) => {
                if members.count() > 0 {
                    return None;
                }
            }
            (Some(commitment), Some(salt)) => {
                let salt = decode::<16>(unquoted(salt)?)?;
                hashed.clear();
                hashed.push(Hash::COMMITMENT);
                hashed.extend_from_slice(&salt);
                let mut before = "{\"";
                for (pointer, value) in members {
                    for piece in [before, pointer, "\":", value] {
                        hashed.extend_from_slice(piece.as_bytes());
                    }
                    before = ",\"";
                }
                if before != ",\"" {
                    return None;
                }
                hashed.push(b'}');
                if decode::<32>(unquoted(commitment)?)? != Hash::plain(hashed).0 {
                    return None;
                }
                present = present.or(Groups::of([group]));
            }
            (Some(_), None) => {
                let mut forms = group
                    .pointers()
                    .iter()
                    .filter_map(|pointer| Some((*pointer, Group::erased_form(pointer)?)));
                for member in members {
                    if forms.next() != Some(member) {
                        return None;
                    }
                }
                if forms.next().is_some() {
                    return None;
                }
                erased = erased.or(Groups::of([group]));
            }
            (None, Some(_)) => return None,
        }
    }
    Some((present, erased))
}

fn unquoted(text: &str) -> Option<&[u8]> {
    text.strip_prefix('"')?.strip_suffix('"').map(str::as_bytes)
}

/// The id of a record as people see it.
#[must_use]
pub fn uid(chain: &ChainUid, sequence: u64) -> String {
    format!("{}:{sequence}", encode(chain))
}
