//! What a chain says about itself, and what an operator says about chains.

use std::collections::BTreeMap;

use policy::json::Json;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::canonical;
use crate::hash::Hash;

/// The member `unmapped.control` of a record that is about chains, not about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Control {
    /// The first record of a chain.
    Open {
        /// The random id of the filter instance; its chains, one for each retention class, share it.
        emitter: String,
        /// The id of the proxy, where it tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// SHA-256 of the configuration that is in force from here on.
        config_sha256: Hash,
        /// The longest time between two records of the chain while its emitter lives.
        heartbeat_ms: u64,
        /// The chain that this one goes on from, after a change of the configuration or the code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        predecessor: Option<Head>,
        /// The check value of the key of pseudonyms, with its epoch; empty where people have their own names.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pseudonym_key: String,
        /// Which other chains there are.
        #[serde(flatten)]
        peers: Peers,
    },
    /// Everything up to here is complete.
    Checkpoint(Statement),
    /// A checkpoint that covers nothing but itself: the emitter lives, and nothing happened.
    Heartbeat(Statement),
    /// The last record of a chain.
    Close {
        /// The chain's totals so far, as in a checkpoint.
        #[serde(flatten)]
        statement: Statement,
        /// Why the chain ends: `replaced` or `shutdown`.
        reason: String,
    },
    /// Records that did not go where the others went.
    Gap(Lost),
    /// The emitter goes on with another configuration.
    ConfigChange {
        /// SHA-256 of the configuration before.
        from: Hash,
        /// SHA-256 of the one from now on.
        to: Hash,
    },
    /// By an operator: a record was taken away. With this its place in the chain can be checked.
    Tombstone {
        /// The chain of the removed record.
        chain_uid: String,
        /// The sequence number of the removed record.
        sequence: u64,
        /// What it had as `previous`.
        previous: Hash,
        /// The hash of its core.
        core: Hash,
        /// Why, by whom, under which ticket.
        #[serde(flatten)]
        grounds: BTreeMap<String, String>,
    },
    /// By an operator: groups were erased.
    Erasure {
        /// The records in which the groups were erased.
        targets: Vec<Target>,
        /// The names of the erased groups.
        groups: Vec<String>,
        /// Why, by whom, under which ticket.
        #[serde(flatten)]
        grounds: BTreeMap<String, String>,
    },
    /// By an operator: all records before a checkpoint, which stays, were deleted after their time.
    Purge {
        /// The `uid` of the chain that is named.
        chain_uid: String,
        /// The number of the checkpoint.
        checkpoint: u64,
        /// The fingerprint of that checkpoint.
        fingerprint: Hash,
        /// Why, by whom, under which ticket.
        #[serde(flatten)]
        grounds: BTreeMap<String, String>,
    },
    /// By an operator: these records must not be purged or erased.
    Hold {
        /// The name of the hold.
        hold: String,
        /// Which records; none is all, unless there is something in `standing`.
        #[serde(default)]
        targets: Vec<Target>,
        /// Which records by what they say, those that are written later too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        standing: Vec<Selector>,
        /// Why, by whom, under which ticket.
        #[serde(flatten)]
        grounds: BTreeMap<String, String>,
    },
    /// By an operator: a hold ends.
    Release {
        /// The name of the hold.
        hold: String,
        /// Why, by whom, under which ticket.
        #[serde(flatten)]
        grounds: BTreeMap<String, String>,
    },
}

/// What a checkpoint states about its chain up to itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Requests recorded since the chain began.
    pub records: u64,
    /// Requests left out by sampling since the chain began.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sampled_out: u64,
    /// Requests lost since the chain began, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lost: BTreeMap<String, u64>,
    /// Values that callers got in clear since the chain began, by class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disclosed: BTreeMap<String, u64>,
    /// People of whose data callers got values in clear since then, by class: each counts once for each request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disclosed_people: BTreeMap<String, u64>,
    /// The number of the checkpoint before this one, or of the first record.
    pub previous_checkpoint: u64,
    /// The random id of the filter instance, as in the first record, which may be purged by now.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub emitter: String,
    /// The longest time between two records of the chain, as in the first record. 0: it does not say.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub heartbeat_ms: u64,
    /// How long records of its requests are kept. 0: it does not say, or for ever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keep_ms: u64,
    /// How long nobody takes one away without saying why, where that is another time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keep_at_least_ms: u64,
    /// The check value of the key of pseudonyms, as in the first record. Empty: it does not say, or people have
    /// their own names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pseudonym_key: String,
    /// Which other chains there are.
    #[serde(flatten)]
    pub peers: Peers,
}

impl Statement {
    /// Requests lost since the chain began, for whatever reason.
    #[must_use]
    pub fn lost_in_all(&self) -> u64 {
        self.lost
            .values()
            .fold(0, |sum, lost| sum.saturating_add(*lost))
    }

    /// Adds what the caller of one request got in clear of the data of a class: so many values, of so many people.
    pub fn add_disclosed(&mut self, class: &str, values: u64, people: u64) {
        for (totals, number) in [
            (&mut self.disclosed, values),
            (&mut self.disclosed_people, people),
        ] {
            if number > 0 {
                let total = totals.entry(class.to_owned()).or_default();
                *total = total.saturating_add(number).min(canonical::MAX_INTEGER);
            }
        }
    }
}

/// What stands beside a chain when one of its records is signed. A chain of which every record was
/// taken away leaves no hole; that others speak of it shows that it was there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// The other chains of the same emitter, each at its last record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub siblings: Vec<Head>,
    /// The ids of other emitters that were recording requests in the same proxy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emitters: Vec<String>,
}

/// Records that are lost, or kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Why the records were lost: `queue_full` or `rejected`.
    pub reason: String,
    /// The number of lost records.
    pub count: u64,
    /// The chain that the numbers are of, where it is not this one: that of an emitter that ended, of
    /// which this one has taken over what was not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_uid: Option<String>,
    /// Which, if they had a place in the chain already; what was lost before that has no number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// `host_log`: they are in the proxy's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// When the first was, milliseconds since 1970.
    pub from_ms: u64,
    /// When the last of them was made, in milliseconds since 1970.
    pub to_ms: u64,
}

impl Lost {
    /// Reads what a record about a gap says from the JSON of that record; `None` for other records.
    ///
    /// By hand and not by serde: an emitter reads its own gaps again and nothing else, and what
    /// serde derives for all kinds of records about the trail weighs 90 KiB in its module.
    #[must_use]
    pub fn of_gap(record: &Json) -> Option<Self> {
        let control = record.at("unmapped.control")?;
        if control.member("kind")?.as_str()? != "gap" {
            return None;
        }
        let text = |name: &str| Some(control.member(name)?.as_str()?.to_owned());
        let number = |name: &str| control.member(name)?.as_u64();
        let range = |item: &Json| match item.as_array()? {
            [first, last] => Some(Range(first.as_u64()?, last.as_u64()?)),
            _ => None,
        };
        let ranges = match control.member("ranges") {
            Some(list) => list.as_array()?.iter().map(range).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        Some(Self {
            reason: text("reason")?,
            count: number("count")?,
            chain_uid: text("chain_uid"),
            ranges,
            kept: text("kept"),
            from_ms: number("from_ms")?,
            to_ms: number("to_ms")?,
        })
    }
}

/// A chain at one of its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The id of the chain.
    pub chain_uid: String,
    /// The number of the record.
    pub sequence: u64,
    /// The fingerprint of that record.
    pub fingerprint: Hash,
}

/// Records of one chain that an erasure or a hold is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The id of the chain.
    pub chain_uid: String,
    /// Which of its records; none is all.
    #[serde(default)]
    pub ranges: Vec<Range>,
}

/// Records by what they say, whenever they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// What of a record is looked at: `class`, `path` or `subject`.
    pub by: String,
    /// Of names of people: what stands before a name when it is hashed, 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub salt: String,
    /// Any of these: names of classes, patterns of paths, or hashes of names, since a ledger is never
    /// erased.
    pub values: Vec<String>,
}

/// Numbers from the first to the last, both included: `[3,7]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range(pub u64, pub u64);

impl Control {
    /// The first record of an operator's ledger, which may have nothing to say for years.
    #[must_use]
    pub fn open_ledger() -> Self {
        Self::Open {
            emitter: "operator".to_owned(),
            node: None,
            config_sha256: Hash::NONE,
            heartbeat_ms: 0,
            predecessor: None,
            pseudonym_key: String::new(),
            peers: Peers::default(),
        }
    }

    /// The word for this kind of control record: `checkpoint`, `gap`, ...
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Checkpoint(_) => "checkpoint",
            Self::Heartbeat(_) => "heartbeat",
            Self::Close { .. } => "close",
            Self::Gap(_) => "gap",
            Self::ConfigChange { .. } => "config_change",
            Self::Tombstone { .. } => "tombstone",
            Self::Erasure { .. } => "erasure",
            Self::Purge { .. } => "purge",
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
        }
    }

    /// Whether an operator says it, with an operator's key, and not an emitter.
    #[must_use]
    pub const fn is_by_operator(&self) -> bool {
        matches!(
            self,
            Self::Tombstone { .. }
                | Self::Erasure { .. }
                | Self::Purge { .. }
                | Self::Hold { .. }
                | Self::Release { .. }
        )
    }

    /// What a checkpoint, a heartbeat and the end of a chain state.
    #[must_use]
    pub const fn statement(&self) -> Option<&Statement> {
        match self {
            Self::Checkpoint(statement)
            | Self::Heartbeat(statement)
            | Self::Close { statement, .. } => Some(statement),
            _ => None,
        }
    }

    /// The check value of the key of pseudonyms that the chain says it is written with.
    #[must_use]
    pub fn pseudonym_key(&self) -> Option<&str> {
        let key = match self {
            Self::Open { pseudonym_key, .. } => pseudonym_key,
            _ => &self.statement()?.pseudonym_key,
        };
        Some(key.as_str()).filter(|key| !key.is_empty())
    }

    /// Reads the member `unmapped.control`. The id of the key that signed stands beside it, as
    /// `key_id`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(json: &Json) -> Result<(Self, Option<String>), String> {
        let mut json = json.clone();
        let key_id = match crate::group::remove(&mut json, "/key_id") {
            Some(Json::String(id)) => Some(id),
            Some(_) => return Err("key_id is no string".to_owned()),
            None => None,
        };
        let control = serde_json::from_str(&json.to_string()).map_err(|error| error.to_string())?;
        Ok((control, key_id))
    }

    /// The record's canonical JSON, with the id of the signing key if it is signed.
    pub(crate) fn to_json(&self, key_id: Option<&str>) -> String {
        // Strings and numbers only: there is nothing that could fail to serialise.
        let text = serde_json::to_vec(self).unwrap_or_default();
        let mut json = Json::parse(&text).unwrap_or(Json::Null);
        if let (Json::Object(members), Some(key_id)) = (&mut json, key_id) {
            members.push(("key_id".to_owned(), Json::from(key_id)));
        }
        canonical::to_string(&json)
    }

    /// Informational, or medium where something is missing.
    pub(crate) const fn severity_id(&self) -> u64 {
        match self {
            Self::Gap(_) => 3,
            _ => 1,
        }
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| de::Error::custom("expected 64 hexadecimal digits"))
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference; on 32 bits it is as large as the number"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_read_as_it_was_written() {
        let full = Lost {
            reason: "rejected".to_owned(),
            count: 9,
            chain_uid: Some("0d2c424d".to_owned()),
            ranges: vec![Range(3, 9), Range(11, 12)],
            kept: Some("host_log".to_owned()),
            from_ms: 1,
            to_ms: 2,
        };
        for lost in [full, Lost::default()] {
            let control = Control::Gap(lost.clone()).to_json(Some("edge-1"));
            let record =
                Json::parse(format!(r#"{{"unmapped":{{"control":{control}}}}}"#).as_bytes());
            assert_eq!(Lost::of_gap(&record.unwrap()), Some(lost));
        }
        let other = Json::parse(br#"{"unmapped":{"control":{"kind":"open","count":1}}}"#).unwrap();
        assert_eq!(Lost::of_gap(&other), None);
    }

    /// As the page about the format has it: a member without a value is left out.
    #[test]
    fn a_hold_on_everything_names_nothing() {
        for (text, count) in [
            (r#"{"hold":"case","key_id":"dpo","kind":"hold"}"#, 0),
            (
                r#"{"hold":"case","kind":"hold","targets":[{"chain_uid":"ab"}]}"#,
                1,
            ),
        ] {
            let json = Json::parse(text.as_bytes()).unwrap();
            let (control, _) = Control::from_json(&json).unwrap();
            let Control::Hold { targets, .. } = control else {
                panic!("{text}");
            };
            assert_eq!(targets.len(), count);
            assert!(targets.iter().all(|target| target.ranges.is_empty()));
        }
    }
}
