//! What takes the place of what is found.

use std::cell::Cell;
use std::rc::Rc;

use policy::config::{Node, join};

use super::detectors::Kinds;
use super::presets;
use crate::action::{Action, Generalization, Mask};
use crate::detect::CREDIT_CARD;
use crate::detect::kind::{AGE, GEO_COORDINATE, IP_ADDRESS, PERSON_DATE, POSTAL_CODE};
use crate::plan::FIRST_CUSTOM;
use crate::pseudonym::Pseudonymizer;

/// The key of pseudonyms while a configuration is read.
pub(super) struct Keys<'k> {
    key: &'k [u8],
    is_named: bool,
    used: Cell<bool>,
}

impl<'k> Keys<'k> {
    pub(super) const fn new(key: &'k [u8], is_named: bool) -> Self {
        Self {
            key,
            is_named,
            used: Cell::new(false),
        }
    }

    pub(super) const fn were_used(&self) -> bool {
        self.used.get()
    }
}

/// The action for each kind of data.
#[derive(Clone, Debug, Default)]
pub(super) struct ActionTable {
    default: Option<Rc<Action>>,
    by_entity: Vec<(u8, Rc<Action>)>,
}

impl ActionTable {
    /// `{ "EMAIL": "label", "CREDIT_CARD": { "mask": { "keep_last": 4 } }, "default": "label" }`
    pub(super) fn read(node: &Node<'_>, kinds: &Kinds<'_>, keys: &Keys<'_>) -> Option<Self> {
        let named = node.named(|name, action| {
            if name != "default" && kinds.number(name).is_none() {
                action.reject_unseen(kinds.unknown(name));
                return None;
            }
            let read = read_action(&action, keys)?;
            // Hidden all the same, by the label: two decimals of a card number are all of it.
            if let (Action::Generalize(how), Some(entity)) = (&read, kinds.number(name))
                && !makes_less_of(*how, entity)
            {
                return Some(Action::Label);
            }
            if name == "CREDIT_CARD" && shows_too_much_of_a_card(&read) {
                reject_mask_of_card(&action);
            }
            Some(read)
        })?;
        let mut table = Self::default();
        for (name, action) in named {
            let action = Rc::new(action);
            match kinds.number(&name) {
                Some(entity) => table.by_entity.push((entity, action)),
                None => table.default = Some(action),
            }
        }
        Some(table)
    }

    /// Warns of actions on kinds that nothing looks for.
    pub(super) fn warn_of_others(&self, node: &Node<'_>, kinds: &Kinds<'_>, detected: &[u8]) {
        for (entity, _) in &self.by_entity {
            if !detected.contains(entity) {
                let name = kinds.name(*entity);
                let message = format_args!("the rule does not detect {name}: add it to \"detect\"");
                node.warn_at(
                    &join(&join(node.path(), "actions"), name),
                    NO_EFFECT,
                    message,
                );
            }
        }
    }

    /// Whether a kind is said to stay.
    pub(super) fn keeps(&self, entity: u8) -> bool {
        let mut known = self.by_entity.iter();
        known.any(|(known, action)| *known == entity && !action.changes())
    }

    /// The action for a kind: what says something about the kind comes before what is for the rest.
    pub(super) fn of(&self, outer: &Self, entity: u8, presets: u8) -> Rc<Action> {
        let own = |table: &Self| {
            let found = table.by_entity.iter().find(|(known, _)| *known == entity);
            found.map(|(_, action)| Rc::clone(action))
        };
        own(self).or_else(|| own(outer)).unwrap_or_else(|| {
            let usual = self.default.as_ref().or(outer.default.as_ref());
            let usual = usual.map(|action| for_kind(entity, Rc::clone(action)));
            presets::action(entity, presets, usual.unwrap_or_default())
        })
    }
}

/// Whether an action would show more digits of a card than it may.
pub(super) fn shows_too_much_of_a_card(action: &Action) -> bool {
    matches!(action, Action::Mask(mask) if mask.keep_first > CARD_FIRST || mask.keep_last > CARD_LAST)
}

pub(super) fn reject_mask_of_card(node: &Node<'_>) {
    node.reject_unseen(format_args!(
        "of a card at most the first {CARD_FIRST} and the last {CARD_LAST} digits may stay (PCI DSS 3.4.1)"
    ));
}

/// Whether values of a kind have what a generalization makes less of. Two decimals of a card number are all of it.
const fn makes_less_of(how: Generalization, entity: u8) -> bool {
    let kind = match how {
        Generalization::Year | Generalization::YearOfLife | Generalization::Month => PERSON_DATE,
        Generalization::Zip3 => POSTAL_CODE,
        Generalization::Network(..) => IP_ADDRESS,
        Generalization::Decimals(_) => GEO_COORDINATE,
        Generalization::AgeCap(_) => AGE,
    };
    entity == kind || entity >= FIRST_CUSTOM
}

/// A default action for a kind: of a card, a mask shows no more than it may of any card, and a generalization is for
/// the kinds that have something to make less of.
fn for_kind(entity: u8, action: Rc<Action>) -> Rc<Action> {
    match &*action {
        Action::Generalize(how) if !makes_less_of(*how, entity) => Rc::new(Action::Label),
        Action::Mask(mask) if entity == CREDIT_CARD && shows_too_much_of_a_card(&action) => {
            Rc::new(Action::Mask(Mask {
                keep_first: mask.keep_first.min(CARD_FIRST),
                keep_last: mask.keep_last.min(CARD_LAST),
                ..mask.clone()
            }))
        }
        _ => action,
    }
}

/// The code of what is accepted and hides nothing.
pub(super) const NO_EFFECT: &str = "no_effect";
/// The longest number of an issuer, and what people know their card by.
const CARD_FIRST: usize = 8;
const CARD_LAST: usize = 4;

const WORDS: [&str; 13] = [
    "label",
    "remove",
    "replace",
    "mask",
    "null",
    "pseudonym",
    "date",
    "zip3",
    "network",
    "decimals",
    "age_cap",
    "block",
    "detect",
];

/// One action: a word, or an object with that word as its only key.
pub(super) fn read_action(node: &Node<'_>, keys: &Keys<'_>) -> Option<Action> {
    let generalized = |how| Some(Action::Generalize(how));
    match node.variant(&WORDS)? {
        ("label", None) => Some(Action::Label),
        ("remove", None) => Some(Action::Remove),
        ("null", None) => Some(Action::Null),
        ("block", None) => Some(Action::Block),
        ("detect", None) => Some(Action::Detect),
        ("zip3", None) => generalized(Generalization::Zip3),
        ("network", None) => generalized(Generalization::Network(24, 48)),
        ("age_cap", None) => generalized(Generalization::AgeCap(89)),
        ("mask", None) => Some(Action::Mask(mask())),
        ("pseudonym", None) => pseudonym(node, "", keys),
        ("replace", Some(text)) => replacement(&text).map(Action::Replace),
        ("mask", Some(options)) => read_mask(&options),
        ("pseudonym", Some(options)) => {
            let domain = options.object(|fields| {
                Some(fields.or("domain", String::new(), |n| n.name(128).map(str::to_owned)))
            })?;
            pseudonym(node, &domain, keys)
        }
        ("date", Some(part)) => {
            let how = part.one_of(&[
                ("year", Generalization::Year),
                ("month", Generalization::Month),
            ])?;
            generalized(how)
        }
        ("network", Some(bits)) => bits.object(|fields| {
            let number = |n: Node<'_>, most: u64| {
                n.integer(0..=most).and_then(|bits| u8::try_from(bits).ok())
            };
            let bits4 = fields.or("v4", 24, |n| number(n, 32));
            let bits6 = fields.or("v6", 48, |n| number(n, 128));
            if bits4 == 32 || bits6 == 128 {
                bits.warn_unseen(NO_EFFECT, "a network of all bits is the address itself");
            }
            generalized(Generalization::Network(bits4, bits6))
        }),
        ("decimals", Some(count)) => {
            let count = u8::try_from(count.integer(0..=6)?).ok()?;
            generalized(Generalization::Decimals(count))
        }
        ("age_cap", Some(age)) => {
            let age = u8::try_from(age.integer(1..=120)?).ok()?;
            generalized(Generalization::AgeCap(age))
        }
        (word, _) => {
            node.reject(format_args!("{word:?} has another form; see the README"));
            None
        }
    }
}

fn pseudonym(node: &Node<'_>, domain: &str, keys: &Keys<'_>) -> Option<Action> {
    if !keys.is_named {
        node.reject_unseen(r#"pseudonyms need a key; name the environment variable that has it in "pseudonym_key_env""#);
        return None;
    }
    keys.used.set(true);
    Some(Action::Pseudonym(Rc::new(Pseudonymizer::new(
        keys.key, domain,
    ))))
}

const fn mask() -> Mask {
    Mask {
        keep_first: 0,
        keep_last: 0,
        character: '*',
        keep_separators: true,
    }
}

fn read_mask(node: &Node<'_>) -> Option<Action> {
    node.object(|fields| {
        let default = mask();
        let kept = |n: Node<'_>| {
            n.integer(0..=8)
                .and_then(|count| usize::try_from(count).ok())
        };
        Some(Action::Mask(Mask {
            keep_first: fields.or("keep_first", default.keep_first, kept),
            keep_last: fields.or("keep_last", default.keep_last, kept),
            character: fields.or("character", default.character, |n| mask_character(&n)),
            keep_separators: fields.or("keep_separators", default.keep_separators, |n| n.boolean()),
        }))
    })
}

fn mask_character(node: &Node<'_>) -> Option<char> {
    let mut characters = node.string()?.chars();
    match (characters.next(), characters.next()) {
        // A sign that could end the value that it stands in would break the message around it.
        (Some(character @ ('*' | '#' | '_' | '.' | '~' | '!' | '^' | '$' | '?' | ':')), None) => {
            Some(character)
        }
        _ => {
            node.reject("expected one of * # _ . ~ ! ^ $ ? :");
            None
        }
    }
}

/// A text that takes a value's place.
pub(super) fn replacement(node: &Node<'_>) -> Option<String> {
    let text = node.string()?;
    if text.len() > 256 || text.chars().any(char::is_control) {
        node.reject("expected at most 256 bytes without control characters");
        return None;
    }
    Some(text.to_owned())
}
