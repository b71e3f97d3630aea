//! How a record is read and checked, each by itself; what is between records is for whoever has all
//! of them.

use policy::json::Json;

use crate::canonical::{self, MAX_INTEGER};
use crate::chain::{VERSION, core_of};
use crate::control::Control;
use crate::group::{Group, at};
use crate::hash::{Hash, bytes};
use crate::keys::PublicKey;

/// A record that fits its own hash.
#[derive(Clone, Debug)]
pub struct Record {
    /// The chain, 32 hexadecimal digits.
    pub chain_uid: String,
    /// Its number in the chain.
    pub sequence: u64,
    /// When it happened, milliseconds since 1970.
    pub time_ms: u64,
    /// The retention class that the record belongs to.
    pub class: String,
    /// Until when it is kept, milliseconds since 1970.
    pub expires_ms: Option<u64>,
    /// Until when nobody takes it away without saying why, where that is another time.
    pub required_ms: Option<u64>,
    /// The fingerprint that the record before it must have.
    pub previous: Hash,
    /// The hash of its core.
    pub core: Hash,
    /// The record's own hash, which the next one names.
    pub fingerprint: Hash,
    /// Groups that have a value.
    pub present: Vec<Group>,
    /// The groups that were erased from it.
    pub erased: Vec<Group>,
    /// What it says about chains; `None` in a record of a request.
    pub control: Option<Control>,
    /// The id of the key and the signature, where it is signed.
    pub signature: Option<(String, String)>,
}

/// Why a record is none, or does not fit its own hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The line is no JSON document.
    #[error("{0}")]
    NotJson(String),
    /// JSON, but not a record.
    #[error("not an audit record: {0} is missing or of another form")]
    NotARecord(&'static str),
    /// Written by a later version of the format.
    #[error("format version {0} is newer than {VERSION}, which this program reads")]
    NewerVersion(u64),
    /// The same document in another spelling.
    #[error("not in canonical form: it was written by something else")]
    NotCanonical,
    /// The fingerprint does not fit: the core was changed.
    #[error("its fingerprint is not the hash of what it says")]
    WrongFingerprint,
    /// It names a key, and the signature was taken away.
    #[error("it names the key that signed it and has no signature")]
    NoSignature,
    /// The commitment of this group does not fit: a value in it was changed.
    #[error("{0} is not what the record committed to")]
    WrongValue(&'static str),
    /// A value has nothing that vouches for it.
    #[error("{0} was added or left behind: no commitment with a salt vouches for it")]
    Unvouched(&'static str),
}

impl Record {
    /// Reads a line, which must be canonical to the byte.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn check_text(text: &str) -> Result<Self, Fault> {
        let json =
            Json::parse(text.as_bytes()).map_err(|error| Fault::NotJson(error.to_string()))?;
        let record = Self::check(&json)?;
        if canonical::to_string(&json) != text {
            return Err(Fault::NotCanonical);
        }
        Ok(record)
    }

    /// Checks a record that some store has spelled anew.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn check(json: &Json) -> Result<Self, Fault> {
        let integrity = at(json, "/unmapped/record_integrity")
            .ok_or(Fault::NotARecord("unmapped.record_integrity"))?;
        match integrity.member("version").and_then(integer) {
            Some(version) if version > VERSION => return Err(Fault::NewerVersion(version)),
            Some(VERSION) => {}
            _ => return Err(Fault::NotARecord("unmapped.record_integrity.version")),
        }
        let chain_uid = text_at(integrity, "/chain_uid")
            .ok_or(Fault::NotARecord("unmapped.record_integrity.chain_uid"))?;
        let chain = bytes::<16>(chain_uid)
            .ok_or(Fault::NotARecord("unmapped.record_integrity.chain_uid"))?;
        let sequence = at(json, "/metadata/sequence")
            .and_then(integer)
            .ok_or(Fault::NotARecord("metadata.sequence"))?;
        if text_at(json, "/metadata/uid") != Some(&format!("{chain_uid}:{sequence}")) {
            return Err(Fault::NotARecord("metadata.uid"));
        }
        let previous = text_at(integrity, "/previous")
            .and_then(Hash::from_hex)
            .ok_or(Fault::NotARecord("unmapped.record_integrity.previous"))?;
        let fingerprint = text_at(integrity, "/fingerprint")
            .and_then(Hash::from_hex)
            .ok_or(Fault::NotARecord("unmapped.record_integrity.fingerprint"))?;
        let core = Hash::core(&core_of(json));
        if Hash::link(&chain, sequence, &previous, &core) != fingerprint {
            return Err(Fault::WrongFingerprint);
        }
        if !has_integers_only(json) {
            return Err(Fault::NotARecord("an integer up to 2^53 - 1"));
        }
        let (present, erased) = check_groups(json, integrity)?;
        let (control, key_id) = match at(json, "/unmapped/control") {
            None => (None, None),
            Some(control) => {
                let (control, key_id) = Control::from_json(control)
                    .map_err(|_| Fault::NotARecord("unmapped.control"))?;
                (Some(control), key_id)
            }
        };
        let signature = match integrity.member("signature") {
            None if key_id.is_some() => return Err(Fault::NoSignature),
            None => None,
            Some(signature) => {
                let signature = signature
                    .as_str()
                    .ok_or(Fault::NotARecord("unmapped.record_integrity.signature"))?;
                let key_id = key_id.ok_or(Fault::NotARecord("unmapped.control.key_id"))?;
                Some((key_id, signature.to_owned()))
            }
        };
        Ok(Self {
            chain_uid: chain_uid.to_owned(),
            sequence,
            time_ms: at(json, "/time")
                .and_then(integer)
                .ok_or(Fault::NotARecord("time"))?,
            class: text_at(json, "/unmapped/retention/class")
                .ok_or(Fault::NotARecord("unmapped.retention.class"))?
                .to_owned(),
            expires_ms: at(json, "/unmapped/retention/expires").and_then(integer),
            required_ms: at(json, "/unmapped/retention/required_until").and_then(integer),
            previous,
            core,
            fingerprint,
            present,
            erased,
            control,
            signature,
        })
    }

    /// Whether `key` has signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.signature
            .as_ref()
            .is_some_and(|(_, signature)| key.verifies(&self.fingerprint, signature))
    }
}

/// Every value has a commitment that it fits; every commitment has its value, or both value and
/// salt are gone. Returns the groups that are there, and those that are gone.
fn check_groups(json: &Json, integrity: &Json) -> Result<(Vec<Group>, Vec<Group>), Fault> {
    let names = |member| match integrity.member(member) {
        Some(Json::Object(members)) => Ok(members.as_slice()),
        Some(_) => Err(Fault::NotARecord("unmapped.record_integrity")),
        None => Ok(&[][..]),
    };
    for (name, _) in names("commitments")?.iter().chain(names("salts")?) {
        if Group::named(name).is_none() {
            return Err(Fault::NotARecord("unmapped.record_integrity.commitments"));
        }
    }
    let (mut present, mut erased) = (Vec::new(), Vec::new());
    for group in Group::ALL {
        let named = |member: &str| integrity.member(member)?.member(group.name());
        let value = group.value(json);
        match (named("commitments"), named("salts"), value) {
            (None, None, None) => {}
            (Some(commitment), Some(salt), Some(value)) => {
                let salt = salt
                    .as_str()
                    .and_then(bytes::<16>)
                    .ok_or(Fault::NotARecord("unmapped.record_integrity.salts"))?;
                if commitment.as_str() != Some(&Hash::commitment(&salt, &value).to_hex()) {
                    return Err(Fault::WrongValue(group.name()));
                }
                present.push(group);
            }
            (Some(_), None, value) if value == group.erased_value() => erased.push(group),
            _ => return Err(Fault::Unvouched(group.name())),
        }
    }
    Ok((present, erased))
}

fn integer(json: &Json) -> Option<u64> {
    match json {
        Json::Number(number) => number.as_u64().filter(|number| *number <= MAX_INTEGER),
        _ => None,
    }
}

/// Whether every number is one that all JSON parsers read alike.
fn has_integers_only(json: &Json) -> bool {
    match json {
        Json::Number(_) => integer(json).is_some(),
        Json::Array(items) => items.iter().all(has_integers_only),
        Json::Object(members) => members.iter().all(|(_, value)| has_integers_only(value)),
        _ => true,
    }
}

fn text_at<'j>(json: &'j Json, pointer: &str) -> Option<&'j str> {
    at(json, pointer)?.as_str()
}

#[cfg(test)]
mod tests;
