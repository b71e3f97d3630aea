//! What is watched in documents: whose the objects in them are, and about whom they are.

use policy::facts::Facts;
use policy::finding::Direction;
use policy::json_path::{BELOW, FOLDED, Path, PathSet};
use policy::request_value::RequestValue;

use crate::limits::PlannedLimits;

/// A rule about the owners of objects.
#[derive(Clone, Debug)]
pub struct OwnerRule {
    /// The path of the member that names the owner.
    pub path: Path,
    /// How many steps the object is above it.
    pub levels: usize,
    /// Who the owner must be.
    pub equals: OwnerValue,
    /// The action on an object that belongs to somebody else.
    pub otherwise: Otherwise,
    /// The action on an object without an owner.
    pub missing: Missing,
}

/// The action on an object without an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The object stays.
    Keep,
    /// The object is handled as somebody else's.
    Foreign,
    /// As an item of a list in a response it is another's: the caller has left the owner out. It stays
    /// in a request, and where another document stands in the place of a list.
    ForeignInLists,
}

/// Who the owner of an object must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerValue {
    /// A claim of the caller says it; of a list, one item is enough.
    Claim(String),
    /// A value of the request.
    Request(RequestValue),
}

/// The action on an object that belongs to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// The object is removed.
    Remove,
    /// The message goes no further.
    Block,
    /// The object stays and is counted.
    Report,
}

/// A path to somebody that data is about.
#[derive(Clone, Debug)]
pub struct PersonPath {
    /// The way that the body goes.
    pub direction: Direction,
    /// The path, and how the configuration writes it.
    pub path: (Path, String),
}

/// What is watched in the documents of a message.
#[derive(Debug, Default)]
pub struct Watched {
    paths: PathSet,
    targets: Vec<Target>,
    limits: Vec<PlannedLimits>,
}

/// What a path is watched for.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) what: What,
    /// The states of the paths in the object that an owner is looked for in.
    object_states: [u16; 2],
}

#[derive(Debug)]
pub(crate) enum What {
    /// About whom the data is, by its place in the list of people.
    Person(Direction, String),
    /// The member names the owner of an object.
    Owner {
        /// The place among the owners.
        place: usize,
        /// The rule, by its place in the plan.
        rule: u8,
        levels: usize,
        equals: OwnerValue,
        otherwise: Otherwise,
        missing: Missing,
    },
}

impl OwnerValue {
    /// All that the owner may be called for this request; nothing where that is not certain.
    fn values(&self, facts: &dyn Facts) -> Vec<String> {
        match self {
            Self::Claim(claim) => facts
                .identity()
                .map(|identity| identity.claim_values(claim))
                .unwrap_or_default(),
            Self::Request(place) => place.only_value(facts).into_iter().collect(),
        }
    }
}

impl Watched {
    /// `None` where nothing is watched. What has no place among 64 is refused by the configuration.
    pub(super) fn new(
        owners: Vec<(OwnerRule, u8)>,
        people: Vec<PersonPath>,
        limits: Vec<PlannedLimits>,
    ) -> Option<Self> {
        if owners.is_empty() && people.is_empty() && limits.is_empty() {
            return None;
        }
        let mut targets: Vec<Target> = Vec::new();
        let mut paths = PathSet::default();
        let target = |targets: &[Target]| u16::try_from(targets.len()).unwrap_or(u16::MAX);
        for (place, (owner, rule)) in owners.into_iter().enumerate() {
            let way = paths.add(&owner.path, target(&targets));
            // The object itself, and where the owner is somewhere in it, what is below.
            let before = owner
                .path
                .depth()
                .checked_sub(owner.levels.saturating_add(1));
            let object = match before {
                Some(last) => way.get(last).copied().unwrap_or(u16::MAX),
                None => 0,
            };
            let descends = owner.path.descends_before(owner.levels);
            let below = if descends { object | BELOW } else { object };
            targets.push(Target {
                object_states: [object, below],
                what: What::Owner {
                    place,
                    rule,
                    levels: owner.levels,
                    equals: owner.equals,
                    otherwise: owner.otherwise,
                    missing: owner.missing,
                },
            });
        }
        for person in people {
            let (path, written) = person.path;
            paths.add(&path, target(&targets));
            targets.push(Target {
                object_states: [!FOLDED; 2],
                what: What::Person(person.direction, written),
            });
        }
        Some(Self {
            paths,
            targets,
            limits,
        })
    }

    /// Whether documents may ask for so much only.
    pub(crate) const fn measures(&self) -> bool {
        !self.limits.is_empty()
    }

    /// What documents may ask for at most.
    pub(crate) fn limits(&self) -> &[PlannedLimits] {
        &self.limits
    }

    pub(crate) const fn paths(&self) -> &PathSet {
        &self.paths
    }

    pub(crate) fn target(&self, index: u32) -> Option<&Target> {
        self.targets.get(usize::try_from(index).ok()?)
    }

    /// The direction of a path to people; `None` for one to an owner.
    pub(crate) fn direction_of(&self, index: u16) -> Option<Direction> {
        match self.target(u32::from(index)).map(|target| &target.what) {
            Some(What::Person(direction, _)) => Some(*direction),
            _ => None,
        }
    }

    /// The owners whose objects the paths have reached with these states, as bits.
    pub(crate) fn objects(&self, states: &[u16]) -> u64 {
        let targets = self.targets.iter().zip(0_u32..);
        let reached = targets.filter(|(target, _)| {
            let mut states = states.iter();
            states.any(|state| target.object_states.contains(&(state & !FOLDED)))
        });
        reached.fold(0, |all, (_, index)| all | bit(index))
    }

    /// The owners without whom an object is another's, as bits. `is_listed`: it is an item of a list in a
    /// response.
    pub(crate) fn needed(&self, is_listed: bool) -> u64 {
        self.owners(|_, missing| match missing {
            Missing::Keep => false,
            Missing::Foreign => true,
            Missing::ForeignInLists => is_listed,
        })
    }

    /// The owners for whom this holds, as bits.
    fn owners(&self, holds: impl Fn(Otherwise, Missing) -> bool) -> u64 {
        let targets = self.targets.iter().zip(0_u32..);
        let fitting = targets.filter(|(target, _)| match &target.what {
            What::Owner {
                otherwise, missing, ..
            } => holds(*otherwise, *missing),
            What::Person(..) => false,
        });
        fitting.fold(0, |all, (_, index)| all | bit(index))
    }

    /// Whether objects go, or messages stop.
    #[must_use]
    pub fn enforces(&self) -> bool {
        self.owners(|otherwise, _| otherwise != Otherwise::Report) != 0
    }

    /// Who the owners must be for a request, in the order of the rules.
    #[must_use]
    pub fn expected(&self, facts: &dyn Facts) -> Vec<Vec<String>> {
        let owners = self.targets.iter().filter_map(|target| match &target.what {
            What::Owner { equals, .. } => Some(equals.values(facts)),
            What::Person(..) => None,
        });
        owners.collect()
    }

    /// The paths to people in bodies of a direction.
    pub(crate) fn people(&self, direction: Direction) -> impl Iterator<Item = &str> {
        self.targets
            .iter()
            .filter_map(move |target| match &target.what {
                What::Person(of, path) if *of == direction => Some(path.as_str()),
                _ => None,
            })
    }
}

/// The bit of a target.
pub(crate) const fn bit(index: u32) -> u64 {
    match 1_u64.checked_shl(index) {
        Some(bit) => bit,
        None => 0,
    }
}

/// The targets of a set of bits.
pub(crate) fn indices(bits: u64) -> impl Iterator<Item = u32> {
    (0..u64::BITS).filter(move |index| bits & bit(*index) != 0)
}

/// Paths that are watched in one message.
pub const MAX_TARGETS: usize = 64;
