//! What was found in one message: counts, never values.

use std::rc::Rc;

use policy::data_subject::DataSubjects;
use policy::finding::Direction;

use crate::data_budget::Ration;
use crate::data_budget::named::Named;
use crate::limits::Excess;
use crate::placeholder::MEMBER;
use crate::plan::Plan;
use crate::plan::watched::Watched;

/// What a count is about, besides the kinds of data.
pub const FIELD: u8 = 254;
/// An object that is another's.
pub const FOREIGN_OBJECT: u8 = 253;
/// A member that no rule lets through.
pub const MINIMIZED: u8 = 255;

/// The counts of one message, and on request where each finding was.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Vec<Count>,
    /// A finding says that the message goes no further.
    pub blocks: bool,
    /// The findings one by one, for trying rules out; `None` does not keep them.
    pub findings: Option<Vec<Finding>>,
    /// Whose the objects must be, and about whom the message is; `None` where nothing is watched.
    watch: Option<Box<Watching>>,
    /// What may leave in clear of the piece that is being read.
    ration: Option<Rc<Ration>>,
    /// What is too much, with the rule that says so, by its place in the plan; each once.
    excesses: Vec<(Excess, u8)>,
    /// What all GraphQL operations so far cost.
    graphql_cost: u64,
    /// The rules about the response, which aliases in these must not mislead.
    response_rules: Option<Rc<Plan>>,
    /// The first member for which the message goes no further.
    refused_member: Option<String>,
}

/// What one message is watched for.
#[derive(Debug)]
struct Watching {
    direction: Direction,
    /// Who the owners must be, in the order of the rules about them.
    owners: Vec<Vec<String>>,
    people: Vec<DataSubjects>,
    /// For each of them the place of its list, in the order in which they were found.
    noted: Vec<usize>,
    /// So many of them are in what leaves for certain.
    settled: usize,
    /// Objects could not be judged.
    is_unjudged: bool,
    /// Everybody who was named, for budgets.
    named: Option<Named>,
}

/// How many people have been noted before an object: in the lists, and for budgets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PeopleMark {
    listed: usize,
    named: usize,
}

/// So many findings of a kind by a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The kind; [`FIELD`] and [`MINIMIZED`] for members.
    pub entity: u8,
    /// The rule, by its place in the plan.
    pub rule: u8,
    /// How the values were handled.
    pub became: Became,
    /// The number of values.
    pub number: u64,
}

/// How a value was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It stayed: the rule only counts.
    Stayed,
    /// Something else stands in its place.
    Masked,
    /// It is gone, perhaps with its member.
    Removed,
    /// The message goes no further because of it.
    Blocked,
}

/// One finding. The text is what was in the message: this is for a command line only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it begins, in bytes of the (decoded) body.
    pub offset: u64,
    /// How many bytes it has there.
    pub length: u64,
    /// The kind; [`FIELD`] and [`MINIMIZED`] for members.
    pub entity: u8,
    /// The rule, by its place in the plan.
    pub rule: u8,
    /// What stood there, as far as it was held.
    pub old: Vec<u8>,
    /// What stands there now; `None` if it stays.
    pub new: Option<Vec<u8>>,
}

impl Tally {
    /// Counts one value.
    pub fn add(&mut self, entity: u8, rule: u8, became: Became) {
        self.add_many(Count {
            entity,
            rule,
            became,
            number: 1,
        });
    }

    fn add_many(&mut self, more: Count) {
        if let Some(ration) = self
            .ration
            .as_ref()
            .filter(|_| more.became == Became::Stayed)
        {
            ration.spend(more.entity, more.number);
        }
        self.count(more);
    }

    fn count(&mut self, more: Count) {
        let what = |count: &Count| (count.entity, count.rule, count.became);
        let known = self
            .counts
            .iter_mut()
            .find(|count| what(count) == what(&more));
        match known {
            Some(count) => count.number = count.number.saturating_add(more.number),
            None => self.counts.push(more),
        }
    }

    /// Keeps a finding, if findings are kept.
    pub fn explain(&mut self, finding: impl FnOnce() -> Finding) {
        if let Some(findings) = &mut self.findings {
            findings.push(finding());
        }
    }

    /// An empty one that keeps findings if this one does, for a text that may have to be read again.
    pub(crate) fn beside(&self) -> Self {
        Self {
            findings: self.findings.as_ref().map(|_| Vec::new()),
            ration: self.ration.clone(),
            response_rules: self.response_rules.clone(),
            ..Self::default()
        }
    }

    /// Takes what was counted in a text of its own; its findings are where that text is.
    pub(crate) fn merge(&mut self, inner: Self, offset: u64, length: u64) {
        // They were taken from the ration when they were found.
        for count in inner.counts {
            self.count(count);
        }
        self.blocks |= inner.blocks;
        if let (Some(findings), Some(more)) = (&mut self.findings, inner.findings) {
            findings.extend(more.into_iter().map(|finding| Finding {
                offset,
                length,
                ..finding
            }));
        }
    }

    /// Takes what was too much in a text of its own, whatever else becomes of it.
    pub(crate) fn merge_excesses(&mut self, inner: &Self) {
        for (excess, rule) in &inner.excesses {
            self.exceed(*excess, *rule);
        }
    }

    /// It is too much for a rule.
    pub(crate) fn exceed(&mut self, excess: Excess, rule: u8) {
        if !self.excesses.contains(&(excess, rule)) {
            self.excesses.push((excess, rule));
        }
    }

    /// What is too much so far, with the rules that say so.
    #[must_use]
    pub fn excesses(&self) -> &[(Excess, u8)] {
        &self.excesses
    }

    /// Adds what a GraphQL document costs, and says what all of them do.
    pub(crate) const fn add_cost(&mut self, cost: u64) -> u64 {
        self.graphql_cost = self.graphql_cost.saturating_add(cost);
        self.graphql_cost
    }

    /// Whom aliases in GraphQL operations must not mislead: the rules about the response.
    pub(crate) fn set_response_rules(&mut self, plan: Option<Rc<Plan>>) {
        self.response_rules = plan;
    }

    pub(crate) fn response_rules(&self) -> Option<&Plan> {
        self.response_rules.as_deref()
    }

    /// A member for which the message goes no further, where it has a name: `$.user.role`.
    pub(crate) fn refuse_member(&mut self, path: impl FnOnce() -> String) {
        self.refused_member.get_or_insert_with(path);
    }

    /// The first member for which the message goes no further.
    #[must_use]
    pub fn refused_member(&self) -> Option<&str> {
        self.refused_member.as_deref()
    }

    /// Watches a message for its owners and people.
    pub fn watch(&mut self, watched: &Watched, direction: Direction, owners: Vec<Vec<String>>) {
        let people = watched.people(direction);
        self.watch = Some(Box::new(Watching {
            direction,
            owners,
            people: people
                .map(|path| DataSubjects::new(direction, path))
                .collect(),
            noted: Vec::new(),
            settled: 0,
            is_unjudged: false,
            named: None,
        }));
    }

    /// Counts all people whom the message names, under hashes with this key.
    pub(crate) fn count_people(&mut self, key: [u8; 16]) {
        if let Some(watch) = &mut self.watch {
            watch.named = Some(Named::new(key));
        }
    }

    /// The people who have been named since the last time.
    pub(crate) fn take_named(&mut self) -> Vec<u64> {
        let named = self.watch.as_mut().and_then(|watch| watch.named.as_mut());
        named.map_or_else(Vec::new, Named::take)
    }

    /// Whether people are looked for and counted, and the message names none so far.
    pub(crate) fn names_nobody(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| {
            let named = watch.named.as_ref();
            !watch.people.is_empty() && named.is_some_and(|named| named.count() == 0)
        })
    }

    /// What may leave in clear of the piece that is read next.
    pub(crate) fn set_ration(&mut self, ration: Option<Rc<Ration>>) {
        self.ration = ration;
    }

    pub(crate) const fn ration(&self) -> Option<&Rc<Ration>> {
        self.ration.as_ref()
    }

    /// The people whom the message is about.
    #[must_use]
    pub fn people(&self) -> &[DataSubjects] {
        self.watch
            .as_ref()
            .map_or(&[][..], |watch| watch.people.as_slice())
    }

    /// Whether there are objects of which nobody can say whose they are.
    #[must_use]
    pub fn is_unjudged(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_unjudged)
    }

    /// Whether the message that is watched is a response.
    pub(crate) fn is_of_response(&self) -> bool {
        let watch = self.watch.as_ref();
        watch.is_none_or(|watch| watch.direction == Direction::Response)
    }

    /// Whether a path is about this message: owners always are.
    pub(crate) fn watches(&self, watched: &Watched, target: u16) -> bool {
        watched.direction_of(target).is_none_or(|direction| {
            let watch = self.watch.as_ref();
            watch.is_some_and(|watch| watch.direction == direction)
        })
    }

    /// Whether this is who the owner must be.
    pub(crate) fn is_expected(&self, owner: usize, value: &str) -> bool {
        let expected = self
            .watch
            .as_ref()
            .and_then(|watch| watch.owners.get(owner));
        !value.is_empty()
            && expected.is_some_and(|expected| expected.iter().any(|one| one == value))
    }

    /// Somebody whom the message is about; one whose name is too long to be kept only counts.
    pub(crate) fn note_person(&mut self, path: &str, value: &str, is_too_long: bool) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        let place = watch.people.iter().position(|people| people.path == path);
        let people = place.and_then(|place| watch.people.get_mut(place));
        if let (Some(place), Some(people)) = (place, people) {
            if let Some(named) = &mut watch.named {
                named.add(value, is_too_long);
            }
            if is_too_long {
                people.omitted = people.omitted.saturating_add(1);
            } else if people.add(value) {
                watch.noted.push(place);
            }
        }
    }

    /// How many people have been noted.
    pub(crate) fn people_noted(&self) -> PeopleMark {
        self.watch
            .as_ref()
            .map_or_else(PeopleMark::default, |watch| PeopleMark {
                listed: watch.noted.len(),
                named: watch.named.as_ref().map_or(0, Named::count),
            })
    }

    /// What names the people noted after this does not leave.
    pub(crate) fn forget_people(&mut self, mark: PeopleMark) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        while watch.noted.len() > mark.listed {
            let place = watch.noted.pop();
            let people = place.and_then(|place| watch.people.get_mut(place));
            if let Some(people) = people {
                people.values.pop();
            }
        }
        if let Some(named) = &mut watch.named {
            named.forget(mark.named);
        }
    }

    /// Who has been noted so far, or up to this mark, is in what leaves for certain.
    pub(crate) fn settle_people(&mut self, mark: Option<PeopleMark>) {
        let mark = mark.unwrap_or_else(|| self.people_noted());
        if let Some(watch) = &mut self.watch {
            watch.settled = watch.settled.max(mark.listed);
            if let Some(named) = &mut watch.named {
                named.settle(mark.named, self.ration.as_deref());
            }
        }
    }

    /// The people whom what leaves is about.
    #[must_use]
    pub(crate) fn settled_people(&self) -> Vec<DataSubjects> {
        let Some(watch) = &self.watch else {
            return Vec::new();
        };
        let mut people = watch.people.clone();
        for place in watch.noted.iter().skip(watch.settled) {
            if let Some(people) = people.get_mut(*place) {
                people.values.pop();
            }
        }
        people
    }

    /// The rest of the message cannot be watched.
    pub(crate) fn lose_watch(&mut self, judges: bool) {
        let watch = self.watch.get_or_insert_with(|| {
            Box::new(Watching {
                direction: Direction::Response,
                owners: Vec::new(),
                people: Vec::new(),
                noted: Vec::new(),
                settled: 0,
                is_unjudged: false,
                named: None,
            })
        });
        watch.is_unjudged |= judges;
        self.miss_people();
    }

    /// The message may be about people whom nobody has read in it.
    pub(crate) fn miss_people(&mut self) {
        let people = self.watch.iter_mut().flat_map(|watch| &mut watch.people);
        people.for_each(|people| people.is_incomplete = true);
    }

    /// All counts so far.
    #[must_use]
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// The word for a kind in metrics and records.
    #[must_use]
    pub fn word(plan: &Plan, entity: u8) -> &str {
        match entity {
            FIELD => MEMBER,
            MINIMIZED => "MINIMIZED",
            FOREIGN_OBJECT => "FOREIGN_OBJECT",
            other => plan.name(other),
        }
    }
}
