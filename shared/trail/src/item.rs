//! What a record says about itself, checked against its own hash; the part of the work that can be
//! done for all records at once.

use std::borrow::Cow;
use std::hash::BuildHasher as _;
use std::sync::LazyLock;

use audit::keys::LogKey;
use audit::record::{Fault, Record};
use audit::{Control, Group, Hash, canonical};
use foldhash::fast::RandomState;
use policy::json::Json;

use crate::disclosed::Disclosed;
use crate::envelope::{Claims, Facts, INFO, WARN};
use crate::hex::{decode, encode};
use crate::keyring::{Keyring, Vouched};
use crate::scan::{Fields, Templates};

/// The id of a chain.
pub type ChainUid = [u8; 16];

/// A record that fits its own hash, with what the check of its chain needs.
#[derive(Clone, Debug)]
pub struct Item {
    /// The chain of the record.
    pub chain: ChainUid,
    /// The sequence number of the record.
    pub sequence: u64,
    /// The fingerprint that the record before it must have.
    pub previous: Hash,
    /// The fingerprint of the record itself.
    pub fingerprint: Hash,
    /// When it happened, in milliseconds since 1970.
    pub time_ms: u64,
    /// Until when it is kept.
    pub expires_ms: Option<u64>,
    /// Until when nobody takes it away without saying why, where that is another time.
    pub required_ms: Option<u64>,
    /// Groups that have a value.
    pub present: Groups,
    /// The groups that were erased from it.
    pub erased: Groups,
    /// Its retention class, as a number that is the same for the same class.
    pub class_tag: u64,
    /// What its caller got in clear, in the record of a request in which anything was found.
    pub disclosed: Option<Box<Disclosed>>,
    /// What it says about chains.
    pub control: Option<Box<ControlItem>>,
}

/// A record that was read and checked.
#[derive(Clone, Debug)]
pub struct Checked<'t> {
    /// What the check of its chain needs.
    pub item: Item,
    /// Where things are in its text, in the record of a request.
    pub fields: Option<Fields>,
    /// The record's canonical text.
    pub text: Cow<'t, str>,
    /// It was spelled in another way.
    pub is_reserialised: bool,
}

impl Checked<'_> {
    /// What an envelope says about the record that the record does not say. `None`: nothing.
    #[must_use]
    pub fn contradiction(&self, claims: &Claims) -> Option<String> {
        let uid = uid(&self.item.chain, self.item.sequence);
        let control = self.item.control.as_ref();
        let class = match (control, &self.fields) {
            (Some(control), _) => Some(control.class.as_str()),
            (None, Some(fields)) => fields.class.string(&self.text),
            (None, None) => None,
        };
        let fields = self.fields.as_ref();
        let (decision, event, severity) = match (control, fields.map(|fields| fields.action_id)) {
            (Some(_), _) => ("control", "audit_control", INFO),
            (None, Some(DENIED)) => ("denied", "api_activity", WARN),
            (None, _) => ("allowed", "api_activity", INFO),
        };
        claims.contradiction(&Facts {
            uid: &uid,
            class: class?,
            decision,
            event,
            status: fields.map_or(0, |fields| fields.code),
            time_ms: self.item.time_ms,
            sequence: self.item.sequence,
            severity,
            text: &self.text,
        })
    }
}

/// OCSF's `action_id` of what was refused.
const DENIED: u64 = 2;

/// What a record about chains says.
#[derive(Clone, Debug)]
pub struct ControlItem {
    /// What the record says about its chain.
    pub control: Control,
    /// The retention class that the record belongs to.
    pub class: String,
    /// The id of the key that it names.
    pub key_id: Option<String>,
    /// Whether a key vouches for the record, and which one.
    pub vouched: Vouched,
}

/// A set of groups of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups(u8);

impl Groups {
    /// The set of all groups.
    pub const ALL: Self = Self(31);

    /// Makes a set of these groups.
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

    /// Whether the set has no group.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, group: Group) -> bool {
        self.0 & bit(group) != 0
    }

    /// Those of these that are not among others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// The groups that are in both sets.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// The groups that are in one of the sets or in both.
    #[must_use]
    pub const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Iterates over the groups of the set.
    pub fn iter(self) -> impl Iterator<Item = Group> {
        Group::ALL
            .into_iter()
            .filter(move |group| self.0 & bit(*group) != 0)
    }
}

const fn bit(group: Group) -> u8 {
    match group {
        Group::Consent => 1,
        Group::DataSubject => 2,
        Group::Source => 4,
        Group::Subject => 8,
        Group::Url => 16,
    }
}

/// Reads and checks records, with what it has learnt from those before.
#[derive(Debug)]
pub struct Checker<'k> {
    keyring: &'k Keyring,
    templates: Templates,
    /// What is hashed, in one piece; kept for its memory.
    hashed: Vec<u8>,
}

impl<'k> Checker<'k> {
    /// A checker that has learnt nothing yet.
    #[must_use]
    pub fn new(keyring: &'k Keyring) -> Self {
        Self {
            keyring,
            templates: Templates::default(),
            hashed: Vec::new(),
        }
    }

    /// The keys that tag lines of logs.
    #[must_use]
    pub fn log_keys(&self) -> &'k [LogKey] {
        self.keyring.log_keys()
    }

    /// Reads and checks the text of a record. Only what it means counts, not how it is spelled.
    ///
    /// # Errors
    /// It is no record, or one that does not fit its own hash.
    pub fn check<'t>(&mut self, text: Cow<'t, str>) -> Result<Checked<'t>, Fault> {
        if let Some((mut item, fields)) = self.check_fast(&text) {
            item.disclosed = Disclosed::of(&text, &fields, item.erased);
            return Ok(Checked {
                item,
                fields: Some(fields),
                text,
                is_reserialised: false,
            });
        }
        let json = parse(&text)?;
        let mut item = from_record(Record::check(&json)?, self.keyring)?;
        let spelling = canonical::to_string(&json);
        let is_reserialised = spelling != text;
        let text = if is_reserialised {
            spelling.into()
        } else {
            text
        };
        // The record of a request that is written in an unusual way.
        let fields = match item.control {
            None => self.templates.scan(&text),
            Some(_) => None,
        };
        let disclosed = fields.as_ref();
        item.disclosed = disclosed.and_then(|fields| Disclosed::of(&text, fields, item.erased));
        Ok(Checked {
            item,
            fields,
            text,
            is_reserialised,
        })
    }

    /// Checks the record of a request that is written as audit-emitter writes it. `None`: it is
    /// another, or wrong.
    #[must_use]
    pub fn check_fast(&mut self, text: &str) -> Option<(Item, Fields)> {
        let fields = self.templates.scan(text)?;
        let item = check_fields(text, &fields, &mut self.hashed)?;
        Some((item, fields))
    }
}

/// The document of a record, however it is spelled.
///
/// # Errors
/// It is not JSON.
pub fn parse(text: &str) -> Result<Json, Fault> {
    let json = Json::parse(text.as_bytes());
    let json = json.map_err(|error| Fault::NotJson(error.to_string()))?;
    Ok(with_integers(json))
}

/// Integers as integers, however they are spelled (RFC 8785 section 3.2.2.3): `1.8e12` is
/// `1800000000000`. Others are no numbers of the format, and stay what they are.
fn with_integers(json: Json) -> Json {
    match json {
        Json::Number(number) => {
            let float = number.as_f64().filter(|_| number.is_f64());
            let whole =
                float.filter(|float| float.fract() == 0.0 && (0.0..=MAX_INTEGER).contains(float));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number between 0 and 2^53"
            )]
            let integer = whole.map(|float| Json::from(float as u64));
            integer.unwrap_or(Json::Number(number))
        }
        Json::Array(items) => Json::Array(items.into_iter().map(with_integers).collect()),
        Json::Object(members) => {
            let members = members.into_iter();
            Json::Object(
                members
                    .map(|(name, value)| (name, with_integers(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

/// The largest integer that every reader of JSON has exactly, 2^53 - 1 (RFC 8259, section 6).
const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

/// A retention class as a number.
fn class_tag(class: &str) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    KEY.hash_one(class)
}

fn from_record(record: Record, keyring: &Keyring) -> Result<Item, Fault> {
    let chain = decode::<16>(record.chain_uid.as_bytes())
        .ok_or(Fault::NotARecord("unmapped.record_integrity.chain_uid"))?;
    let erased = Groups::of(record.erased.iter().copied());
    let vouched = keyring.vouched(&record);
    let class_tag = class_tag(&record.class);
    let control = record.control.map(|control| {
        Box::new(ControlItem {
            control,
            class: record.class,
            key_id: record
                .signature
                .map(|(key_id, _)| keyring.given_id(&key_id).to_owned()),
            vouched,
        })
    });
    let present = match &control {
        Some(_) => Groups::default(),
        None => Groups::of(record.present.iter().copied()),
    };
    Ok(Item {
        chain,
        sequence: record.sequence,
        previous: record.previous,
        fingerprint: record.fingerprint,
        time_ms: record.time_ms,
        expires_ms: record.expires_ms,
        required_ms: record.required_ms,
        present,
        erased,
        class_tag,
        disclosed: None,
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
        required_ms: fields.required_until,
        present,
        erased,
        class_tag: class_tag(class),
        disclosed: None,
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

/// Which record has this id: the other way round.
#[must_use]
pub fn place_of(uid: &str) -> Option<(ChainUid, u64)> {
    let (chain, sequence) = uid.split_once(':')?;
    decode(chain.as_bytes()).zip(sequence.parse().ok())
}
