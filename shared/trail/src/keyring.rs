//! Who may sign: public keys by id, each for emitters or for operators, and for a time.

use std::collections::{BTreeSet, HashMap};

use audit::keys::{LogKey, PublicKey};
use audit::record::Record;
use policy::config::{self, Fields, Node, Problems};

/// The keys that a verifier knows.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: HashMap<String, Vec<Entry>>,
    /// The ids that keys name themselves by, where they were given others: whoever signs may not have been told.
    own_ids: HashMap<String, String>,
    log_keys: Vec<LogKey>,
    successions: Successions,
}

/// Which key, by its id, is the next one of whoever had another: the new one stands first.
pub type Successions = BTreeSet<(String, String)>;

/// A key and what it is good for.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The public key that verifies signatures.
    pub key: PublicKey,
    /// Whether an emitter or an operator signs with the key.
    pub role: Role,
    /// From when it is used, milliseconds since 1970.
    pub not_before_ms: u64,
    /// The last moment, in milliseconds since 1970, at which the key was in use.
    pub not_after_ms: u64,
}

/// Whose key it is. One in a proxy must not be able to say that records were deleted by order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A filter's, in a proxy.
    Emitter,
    /// An operator's: it signs what is erased, purged and held.
    Operator,
}

/// What the keys say about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// The record names no key.
    Unsigned,
    /// A key that may say this has signed it.
    By(Role),
    /// Its key is not known.
    UnknownKey,
    /// The signature is none of its key.
    WrongSignature,
    /// The key was not in use at the time.
    OutOfTime,
    /// The key is not one that may say this.
    WrongRole,
}

impl Entry {
    /// A key that is good for all times.
    #[must_use]
    pub const fn always(key: PublicKey, role: Role) -> Self {
        Self {
            key,
            role,
            not_before_ms: 0,
            not_after_ms: u64::MAX,
        }
    }
}

impl Keyring {
    /// Adds a key; without an `id` the key names itself.
    pub fn add(&mut self, id: Option<String>, entry: Entry) {
        let own = entry.key.id();
        let id = id.unwrap_or_else(|| own.clone());
        if id != own {
            self.own_ids.insert(own, id.clone());
        }
        self.keys.entry(id).or_default().push(entry);
    }

    /// Adds keys from a file of keys.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn add_file(&mut self, text: &str) -> Result<(), Problems> {
        let entries = config::read(text, |node| node.object(read_keys))?;
        for (id, entry, before) in entries {
            self.successions
                .extend(before.map(|before| (id.clone(), before)));
            self.add(Some(id), entry);
        }
        Ok(())
    }

    /// From when to when each key is in use, by its id.
    #[must_use]
    pub fn times(&self) -> HashMap<String, (u64, u64)> {
        let times = self.keys.iter().filter_map(|(id, entries)| {
            let from = entries.iter().map(|entry| entry.not_before_ms).min()?;
            let to = entries.iter().map(|entry| entry.not_after_ms).max()?;
            Some((id.clone(), (from, to)))
        });
        times.collect()
    }

    /// Which keys have taken the place of others.
    #[must_use]
    pub const fn successions(&self) -> &Successions {
        &self.successions
    }

    /// Adds a key that tags lines of logs.
    pub fn add_log_key(&mut self, key: LogKey) {
        self.log_keys.push(key);
    }

    /// The keys that tag lines of logs.
    #[must_use]
    pub fn log_keys(&self) -> &[LogKey] {
        &self.log_keys
    }

    /// Whether there is any key that signs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The ids under which a key is known for a role, sorted.
    #[must_use]
    pub fn ids_of(&self, key: &PublicKey, role: Role) -> Vec<String> {
        self.ids_with(|entry| entry.key == *key && entry.role == role)
    }

    /// The ids of emitters' keys, sorted.
    #[must_use]
    pub fn emitters(&self) -> Vec<String> {
        self.ids_with(|entry| entry.role == Role::Emitter)
    }

    fn ids_with(&self, is_meant: impl Fn(&Entry) -> bool) -> Vec<String> {
        let known = self.keys.iter();
        let mut ids: Vec<String> = known
            .filter(|(_, entries)| entries.iter().any(&is_meant))
            .map(|(id, _)| id.clone())
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The id under which a key was given that a record names, perhaps by the id that it has by itself.
    #[must_use]
    pub fn given_id<'k>(&'k self, key_id: &'k str) -> &'k str {
        match self.own_ids.get(key_id) {
            Some(given) if !self.keys.contains_key(key_id) => given,
            _ => key_id,
        }
    }

    /// What the keys say about a record.
    #[must_use]
    pub fn vouched(&self, record: &Record) -> Vouched {
        let Some((key_id, _)) = &record.signature else {
            return Vouched::Unsigned;
        };
        let Some(entries) = self.keys.get(self.given_id(key_id)) else {
            return Vouched::UnknownKey;
        };
        let Some(entry) = entries.iter().find(|entry| record.is_signed_by(&entry.key)) else {
            return Vouched::WrongSignature;
        };
        if !(entry.not_before_ms..=entry.not_after_ms).contains(&record.time_ms) {
            return Vouched::OutOfTime;
        }
        let is_open = matches!(record.control, Some(audit::Control::Open { .. }));
        let by_operator = record.control.as_ref().is_some_and(|c| c.is_by_operator());
        match (entry.role, by_operator) {
            // The ledger of an operator is a chain, and opens as one.
            (Role::Operator, false) if !is_open => Vouched::WrongRole,
            (Role::Emitter, true) => Vouched::WrongRole,
            (role, _) => Vouched::By(role),
        }
    }
}

fn read_keys(fields: &mut Fields<'_>) -> Option<Vec<(String, Entry, Option<String>)>> {
    fields
        .required("keys", "a list of keys")
        .and_then(|node| node.list(|node| read_key(&node)))
}

fn read_key(node: &Node<'_>) -> Option<(String, Entry, Option<String>)> {
    node.object(|fields| {
        let key = fields
            .required("public_key", "64 hexadecimal digits")
            .and_then(|n| {
                let key = PublicKey::from_hex(n.name(64)?);
                key.map_err(|error| n.reject(error)).ok()
            });
        let id = fields.or("id", None, |n| n.name(64).map(|id| Some(id.to_owned())));
        let role = fields.or("role", Role::Emitter, |n| {
            n.one_of(&[("emitter", Role::Emitter), ("operator", Role::Operator)])
        });
        let not_before_ms = fields.or("not_before", 0, |n| read_time(&n));
        let not_after_ms = fields.or("not_after", u64::MAX, |n| read_time(&n));
        let before = fields.or("succeeds", None, |n| {
            n.name(64).map(|id| Some(id.to_owned()))
        });
        let key = key?;
        let id = id.unwrap_or_else(|| key.id());
        let entry = Entry {
            key,
            role,
            not_before_ms,
            not_after_ms,
        };
        Some((id, entry, before))
    })
}

fn read_time(node: &Node<'_>) -> Option<u64> {
    let text = node.name(64)?;
    crate::time::parse(text)
        .map_err(|error| node.reject(error))
        .ok()
}

#[cfg(test)]
mod tests {
    use audit::keys::SigningKey;

    use super::*;

    /// Whoever made a key gave it an id, and the emitter that signs with it was not told.
    #[test]
    fn a_key_is_known_by_the_id_that_it_has_by_itself() {
        let key = SigningKey::from_seed(None, &[7; 32]);
        let mut keyring = Keyring::default();
        let entry = Entry::always(key.public(), Role::Emitter);
        keyring.add(Some("edge-1".to_owned()), entry.clone());
        assert_eq!(keyring.given_id(key.id()), "edge-1");
        assert_eq!(keyring.given_id("edge-2"), "edge-2");
        assert_eq!(keyring.emitters(), ["edge-1"]);
        // Given by itself, too, it is that.
        keyring.add(None, entry);
        assert_eq!(keyring.given_id(key.id()), key.id());
    }
}
