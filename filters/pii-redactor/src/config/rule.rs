//! A rule: what is redacted in which messages.

use std::rc::Rc;

use policy::claim::ClaimCondition;
use policy::config::{Node, join};
use policy::consent::ConsentCondition;
use policy::explain::Condition;
use policy::facts::Facts;
pub use policy::finding::Place;
use policy::matching::Match;
use policy::mode::Mode;

use super::actions::{ActionTable, Keys, NO_EFFECT};
use super::detectors::Kinds;
use super::fields::{self, Field};
use super::{limits, presets, watched};
use crate::action::Action;
use crate::entity::EntitySet;
use crate::limits::Limits;
use crate::paths::Path;
use crate::plan::watched::{Otherwise, OwnerRule, PersonPath};

/// What is redacted in which messages.
#[derive(Debug)]
pub struct Rule {
    /// Its name, or its place.
    pub name: String,
    /// The requests that the rule applies to.
    pub matches: Match,
    /// The places in their messages that the rule acts on.
    pub places: Places,
    /// The headers that are searched; `None` are all but those that the protocol needs.
    pub headers: Option<Vec<String>>,
    /// What is looked for, and what is done with it.
    pub detect: Vec<(u8, Rc<Action>)>,
    /// Its presets ask for card numbers in ids as well.
    pub finds_cards_in_ids: bool,
    /// Members by name and by path.
    pub fields: Vec<Field>,
    /// Members that may pass; `None` lets all pass.
    pub allow_fields: Option<Vec<Path>>,
    /// A message with another member goes no further.
    pub refuses_fields: bool,
    /// What its messages may ask for at most.
    pub limits: Limits,
    /// Whose the objects in bodies must be.
    pub owner: Vec<OwnerRule>,
    /// Where bodies name the people that they are about.
    pub data_subject: Vec<PersonPath>,
    /// The callers that see everything.
    pub unless: Unless,
    /// The rule applies only where this holds.
    pub when_consent: Option<ConsentCondition>,
    /// The mode of this rule.
    pub mode: Mode,
}

/// The callers that a rule does not apply to: those that fulfil all of it.
#[derive(Debug, Default)]
pub struct Unless {
    scopes: Vec<String>,
    roles: Vec<String>,
    claims: Vec<ClaimCondition>,
}

/// A set of places in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places(u16);

const fn bit(place: Place) -> u16 {
    1 << place as u16
}

impl Places {
    /// The body of the response alone.
    pub const RESPONSE_BODY: Self = Self(bit(Place::ResponseBody));

    /// Whether a place is one of them.
    #[must_use]
    pub const fn has(self, place: Place) -> bool {
        self.0 & bit(place) != 0
    }

    /// Whether headers or trailers are among them.
    const fn has_headers(self) -> bool {
        self.has(Place::RequestHeaders)
            || self.has(Place::ResponseHeaders)
            || self.has(Place::RequestTrailers)
            || self.has(Place::ResponseTrailers)
    }

    /// The words of all of them.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let all = Place::ALL.iter().filter(|(_, place)| self.has(*place));
        all.map(|(word, _)| *word).collect()
    }

    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let places = node.non_empty_list(|place| place.one_of(&Place::ALL))?;
        Some(Self(
            places.into_iter().fold(0, |all, place| all | bit(place)),
        ))
    }
}

/// What a rule is read with.
pub(super) struct Scope<'s> {
    pub(super) kinds: &'s Kinds<'s>,
    pub(super) actions: &'s ActionTable,
    pub(super) keys: &'s Keys<'s>,
    pub(super) default_places: Places,
    /// The mode of the filter, for rules without one.
    pub(super) mode: Mode,
}

impl Rule {
    /// Whether it looks for any of these kinds.
    #[must_use]
    pub fn detects(&self, class: &EntitySet) -> bool {
        self.detect.iter().any(|(entity, _)| class.has(*entity))
    }

    /// Whether some callers may get values of these kinds in clear.
    pub(super) fn may_show(&self, class: &EntitySet) -> bool {
        let mut kinds = self.detect.iter();
        !self.mode.enforces()
            || !self.unless.is_empty()
            || self.when_consent.is_some()
            || kinds.any(|(entity, action)| class.has(*entity) && !action.changes())
    }

    /// Whether it goes by what members are called, or where they are.
    #[must_use]
    pub(super) const fn goes_by_members(&self) -> bool {
        !self.detect.is_empty()
            || !self.fields.is_empty()
            || self.allow_fields.is_some()
            || !self.owner.is_empty()
            || !self.data_subject.is_empty()
    }

    /// Whether objects go, or messages stop, for whose they are.
    #[must_use]
    pub fn judges_owners(&self) -> bool {
        let mut owners = self.owner.iter();
        owners.any(|owner| owner.otherwise != Otherwise::Report)
    }

    /// The rule that presets at the top level are: for all messages.
    pub(super) fn of_presets(bits: u8, scope: &Scope<'_>) -> Self {
        let none = ActionTable::default();
        Self {
            name: "presets".to_owned(),
            matches: Match::default(),
            places: scope.default_places,
            headers: None,
            detect: presets::kinds(bits)
                .map(|entity| (entity, none.of(scope.actions, entity, bits)))
                .collect(),
            finds_cards_in_ids: presets::find_cards_in_ids(bits),
            fields: Vec::new(),
            allow_fields: None,
            refuses_fields: false,
            limits: Limits::default(),
            owner: Vec::new(),
            data_subject: Vec::new(),
            unless: Unless::default(),
            when_consent: None,
            mode: scope.mode,
        }
    }

    pub(super) fn read(node: &Node<'_>, scope: &Scope<'_>) -> Option<Self> {
        node.object(|rule| {
            let bits = rule.or("presets", 0, |n| presets::read(&n));
            let own = rule.or("actions", ActionTable::default(), |n| {
                ActionTable::read(&n, scope.kinds, scope.keys)
            });
            let mut kinds = rule.or("detect", Vec::new(), |n| {
                n.non_empty_list(|kind| {
                    let name = kind.string()?;
                    let number = scope.kinds.number(name);
                    if number.is_none() {
                        kind.reject(scope.kinds.unknown(name));
                    }
                    number
                })
            });
            kinds.extend(presets::kinds(bits));
            policy::sort::by(&mut kinds, Ord::cmp);
            kinds.dedup();
            let matches = rule.or("match", Match::default(), |n| Match::read(&n));
            let says_places = scope.default_places != Places::RESPONSE_BODY
                || node.json().member("apply_to").is_some();
            let places = rule.or("apply_to", scope.default_places, |n| Places::read(&n));
            let read = Self {
                name: rule.or("name", node.path().to_owned(), |n| {
                    n.name(64).map(str::to_owned)
                }),
                places,
                headers: rule.or("headers", None, |n| {
                    n.non_empty_list(|h| h.header_name()).map(Some)
                }),
                detect: kinds
                    .into_iter()
                    .map(|entity| (entity, own.of(scope.actions, entity, bits)))
                    .collect(),
                finds_cards_in_ids: presets::find_cards_in_ids(bits),
                fields: rule.or("fields", Vec::new(), |n| {
                    n.non_empty_list(|field| fields::read(&field, scope.keys))
                }),
                allow_fields: rule.or("allow_fields", None, |n| {
                    n.non_empty_list(|path| path.parsed(Path::parse, "a path"))
                        .map(Some)
                }),
                refuses_fields: rule.or("allow_fields_action", false, |n| {
                    n.one_of(&[("remove", false), ("refuse", true)])
                }),
                limits: limits::read(rule, places, says_places),
                owner: rule.or("owner", Vec::new(), |n| {
                    n.non_empty_list(|owner| watched::read_owner(&owner, (&matches, places)))
                }),
                data_subject: rule.or("data_subject", Vec::new(), |n| {
                    n.one_or_more(|person| watched::read_person(&person, places))
                }),
                unless: rule.or("unless", Unless::default(), |n| Unless::read(&n, &matches)),
                when_consent: rule.or("when", None, |n| {
                    n.object(|when| {
                        let consent = when.required("consent", "a condition on consent")?;
                        ConsentCondition::read(&consent).map(Some)
                    })
                }),
                mode: Mode::of_rule(rule, scope.mode),
                matches,
            };
            let detected: Vec<u8> = read.detect.iter().map(|(entity, _)| *entity).collect();
            own.warn_of_others(node, scope.kinds, &detected);
            if read.headers.is_some() && !places.has_headers() {
                node.warn_at(
                    &join(node.path(), "headers"),
                    NO_EFFECT,
                    r#"none of these is searched: "apply_to" has no headers or trailers"#,
                );
            }
            let has = |key: &&str| node.json().member(key).is_some();
            if has(&"allow_fields_action") && !has(&"allow_fields") {
                rule.node()
                    .reject_unseen(r#""allow_fields_action" needs "allow_fields""#);
            }
            let has_work = WORK.iter().chain(&limits::KEYS).any(has);
            if !has_work {
                rule.node().reject_unseen(
                    r#"a rule needs "detect", "presets", "fields", "allow_fields", "owner", "data_subject", "max_body", "max_depth", "max_members" or "graphql""#,
                );
            }
            Some(read)
        })
    }
}

/// The keys that say what a rule is for.
const WORK: [&str; 6] = [
    "detect",
    "fields",
    "presets",
    "allow_fields",
    "owner",
    "data_subject",
];

impl Unless {
    /// Whether the rule applies to every caller.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.scopes.is_empty() && self.roles.is_empty() && self.claims.is_empty()
    }

    fn read(node: &Node<'_>, matches: &Match) -> Option<Self> {
        node.object(|unless| {
            let read = Self {
                scopes: unless.or("scopes", Vec::new(), |n| n.scopes()),
                roles: unless.or("roles", Vec::new(), |n| n.strings()),
                claims: unless.or("claims", Vec::new(), |n| {
                    n.non_empty_list(|claim| ClaimCondition::read_within(&claim, matches))
                }),
            };
            let has_some = ["scopes", "roles", "claims"]
                .iter()
                .any(|key| node.json().member(key).is_some());
            if !has_some {
                unless
                    .node()
                    .reject(r#"expected "scopes", "roles" or "claims""#);
                return None;
            }
            Some(read)
        })
    }

    /// What is asked of a caller, and who the one at hand is.
    #[must_use]
    pub fn told(&self, facts: &dyn Facts) -> Condition {
        let identity = facts.identity();
        let mut parts = Vec::new();
        for (key, list) in [("scopes", &self.scopes), ("roles", &self.roles)] {
            if !list.is_empty() {
                parts.push(format!("{key} {list:?}"));
            }
        }
        let claims = self.claims.iter();
        parts.extend(claims.map(|claim| claim.told("claims", identity, facts).expected));
        let subject = identity.and_then(|identity| identity.subject.clone());
        Condition {
            key: "unless",
            expected: parts.join(", "),
            found: subject.unwrap_or_else(|| "a verified caller".to_owned()),
        }
    }

    /// Whether a caller sees everything: all scopes, one of the roles, all claims. Nobody does if
    /// nothing is said, and neither does a caller whom nobody verified. Where servers may read the
    /// request in more than one way, each reading must say so.
    #[must_use]
    pub fn holds(&self, facts: &dyn Facts) -> bool {
        let says_something =
            !(self.scopes.is_empty() && self.roles.is_empty() && self.claims.is_empty());
        let Some(identity) = facts.identity().filter(|_| says_something) else {
            return false;
        };
        // Who breaks the glass gets what the rule opens for anybody.
        if identity.emergency.is_some() {
            return true;
        }
        self.scopes.iter().all(|scope| identity.has_scope(scope))
            && (self.roles.is_empty()
                || self.roles.iter().any(|role| identity.roles.contains(role)))
            && self
                .claims
                .iter()
                .all(|claim| claim.holds(Some(identity), facts))
    }
}
