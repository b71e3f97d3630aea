//! What words say about a value: the name of its member, and the words around it in a text.
//!
//! Names are compared word by word, whatever their spelling: `birthDate`, `birth_date`, `BIRTH-DATE`
//! and `birth date` are two words each. A word counts only as a whole, so `license` is not in
//! `publicense`, and neither is `pan` in `company`.
//!
//! A name is about its head, the last words: `access_token` is a token, `token_type` is a type. So a
//! kind that takes a whole value by its name alone needs its phrase at the end of the name. A kind that
//! has a form of its own to go by needs it anywhere in the name.

mod lists;
mod near;
mod spellings;
mod vocabulary;
mod words;

use crate::bytes::part;
use crate::detect::{DETECTORS, Form, kind};
use crate::entity::EntitySet;
use crate::placeholder::Labels;
use vocabulary::{Flags, Known, Vocabulary};

pub(crate) use near::{Seam, Surroundings};
pub(crate) use words::{Words, char_at, char_before};
pub use words::{folded, split};

/// The phrases that announce kinds of data.
#[derive(Debug, Default)]
pub struct Lexicon {
    vocabulary: Vocabulary,
    /// A tree of phrases; the first node is the root.
    nodes: Vec<Node>,
    /// Where phrases of one word or more begin: by the number of the first word, 0 for none.
    roots: Vec<u16>,
    /// The kinds that take a whole value by its name.
    by_name: EntitySet,
    /// The names of all kinds, as they stand where values were.
    labels: Labels,
}

/// The phrases that begin with the same words.
#[derive(Debug, Default)]
struct Node {
    next: Vec<(u16, u16)>,
    phrase: Phrase,
}

/// A phrase that announces kinds of data.
#[derive(Clone, Copy, Debug, Default)]
struct Phrase {
    announces: EntitySet,
    /// Kinds that the words inside of it announce and it does not: a `page token` is no token.
    denies: EntitySet,
}

impl Phrase {
    const NOTHING: Self = Self {
        announces: EntitySet::EMPTY,
        denies: EntitySet::EMPTY,
    };
}

/// What the name of a member says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// The kinds that it announces.
    pub kinds: EntitySet,
    /// It is called like an id, a hash, a time, a price or the like, and nothing else.
    pub negative: bool,
    /// A member beside the value may have announced it: a word that announces the same is none, as in a list of
    /// choices (`{"label":"Password","value":"password"}`).
    pub is_paired: bool,
}

impl Announcement {
    /// What it says about a value that is a JSON number: no secret of a program is one, and
    /// `"max_tokens": 10` is common; and nothing that has a name is one, but the id of a user is.
    #[must_use]
    pub(crate) fn of_number(mut self) -> Self {
        for kind in [
            kind::API_KEY,
            kind::PASSWORD,
            kind::USERNAME,
            kind::PERSON_NAME,
            kind::CITY,
        ] {
            self.kinds.remove(kind);
        }
        self
    }
}

impl Lexicon {
    /// The phrases of the wanted kinds; `more` are those of the configuration's own, and `labels` the
    /// names of those.
    pub(crate) fn new<'p>(
        wanted: &EntitySet,
        more: impl Iterator<Item = (u8, &'p str)>,
        labels: Labels,
    ) -> Self {
        let mut lexicon = Self {
            labels,
            ..Self::default()
        };
        lexicon.nodes.push(Node::default());
        for (words, flag) in FLAGGED {
            for word in *words {
                lexicon.vocabulary.add(word.as_bytes(), *flag);
            }
        }
        for (entity, detector) in (0_u8..).zip(DETECTORS) {
            if !wanted.has(entity) {
                continue;
            }
            if matches!(detector.form, Form::Named | Form::NamedIf(_)) {
                lexicon.by_name.insert(entity);
            }
            for phrase in detector.words {
                lexicon.add(phrase, |known| known.announces.insert(entity));
            }
            for phrase in detector
                .foreign
                .split('|')
                .filter(|phrase| !phrase.is_empty())
            {
                for phrase in spellings::of(phrase) {
                    lexicon.add(&phrase, |known| known.announces.insert(entity));
                }
            }
            for phrase in detector.lookalikes {
                lexicon.add(phrase, |known| known.denies.insert(entity));
            }
        }
        for (entity, phrase) in more {
            lexicon.add(&folded(phrase), |known| known.announces.insert(entity));
        }
        lexicon
    }

    fn add(&mut self, phrase: &str, mut tell: impl FnMut(&mut Phrase)) {
        let joined = phrase.replace(' ', "");
        // People write words together too: `phonenumber`. Short ones would be other words.
        if joined.len() >= 7 && joined.len() != phrase.len() {
            self.add_words(&joined, &mut tell);
        }
        self.add_words(phrase, &mut tell);
    }

    fn add_words(&mut self, phrase: &str, tell: &mut impl FnMut(&mut Phrase)) {
        let mut node = 0_u16;
        for word in phrase.split(' ') {
            let word = self.vocabulary.add(word.as_bytes(), 0);
            node = match self.step(node, word) {
                Some(next) => next,
                None => {
                    let Ok(next) = u16::try_from(self.nodes.len()) else {
                        return;
                    };
                    self.nodes.push(Node::default());
                    if node == 0 {
                        let place = usize::from(word);
                        if self.roots.len() <= place {
                            self.roots.resize(place.saturating_add(1), 0);
                        }
                        if let Some(root) = self.roots.get_mut(place) {
                            *root = next;
                        }
                    } else if let Some(node) = self.nodes.get_mut(usize::from(node)) {
                        node.next.push((word, next));
                    }
                    next
                }
            };
        }
        if let Some(node) = self.nodes.get_mut(usize::from(node)) {
            tell(&mut node.phrase);
        }
    }

    /// The node behind a word.
    #[inline]
    fn step(&self, node: u16, word: u16) -> Option<u16> {
        if node == 0 {
            let next = self.roots.get(usize::from(word)).copied()?;
            return (next != 0).then_some(next);
        }
        let next = &self.nodes.get(usize::from(node))?.next;
        crate::steps::step(next.len());
        next.iter()
            .find(|(known, _)| *known == word)
            .map(|(_, next)| *next)
    }

    fn phrase(&self, node: u16) -> &Phrase {
        self.nodes
            .get(usize::from(node))
            .map_or(&Phrase::NOTHING, |node| &node.phrase)
    }

    /// Whether nothing is announced by any name.
    pub(crate) const fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    /// The names of all kinds.
    pub(crate) const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Whether a word announces something, or is one that people write right beside numbers.
    pub(crate) fn stands_beside(&self, word: &[u8]) -> bool {
        self.beside(word).is_some()
    }

    /// What is known about such a word.
    fn beside(&self, word: &[u8]) -> Option<Known> {
        if !(2..=LONGEST_BESIDE_BYTES).contains(&word.len()) {
            return None;
        }
        let known = self.vocabulary.look_up_part(word);
        let mut nodes = known.ids.into_iter().filter_map(|id| self.step(0, id));
        let announces = nodes.any(|node| !self.phrase(node).announces.is_empty());
        (announces || known.flags & BESIDE != 0).then_some(known)
    }

    /// What a member's name announces; `parent` is the name of the member that it is in, so that
    /// `card.number` is the number of a card.
    #[must_use]
    pub fn of_name(&self, parent: &[u8], name: &[u8]) -> Announcement {
        let look_up = |text| {
            Words::new(text, &self.labels)
                .map(move |word| NameWord::new(&self.vocabulary, text, &word))
        };
        let parent_name = parent;
        let parent: Vec<NameWord> = look_up(parent).collect();
        let skipped = parent.len().saturating_sub(MAX_PARENT_WORDS);
        let mut words: Vec<NameWord> = parent.into_iter().skip(skipped).collect();
        let own = words.len();
        words.extend(look_up(name));
        let own_words = words.get(own..).unwrap_or_default();
        let generic = !own_words.is_empty() && own_words.iter().all(|word| word.has(GENERIC));
        let from = if generic { 0 } else { own };
        let mut kinds = self.announced_by_name(&words, from);
        // `message.content` is what a model says; `message_content` is what people write. So with `user.id`, which
        // nobody logs in with, and the name of a bank account; but `user.handle` is one.
        let is_handle = name.eq_ignore_ascii_case(b"handle");
        for kind in [kind::MESSAGE_CONTENT, kind::USERNAME] {
            if kinds.has(kind) && !is_handle && !self.announced_by_name(own_words, 0).has(kind) {
                kinds.remove(kind);
            }
        }
        if kinds.has(kind::HEALTH_PLAN) && is_member_of_a_group(parent_name, name) {
            kinds.remove(kind::HEALTH_PLAN);
        }
        if kinds.has(kind::API_KEY) && is_token_of_paging(name)
            || kinds.has(kind::PHONE) && AMOUNTS.iter().any(|word| name.eq_ignore_ascii_case(word))
            || kinds.has(kind::PHOTO) && name.eq_ignore_ascii_case(b"photos")
        {
            for kind in [kind::API_KEY, kind::PHONE, kind::PHOTO] {
                kinds.remove(kind);
            }
        }
        let negative = kinds.is_empty() && own_words.iter().any(|word| word.has(NEGATIVE));
        Announcement {
            kinds,
            negative,
            is_paired: false,
        }
    }

    /// Whether a text is nothing but a phrase that announces one of these kinds, as a form asks for it: `Your city`.
    pub(crate) fn is_phrase(&self, text: &[u8], kinds: &EntitySet) -> bool {
        let is_asking = |word: &words::Word| {
            let spelled = part(text, word.start, word.end);
            lists::ASKING
                .iter()
                .any(|asking| spelled.eq_ignore_ascii_case(asking.as_bytes()))
        };
        let mut nodes = vec![0_u16];
        let mut announces = false;
        for word in Words::new(text, &self.labels).skip_while(is_asking) {
            let word = NameWord::new(&self.vocabulary, text, &word);
            let next: Vec<u16> = nodes
                .iter()
                .flat_map(|node| word.known.ids.map(|id| self.step(*node, id)))
                .flatten()
                .collect();
            if !next.is_empty() {
                announces = next
                    .iter()
                    .any(|node| self.phrase(*node).announces.meets(kinds));
            } else if !announces || !word.has(TAIL) {
                return false;
            }
            nodes = next;
        }
        announces
    }

    /// Whether a member with this name may be a part of what the member around it is, such as the year of a
    /// date: it says nothing about that one, and is no id, time or amount of its own.
    #[must_use]
    pub(crate) fn may_be_part(&self, name: &[u8]) -> bool {
        let says_otherwise = NEGATIVE | COUNTING | MODIFIER | DECLARING;
        Words::new(name, &self.labels)
            .all(|word| !NameWord::new(&self.vocabulary, name, &word).has(says_otherwise))
    }

    /// What the phrases in a name announce that end at the word `from` or behind it.
    fn announced_by_name(&self, words: &[NameWord], from: usize) -> EntitySet {
        let tail = words
            .iter()
            .rev()
            .take_while(|word| word.has(TAIL) || word.is_number)
            .count();
        // The head is the last word that says something; phrases may go on behind it.
        let head = words.len().saturating_sub(tail).saturating_sub(1);
        let counts = words.last().is_some_and(|word| word.has(COUNTING));
        let mut found: Vec<(usize, bool, Phrase)> = Vec::new();
        for start in 0..words.len() {
            let is_measured = start
                .checked_sub(1)
                .and_then(|before| words.get(before))
                .is_some_and(|word| word.has(MODIFIER));
            let mut nodes = vec![0_u16];
            for (end, word) in words.iter().enumerate().skip(start) {
                nodes = nodes
                    .iter()
                    .flat_map(|node| word.known.ids.map(|id| self.step(*node, id)))
                    .flatten()
                    .collect();
                if nodes.is_empty() {
                    break;
                }
                if end >= from {
                    let is_head = end >= head && !is_measured;
                    let length = end.saturating_sub(start);
                    let is_last = end.saturating_add(1) == words.len();
                    if is_head || is_last || !counts {
                        let phrases = nodes.iter().map(|node| *self.phrase(*node));
                        found.extend(phrases.map(|phrase| (length, is_head, phrase)));
                    }
                }
            }
        }
        // Of phrases as long as each other, those that deny come last.
        policy::sort::by_key(&mut found, |(length, _, phrase)| {
            (*length, !phrase.denies.is_empty())
        });
        let mut kinds = EntitySet::EMPTY;
        for (_, is_head, phrase) in found {
            let announced = if is_head {
                phrase.announces
            } else {
                phrase.announces.without(&self.by_name)
            };
            kinds = kinds.or(&announced).without(&phrase.denies);
        }
        kinds
    }
}

/// `members[].id`, which is nobody's number in a health plan.
fn is_member_of_a_group(parent: &[u8], name: &[u8]) -> bool {
    let is_id = split(name).concat() == "id";
    is_id
        && split(parent)
            .last()
            .is_some_and(|word| word.starts_with("member"))
}

/// Whether a name is about a place in a list: `nextForwardToken`, but not `next_refresh_token`.
fn is_token_of_paging(name: &[u8]) -> bool {
    const PLACES: [&str; 4] = ["next", "previous", "prev", "page"];
    const SECRET: [&str; 8] = [
        "access", "refresh", "auth", "session", "csrf", "api", "bearer", "id",
    ];
    let words = split(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    words.last().is_some_and(|word| word == "token") && has(&PLACES) && !has(&SECRET)
}

/// What announces a telephone in a text, and counts something as the name of a member.
const AMOUNTS: [&[u8]; 5] = [b"reach", b"calls", b"cells", b"dial", b"call"];

/// A word of a name.
#[derive(Clone, Copy, Debug)]
struct NameWord {
    known: Known,
    is_number: bool,
}

impl NameWord {
    fn new(vocabulary: &Vocabulary, text: &[u8], word: &words::Word) -> Self {
        Self {
            known: vocabulary.look_up(text, word),
            is_number: word.is_number(),
        }
    }

    const fn has(&self, flags: Flags) -> bool {
        self.known.flags & flags != 0
    }
}

/// The word is one of [`lists::NEGATIVE`].
const NEGATIVE: Flags = 1;
/// The word is one of [`lists::NEGATIVE_BEFORE`].
const NEGATIVE_BEFORE: Flags = 2;
/// The word is one of [`lists::GENERIC`].
const GENERIC: Flags = 4;
/// The word is one of [`lists::TAIL`].
const TAIL: Flags = 8;
/// The word is one of [`lists::COUNTING`].
const COUNTING: Flags = 16;
/// The word is one of [`lists::MODIFIERS`].
const MODIFIER: Flags = 32;
/// The word is one of [`lists::UNITS`].
const UNIT: Flags = 64;
/// The word is one of [`lists::BESIDE_NUMBERS`].
const BESIDE: Flags = 128;
/// The word is one of [`lists::DECLARING`].
const DECLARING: Flags = 256;

const FLAGGED: &[(&[&str], Flags)] = &[
    (lists::NEGATIVE, NEGATIVE),
    (lists::NEGATIVE_BEFORE, NEGATIVE_BEFORE),
    (lists::VALUE, GENERIC | TAIL),
    (lists::GENERIC, GENERIC),
    (lists::TAIL, TAIL),
    (lists::COUNTING, COUNTING),
    (lists::MODIFIERS, MODIFIER),
    (lists::UNITS, UNIT),
    (lists::BESIDE_NUMBERS, BESIDE),
    (lists::DECLARING, DECLARING),
];

const MAX_PARENT_WORDS: usize = 3;
/// The longest word that is looked for right beside a number.
const LONGEST_BESIDE_BYTES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::named;

    fn announces(parent: &str, name: &str, kind: &str) -> bool {
        let mut all = EntitySet::EMPTY;
        (0..DETECTORS.len()).for_each(|entity| all.insert(u8::try_from(entity).unwrap()));
        let lexicon = Lexicon::new(&all, std::iter::empty(), Labels::default());
        let announcement = lexicon.of_name(parent.as_bytes(), name.as_bytes());
        announcement.kinds.has(named(kind).unwrap().0)
    }

    #[test]
    fn names_fold_to_words() {
        for name in [
            "birth_date",
            "birthDate",
            "BIRTH-DATE",
            "birth date",
            "BirthDate",
        ] {
            assert_eq!(folded(name), "birth date");
        }
        assert_eq!(folded("userSSN"), "user ssn");
        assert_eq!(folded("SSNNumber"), "ssn number");
        assert_eq!(folded("--"), "");
    }

    #[test]
    fn whole_words_announce() {
        for (parent, name, kind) in [
            ("", "ssn", "US_SSN"),
            ("", "customerSSN", "US_SSN"),
            ("", "phonenumber", "PHONE"),
            ("phone", "number", "PHONE"),
            ("phones", "number", "PHONE"),
            ("card", "number", "CREDIT_CARD"),
            ("patients", "name", "PERSON_NAME"),
            ("user", "firstName", "PERSON_NAME"),
            ("name", "first", "PERSON_NAME"),
            ("", "date_of_birth", "PERSON_DATE"),
            ("", "home_address", "STREET_ADDRESS"),
            ("", "cvv", "CARD_CVV"),
        ] {
            assert!(announces(parent, name, kind), "{parent}.{name}");
        }
        for (parent, name, kind) in [
            ("", "company", "IN_PAN"),
            ("", "publicense", "US_DRIVER_LICENSE"),
            ("phone", "type", "PHONE"),
            ("", "name", "PERSON_NAME"),
            ("product", "name", "PERSON_NAME"),
            ("", "pinned", "CARD_PIN"),
            ("", "language", "AGE"),
        ] {
            assert!(!announces(parent, name, kind), "{parent}.{name}");
        }
    }
}
