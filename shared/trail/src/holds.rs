//! Which holds are in force, and what they keep: records by their numbers, and records by what they say,
//! those that are written after the hold too.

use std::collections::BTreeMap;

use audit::{Control, Hash, Range, Selector, Target};
use policy::path::{PathFit, PathPattern, PathRouting, RequestPath};

use crate::chains::Order;
use crate::hex::{decode, encode};
use crate::item::ChainUid;
use crate::scan::Fields;
use crate::subject::Subject;

/// What a selector looks at.
pub const BY_CLASS: &str = "class";
/// The path of the request.
pub const BY_PATH: &str = "path";
/// The selector for who acted.
pub const BY_SUBJECT: &str = "subject";
/// Whom the data is about.
pub const BY_DATA_SUBJECT: &str = "data_subject";

/// The holds that have not ended, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds(BTreeMap<String, Hold>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hold {
    is_everything: bool,
    targets: Vec<Target>,
    standing: Vec<Standing>,
}

/// Records by what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    selector: Selector,
    salt: Vec<u8>,
    patterns: Vec<PathPattern>,
}

impl Holds {
    /// What is in force after these orders, at a time. A release counts from its time on: one of a clock that is
    /// ahead ends nothing before.
    #[must_use]
    pub fn active(orders: &[Order], now_ms: u64) -> Self {
        let mut holds = Self::default();
        for (time_ms, order) in Order::as_they_count(orders) {
            if time_ms <= now_ms || !matches!(order.control, Control::Release { .. }) {
                holds.note(&order.control);
            }
        }
        holds
    }

    /// Takes in what comes next.
    pub(crate) fn note(&mut self, control: &Control) {
        match control {
            Control::Hold {
                hold,
                targets,
                standing,
                ..
            } => {
                // One that is extended holds all that any of its entries names.
                let held = self.0.entry(hold.clone()).or_default();
                held.is_everything |= targets.is_empty() && standing.is_empty();
                held.targets.extend(targets.iter().cloned());
                held.standing.extend(standing.iter().map(Standing::new));
            }
            Control::Release { hold, .. } => drop(self.0.remove(hold)),
            _ => {}
        }
    }

    /// Whether there is a hold of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The numbers of a chain that are held by their numbers, with the names of the holds.
    #[must_use]
    pub fn of_chain(&self, chain: &ChainUid) -> Vec<(Range, &str)> {
        let chain = encode(chain);
        let mut held = Vec::new();
        for (name, hold) in &self.0 {
            let all = hold.is_everything.then_some(ALL);
            let targets = hold.targets.iter().filter(|t| t.chain_uid == chain);
            let ranges = all.into_iter().chain(targets.flat_map(ranges));
            held.extend(ranges.map(|range| (range, name.as_str())));
        }
        held
    }

    /// The names of the holds that keep some of these records by their numbers.
    pub fn over(&self, chain: &ChainUid, range: Range) -> impl Iterator<Item = &str> {
        let held = self.of_chain(chain).into_iter();
        let held = held.filter(move |(held, _)| held.0 <= range.1 && range.0 <= held.1);
        held.map(|(_, name)| name)
    }

    /// The name of a hold that keeps a record by what it says.
    #[must_use]
    pub fn by_content(&self, text: &str, fields: &Fields) -> Option<&str> {
        let mut holds = self.0.iter();
        let hold = holds.find(|(_, hold)| hold.standing.iter().any(|one| one.keeps(text, fields)));
        hold.map(|(name, _)| name.as_str())
    }

    /// The names of the holds on records by what they say of a request, which nobody can ask what is gone.
    pub(crate) fn by_what_is_said(&self) -> impl Iterator<Item = &str> {
        let is_such = |one: &Standing| one.selector.by != BY_CLASS;
        let holds = self.0.iter();
        let holds = holds.filter(move |(_, hold)| hold.standing.iter().any(is_such));
        holds.map(|(name, _)| name.as_str())
    }

    /// The name of a hold on all records of a retention class.
    pub(crate) fn by_class(&self, class: &str) -> Option<&str> {
        let is_class = |one: &Standing| {
            one.selector.by == BY_CLASS && one.selector.values.iter().any(|value| value == class)
        };
        let mut holds = self.0.iter();
        let hold = holds.find(|(_, hold)| hold.standing.iter().any(is_class));
        hold.map(|(name, _)| name.as_str())
    }
}

impl Standing {
    fn new(selector: &Selector) -> Self {
        let patterns = selector.values.iter().filter(|_| selector.by == BY_PATH);
        let pattern = |text: &String| PathPattern::parse(text, PathRouting::default()).ok();
        Self {
            selector: selector.clone(),
            salt: decode::<16>(selector.salt.as_bytes()).map_or(Vec::new(), Vec::from),
            patterns: patterns.filter_map(pattern).collect(),
        }
    }

    fn keeps(&self, text: &str, fields: &Fields) -> bool {
        let is_value = |value: &str| self.selector.values.iter().any(|one| one == value);
        match self.selector.by.as_str() {
            BY_CLASS => fields.class.string(text).is_some_and(is_value),
            BY_SUBJECT => Subject::names_in(text, fields)
                .any(|name| is_value(&hashed(&self.salt, name).to_hex())),
            BY_DATA_SUBJECT => match Subject::people_in(text, fields) {
                // It may be one of those whom the record does not name.
                Some(people) if people.leaves_out => true,
                people => people.is_some_and(|people| {
                    let mut names = people.names.iter();
                    names.any(|name| is_value(&hashed(&self.salt, name).to_hex()))
                }),
            },
            BY_PATH => self.fits(text, fields),
            // One of a later version of this program: it holds rather too much than too little.
            _ => true,
        }
    }

    fn fits(&self, text: &str, fields: &Fields) -> bool {
        let path = fields.path.of(text);
        let Some(path) = path.and_then(|path| serde_json::from_str::<String>(path).ok()) else {
            return false;
        };
        // A template stands for any of its paths, and what was erased for any path at all.
        if path == ERASED_PATH || path.contains('{') {
            let mut patterns = self.selector.values.iter();
            return path == ERASED_PATH || patterns.any(|pattern| may_be_of(pattern, &path));
        }
        let Ok(path) = RequestPath::parse(path.as_bytes()) else {
            // A path that may be read in several ways may be this one.
            return true;
        };
        let fits = |pattern: &PathPattern| {
            let mut readings = path.readings().iter();
            readings.any(|reading| pattern.fit(reading) != PathFit::No)
        };
        self.patterns.iter().any(fits)
    }
}

/// Whether a path of this template may be one that a pattern takes: a variable stands for anything.
fn may_be_of(pattern: &str, template: &str) -> bool {
    let mut wanted = pattern.split('/');
    for segment in template.split('/') {
        match wanted.next() {
            Some("**") => return true,
            _ if segment == "**" => return true,
            Some(word) if word.contains(['*', '{']) || segment.contains(['*', '{']) => {}
            Some(word) if word.eq_ignore_ascii_case(segment) => {}
            _ => return false,
        }
    }
    wanted.next().is_none_or(|rest| rest == "**")
}

/// What stands in the place of a path that was erased.
const ERASED_PATH: &str = "/erased";

/// A standing hold on what a subject does, or on what is about a person, by all names. The ledger has hashes of
/// them, since it is never erased.
#[must_use]
pub fn of_subject(subject: &Subject, salt: &[u8; 16]) -> Selector {
    let (by, names) = match subject.is_data_subject() {
        true => (BY_DATA_SUBJECT, subject.people()),
        false => (BY_SUBJECT, subject.names()),
    };
    Selector {
        by: by.to_owned(),
        salt: encode(salt),
        values: names
            .iter()
            .map(|name| hashed(salt, name).to_hex())
            .collect(),
    }
}

fn hashed(salt: &[u8], name: &str) -> Hash {
    Hash::plain(&[salt, name.as_bytes()].concat())
}

fn ranges(target: &Target) -> impl Iterator<Item = Range> {
    let all = target.ranges.is_empty().then_some(ALL);
    target.ranges.iter().copied().chain(all)
}

const ALL: Range = Range(0, u64::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_may_be_of_a_pattern() {
        for (pattern, template, expected) in [
            ("/patients/7/**", "/patients/{id}", true),
            ("/patients/7/**", "/patients/{id}/notes/{note}", true),
            ("/patients/7", "/Patients/{id}", true),
            ("/patients/*/notes", "/patients/{id}/notes", true),
            ("/patients/7/notes", "/patients/{id}/**", true),
            ("/patients/7/notes", "/patients/{id}", false),
            ("/patients/7", "/patients/{id}/notes", false),
            ("/patients/7/notes", "/patients/{id}/labs", false),
            ("/patients/7", "/orders/{id}", false),
            ("/**", "/orders/{id}", true),
        ] {
            assert_eq!(
                may_be_of(pattern, template),
                expected,
                "{pattern} {template}"
            );
        }
    }

    /// The ledger of somebody whose clock is ahead ends no hold before its time.
    #[test]
    fn a_release_counts_from_its_time_on() {
        let order = |chain, sequence, time_ms, control| Order {
            time_ms,
            chain: [chain; 16],
            sequence,
            control,
        };
        let hold = Control::Hold {
            hold: "case".to_owned(),
            targets: Vec::new(),
            standing: Vec::new(),
            grounds: BTreeMap::new(),
        };
        let release = Control::Release {
            hold: "case".to_owned(),
            grounds: BTreeMap::new(),
        };
        let orders = [order(1, 1, 10, hold), order(2, 1, 100, release)];
        assert!(Holds::active(&orders, 50).contains("case"));
        assert!(!Holds::active(&orders, 100).contains("case"));
    }
}
