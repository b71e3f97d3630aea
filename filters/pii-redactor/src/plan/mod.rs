//! What is done with one message: the rules that apply to it, put together.
//!
//! A plan is made once for each set of rules and direction and then shared by all streams.

mod in_names;
mod learn;
mod lists;
mod placeholders;
mod reported;
mod search;
mod settings;
pub mod watched;

pub(crate) use learn::declares;
pub(crate) use lists::is_item;
pub use settings::{Allowed, Settings, TypePolicy};

use std::cell::RefCell;
use std::rc::Rc;

use policy::finding::Category;
use policy::matching::HostPattern;

use crate::action::{Action, Strictness};
use crate::custom::Custom;
use crate::data_budget::Ration;
use crate::detect::{
    Confidence, DETECTORS, Form, INTERNAL_URL, Scratch, ShapeIndex, assignable, finds_settings,
    is_special_category,
};
use crate::entity::EntitySet;
use crate::lexicon::Lexicon;
use crate::limits::PlannedLimits;
use crate::names::NameCache;
use crate::paths::{Path, PathSet};
use crate::placeholder::Labels;
use crate::trigger::Triggers;
use watched::{OwnerRule, PersonPath, Watched};

/// The number of the first kind that a configuration adds.
pub const FIRST_CUSTOM: u8 = 192;

/// What is done with one message.
#[derive(Debug)]
pub struct Plan {
    /// Its rules, for metrics and records.
    pub rules: Vec<PlannedRule>,
    /// The kinds that are looked for in texts.
    pub(crate) wanted: EntitySet,
    /// Those that are a whole value by the name of its member.
    whole: EntitySet,
    /// Those of them that are found in texts as `name: value` too.
    assignable: EntitySet,
    scratch: RefCell<Scratch>,
    bindings: Vec<Option<Binding>>,
    customs: Rc<[Custom]>,
    shapes: ShapeIndex,
    lexicon: Lexicon,
    /// Rules about members, the first that fits acts.
    pub(crate) fields: Vec<FieldRule>,
    /// Those by names, in order of the names, without spaces.
    named_fields: Vec<(String, u16)>,
    /// Those by words, in order of their words.
    worded_fields: Vec<(Vec<String>, u16)>,
    /// Their paths, and those that are allowed.
    pub(crate) paths: PathSet,
    /// Only what is allowed passes.
    pub(crate) minimizes: Option<Minimization>,
    /// Whose objects are, and about whom.
    watched: Option<Watched>,
    names: RefCell<NameCache>,
    settings: Rc<Settings>,
    /// A rule has the preset that asks for card numbers in ids.
    finds_cards_in_ids: bool,
    /// The kinds that take their member along.
    removing: EntitySet,
    /// What may leave in clear of the piece that is being read.
    ration: RefCell<Option<Rc<Ration>>>,
}

/// A rule of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRule {
    /// Its name, or its place.
    pub name: String,
    /// Whether the rule acts, counts only, or sees an exempt caller.
    pub mode: RuleMode,
}

/// Whether a rule acts on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleMode {
    /// The rule acts.
    Enforce,
    /// It counts what it would have done.
    Report,
    /// The caller may see everything: what it would have found is counted as seen.
    Exempt,
}

/// What is done with a kind.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The action on values of the kind.
    pub action: Rc<Action>,
    /// The rule, by its place in the plan.
    pub rule: u8,
    /// Whether the rule acts; `false` counts only.
    pub enforces: bool,
}

impl Binding {
    /// The lowest of several acts, and of equal ones the first.
    fn strictness(&self) -> (bool, Strictness) {
        strictness(&self.action, self.enforces)
    }
}

/// What enforces comes before what only counts, and of that the first is told.
fn strictness(action: &Action, enforces: bool) -> (bool, Strictness) {
    let strictness = if enforces {
        action.strictness()
    } else {
        Strictness::default()
    };
    (!enforces, strictness)
}

/// A rule about members of documents.
#[derive(Clone, Debug)]
pub struct FieldRule {
    /// The members that the rule is about.
    pub selector: Selector,
    /// The action on their values.
    pub action: FieldAction,
    /// The hosts to which addresses in them may lead: these stay.
    pub hosts: Option<Rc<[HostPattern]>>,
    /// The rule, by its place in the plan.
    pub rule: u8,
    /// Whether the rule acts; `false` counts only.
    pub enforces: bool,
}

impl FieldRule {
    /// The lowest of several acts, and of equal ones the first.
    fn strictness(&self) -> (bool, Strictness) {
        match &self.action {
            FieldAction::Value(action) => strictness(action, self.enforces),
            FieldAction::Remove | FieldAction::Null => strictness(&Action::Remove, self.enforces),
            FieldAction::Replace(_) => strictness(&Action::Label, self.enforces),
        }
    }

    /// Whether a member decides about the message: it blocks it, or may lead to some hosts only.
    fn may_stop(&self) -> bool {
        self.enforces && self.hosts.is_some() || self.blocks_any()
    }

    /// Whether a member stops the message, whatever its value.
    pub(crate) fn blocks_any(&self) -> bool {
        let blocks =
            matches!(&self.action, FieldAction::Value(action) if matches!(**action, Action::Block));
        self.enforces && blocks && self.hosts.is_none()
    }
}

/// Which members a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Those with any of these names, folded, wherever they are.
    Names(Vec<String>),
    /// Those whose names have any of these, folded, as whole words.
    Words(Vec<String>),
    /// Members at a JSON path.
    Path(Path),
}

/// The action on the value of a member.
#[derive(Clone, Debug)]
pub enum FieldAction {
    /// The member goes, and one comma with it.
    Remove,
    /// The value becomes `null`.
    Null,
    /// A fixed text in the place of the whole value.
    Replace(String),
    /// Each string and number in it.
    Value(Rc<Action>),
}

/// Only what is allowed passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minimization {
    /// The rule, by its place in the plan.
    pub rule: u8,
    /// Whether the rule acts; `false` counts only.
    pub enforces: bool,
    /// A message with anything else goes no further.
    pub refuses: bool,
}

/// What a state of [`Plan::paths`] reaches that is not the index of a field rule.
pub(crate) const ALLOWED_TARGET: u16 = u16::MAX;

/// What a plan is made of.
#[derive(Debug, Default)]
pub struct Parts {
    /// The rules that apply to the message.
    pub rules: Vec<PlannedRule>,
    /// Kinds with what is done with them; the strictest binding of a kind that enforces counts, else the
    /// first.
    pub bindings: Vec<(u8, Binding)>,
    /// The rules about members.
    pub fields: Vec<FieldRule>,
    /// The paths that are allowed, and for whom.
    pub allowed: Option<(Vec<Path>, Minimization)>,
    /// Rules about owners of objects, each with its rule by its place in the plan.
    pub owners: Vec<(OwnerRule, u8)>,
    /// Paths to the people whom the message is about.
    pub people: Vec<PersonPath>,
    /// What documents may ask for at most.
    pub limits: Vec<PlannedLimits>,
    /// Members that are called ids may have card numbers.
    pub finds_cards_in_ids: bool,
}

impl Plan {
    /// Makes the plan for one message from the rules that apply to it.
    #[must_use]
    pub fn new(mut parts: Parts, customs: Rc<[Custom]>, settings: Rc<Settings>) -> Self {
        // The first that fits acts, and one that only counts does not stand before one that acts.
        policy::sort::by_key(&mut parts.fields, |rule| !rule.enforces);
        let mut bindings: Vec<Option<Binding>> = vec![None; 256];
        let (mut wanted, mut whole) = (EntitySet::EMPTY, EntitySet::EMPTY);
        for (entity, binding) in parts.bindings {
            let slot = bindings.get_mut(usize::from(entity));
            let Some(slot) = slot else { continue };
            let better = slot
                .as_ref()
                .is_none_or(|known| binding.strictness() < known.strictness());
            if better {
                *slot = Some(binding);
            }
            let form = DETECTORS
                .get(usize::from(entity))
                .map(|detector| detector.form);
            if matches!(form, Some(Form::Named | Form::NamedIf(_))) {
                whole.insert(entity);
            } else {
                wanted.insert(entity);
            }
        }
        let own = |custom: &(u8, &Custom)| wanted.has(custom.0);
        let phrases =
            (FIRST_CUSTOM..)
                .zip(customs.iter())
                .filter(own)
                .flat_map(|(entity, custom)| {
                    custom
                        .context
                        .iter()
                        .map(move |phrase| (entity, phrase.as_str()))
                });
        let lexicon = Lexicon::new(
            &wanted.or(&whole),
            phrases,
            Labels::with(customs.iter().map(|custom| &*custom.name)),
        );
        let by_path =
            parts
                .fields
                .iter()
                .enumerate()
                .filter_map(|(index, rule)| match &rule.selector {
                    Selector::Path(path) => Some((path, u16::try_from(index).ok()?)),
                    _ => None,
                });
        let allowed = parts
            .allowed
            .iter()
            .flat_map(|(paths, _)| paths.iter().map(|path| (path, ALLOWED_TARGET)));
        let paths = PathSet::new(by_path.chain(allowed));
        let (mut named_fields, mut worded_fields) = (Vec::new(), Vec::new());
        for (index, rule) in (0_u16..).zip(&parts.fields) {
            match &rule.selector {
                Selector::Names(names) => {
                    named_fields.extend(names.iter().map(|name| (name.replace(' ', ""), index)));
                }
                Selector::Words(phrases) => {
                    let words = |phrase: &String| phrase.split(' ').map(str::to_owned).collect();
                    worded_fields.extend(phrases.iter().map(|phrase| (words(phrase), index)));
                }
                Selector::Path(_) => {}
            }
        }
        policy::sort::by(&mut named_fields, Ord::cmp);
        policy::sort::by(&mut worded_fields, Ord::cmp);
        let mut removing = EntitySet::EMPTY;
        for (entity, binding) in (0..=u8::MAX).zip(&bindings) {
            let removes =
                |binding: &Binding| binding.enforces && matches!(*binding.action, Action::Remove);
            // What must be looked at may stay.
            let is_looked_at = !matches!(
                DETECTORS
                    .get(usize::from(entity))
                    .map(|detector| detector.form),
                Some(Form::Named)
            );
            if binding.as_ref().is_some_and(removes) && is_special_category(entity) && !is_looked_at
            {
                removing.insert(entity);
            }
        }
        if !settings.allowed.is_empty()
            || settings.type_policy == TypePolicy::Keep
            || settings.min_confidence > Confidence::Medium
        {
            removing = EntitySet::EMPTY;
        }
        Self {
            rules: parts.rules,
            removing,
            shapes: ShapeIndex::new(&wanted),
            wanted,
            assignable: assignable(&whole.or(&wanted)),
            scratch: RefCell::default(),
            whole,
            bindings,
            customs,
            lexicon,
            paths,
            minimizes: parts.allowed.map(|(_, minimization)| minimization),
            fields: parts.fields,
            named_fields,
            worded_fields,
            watched: Watched::new(parts.owners, parts.people, parts.limits),
            names: RefCell::default(),
            settings,
            finds_cards_in_ids: parts.finds_cards_in_ids,
            ration: RefCell::default(),
        }
    }

    /// Whether a path of a rule goes through members of this name.
    pub(crate) fn has_in_paths(&self, name: &[u8]) -> bool {
        let name = policy::text::lossy(name);
        let watched = self.watched.iter().map(Watched::paths);
        let mut all = watched.chain([&self.paths]);
        all.any(|paths| paths.has_name(&name))
    }

    /// What is watched in documents.
    #[must_use]
    pub const fn watched(&self) -> Option<&Watched> {
        self.watched.as_ref()
    }

    /// Whether objects go, or messages stop, for whose they are.
    #[must_use]
    pub fn judges_owners(&self) -> bool {
        self.watched.as_ref().is_some_and(Watched::enforces)
    }

    /// The name of a kind.
    #[must_use]
    pub fn name(&self, entity: u8) -> &str {
        match entity.checked_sub(FIRST_CUSTOM) {
            None => DETECTORS
                .get(usize::from(entity))
                .map_or("", |detector| detector.name),
            Some(custom) => self
                .customs
                .get(usize::from(custom))
                .map_or("", |custom| &custom.name),
        }
    }

    /// The sort of data that a kind is.
    #[must_use]
    pub fn category(&self, entity: u8) -> Category {
        DETECTORS
            .get(usize::from(entity))
            .map_or_else(Category::default, |detector| detector.category)
    }

    /// Whether any kind is announced by the names of members.
    pub(crate) const fn announces_by_name(&self) -> bool {
        !self.lexicon.is_empty()
    }

    /// What is done with a kind.
    #[must_use]
    pub fn binding(&self, entity: u8) -> Option<&Binding> {
        self.bindings.get(usize::from(entity))?.as_ref()
    }

    /// What stands in the place of numbers.
    #[must_use]
    pub fn type_policy(&self) -> TypePolicy {
        self.settings.type_policy
    }

    /// Whether a year tells that somebody who lived then is over 89.
    pub(crate) fn tells_old_age(&self, year: &str) -> bool {
        let digits = year.trim_matches(|character: char| !character.is_ascii_digit());
        let year = digits.parse();
        year.is_ok_and(|year| self.settings.tells_old_age(year))
    }

    /// Whether documents in strings are read as such.
    #[must_use]
    pub fn nests_json(&self) -> bool {
        self.settings.nested_json
    }

    /// Whether members can go, so that what stands before them must be held.
    #[must_use]
    pub const fn has_member_rules(&self) -> bool {
        !self.fields.is_empty() || self.minimizes.is_some() || self.removes_members()
    }

    /// Whether members go for what they are called.
    pub(crate) const fn removes_members(&self) -> bool {
        !self.removing.is_empty()
    }

    /// Whether a message may pass only if all of its members have been read: what no rule lets through,
    /// what is another's, or what stops the message may stand behind a place that is no JSON, and lenient
    /// readers find it there.
    #[must_use]
    pub fn relies_on_members(&self) -> bool {
        self.minimizes_bodies()
            || self.judges_owners()
            || self.fields.iter().any(FieldRule::may_stop)
    }

    /// Whether that holds for documents in strings too, where no path leads.
    pub(crate) fn relies_on_names(&self) -> bool {
        let is_path = |rule: &FieldRule| matches!(rule.selector, Selector::Path(_));
        let mut stopping = self.fields.iter().filter(|rule| rule.may_stop());
        stopping.any(|rule| !is_path(rule))
    }

    /// Whether nothing at all is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
            && self.whole.is_empty()
            && !self.has_member_rules()
            && self.watched.is_none()
    }

    /// Whether something is looked for that no trigger announces: what detectors of the configuration
    /// find, and addresses.
    #[inline]
    pub(crate) fn searches_all(&self) -> bool {
        !self.customs.is_empty() || self.wanted.has(INTERNAL_URL)
    }

    /// Whether there is nothing to find in the first `length` bytes of a text.
    #[inline]
    pub(crate) fn has_nothing_for(&self, text: &[u8], length: usize) -> bool {
        let assigns = finds_settings(&self.assignable);
        !self.searches_all() && Triggers::of_beginning(text, length).is_empty(assigns)
    }

    /// Whether documents that ask for too much go no further.
    #[must_use]
    pub fn measures(&self) -> bool {
        let mut limits = self.watched.iter().flat_map(Watched::limits);
        limits.any(|planned| planned.enforces)
    }

    /// Whether it changes nothing, but lets messages pass or stops them.
    #[must_use]
    pub fn only_measures(&self) -> bool {
        self.wanted.is_empty()
            && self.whole.is_empty()
            && !self.has_member_rules()
            && !self.judges_owners()
    }

    /// Whether it neither changes nor looks at anything: at most the bytes are counted.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.only_measures() && self.watched.is_none()
    }

    /// Whether only named members pass.
    #[must_use]
    pub fn minimizes_bodies(&self) -> bool {
        self.minimizes
            .is_some_and(|minimization| minimization.enforces)
    }

    /// What may leave in clear of the piece that is read next: the plan is that of all streams.
    pub(crate) fn set_ration(&self, ration: Option<&Rc<Ration>>) {
        if ration.is_some() || self.ration.borrow().is_some() {
            *self.ration.borrow_mut() = ration.cloned();
        }
    }

    /// Whether a kind is masked for its budget, whatever the rules say.
    pub(crate) fn is_beyond_ration(&self, entity: u8) -> bool {
        let ration = self.ration.borrow();
        ration.as_ref().is_some_and(|ration| ration.masks(entity))
    }

    /// Whether something else stands in the place of a kind.
    pub(crate) fn changes(&self, entity: u8) -> bool {
        let binding = self.binding(entity);
        let acts = binding.is_some_and(|binding| binding.enforces && binding.action.changes());
        acts || self.is_beyond_ration(entity)
    }

    /// What all searches with this plan have cost so far.
    pub(crate) fn looks(&self) -> u64 {
        self.scratch.borrow().looks.get()
    }

    /// A number of a document is looked at.
    pub(crate) fn count_number(&self) {
        self.scratch.borrow().looks.add(1);
    }

    /// A document in a string is taken apart.
    pub(crate) fn count_document(&self) {
        self.scratch.borrow().looks.add(LOOKS_OF_A_DOCUMENT);
    }
}

/// Reading a document in a string takes at least as long as so many looks at candidates.
const LOOKS_OF_A_DOCUMENT: usize = 4;
