//! Records that were too long for a line of a log, and are there in parts.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// A part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The id of the record.
    pub uid: String,
    /// The part's number, from 1.
    pub number: usize,
    /// How many parts the record was split into.
    pub count: usize,
    /// The text. `None`: the line was cut off, it has less than it says.
    pub text: Option<String>,
    /// A key that is known has tagged its line.
    pub is_tagged: bool,
}

/// Which record, of how many parts, and whether its lines are tagged.
type Key = (String, usize, bool);

/// Puts parts together, in bounded memory. What others write costs them as many bytes as it costs
/// here, and takes nothing away from a record of which they do not know the id.
#[derive(Debug, Default)]
pub struct Parts {
    pending: HashMap<Key, Pending>,
    /// Those whose first part came first, first; some are complete by now.
    order: VecDeque<Key>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Pending {
    /// What came for each number. More than one, if somebody else writes parts too.
    texts: BTreeMap<usize, Vec<String>>,
    bytes: usize,
}

impl Parts {
    /// Adds a part. Returns the texts that the record may have, if it was the last that was missing.
    pub fn add(&mut self, part: Part) -> Vec<String> {
        let key = (part.uid, part.count, part.is_tagged);
        if !self.pending.contains_key(&key) {
            self.order.push_back(key.clone());
        }
        let pending = self.pending.entry(key.clone()).or_default();
        let Some(text) = part.text else {
            return Vec::new();
        };
        let texts = pending.texts.entry(part.number).or_default();
        if texts.len() < MAX_VERSIONS && !texts.contains(&text) {
            let bytes = text.len() + PART_BYTES;
            pending.bytes += bytes;
            self.bytes += bytes;
            texts.push(text);
        }
        if pending.texts.len() < part.count {
            self.forget_oldest();
            return Vec::new();
        }
        let whole = pending.joined();
        if part.count > 0 && whole.len() == 1 {
            self.remove(&key);
        }
        whole
    }

    /// A record was put together.
    pub fn finish(&mut self, part: &Part) {
        self.remove(&(part.uid.clone(), part.count, part.is_tagged));
    }

    fn remove(&mut self, key: &Key) {
        if let Some(pending) = self.pending.remove(key) {
            self.bytes = self.bytes.saturating_sub(pending.bytes);
        }
        let is_done = |key: &Key| !self.pending.contains_key(key);
        while self.order.front().is_some_and(is_done) {
            self.order.pop_front();
        }
    }

    fn forget_oldest(&mut self) {
        while self.bytes > MAX_PENDING_BYTES || self.pending.len() > MAX_PENDING {
            let Some(key) = self.order.front().cloned() else {
                return;
            };
            self.remove(&key);
        }
    }

    /// Ids of records of which parts are missing.
    #[must_use]
    pub fn incomplete(&self) -> Vec<&str> {
        let mut uids: Vec<&str> = self.pending.keys().map(|(uid, ..)| uid.as_str()).collect();
        uids.sort_unstable();
        uids.dedup();
        uids
    }
}

impl Pending {
    /// All texts that the parts can make, up to a bound.
    fn joined(&self) -> Vec<String> {
        let mut wholes = vec![String::new()];
        for versions in self.texts.values() {
            let longer = wholes.iter().flat_map(|whole| {
                let longer = move |version: &String| format!("{whole}{version}");
                versions.iter().map(longer)
            });
            wholes = longer.take(MAX_WHOLES).collect();
        }
        wholes
    }
}

const MAX_PENDING_BYTES: usize = 64 << 20;
const MAX_PENDING: usize = 100_000;
/// What a part takes beside its text.
const PART_BYTES: usize = 100;
/// The most different texts that are kept for one part.
const MAX_VERSIONS: usize = 4;
/// The most ways in which the parts of one record are joined.
const MAX_WHOLES: usize = 64;
